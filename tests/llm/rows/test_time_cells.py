from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from common.row_tables import COLUMNS, learn

from skgensynth.llm.rows.cells import Cell, Patterned, Unreadable
from skgensynth.llm.rows.time_cells import time_cells

NAMES = list(COLUMNS)[list(COLUMNS).index("day") : list(COLUMNS).index("week") + 1]


def cells_of(name):
    schema, values = learn(pd.DataFrame({name: COLUMNS[name]}))
    column = schema.modelled[0]
    return time_cells(column, ((column.minimum, column.maximum),)), values[:, 0]


def read(cells, text, *, repair=False):
    return cells.read(Cell((text,), True), repair).value


@pytest.mark.parametrize("name", NAMES)
def test_times_come_back_and_may_be_written(name):
    cells, values = cells_of(name)
    texts, form = cells.texts(values), cells.form()

    assert [read(cells, text) for text in texts] == values.tolist()
    if isinstance(form, Patterned):
        assert all(re.fullmatch(form.pattern, text) for text in texts)
        assert form.schema == {"type": "string", "pattern": f"^{form.pattern}$"}
    else:
        assert set(texts) <= set(form.texts)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("day", "1999-12-30"),
        ("hour", "2020-03-28 23:15:00"),
        ("millisecond", None),
        ("local_day", "2020-01-01"),
        ("zoned_second", "2020-03-28 22:00:00+00:00"),
        ("days_and_ten_hours", "10 hours"),
        ("quarter", "2015Q1"),
    ],
)
def test_texts(name, text):
    cells, values = cells_of(name)
    [found] = cells.texts(values[:1])

    assert found == text or re.fullmatch(r"2020-01-31 10:\d\d:\d\d\.\d{3}", found)


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("day", "2000-01-10T00:00:00", "2000-01-10"),
        ("hour", "2020-03-29T04:15", "2020-03-29 04:15:00"),
        ("zoned_second", "2020-03-28 23:00:00+01:00", "2020-03-28 22:00:00Z"),
        ("zoned_second", "2020-03-28 23:00:00", "2020-03-28 22:00:00+00:00"),
        ("days", "3 days 00:00:00", "3 days"),
        ("days", "72 hours", "3 days"),
        ("seconds", "0 days 00:01:30", "90 seconds"),
        ("days", "1 day", "1 days"),
    ],
)
def test_other_ways_to_write_the_same_time(name, text, same):
    cells, _ = cells_of(name)

    assert read(cells, text) == read(cells, same)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("day", "1999-12-29", "is out of range"),
        ("day", "2000-02-30", "is no time"),
        ("day", "now", "is no time"),
        ("day", "01/02/2000", "is no time"),
        ("day", "2000-01-10 10:00:00", "lies between the times that it may be"),
        ("day", "2000-01-10+01:00", "is no time"),
        ("day", "999999-01-01", "is out of range"),
        ("hour", "2020-03-29 04:16:00", "lies between the times that it may be"),
        ("days", "25 hours", "lies between the times that it may be"),
        ("days", "99999999999999999999 days", "is out of range"),
        ("days", "3", "is no time"),
        ("month", "2015-13", "is no time"),
        ("month", "NaT", "is no time"),
        ("week", "today", "is no time"),
    ],
)
def test_reasons(name, text, reason):
    cells, _ = cells_of(name)

    with pytest.raises(Unreadable, match=reason):
        read(cells, text)


def test_repair_moves_times_to_their_grid_and_into_their_bounds():
    cells, values = cells_of("day")

    assert read(cells, "1980-01-01", repair=True) == values.min()
    assert read(cells, "2000-01-10 03:00:00", repair=True) == read(cells, "2000-01-10")


def test_times_without_a_pattern_are_a_choice():
    values = pd.to_timedelta(36_000 + 86_400 * np.arange(5000), unit="s")
    schema, _ = learn(pd.DataFrame({"a": values}))
    column = schema.modelled[0]
    choices = time_cells(column, ((column.minimum, column.maximum),)).form().texts

    assert len(choices) == 1000
    assert choices[:2] == ["10 hours", "130 hours"]


def test_years_of_five_digits_are_written_and_read():
    schema, values = learn(pd.DataFrame({"a": np.array(["9999-12-31", "12000-01-01"], dtype="M8[s]")}))
    column = schema.modelled[0]
    cells = time_cells(column, ((column.minimum, column.maximum),))

    assert [read(cells, text) for text in cells.texts(values[:, 0])] == values[:, 0].tolist()
    assert cells.form().texts[0] == "9999-12-31"
