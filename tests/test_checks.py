import numpy as np
import pandas as pd
import pytest

from skgensynth.checks import RowCheck, row_texts
from skgensynth.conditions import Conditions
from skgensynth.constraints import parse_constraint
from skgensynth.copies import CopyFilter
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame(
    {
        "age": np.arange(40) % 37 + 40,
        "bmi": np.where(np.arange(40) % 5, np.arange(40) * 0.7 + 18, np.nan),
        "sex": ["F", "M"] * 20,
        "empty": [np.nan] * 40,
    }
)


@pytest.fixture
def schema():
    return TableSchema.infer(TABLE)


@pytest.fixture
def values(schema):
    return schema.encode(TABLE)


def test_real_rows_pass(schema, values):
    ok, reasons = RowCheck(schema, Conditions(), None)(values)
    assert ok.all()
    assert not reasons


@pytest.mark.parametrize(
    ("column", "value"), [(0, np.nan), (0, np.inf), (0, 1e6), (1, 1e6), (2, 2), (2, 0.5), (2, np.nan), (2, -1), (3, 0)]
)
def test_foreign_values_are_named_by_column(schema, values, column, value):
    values[7, column] = value
    ok, reasons = RowCheck(schema, Conditions(), None)(values)
    assert np.flatnonzero(~ok).tolist() == [7]
    assert list(reasons) == [f"column {schema.modelled[column].name!r} has a value that its training rows rule out"]


def test_conditions_are_judged_on_rows_that_belong_to_the_table(schema, values):
    values[0, 2] = 99
    ok, reasons = RowCheck(schema, Conditions.parse({"sex": "F"}, schema), None)(values)
    assert ok.sum() == 19
    assert reasons["conditions are not met"].sum() == 20


def test_copies_are_rejected(schema, values):
    copies = CopyFilter(values, schema)
    fresh = values.copy()
    fresh[:, 0] = np.where(values[:, 0] == values[:, 0].min(), values[:, 0] + 0.5, values[:, 0] - 0.5)
    ok, reasons = RowCheck(schema, Conditions(), copies)(np.vstack([values, fresh]))
    assert ok.tolist() == [False] * 40 + [True] * 40
    assert reasons["exact copy of a training row"].sum() == 40


LAWS = ["if age < 50 then sex is F", "bmi > 25"]


def test_rows_that_break_a_law_are_rejected_in_its_own_words(schema, values):
    laws = Laws([parse_constraint(sentence) for sentence in LAWS], schema)

    ok, reasons = RowCheck(schema, Conditions(), None, laws)(values)

    first = (TABLE["age"] < 50) & (TABLE["sex"] == "M")
    second = TABLE["bmi"] <= 25
    assert ok.tolist() == (~(first | second)).tolist()
    assert reasons.keys() == {f"breaks {sentence!r}" for sentence in LAWS}
    assert reasons[f"breaks {LAWS[0]!r}"].tolist() == first.tolist()
    assert reasons[f"breaks {LAWS[1]!r}"].tolist() == second.tolist()


def test_laws_are_judged_on_rows_that_belong_to_the_table(schema, values):
    values[:, 2] = 1
    values[0, 2] = 99
    laws = Laws([parse_constraint("sex is F")], schema)

    ok, reasons = RowCheck(schema, Conditions(), None, laws)(values)

    assert not ok.any()
    assert reasons["breaks 'sex is F'"].tolist() == [False] + [True] * 39


def test_without_laws_no_reason_speaks_of_any(schema, values):
    ok, reasons = RowCheck(schema, Conditions(), None, Laws([], schema))(values)

    assert ok.all()
    assert not reasons


def test_rows_are_told_even_if_they_are_none(schema, values):
    assert row_texts(values[1], schema) == {"age": "41", "bmi": "18.7", "sex": "M", "empty": "missing"}
    assert row_texts(np.array([41, np.nan, 7, np.nan]), schema)["sex"] == "no level (7)"
    assert row_texts("a reply", schema) == "a reply"
