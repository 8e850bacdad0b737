import numpy as np
import pandas as pd
import pytest

from skgensynth.conditions import Conditions
from skgensynth.copies import CopyFilter, row_keys
from skgensynth.schema import TableSchema

EMPTY = {}


def filter_of(frame, **options):
    schema = TableSchema.infer(frame, **options)
    return CopyFilter(schema.encode(frame), schema), schema


def records(n, seed=0):
    """Rows as in a clinical table: numbers and categories, hardly a row like another."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(40, 95, n),
            "bmi": rng.normal(27, 4, n).round(2),
            "sodium": rng.normal(137, 4, n).round(1),
            "sex": rng.choice(["F", "M"], n),
            "smoker": rng.choice(["no", "yes"], n, p=[0.8, 0.2]),
        }
    )


def test_equal_rows_have_equal_keys_and_only_they():
    values = np.array([[0.0, np.nan, 3], [-0.0, -np.nan, 3], [0.0, 3, np.nan], [0.0, np.nan, 3 + 1e-15]])
    keys = row_keys(values)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_order_and_neighbours_do_not_collide():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 3, (5000, 12)).astype(float)
    assert len(np.unique(row_keys(values))) == len(np.unique(values, axis=0))


def test_finds_copies_with_missing_values_and_nothing_else():
    frame = records(200)
    frame.loc[::7, "bmi"] = np.nan
    copies, schema = filter_of(frame)
    values = schema.encode(frame)
    changed = values.copy()
    changed[:, 0] = np.where(values[:, 0] > values[:, 0].min(), values[:, 0] - 1, values[:, 0] + 1)
    np.testing.assert_array_equal(copies.is_copy(np.vstack([values, changed])), [True] * 200 + [False] * 200)


@pytest.mark.parametrize("n", [20, 300, 5000])
def test_refuses_where_records_differ(n):
    copies, schema = filter_of(records(n))
    assert copies.natural_rate(Conditions.parse(EMPTY, schema)) < 0.02
    assert copies.refuses(Conditions.parse(EMPTY, schema))


def test_a_few_natural_duplicates_do_not_allow_copies():
    frame = records(1000)
    frame = pd.concat([frame, frame.sample(40, random_state=0)], ignore_index=True)
    copies, schema = filter_of(frame)
    assert 0.05 < copies.natural_rate(Conditions.parse(EMPTY, schema)) < 0.1
    assert copies.refuses(Conditions.parse(EMPTY, schema))


@pytest.mark.parametrize("n", [30, 1000])
def test_lets_copies_pass_where_rows_repeat_by_nature(n):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{i}": rng.choice(["no", "yes"], n, p=[0.9, 0.1]) for i in range(5)})
    copies, schema = filter_of(frame)
    assert not copies.refuses(Conditions.parse(EMPTY, schema))


def test_lets_copies_pass_in_a_table_that_lists_every_combination_once():
    grid = pd.MultiIndex.from_product([list("abcd")] * 4, names=list("wxyz")).to_frame(index=False)
    copies, schema = filter_of(grid)
    assert copies.natural_rate(Conditions.parse(EMPTY, schema)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.5], "b": ["x"]}),
        pd.DataFrame({"a": [1.5] * 4, "b": ["x"] * 4}),
        pd.DataFrame({"a": [1, 2]}),
        pd.DataFrame({"a": [np.nan] * 3}),
        pd.DataFrame({"age": np.arange(300) % 60 + 20}),
    ],
    ids=["one row", "constant", "two neighbours", "all missing", "one coarse column"],
)
def test_lets_copies_pass_where_nothing_else_is_possible(frame):
    copies, schema = filter_of(frame)
    assert not copies.refuses(Conditions.parse(EMPTY, schema))


def test_one_column_of_distinct_measurements_is_not_copied():
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=500)})
    copies, schema = filter_of(frame)
    assert copies.natural_rate(Conditions.parse(EMPTY, schema)) < 0.01


def test_conditions_that_leave_one_row_only_are_answered():
    frame = records(300)
    copies, schema = filter_of(frame)
    row = frame.iloc[0].to_dict()
    assert copies.natural_rate(Conditions.parse(row, schema)) == pytest.approx(1.0)
    assert not copies.refuses(Conditions.parse(row, schema))


def test_a_condition_met_by_a_single_row_does_not_give_that_row_away():
    frame = records(300)
    frame.loc[0, "age"] = 99
    copies, schema = filter_of(frame)
    assert copies.refuses(Conditions.parse({"age": 99}, schema))
    assert copies.refuses(Conditions.parse({"age": (96, None)}, schema))


def test_conditions_that_no_training_row_meets_leave_nothing_to_copy():
    frame = records(300)
    frame = frame[~((frame["sex"] == "F") & (frame["smoker"] == "yes"))]
    copies, schema = filter_of(frame)
    assert copies.natural_rate(Conditions.parse({"sex": "F", "smoker": "yes"}, schema)) < 0.01
