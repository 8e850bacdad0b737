"""Rows under laws, against every row of tables that can be enumerated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from common.policies import all_rows, small_frame, small_policy

from skgensynth.conditions import Conditions
from skgensynth.constraints import parse_constraint
from skgensynth.disco.guided import draw_rows
from skgensynth.disco.lawful import Decoder
from skgensynth.disco.states import States
from skgensynth.laws import Laws

NONE = Conditions()
LAWS = ["if a is x then b is p", "if b is q then outcome is well"]


@pytest.fixture(scope="module")
def policy():
    return small_policy(*small_frame())[0]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def decoder_of(policy, sentences):
    laws = Laws([parse_constraint(sentence) for sentence in sentences], policy.schema_)
    return Decoder(policy.codec_, policy.schema_, laws), laws


def drawn(policy, decoder, n, rng, shares=None):
    """Rows under laws, by the order in which they were drawn."""
    out = {}
    for _ in range(n):
        draw, values = draw_rows(policy.states_, decoder, 250, shares or {}, NONE, rng)
        out.setdefault(tuple(draw.order), []).append(values)
        assert np.array_equal(policy.codec_.encode(values), draw.tokens.numpy())
    return {order: np.concatenate(parts) for order, parts in out.items()}


def probabilities_under_laws(states: States, laws, order):
    """Of every row, if each token is drawn from those alone that break no law settled by it."""
    rows = all_rows(states.features.sizes)
    tokens, orders = torch.from_numpy(rows), torch.tensor(order).expand(len(rows), -1)
    with torch.no_grad():
        scores = states.features.token_log_probs(tokens, orders).double()
        target = states.target_log_probs(tokens, orders).double()
    scores[:, 2] = target[torch.arange(len(rows)), tokens[:, 2]]
    possible, broken = scores.exp().numpy(), laws.broken(rows.astype(float))
    out = np.ones(len(rows))
    for place, j in enumerate(order):
        known = [
            law
            for law, columns in enumerate(laws.columns)
            if set(np.flatnonzero(columns)) <= set(order[: place + 1]) and columns[j]
        ]
        kept = possible[:, j] * ~broken[:, known].any(axis=1)
        alike = (rows[:, None, list(order[:place])] == rows[None, :, list(order[:place])]).all(axis=2)
        # Rows that differ in this column only: one for each of its tokens.
        later = (rows[:, None, list(order[place + 1 :])] == rows[None, :, list(order[place + 1 :])]).all(axis=2)
        out *= kept / np.where(alike & later, kept[None, :], 0).sum(axis=1)
    return rows, out


def test_rows_come_as_if_only_lawful_tokens_had_been_drawn(policy, rng):
    decoder, laws = decoder_of(policy, LAWS)

    by_order = drawn(policy, decoder, 120, rng)

    assert set(by_order) == {(0, 1, 2), (1, 0, 2)}
    for order, values in by_order.items():
        rows, expected = probabilities_under_laws(policy.states_, laws, order)
        observed = np.array([(values == row).all(axis=1).mean() for row in rows])
        assert expected.sum() == pytest.approx(1, abs=1e-6)
        assert observed[expected == 0].sum() == 0
        assert np.abs(observed - expected).max() < 4 * 0.5 / np.sqrt(len(values))


def test_laws_that_no_row_breaks_change_nothing(policy):
    decoder, _ = decoder_of(policy, ["a is x or y or z", "if a is x then b is p or q"])
    free = policy.states_.draw(500, (), {}, np.random.default_rng(0))

    draw, values = draw_rows(policy.states_, decoder, 500, {}, NONE, np.random.default_rng(0))

    assert draw.order == free.order
    assert torch.equal(draw.tokens, free.tokens)
    assert np.array_equal(values, free.tokens.numpy())


def test_where_no_token_would_do_a_row_goes_back():
    """Either all is measured or nothing; the laws say so only by way of one column."""
    rng = np.random.default_rng(0)
    names = ["a", "b", "c", "d"]
    X = pd.DataFrame({name: rng.choice(["low", "high"], 200) for name in names})
    X.loc[rng.random(200) < 0.4] = np.nan
    policy, _ = small_policy(X, n_epochs=4)
    sentences = [
        f"if {one} is missing then {two} is missing" for name in names[1:] for one, two in ((name, "a"), ("a", name))
    ]
    decoder, laws = decoder_of(policy, sentences)
    free = np.concatenate(
        [policy.codec_.decode(policy.states_.draw(400, (), {}, rng).tokens.numpy(), NONE, rng) for _ in range(6)]
    )

    draws = [draw_rows(policy.states_, decoder, 400, {}, NONE, rng) for _ in range(6)]

    # Were the first column always drawn first, no row would have to go back.
    assert any(draw.order[0] != 0 for draw, _ in draws)
    ruled = np.concatenate([values for _, values in draws])

    assert laws.broken(free).any(axis=1).mean() > 0.1
    assert laws.broken(ruled).any(axis=1).mean() < 0.002
    assert 0.2 < np.isnan(ruled[:, 0]).mean() < 0.6


def test_laws_that_contradict_each_other_end(policy, rng):
    decoder, laws = decoder_of(policy, ["if a is x then b is p", "if a is x then b is q", "if b is p then a is x"])

    _, values = draw_rows(policy.states_, decoder, 200, {0: torch.tensor([1.0, 0.0, 0.0])}, NONE, rng)

    assert (values[:, 0] == 0).all()
    assert laws.broken(values).any(axis=1).all()


def test_what_the_first_columns_settle_among_themselves_stays(policy, rng):
    decoder, laws = decoder_of(policy, ["if a is x then b is p", "if b is q then outcome is well"])
    shares = {0: torch.tensor([1.0, 0.0, 0.0]), 1: torch.tensor([0.0, 1.0])}

    _, values = draw_rows(policy.states_, decoder, 200, shares, NONE, rng)

    assert (values[:, :2] == [0, 1]).all()
    assert laws.broken(values).all(axis=0).tolist() == [True, False]
    assert not laws.broken(values)[:, 1].any()


def test_rows_that_begin_with_the_target_keep_laws_too(policy, rng):
    decoder, laws = decoder_of(policy, LAWS)

    by_order = drawn(policy, decoder, 6, rng, {2: torch.ones(2)})

    assert {order[0] for order in by_order} == {2}
    assert not laws.broken(np.concatenate(list(by_order.values()))).any()


# Numbers -------------------------------------------------------------------------------------------------------------


def test_numbers_drawn_in_the_wrong_order_are_drawn_anew(ends, ordered, rng):
    free = ends.states_.draw(600, (), {}, np.random.default_rng(0)).tokens.numpy()
    assert (free[:, 0] > free[:, 1]).mean() > 0.05

    draw, values = draw_rows(ends.states_, ordered, 600, {}, NONE, np.random.default_rng(0))

    assert not (values[:, 0] > values[:, 1]).any()
    assert np.array_equal(values, ends.schema_.snap(values))
    # A value rounded onto the border of two bins may count with either.
    assert (ends.codec_.encode(values) == draw.tokens.numpy()).mean() > 0.97
    # What was drawn first is not what has to give way.
    first = draw.order[0]
    assert (draw.tokens[:, first].numpy() == free[:, first]).mean() > 0.9


def test_conditions_hold_for_the_values_that_laws_move(ends, ordered, rng):
    conditions = Conditions.parse({"lo": (20, 60), "hi": (30, 70)}, ends.schema_)
    shares = {j: torch.from_numpy(ends.codec_.shares(j, allowed)).float() for j, allowed in conditions.allowed.items()}

    _, both = draw_rows(ends.states_, ordered, 300, shares, conditions, rng)
    _, one = draw_rows(ends.states_, ordered, 300, {1: shares[1]}, conditions, rng)

    assert ((both >= [20, 30]) & (both <= [60, 70])).all()
    assert ((one[:, 1] >= 30) & (one[:, 1] <= 70)).all()
    assert not (one[:, 0] > one[:, 1]).any()
