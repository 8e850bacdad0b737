from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skgensynth.conditions import Conditions
from skgensynth.constraints import Domain, Item, Order, discover_constraints, parse_constraint
from skgensynth.disco.codecs import CompactCodec
from skgensynth.laws import Laws, last_columns
from skgensynth.schema import TableSchema

SENTENCES = ["lo <= hi", "if lo > 50 then drug is no", "if drug is yes then outcome is ill"]


def make_frame(n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.integers(0, 100, (n_rows, 2)), axis=1)
    X = pd.DataFrame({"lo": ends[:, 0], "hi": ends[:, 1], "drug": np.where(ends[:, 0] > 50, "no", "yes")})
    return X, pd.Series(np.where(X["drug"] == "yes", "ill", "well"), name="outcome")


@pytest.fixture(scope="module")
def schema():
    return TableSchema.infer(*make_frame())


@pytest.fixture(scope="module")
def laws(schema):
    return Laws([parse_constraint(sentence) for sentence in SENTENCES], schema)


@pytest.fixture(scope="module")
def codec(schema):
    return CompactCodec.fit(schema.encode(*make_frame()), schema, n_bins=4)


def rows_of(schema, *rows):
    columns = list(zip(*rows, strict=True))
    X = pd.DataFrame(dict(zip(["lo", "hi", "drug"], columns[:3], strict=True)))
    return schema.encode(X, pd.Series(columns[3], name="outcome"))


def test_rows_are_told_which_laws_they_break(schema, laws):
    values = rows_of(schema, (10, 20, "yes", "ill"), (20, 10, "no", "ill"), (60, 50, "yes", "well"))

    assert laws.broken(values).tolist() == [[False] * 3, [True, False, False], [True] * 3]


def test_training_rows_break_none(schema, laws):
    assert not laws.broken(schema.encode(*make_frame())).any()


def test_no_rows_and_no_laws_have_empty_answers(schema, laws):
    assert laws.broken(np.empty((0, 4))).shape == (0, 3)
    assert Laws([], schema).broken(np.zeros((5, 4))).shape == (5, 0)
    assert len(Laws([], schema)) == 0


def test_a_law_knows_its_columns_and_the_target_is_one(laws):
    assert len(laws) == 3
    assert laws.columns.astype(int).tolist() == [[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1]]


def test_soft_constraints_and_columns_that_are_not_modelled_are_no_laws():
    X, y = make_frame()
    X.insert(0, "patient_id", [f"P{1000 + 7 * row}" for row in range(len(X))])
    with pytest.warns(UserWarning, match="patient_id"):
        schema = TableSchema.infer(X, y)
    given = [
        Order("lo", "hi", soft=True),
        Domain(Item("patient_id", "is", ("P1000",))),
        parse_constraint("if lo > 50 then drug is no"),
    ]

    laws = Laws(given, schema)

    assert [str(law) for law in laws.constraints] == ["if lo > 50 then drug is no"]
    assert laws.columns.astype(int).tolist() == [[1, 0, 1, 0]]


def test_chosen_laws_are_broken_as_they_are_among_all(schema, laws):
    rng = np.random.default_rng(0)
    values = schema.encode(*make_frame())
    values = np.column_stack([rng.permutation(column) for column in values.T])
    mask = np.array([True, False, True])

    assert laws.broken(values).any(axis=0).all()
    assert np.array_equal(laws.broken(values, mask), laws.broken(values)[:, mask])
    assert laws.broken(values, np.zeros(3, dtype=bool)).shape == (len(values), 0)


def test_what_rows_could_break_leaves_out_the_ranges_levels_and_decimals_of_the_schema(schema):
    X, y = make_frame()
    own = [parse_constraint(sentence) for sentence in ("if lo < 5 then drug is yes", "lo is between 30 and 60")]
    laws = Laws([*own, *discover_constraints(X, y)], schema)
    assert {"drug is no or yes", "lo is a whole number"} <= {str(law) for law in laws.constraints}

    left = laws.breakable()

    kept = {str(law) for law in left.constraints}
    # The schema allows what some training rows are, too: "lo" is not between 30 and 60 in all of them.
    assert {"if lo < 5 then drug is yes", "lo is between 30 and 60", "lo <= hi"} <= kept
    assert not {"drug is no or yes", "lo is a whole number"} & kept


def test_the_schema_sees_to_decimals_up_to_its_own():
    X = pd.DataFrame({"dose": [1.0, 2.0, 5.0, np.nan] * 9, "bmi": [20.1, 31.4, 25.0, 22.22] * 9, "age": range(36)})
    X["weight"] = X["age"] + 40.0
    sentences = [
        *("dose is a whole number", "weight is a whole number", "age is a whole number", "bmi has at most 3 decimals"),
        *("bmi has at most 1 decimal", "age is not 3"),
    ]
    schema = TableSchema.infer(X, column_kinds={"dose": "categorical", "bmi": "continuous", "age": "continuous"})
    laws = Laws([parse_constraint(sentence) for sentence in sentences], schema)

    assert [str(law) for law in laws.breakable().constraints] == sentences[4:]


