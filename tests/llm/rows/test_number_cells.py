from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from common.row_tables import compiled
from hypothesis import given, settings
from hypothesis import strategies as st

from skgensynth.conditions import Conditions
from skgensynth.decimals import number_decimals
from skgensynth.llm.rows.cells import Cell, Unreadable
from skgensynth.llm.rows.number_cells import NumberCells
from skgensynth.schema import TableSchema


def number_cells(values, condition=None, *, n_decimals=3, in_full=True):
    schema = TableSchema.infer(pd.DataFrame({"a": values}), column_kinds={"a": "continuous"})
    column = schema.modelled[0]
    conditions = Conditions.parse(None if condition is None else {"a": condition}, schema)
    intervals = conditions.allowed[0].intervals if conditions else ((column.minimum, column.maximum),)
    return NumberCells(column, intervals, n_decimals, in_full)


def read(cells, text, *, repair=False):
    return cells.read(Cell((text,), False), repair)


WHOLE = number_cells(np.arange(0, 5001))
TENTHS = number_cells(np.arange(-1000, 1001) / 10)
FREE = number_cells(np.linspace(0, np.pi, 50))


@pytest.mark.parametrize("text", ["75", "75.0", "+75", "7.5e1", "750e-1", " 75 ", "075"])
def test_plain_numbers_are_read_however_they_are_written(text):
    assert read(WHOLE, text) == (75.0, "")


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("75 years", 75, "year"),
        ("75 Year", 75, "year"),
        ("120 mmHg", 120, "mmhg"),
        ("85%", 85, "%"),
        ("$75", 75, ""),
        ("37°C", 37, "°c"),
        ("1,234", 1234, ""),
        ("1.234,0", 1234, ""),
        ("1 234", 1234, ""),
        ("1'234 mg", 1234, "mg"),
        ("1,234.0", 1234, ""),
    ],
)
def test_units_and_separators_are_taken_off(text, value, unit):
    assert read(WHOLE, text) == (value, unit)


def test_a_comma_is_what_the_bounds_leave():
    assert read(TENTHS, "3,5").value == 3.5
    assert read(number_cells([0.0, 2000.5]), "1,234").value == 1234
    with pytest.raises(Unreadable, match="can be read as several numbers"):
        read(number_cells(np.array([0.001, 1234.567])), "1,234")


@pytest.mark.parametrize(
    "text",
    [
        "5k",
        "5 million",
        "about 5",
        "5-10",
        "5/2",
        "<5",
        "5 10",
        "0x1F",
        "１２",
        "five",
        "1_000",
        "--5",
        "5x",
        "inf",
        "[5]",
    ],
)
def test_what_is_no_single_number_is_refused(text):
    for repair in (False, True):
        with pytest.raises(Unreadable, match="is no number"):
            read(WHOLE, text, repair=repair)


@pytest.mark.parametrize(
    ("cells", "text", "reason"),
    [
        (WHOLE, "5001", "is out of range"),
        (WHOLE, "-1", "is out of range"),
        (WHOLE, "75.5", "is no whole number"),
        (WHOLE, "1e-3", "is no whole number"),
        (TENTHS, "1.25", "has too many decimals"),
        (TENTHS, "100.1", "is out of range"),
        (FREE, "1e999", "is out of range"),
        (WHOLE, "9" * 300, "is out of range"),
        (WHOLE, "9" * 500, "is no number"),
        (WHOLE, "6000 mg", "is out of range"),
    ],
)
def test_reasons(cells, text, reason):
    with pytest.raises(Unreadable, match=reason):
        read(cells, text)


@pytest.mark.parametrize(
    ("cells", "text", "value"),
    [(WHOLE, "6000", 5000), (WHOLE, "-1.7", 0), (WHOLE, "75.6", 76), (TENTHS, "1.26", 1.3), (FREE, "4", np.pi)],
)
def test_repair_moves_numbers_to_their_grid_and_into_their_bounds(cells, text, value):
    assert read(cells, text, repair=True).value == value


@pytest.mark.parametrize("text", ["1e999", "6000 mg"])
def test_repair_leaves_alone_what_it_cannot_understand(text):
    with pytest.raises(Unreadable):
        read(WHOLE, text, repair=True)


def test_several_intervals():
    cells = number_cells(np.arange(100), {3, 4, 50})

    assert sorted(n for n in range(100) if re.fullmatch(cells.form().pattern, str(n))) == [3, 4, 50]
    assert read(cells, "30", repair=True).value == 50 - 46 * (30 - 4 < 50 - 30)
    with pytest.raises(Unreadable, match="is out of range"):
        read(cells, "30")


def test_zeros_at_the_end_are_not_written_but_may_be():
    assert TENTHS.texts(np.array([75.0, -0.5, 0.0, 100.0])) == ["75", "-0.5", "0", "100"]
    assert all(re.fullmatch(TENTHS.form().pattern, text) for text in ("75", "75.0", "-0.5", "-100.0"))
    assert not any(re.fullmatch(TENTHS.form().pattern, text) for text in ("100.1", "-100.1", "75.00", "-0", "1e1"))


def test_whole_numbers_beyond_doubles_are_exact():
    cells = number_cells(pd.array([2**60 + 1, 2**60 + 8], dtype="Int64"))

    assert cells.texts(np.array([0.0, 7.0])) == [str(2**60 + 1), str(2**60 + 8)]
    assert read(cells, str(2**60 + 3)).value == 2
    assert [n for n in range(12) if re.fullmatch(cells.form().pattern, str(2**60 + n))] == list(range(1, 9))
    assert cells.form().schema == {"enum": [2**60 + n for n in range(1, 9)]}


def test_bounds_in_a_json_schema_are_not_wider_than_the_column():
    schema = number_cells(pd.array([2**60 + 1, 2**60 + 3000], dtype="Int64")).form().schema

    assert schema == {"type": "integer", "minimum": 2**60 + 256, "maximum": 2**60 + 2816}
    assert TENTHS.form().schema == {"type": "number", "minimum": -100, "maximum": 100, "multipleOf": 0.1}
    assert number_cells(np.arange(100) / 10, {0.3, 0.4}).form().schema == {"anyOf": [{"enum": [0.3]}, {"enum": [0.4]}]}
    assert number_cells([1e-300, 5e-300], n_decimals=303).form().schema == {"type": "number"}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, unique=True))
def test_numbers_without_a_grid_come_back(values):
    """In full exactly, and else rounded, inside the range, and as the grammar has them."""
    values = np.unique([0.1234567891234, *values]) + 0.0
    schema = TableSchema.infer(pd.DataFrame({"a": values}), column_kinds={"a": "continuous"})
    [n_decimals] = number_decimals(values[:, None], schema)
    full, rounded = (number_cells(values, n_decimals=n_decimals, in_full=in_full) for in_full in (True, False))

    assert [read(full, text).value for text in full.texts(values)] == values.tolist()
    back = np.array([read(rounded, text).value for text in rounded.texts(values)])
    assert np.all(np.abs(back / 4 - values / 4) <= max(10.0**-n_decimals, 1e-3 * np.abs(values).max()))
    pattern = compiled(rounded.form().pattern)
    ends = {full.texts(values)[place] for place in (0, -1)}  # may have no rounded number beside them inside the range
    assert all(pattern.fullmatch(text) for text in rounded.texts(values) if text not in ends)


def test_an_interval_between_two_steps_holds_its_bound_in_full():
    cells = number_cells(np.linspace(0, np.pi, 50), np.pi / 7, n_decimals=2, in_full=False)

    assert read(cells, cells.form().pattern.replace("\\x{2e}", ".")).value == np.pi / 7
