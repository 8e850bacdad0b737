from __future__ import annotations

import datetime
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skgensynth.llm.rows.patterns import decimals, integers, literal, moments, one_of

BOUNDS = st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)).map(sorted)
DATES = st.dates(datetime.date(1895, 1, 1), datetime.date(2110, 1, 1))


def written(number, n_decimals):
    """The number, given in units of its last decimal, with all of its decimals."""
    digits = str(abs(number)).zfill(n_decimals + 1)
    text = f"{digits[:-n_decimals]}.{digits[-n_decimals:]}" if n_decimals else digits
    return f"-{text}" if number < 0 else text


@settings(max_examples=150, deadline=None)
@given(BOUNDS, st.integers(0, 3), st.integers(-2500, 2500))
def test_decimals_hold_what_is_between_the_bounds(bounds, n_decimals, drawn):
    low, high = bounds
    pattern = re.compile(decimals(low, high, n_decimals))

    for number in (low, high, low - 1, high + 1, drawn):
        text = written(number, n_decimals)
        short = text.rstrip("0").rstrip(".") if n_decimals else text
        assert bool(pattern.fullmatch(text)) == bool(pattern.fullmatch(short)) == (low <= number <= high)
        assert not pattern.fullmatch("0" + text)
        assert not pattern.fullmatch(f"{text}0" if n_decimals else f"{text}.0")
    assert not pattern.fullmatch("-0")


def test_integers_are_listed_exactly():
    pattern = re.compile(integers(-12, 1005))

    assert [n for n in range(-2000, 2000) if pattern.fullmatch(str(n))] == list(range(-12, 1006))


@settings(max_examples=60, deadline=None)
@given(st.tuples(DATES, DATES).map(sorted), DATES)
def test_moments_hold_the_dates_between_the_bounds(bounds, drawn):
    low, high = bounds
    pattern = re.compile(moments(*((day.year, day.month, day.day) for day in bounds), 3, 0))

    for day in (low, high, low - datetime.timedelta(1), high + datetime.timedelta(1), drawn):
        assert bool(pattern.fullmatch(day.isoformat())) == (low <= day <= high)


@pytest.mark.parametrize("text", ["2001-02-29", "1900-02-29", "2001-04-31", "2001-13-01", "2001-00-10", "2001-01-00"])
def test_moments_hold_no_days_that_never_were(text):
    assert not re.fullmatch(moments((1800, 1, 1), (2100, 12, 31), 3, 0), text)


TIMES = st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2030, 1, 1))


@settings(max_examples=40, deadline=None)
@given(st.tuples(TIMES, TIMES).map(sorted), TIMES, st.integers(0, 10**7))
def test_moments_hold_the_times_between_the_bounds(bounds, drawn, near):
    def fields(time):
        return (time.year, time.month, time.day, time.hour, time.minute, time.second, time.microsecond)

    low, high = bounds
    pattern = re.compile(moments(fields(low), fields(high), 7, 6))
    for time in (low, high, drawn, min(low + datetime.timedelta(microseconds=near), high)):
        text = time.isoformat(sep=" ", timespec="microseconds")
        assert bool(pattern.fullmatch(text)) == (low <= time <= high)


def test_fields_that_do_not_vary_are_as_in_the_lower_bound():
    pattern = re.compile(moments((2020, 1, 31, 7, 30, 0), (2020, 2, 1, 9, 30, 0), 4, 0))
    hours = [f"2020-01-31 {h:02d}:30:00" for h in range(24)] + [f"2020-02-01 {h:02d}:30:00" for h in range(24)]

    assert [text for text in hours if pattern.fullmatch(text)] == hours[7:34]
    assert not pattern.fullmatch("2020-01-31 12:31:00")


@given(st.text())
def test_literals_of_ascii_hold_themselves(text):
    assert literal("a.b/c\n") == r"a\x{2e}b\x{2f}c\x{a}"
    assert re.fullmatch(r"([A-Za-z0-9]|\\x\{[0-9a-f]+\})*", literal(text))


def test_one_of_has_a_group_for_several():
    assert one_of(["a", "a"]) == "a"
    assert one_of([]) == ""
    assert one_of(["a", "b"]) == "(?:a|b)"
