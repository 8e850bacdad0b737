import datetime as dt

import numpy as np
import pandas as pd
import pytest

from skgensynth.scalars import encode_time, number_of, text_of, time_of
from skgensynth.storage import Storage

DAYS = np.dtype("datetime64[s]")
BERLIN = pd.DatetimeTZDtype("us", "Europe/Berlin")


@pytest.mark.parametrize(
    ("written", "number", "kind"),
    [
        (3, 3, "i"),
        (np.int8(3), 3, "i"),
        ("3", 3, "i"),
        (str(2**60 + 1), 2**60 + 1, "i"),
        ("3.5", 3.5, "f"),
        (3.0, 3.0, "f"),
        ("1e3", 1000.0, "f"),
    ],
)
def test_numbers_stay_exact(written, number, kind):
    (found,) = array = number_of(written)
    assert (int(found) if kind == "i" else found) == number
    assert array.dtype.kind == kind


@pytest.mark.parametrize("written", ["old", "nan", float("inf"), "-inf", None, [1, 2]])
def test_what_is_no_finite_number_is_refused(written):
    with pytest.raises((TypeError, ValueError)):
        number_of(written)


@pytest.mark.parametrize(
    ("written", "dtype", "time"),
    [
        ("2020-02-01", DAYS, pd.Timestamp("2020-02-01")),
        (dt.date(2020, 2, 1), DAYS, pd.Timestamp("2020-02-01")),
        ("1 day", np.dtype("timedelta64[ns]"), pd.Timedelta(days=1)),
        ("2020-03", pd.PeriodDtype("M"), pd.Period("2020-03", "M")),
        ("2020-07-01 12:00", BERLIN, pd.Timestamp("2020-07-01 10:00", tz="UTC")),
        ("2020-07-01 12:00Z", BERLIN, pd.Timestamp("2020-07-01 14:00", tz="Europe/Berlin")),
        ("2020-10-25 02:30", BERLIN, pd.Timestamp("2020-10-25 01:30", tz="UTC")),  # of two, the one in standard time
        ("2020-03-29 02:30", BERLIN, pd.Timestamp("2020-03-29 01:00", tz="UTC")),  # there is none: moved on
    ],
)
def test_times_are_read_in_the_columns_zone(written, dtype, time):
    found = time_of(written, dtype)
    assert found == time
    assert getattr(found, "tz", None) == getattr(dtype, "tz", None)


@pytest.mark.parametrize("written", [3, 2.5, True, "soon", "2020-02-01T00:00Z"])
def test_what_is_no_time_of_the_column_is_refused(written):
    with pytest.raises((TypeError, ValueError)):
        time_of(written, DAYS)


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (pd.Timestamp("2020-01-02"), 1.0),
        (pd.Timestamp("2020-01-01 12:00"), 0.5),
        (pd.Timestamp("1970-01-01 00:00:01"), -18262 + 1 / 86400),
        (pd.Timestamp("2020-01-01 00:00:01.4"), 1.5 / 86400),  # between two seconds
        (pd.Timestamp("2020-01-01 00:00:00.7"), 0.5 / 86400),
    ],
)
def test_times_are_encoded_in_the_columns_unit(moment, code):
    start = int(pd.Timestamp("2020-01-01").timestamp())
    assert encode_time(moment, Storage(DAYS, DAYS, origin=start, tick=86400)) == pytest.approx(code, abs=1e-9)


def test_periods_and_zoned_times_are_encoded():
    months = pd.PeriodDtype("M")
    assert encode_time(pd.Period("1970-04", "M"), Storage(months, months)) == 3
    zoned = Storage(BERLIN, BERLIN, tick=10**6)
    assert encode_time(pd.Timestamp("1970-01-01 01:00:05", tz="Europe/Berlin"), zoned) == 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (-0.1, "-0.1"),
        (1e15, "1000000000000000.0"),
        (np.nan, "nan"),
        (7, "7"),
        (True, "True"),
        ("F", "F"),
        (pd.Timestamp("2020-01-31"), "2020-01-31"),
        (pd.Timestamp("2020-01-31 10:30"), "2020-01-31 10:30:00"),
        (pd.Timestamp("0001-01-31").as_unit("s"), "0001-01-31"),
        (pd.Timestamp("2020-01-31", tz="UTC"), "2020-01-31"),
        (pd.Timedelta(hours=3), "0 days 03:00:00"),
    ],
)
def test_text_of_a_value(value, text):
    assert text_of(value) == text
