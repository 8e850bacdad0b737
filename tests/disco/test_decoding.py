from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch

from skgensynth.conditions import Conditions
from skgensynth.decimals import number_decimals
from skgensynth.disco.adapters import adapted_network
from skgensynth.disco.decoding import choice_log_probs, decode_rows, row_log_prob
from skgensynth.disco.text import TextCodec
from skgensynth.exceptions import SkgensynthError
from skgensynth.llm.loading import load_tokenizer
from skgensynth.schema import TableSchema

FRAME = pd.DataFrame(
    {
        "age": [8, 9, 10, 11, 12, 8],
        "city": ["New", "New York", None, "New", "New York", "New"],
        "dose": [-0.1, 0.0, 0.1, np.nan, 0.1, -0.1],
    }
)


@pytest.fixture
def machine(tiny_model):
    schema = TableSchema.infer(FRAME, column_kinds={"age": "continuous", "city": "categorical", "dose": "continuous"})
    codec = TextCodec(schema, load_tokenizer(tiny_model), number_decimals(schema.encode(FRAME), schema))
    network = adapted_network(tiny_model, codec.vocabulary, torch.device("cpu"), lora_rank=2, lora_dropout=0.0)
    return network, codec, schema


def all_rows():
    return np.array(list(itertools.product(range(8, 13), [0, 1, math.nan], [-0.1, 0.0, 0.1, math.nan])), dtype=float)


def probabilities(network, codec, values, order):
    with torch.inference_mode():
        scores = row_log_prob(network, codec, [codec.row(row, order) for row in values])
    return scores.double().exp().numpy()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_probabilities_of_all_rows_add_up_to_one(machine, order):
    network, codec, _ = machine

    assert probabilities(network, codec, all_rows(), order).sum() == pytest.approx(1.0, abs=1e-5)


def test_every_choice_has_the_probabilities_of_the_allowed_tokens(machine):
    network, codec, _ = machine
    rows = [codec.row(row, order) for row in all_rows()[::7] for order in [(0, 1, 2), (2, 1, 0)]]

    with torch.inference_mode():
        found = choice_log_probs(network, codec, rows)
        alone = [network(input_ids=torch.tensor([row.ids])).logits[0].double().numpy() for row in rows]

    choices = [
        (number, *choice, column)
        for number, row in enumerate(rows)
        for choice, column in zip(row.choices, row.columns, strict=True)
    ]
    assert found.rows.tolist() == [number for number, *_ in choices]
    for log_probs, chosen, (number, place, some, target, column) in zip(
        found.log_probs.numpy(), found.chosen.numpy(), choices, strict=True
    ):
        weights = np.where(codec.masks[some], np.exp(alone[number][place - 1]), 0.0)
        assert np.exp(log_probs) == pytest.approx(weights / weights.sum(), abs=1e-5)
        assert ((log_probs == -np.inf) == ~codec.masks[some]).all()
        assert chosen == log_probs[target]
        assert codec.vocabulary[target] == rows[number].ids[place]
        before = rows[number].ids[:place]
        assert max(range(3), key=lambda index: _last_place(before, codec.names[index])) == column


def _last_place(ids, name):
    """Where a column's name stands last among tokens, -1 if nowhere."""
    ends = range(len(name), len(ids) + 1)
    return max((end for end in ends if tuple(ids[end - len(name) : end]) == tuple(name)), default=-1)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
def test_rows_are_drawn_with_their_probabilities(machine, order):
    network, codec, _ = machine
    rows = all_rows()
    expected = probabilities(network, codec, rows, order)
    n = 4000

    drawn = decode_rows(network, codec, n, order, np.random.default_rng(0), {})

    keys = {tuple(np.nan_to_num(row, nan=-99.0)): number for number, row in enumerate(rows)}
    counts = np.bincount([keys[tuple(np.nan_to_num(row, nan=-99.0))] for row in drawn], minlength=len(rows))
    # Pearson's statistic over 60 rows, rare ones together: its 99.9 % quantile is about 99.
    often = expected * n >= 5
    seen = np.append(counts[often], counts[~often].sum())
    wanted = np.append(expected[often], expected[~often].sum()) * n
    assert often.sum() > 15
    assert ((seen - wanted) ** 2 / np.maximum(wanted, 1e-9))[wanted > 1].sum() < 99


def test_scores_do_not_depend_on_the_rows_beside(machine):
    network, codec, _ = machine
    rows = all_rows()

    alone = np.concatenate([probabilities(network, codec, rows[i : i + 1], (0, 1, 2)) for i in range(10)])

    assert probabilities(network, codec, rows, (0, 1, 2))[:10] == pytest.approx(alone, rel=1e-4)


def test_conditions_hold_and_one_allowed_value_gives_the_conditional_distribution(machine):
    network, codec, schema = machine
    conditions = Conditions.parse({"city": "New York"}, schema)
    grammars = {index: codec.grammar(index, allowed) for index, allowed in conditions.allowed.items()}

    drawn = decode_rows(network, codec, 3000, (1, 0, 2), np.random.default_rng(0), grammars)

    rows = all_rows()
    rows = rows[rows[:, 1] == 1]
    joint = probabilities(network, codec, rows, (1, 0, 2))
    for age in range(8, 13):
        expected = joint[rows[:, 0] == age].sum() / joint.sum()
        assert (drawn[:, 0] == age).mean() == pytest.approx(expected, abs=0.04)
    assert conditions.mask(drawn).all()


@pytest.mark.parametrize(
    "wanted", [{"age": (9, 11)}, {"age": {8, 12}, "dose": (-0.1, 0.0)}, {"city": {"New", None}, "age": (11, None)}]
)
def test_conditions_with_room_give_the_conditional_distribution(machine, wanted):
    network, codec, schema = machine
    conditions = Conditions.parse(wanted, schema)
    grammars = {index: codec.grammar(index, allowed) for index, allowed in conditions.allowed.items()}
    order = [*grammars, *(index for index in range(3) if index not in grammars)]

    drawn = decode_rows(network, codec, 4000, order, np.random.default_rng(0), grammars, set(grammars))

    rows = all_rows()
    rows = rows[conditions.mask(rows)]
    expected = probabilities(network, codec, rows, order)
    expected /= expected.sum()
    assert conditions.mask(drawn).all()
    for row, probability in zip(rows, expected, strict=True):
        share = (np.isclose(drawn, row, equal_nan=True).all(axis=1)).mean()
        assert share == pytest.approx(probability, abs=0.035)


def test_one_row_under_conditions_with_room_is_drawn_from_a_pool(machine):
    network, codec, schema = machine
    grammars = {0: codec.grammar(0, Conditions.parse({"age": (9, 11)}, schema).allowed[0])}

    drawn = decode_rows(network, codec, 1, (0, 1, 2), np.random.default_rng(0), grammars, {0})

    assert drawn.shape == (1, 3)
    assert 9 <= drawn[0, 0] <= 11


def test_scores_that_are_not_numbers_are_reported(machine):
    network, codec, _ = machine
    with torch.no_grad():
        network.get_output_embeddings().weight.fill_(math.nan)

    with pytest.raises(SkgensynthError, match="learning_rate"):
        decode_rows(network, codec, 2, (0, 1, 2), np.random.default_rng(0), {})
