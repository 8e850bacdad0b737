from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from skgensynth.conditions import Conditions
from skgensynth.disco.codecs import CompactCodec
from skgensynth.schema import TableSchema

NONE = Conditions()


def make_table(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 95, n_rows),
            "insulin": np.where(rng.random(n_rows) < 0.4, 0.0, rng.lognormal(4, 1, n_rows).round(1)),
            "sex": rng.choice(["F", "M"], n_rows),
            "stage": pd.Categorical(rng.choice(["I", "II"], n_rows), categories=["I", "II", "never"], ordered=True),
            "lab": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(0, 1, n_rows)),
        }
    )
    schema = TableSchema.infer(frame)
    return schema, schema.encode(frame)


@pytest.fixture(scope="module")
def table():
    return make_table()


@pytest.fixture(scope="module")
def codec(table):
    return CompactCodec.fit(table[1], table[0], n_bins=12)


def test_categories_and_missing_values_survive_a_round_trip(table, codec):
    _, values = table

    back = codec.decode(codec.encode(values), NONE, np.random.default_rng(0))

    assert np.array_equal(back[:, 2:4], values[:, 2:4])
    assert np.array_equal(np.isnan(back), np.isnan(values))


def test_decoded_numbers_have_the_token_they_came_from(table, codec):
    _, values = table
    tokens = codec.encode(values)

    again = codec.encode(codec.decode(tokens, NONE, np.random.default_rng(0)))

    # A value interpolated onto the border of two bins may count with either.
    assert (again == tokens).mean() > 0.98


def test_decoding_keeps_the_distribution_of_a_column(table, codec):
    _, values = table
    rng = np.random.default_rng(0)
    tokens = codec.encode(values)[rng.integers(len(values), size=20_000)]

    back = codec.decode(tokens, NONE, rng)

    for j in (0, 1, 4):
        levels = np.linspace(0.05, 0.95, 19)
        spread = np.nanstd(values[:, j])
        gap = np.abs(np.nanquantile(back[:, j], levels) - np.nanquantile(values[:, j], levels))
        assert gap.max() < 0.12 * spread


def test_a_frequent_value_has_a_token_of_its_own(table, codec):
    _, values = table
    tokens = codec.encode(values)[:, 1]

    assert len(np.unique(values[tokens == tokens[values[:, 1] == 0][0], 1])) == 1


def test_levels_that_no_row_has_have_no_token(codec):
    assert codec.sizes[3] == 2


def test_what_was_not_observed_has_no_token(table, codec):
    _, values = table
    row = values[:1].copy()
    row[0, 3] = 2.0
    row[0, 0] = np.nan

    tokens = codec.encode(row)

    assert tokens[0, 3] == -1
    assert tokens[0, 0] == -1


def test_rounding_does_not_leave_what_a_condition_allows():
    values = np.append(np.arange(30.0, 90.0), [40.25, 41.75])
    frame = pd.DataFrame({"age": values})
    schema = TableSchema.infer(frame)
    codec = CompactCodec.fit(schema.encode(frame), schema, n_bins=6)
    conditions = Conditions.parse({"age": (40.2, 40.8)}, schema)
    shares = codec.shares(0, conditions.allowed[0])

    drawn = codec.decode(np.full((200, 1), int(np.argmax(shares))), conditions, np.random.default_rng(0))

    assert codec.columns[0].round_step == pytest.approx(1)
    assert conditions.mask(schema.snap(drawn)).all()


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("age", (65, None)),
        ("age", (40, 42)),
        ("age", {30, 50}),
        ("insulin", (0, 0)),
        ("insulin", (5.0, 80.0)),
        ("lab", (None, -0.5)),
        ("lab", None),
        ("sex", "F"),
        ("stage", {"I", "II"}),
    ],
)
def test_what_decodes_under_a_condition_fulfils_it(table, codec, name, condition):
    schema, values = table
    conditions = Conditions.parse({name: condition}, schema)
    ((j, allowed),) = conditions.allowed.items()
    shares = codec.shares(j, allowed)
    possible = np.flatnonzero(shares)
    tokens = codec.encode(values[:1]).repeat(len(possible) * 50, axis=0)
    tokens[:, j] = np.repeat(possible, 50)

    back = schema.snap(codec.decode(tokens, conditions, np.random.default_rng(0)))

    assert shares.max() <= 1 + 1e-12
    assert len(possible) > 0
    assert conditions.mask(back).all()


def test_shares_are_the_part_of_the_rows_that_fulfil_a_condition(table, codec):
    schema, values = table
    conditions = Conditions.parse({"age": (30, 44)}, schema)
    frequency = np.bincount(codec.encode(values)[:, 0], minlength=codec.sizes[0]) / len(values)

    mass = frequency @ codec.shares(0, conditions.allowed[0])

    assert mass == pytest.approx(conditions.mask(values).mean(), abs=0.02)


def test_a_range_between_two_observations_can_be_drawn():
    values = np.concatenate([np.linspace(0, 1, 50), np.linspace(9, 10, 50)])
    frame = pd.DataFrame({"x": values})
    schema = TableSchema.infer(frame)
    codec = CompactCodec.fit(schema.encode(frame), schema, n_bins=4)
    conditions = Conditions.parse({"x": (4.0, 5.0)}, schema)
    shares = codec.shares(0, conditions.allowed[0])

    tokens = np.full((200, 1), int(np.argmax(shares)))
    back = codec.decode(tokens, conditions, np.random.default_rng(0))

    assert shares.max() > 0
    assert conditions.mask(back).all()


def test_json_round_trip(table, codec):
    _, values = table

    back = CompactCodec.from_dict(json.loads(json.dumps(codec.to_dict(), allow_nan=False)))

    assert back.sizes == codec.sizes
    tokens = codec.encode(values)
    assert np.array_equal(back.encode(values), tokens)
    first, second = (c.decode(tokens, NONE, np.random.default_rng(3)) for c in (codec, back))
    assert np.array_equal(first, second, equal_nan=True)


def test_a_column_without_a_value_has_only_the_missing_token():
    frame = pd.DataFrame({"empty": [np.nan] * 6, "x": [1.5, 2.5, 3.5, 4.25, 5.5, 6.5]})
    schema = TableSchema.infer(frame)
    codec = CompactCodec.fit(schema.encode(frame), schema, n_bins=3)

    tokens = codec.encode(schema.encode(frame))

    assert codec.sizes[0] == 1
    assert np.isnan(codec.decode(tokens, NONE, np.random.default_rng(0))[:, 0]).all()


def test_one_column_decodes_as_all_of_them_do(table, codec):
    _, values = table
    tokens = codec.encode(values)

    for j in range(5):
        drawn = codec.decode_column(j, tokens[:, j], None, np.random.default_rng(0))

        assert np.array_equal(np.isnan(drawn), np.isnan(values[:, j]))
        again = codec.encode(np.where(np.arange(5) == j, drawn[:, None], values))
        # A value rounded onto the border of two bins may count with either.
        assert (again[:, j] == tokens[:, j]).mean() > 0.9


def test_one_column_decodes_within_its_condition(table, codec):
    schema, _ = table
    allowed = Conditions.parse({"age": (60, None)}, schema).allowed[0]
    tokens = np.flatnonzero(codec.shares(0, allowed)).repeat(20)

    assert (codec.decode_column(0, tokens, allowed, np.random.default_rng(0)) >= 60).all()
