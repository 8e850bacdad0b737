from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from skgensynth.conditions import Conditions
from skgensynth.decimals import number_decimals
from skgensynth.disco.text import TextCodec
from skgensynth.exceptions import SkgensynthError
from skgensynth.llm.loading import load_tokenizer
from skgensynth.schema import TableSchema

FRAME = pd.DataFrame(
    {
        "age": [75, 61, 48, 100, 7, 33, 52, 64, 80, 29, 15, 91] * 2,
        "dose, mg": [0.25, -1.5, np.nan, 3.25, 12.0, 0.5, 0.75, 1.0, 2.5, 6.25, 8.5, -0.25] * 2,
        "city": ["New", "New York", "New, York", "北京", 'a "b"\n', "missing", None, "New", "", "x", "x", "7"] * 2,
        "seen": pd.date_range("2020-01-31", periods=24, freq="36h"),
        "empty": [np.nan] * 24,
        "one": ["same"] * 24,
    }
)


@pytest.fixture
def table():
    kinds = {"age": "continuous", "dose, mg": "continuous", "city": "categorical"}
    schema = TableSchema.infer(FRAME, column_kinds=kinds)
    return schema, schema.encode(FRAME)


@pytest.fixture
def codec(table, tiny_model):
    schema, values = table
    return TextCodec(schema, load_tokenizer(tiny_model), number_decimals(values, schema))


def test_values_survive_tokens(codec, table):
    for row in table[1]:
        for index, value in enumerate(row):
            piece = codec.piece(index, value)
            assert codec.grammars[index].value(piece.tokens) == pytest.approx(value, abs=0, nan_ok=True)


def test_row_is_the_concatenation_of_its_pieces_in_any_order(codec, table):
    values = table[1][3]
    order = [2, 0, 5, 1, 4, 3]

    row = codec.row(values, order)

    expected = list(codec.start)
    for index in order:
        expected += [*codec.names[index], *codec.piece(index, values[index]).tokens, codec.end]
    assert row.ids == expected
    assert all(row.ids[place] == codec.vocabulary[target] for place, _, target in row.choices)
    assert all(codec.masks[number][target] for _, number, target in row.choices)
    assert all(codec.masks[number].sum() > 1 for _, number, _ in row.choices)


def test_constant_and_empty_columns_leave_no_choice(codec, table):
    names = [column.name for column in table[0].modelled]

    assert codec.piece(names.index("empty"), math.nan).choices == ()
    assert codec.piece(names.index("one"), 0.0).choices == ()


def test_end_occurs_in_no_value(codec, table):
    for row in table[1]:
        for index, value in enumerate(row):
            assert codec.end not in codec.piece(index, value).tokens
    assert codec.end_text == ";"  # A level holds the comma.


def test_text_is_readable(codec, table):
    text = codec.text(table[1][0], order=[0, 1, 2, 3])

    assert text == "age is 75; dose, mg is 0.25; city is New; seen is 2020-01-31"
    assert codec.text(table[1][2], order=[1]) == "dose, mg is missing"


@pytest.mark.parametrize(("index", "value"), [(0, 200.0), (0, math.nan), (1, 12.01), (5, math.nan)])
def test_a_value_that_training_cannot_have_had_is_none(codec, table, index, value):
    values = table[1][0].copy()
    values[index] = value

    assert codec.piece(index, value) is None
    assert codec.row(values, range(6)) is None


def test_longest_row_is_a_bound_that_is_nearly_met(codec, table):
    lengths = [len(codec.row(row, range(6)).ids) for row in table[1]]

    assert max(lengths) <= codec.longest_row() <= max(lengths) + 40


def test_grammar_under_a_condition_holds_only_its_values(codec, table):
    schema, _ = table
    conditions = Conditions.parse({"age": (70, 80), "city": {"New", "x"}}, schema)

    ages = codec.grammar(0, conditions.allowed[0])
    cities = codec.grammar(2, conditions.allowed[2])

    assert [age for age in range(120) if ages.tokens(age) is not None] == list(range(70, 81))
    assert sum(cities.tokens(float(code)) is not None for code in range(len(schema.modelled[2].levels))) == 2
    assert cities.tokens(math.nan) is None


def test_levels_that_never_occurred_are_not_written(tiny_model):
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b"] * 5, categories=["a", "b", "unused"])})
    schema = TableSchema.infer(frame)
    codec = TextCodec(schema, load_tokenizer(tiny_model), [None])

    assert codec.piece(0, 2.0) is None


def test_levels_that_the_tokenizer_confuses_are_told_apart():
    words = {"<unk>": 0, "</s>": 1, "c": 2, "is": 3, "(": 4, ")": 5, "2": 6, ",": 7, "3": 8}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")
    schema = TableSchema.infer(pd.DataFrame({"c": ["北", "東", "南"] * 5}))

    codec = TextCodec(schema, fast, [None])

    assert len({codec.piece(0, code).tokens for code in (0.0, 1.0, 2.0)}) == 3


def test_tokenizer_without_digits_is_refused():
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1, "is": 2}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")
    frame = pd.DataFrame({"x": np.linspace(0.0, 1.0, 40)})

    with pytest.raises(SkgensynthError, match="single characters of numbers"):
        TextCodec(TableSchema.infer(frame), fast, [2])