# Settling ------------------------------------------------------------------------------------------------------------


def redraw_from(codec, schema, tokens, calls=None):
    def redraw(j, rows, rng):
        if calls is not None:
            calls.append((j, rows.tolist()))
        return schema.modelled[j].snap(codec.decode_column(j, tokens[rows, j], None, rng))

    return redraw


@pytest.fixture(scope="module")
def disordered(schema, codec):
    """Rows of two low numbers in either order; drug and outcome keep their laws."""
    rng = np.random.default_rng(1)
    values = rows_of(schema, *((a, b, "yes", "ill") for a, b in rng.integers(0, 40, (400, 2))))
    return codec.encode(values), values


def test_an_order_within_bins_is_repaired_and_tokens_stay(schema, laws, codec, disordered):
    tokens, values = disordered
    before = laws.broken(values)

    out = laws.settle(values, redraw_from(codec, schema, tokens), np.random.default_rng(0))

    after = laws.broken(out)
    lowest = np.array([codec.columns[0].knots[token][0] for token in tokens[:, 0]])
    highest = np.array([codec.columns[1].knots[token][-1] for token in tokens[:, 1]])
    feasible = lowest <= highest - 5
    assert before[feasible].any(axis=1).sum() > 50
    assert after[feasible].any(axis=1).mean() < 0.1 * before[feasible].any(axis=1).mean()
    # A value rounded onto the border of two bins may count with either.
    assert (codec.encode(out) == tokens).mean() > 0.97


def test_no_row_breaks_a_law_that_it_kept_before(schema, laws, codec):
    rng = np.random.default_rng(3)
    values = schema.encode(*make_frame())
    values = np.column_stack([rng.permutation(column) for column in values.T])
    tokens = codec.encode(values)

    out = laws.settle(values, redraw_from(codec, schema, tokens), rng)

    assert not (laws.broken(out) & ~laws.broken(values)).any()
    assert laws.broken(out).sum() < laws.broken(values).sum()


def test_values_are_drawn_anew_only_where_a_law_is_broken(schema, laws, codec):
    values = rows_of(schema, (10, 20, "yes", "ill"), (30, 25, "yes", "ill"), (5, 6, "no", "well"))
    calls = []

    out = laws.settle(values, redraw_from(codec, schema, codec.encode(values), calls), np.random.default_rng(0))

    assert np.array_equal(out[[0, 2]], values[[0, 2]])
    assert {j for j, _ in calls} == {0, 1}
    assert all(rows == [1] for _, rows in calls)


def test_what_tokens_cannot_settle_stays_in_bounded_time(schema, laws, codec):
    values = rows_of(schema, *[(90, 2, "no", "well")] * 5)
    calls = []

    out = laws.settle(values, redraw_from(codec, schema, codec.encode(values), calls), np.random.default_rng(0))

    assert out.shape == values.shape
    assert laws.broken(out)[:, 0].all()
    assert len(calls) <= 20


def test_settling_leaves_its_input_alone(schema, laws, codec, disordered):
    tokens, values = disordered
    copy = values.copy()

    laws.settle(values, redraw_from(codec, schema, tokens), np.random.default_rng(0))

    assert np.array_equal(values, copy)


def test_a_condition_still_holds_for_what_is_drawn_anew(schema, laws, codec):
    conditions = Conditions.parse({"lo": (20, 30)}, schema)
    values = rows_of(schema, *[(30, 25, "yes", "ill")] * 50)
    tokens = codec.encode(values)

    def redraw(j, rows, rng):
        return schema.modelled[j].snap(codec.decode_column(j, tokens[rows, j], conditions.allowed.get(j), rng))

    out = laws.settle(values, redraw, np.random.default_rng(0))

    assert conditions.mask(out).all()
    assert not laws.broken(out)[:, 0].any()


# Order of drawing ----------------------------------------------------------------------------------------------------


def test_the_last_column_of_each_set_is_found_by_hand():
    orders = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
    members = np.array([[1, 1, 0, 0], [1, 0, 1, 1], [0, 0, 1, 0]], dtype=bool)

    assert last_columns(orders, members).tolist() == [[1, 3, 2], [0, 0, 2], [1, 3, 2]]


def test_the_last_column_is_the_one_with_the_highest_place():
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.tile(np.arange(6), (40, 1)), axis=1)
    members = rng.random((9, 6)) < 0.5
    members[:, 2] = True

    found = last_columns(orders, members)

    for row, order in enumerate(orders.tolist()):
        for number, mask in enumerate(members):
            assert found[row, number] == max(np.flatnonzero(mask), key=order.index)


def test_no_sets_have_no_last_columns():
    assert last_columns(np.array([[0, 1]]), np.zeros((0, 2), dtype=bool)).shape == (1, 0)
