"""Single values: numbers and times as users write them, and values as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skgensynth.storage import Storage, Values, family_of

__all__ = ["encode_time", "number_of", "text_of", "time_of"]


def number_of(value: Any) -> np.ndarray:
    """Read a number that a user wrote.

    Parameters
    ----------
    value : object
        A number or its text.

    Returns
    -------
    ndarray of shape (1,)
        The number, as an integer where it is written as one: large ones stay exact.

    Raises
    ------
    TypeError or ValueError
        If it is not a finite number.
    """
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            value = float(value)
    number = np.array([value if isinstance(value, (int, np.integer)) else float(value)])
    if number.dtype.kind == "f" and not np.isfinite(number[0]):
        raise ValueError("not a finite number")
    return number


def time_of(value: Any, dtype: Any) -> Any:
    """Read a timestamp, timedelta or period that a user wrote.

    Parameters
    ----------
    value : object
        A time or its text; without a zone it is in the column's.
    dtype : dtype
        Inner dtype of the column.

    Returns
    -------
    Timestamp, Timedelta or Period
        By the dtype.

    Raises
    ------
    TypeError or ValueError
        If it is not a time, or has a zone where the column has none.
    """
    if isinstance(value, (bool, int, float)):
        raise TypeError("a number is not a time")
    family = family_of(dtype)
    if family == "timedelta":
        return pd.Timedelta(value)
    if family == "period":
        return pd.Period(value, freq=dtype.freq)
    stamp, zone = pd.Timestamp(value), getattr(dtype, "tz", None)
    if stamp.tz is not None and zone is None:
        raise ValueError("the column has no time zone")
    if zone is None or stamp.tz is not None:
        return stamp if zone is None else stamp.tz_convert(zone)
    return stamp.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")


def encode_time(moment: Any, storage: Storage) -> float:
    """Encode a time.

    Parameters
    ----------
    moment : Timestamp, Timedelta or Period
        From :func:`time_of`.
    storage : Storage
        How the column stores times.

    Returns
    -------
    float
        Encoded value; half a unit of the dtype beside one where the time is finer than the dtype.
    """
    inner = storage.inner
    if isinstance(moment, pd.Period):
        return float(storage.encode(pd.array([moment], dtype=inner))[0])
    zoned = isinstance(inner, pd.DatetimeTZDtype)
    near: Values = pd.array([moment.as_unit(inner.unit)], dtype=inner) if zoned else np.array([moment.asm8], inner)
    back = pd.Series(near).iloc[0]
    return float(storage.encode(near)[0]) + 0.5 * (int(moment > back) - int(moment < back)) / storage.tick


def text_of(value: Any) -> str:
    """Write one value of a table as readable text.

    Parameters
    ----------
    value : object
        A value, not missing.

    Returns
    -------
    str
        A whole float without decimals ("3"), a midnight as its date ("2020-01-31"), anything else as Python does.
    """
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, pd.Timestamp):
        text = value.isoformat(sep=" ")  # pads years, which strftime does not
        return text.partition(" ")[0] if value == value.normalize() else text
    return str(value)
