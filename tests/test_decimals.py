from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skgensynth.decimals import number_decimals
from skgensynth.disco.text import TextCodec
from skgensynth.llm.loading import load_tokenizer
from skgensynth.schema import TableSchema


def decimals_of(frame, **kinds):
    schema = TableSchema.infer(frame, column_kinds={"x": "continuous", **kinds})
    return number_decimals(schema.encode(frame), schema)


def test_a_grid_keeps_its_decimals_and_categories_have_none():
    frame = pd.DataFrame({"x": np.arange(40) / 100, "n": np.arange(40), "c": ["a", "b"] * 20})

    assert decimals_of(frame, n="continuous") == [2, 0, None]


@pytest.mark.parametrize(("spread", "decimals"), [(1.0, 3), (0.02, 5), (50.0, 2), (3e4, -1)])
def test_without_a_grid_decimals_follow_the_interquartile_range(spread, decimals):
    # Evenly spaced numbers: the quartiles lie half of the range apart.
    numbers = np.arange(41) / 40 * 2 * spread + np.pi

    assert decimals_of(pd.DataFrame({"x": numbers})) == [decimals]


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e6, 1e12])
def test_numbers_without_a_grid_keep_a_thousandth_of_their_spread(scale, tiny_gpt2):
    numbers = np.random.default_rng(0).lognormal(size=200) * scale
    schema = TableSchema.infer(pd.DataFrame({"x": numbers}), column_kinds={"x": "continuous"})
    values = schema.encode(pd.DataFrame({"x": numbers}))
    codec = TextCodec(schema, load_tokenizer(tiny_gpt2), number_decimals(values, schema))

    back = np.array([codec.grammars[0].value(codec.piece(0, value).tokens) for value in values[:, 0]])

    spread = np.subtract(*np.quantile(values, [0.75, 0.25]))
    assert np.abs(back - values[:, 0]).max() <= spread / 1000
    assert back.min() >= values.min()
    assert back.max() <= values.max()


def test_no_more_than_fifteen_digits_are_written():
    numbers = 1e6 + np.random.default_rng(0).uniform(0, 1e-9, 50)

    [n_decimals] = decimals_of(pd.DataFrame({"x": numbers}))

    assert n_decimals <= 15 - 7


def test_a_column_of_nothing_but_missing_values_needs_none():
    schema = TableSchema.infer(pd.DataFrame({"x": np.random.default_rng(0).normal(size=50)}))

    assert number_decimals(np.full((3, 1), np.nan), schema) == [0]
