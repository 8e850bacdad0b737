from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from skgensynth.conditions import Conditions
from skgensynth.exceptions import PromptWarning
from skgensynth.prompted.repeats import Variety, warn_of_repeats
from skgensynth.schema import TableSchema

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"age": np.arange(20, 80), "weight": RNG.normal(70, 9, 60).round(1), "sex": ["F", "M"] * 30})
SCHEMA = TableSchema.infer(TABLE, column_kinds={"age": "continuous"})
VALUES = SCHEMA.encode(TABLE)
ALL_DIFFERENT = Variety(60, 60)


def warned(values, training=ALL_DIFFERENT, conditions=None, schema=SCHEMA):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_repeats(values, schema, Conditions.parse(conditions, schema), training, "do this")
    assert all(warning.category is PromptWarning for warning in caught)
    return [str(warning.message) for warning in caught]


def test_rows_are_counted_once_wherever_they_stand_and_missing_values_are_equal():
    assert Variety.of(np.array([[1.0, np.nan], [2.0, 0.0], [1.0, np.nan]])) == (3, 2)


def test_fewer_than_half_are_too_few():
    assert warned(VALUES[np.arange(20) % 10]) == []
    assert warned(VALUES[np.arange(20) % 9]) == [
        "only 9 of 20 generated rows are different from each other, but 60 of the 60 training rows are: do this"
    ]
    assert warned(VALUES[[0] * 9]) == []
    assert warned(VALUES[[0] * 10], None) == ["only 1 of 10 generated rows are different from each other: do this"]


def test_as_many_rows_as_the_training_table_has_are_compared():
    """The more rows, the more of them have been there before."""
    assert warned(VALUES[np.arange(600) % 60]) == []
    assert warned(VALUES[np.arange(600) % 29]) != []


@pytest.mark.parametrize(("n_different", "expected"), [(47, 0), (48, 1)])
def test_a_table_whose_rows_repeat_each_other_may_have_such_rows(n_different, expected):
    assert len(warned(VALUES[[0] * 20], Variety(60, n_different))) == expected


def test_conditions_that_leave_few_rows_are_no_fault():
    rows = np.repeat(VALUES[:1], 20, axis=0)
    assert warned(rows, conditions={"age": 20, "weight": float(TABLE["weight"][0])}) == []
    assert warned(rows, conditions={"age": (20, 24), "sex": "F"}) == []  # at most 5 * 400
    assert warned(rows, conditions={"sex": "F"}) != []


@pytest.mark.parametrize("n_columns", [3, 8])
def test_yes_and_no_are_not_enough_for_different_rows(n_columns):
    frame = pd.DataFrame(RNG.integers(0, 2, (16, n_columns)).astype(bool)).add_prefix("c")
    schema = TableSchema.infer(frame)
    assert warned(np.zeros((500, n_columns)), None, schema=schema) == []
