"""Continuous columns of dates, times, durations and periods in a reply."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.columns import Column
from skgensynth.exceptions import SchemaError
from skgensynth.llm.rows.cells import Cell, Intervals, Listed, Patterned, Unreadable, Written, put_inside
from skgensynth.llm.rows.patterns import integers, moments, one_of

__all__ = ["time_cells"]

MAX_CHOICES = 1000  # of times whose texts follow no pattern, evenly spaced

_DAY = 86_400 * 10**9
_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "D": _DAY}
# What varies from one value to the next -> fields of a moment that do.
_FREE_FIELDS = {_DAY: 3, 3600 * 10**9: 4, 60 * 10**9: 5, 10**9: 6}
_DURATION_UNITS = {
    "days": _DAY,
    "hours": 3600 * 10**9,
    "minutes": 60 * 10**9,
    "seconds": 10**9,
    "milliseconds": 10**6,
    "microseconds": 10**3,
    "nanoseconds": 1,
}
_PRECISIONS = {"D": (_DAY, 0), "s": (10**9, 0), "ms": (10**6, 3), "us": (10**3, 6), "ns": (1, 9)}
_MOMENT = re.compile(
    r"(\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?)? ?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_DURATION = re.compile(
    r"([-+]?\d{1,20}) ?(days?|hours?|minutes?|seconds?|milliseconds?|microseconds?|nanoseconds?)"
    r"|(?:[-+]?\d{1,9} days?,? ?)?[-+]?\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?",
    re.ASCII,
)
_PERIOD = re.compile(
    r"\d{4}|\d{4}-?Q[1-4]|\d{4}-\d\d|\d{4}-\d\d-\d\d(?:/\d{4}-\d\d-\d\d|[T ]\d\d(?::\d\d){1,2}(?:\.\d{1,9})?)?",
    re.ASCII,
)


def time_cells(column: Column, intervals: Intervals) -> TimeCells:
    """The cells of a continuous column of times.

    Parameters
    ----------
    column : Column
        The column.
    intervals : sequence of (float, float)
        What its encoded values may be, from the observed range or a condition.

    Returns
    -------
    TimeCells
        For its sort of times.
    """
    inner = column.storage.inner
    unit: str | None = inner.unit if isinstance(inner, pd.DatetimeTZDtype) else None
    if isinstance(inner, np.dtype):
        unit = np.datetime_data(inner)[0]
    if unit not in _NANOSECONDS:  # periods; months and years
        return TimeCells(column, intervals)
    moment = column.storage.family == "datetime"
    return (MomentCells if moment else DurationCells)(column, intervals, _NANOSECONDS[unit])


class TimeCells:
    """Times of any sort, such as periods: encoded values are whole numbers, and texts those of the column.

    Parameters
    ----------
    column : Column
        The column.
    intervals : sequence of (float, float)
        What its encoded values may be, from the observed range or a condition.
    """

    bare = False
    _readable: re.Pattern[str] = _PERIOD

    def __init__(self, column: Column, intervals: Intervals) -> None:
        self._column = column
        self._intervals = intervals

    def texts(self, values: np.ndarray) -> list[str]:
        """See `Cells.texts`."""
        return [self._column.format(value) for value in values.tolist()]

    def read(self, cell: Cell, repair: bool) -> Written:
        """See `Cells.read`."""
        text = cell.texts[0].strip()
        match = self._readable.fullmatch(text)
        if match is None:
            raise Unreadable("is no time")
        try:
            value = self._encode(match)
        except (SchemaError, ValueError, OverflowError):
            raise Unreadable("is no time") from None
        if not value.is_integer():
            if not repair:
                raise Unreadable("lies between the times that it may be")
            value = float(round(value))
        return Written(put_inside(value, self._intervals, repair))

    def form(self) -> Listed | Patterned:
        """See `Cells.form`."""
        points: list[float] = []
        for low, high in self._intervals:
            step = max(np.ceil((high - low) / max(MAX_CHOICES // len(self._intervals), 1)), 1.0)
            points += np.arange(low, high + 1, step).tolist()
        return Listed(self.texts(np.array(points)))

    def _encode(self, match: re.Match[str]) -> float:
        return self._column.code_of(match[0])


class MomentCells(TimeCells):
    """Dates and times, in as many fields as the column needs.

    Times with a zone are written as local times where their days begin at local midnights, and else in UTC.
    """

    _readable = _MOMENT

    def __init__(self, column: Column, intervals: Intervals, scale: int) -> None:
        super().__init__(column, intervals)
        self._start, self._step = column.storage.origin * scale, column.storage.tick * scale
        zoned = isinstance(column.storage.inner, pd.DatetimeTZDtype)
        self._dtype = np.dtype(f"M8[{column.storage.inner.unit}]") if zoned else column.storage.inner
        self._zone = "+00:00" if zoned and not column.storage.wall else ""
        self._precision: Any = next(
            name for name, (size, _) in _PRECISIONS.items() if self._start % size == 0 and self._step % size == 0
        )

    def texts(self, values: np.ndarray) -> list[str]:
        """See `Cells.texts`."""
        return [text + self._zone for text in self._local(values)]

    def form(self) -> Listed | Patterned:
        """See `Cells.form`."""
        size, width = _PRECISIONS[self._precision]
        ends = [self._local(np.array(pair)) for pair in self._intervals]
        regular = self._step >= 10**9 or self._step == size
        if not regular or not ends or not all(re.match(r"(?!0000)\d{4}-", text) for pair in ends for text in pair):
            return super().form()
        parts = []
        for pair in ends:
            low, high = ([int(field) for field in re.split("[-: .]", text)] for text in pair)
            parts.append(moments(low, high, min(_FREE_FIELDS.get(self._step, 7), len(low)), width))
        return _patterned(one_of(parts) + self._zone.replace("+", "\\+"))

    def _local(self, values: np.ndarray) -> list[str]:
        """Texts without a zone."""
        storage = self._column.storage
        units = np.array([storage.origin + storage.tick * round(value) for value in values.tolist()], dtype=np.int64)
        texts = np.datetime_as_string(units.view(self._dtype), unit=self._precision, casting="unsafe")
        return [text.replace("T", " ") for text in texts.tolist()]

    def _encode(self, match: re.Match[str]) -> float:
        date, time, fraction, zone = match.groups(default="")
        if ("+00:00" if zone == "Z" else zone) != self._zone:
            return self._column.code_of(match[0])
        seconds = int(np.datetime64(f"{date}T{time or '00:00'}", "s").astype(np.int64))
        return _position(seconds * 10**9 + int(fraction.ljust(9, "0")) - self._start, self._step)


class DurationCells(TimeCells):
    """Durations, as a number of the largest unit that all of them are whole numbers of."""

    _readable = _DURATION

    def __init__(self, column: Column, intervals: Intervals, scale: int) -> None:
        super().__init__(column, intervals)
        self._start, self._step = column.storage.origin * scale, column.storage.tick * scale
        self._unit, self._size = next(
            pair for pair in _DURATION_UNITS.items() if self._start % pair[1] == 0 and self._step % pair[1] == 0
        )

    def texts(self, values: np.ndarray) -> list[str]:
        """See `Cells.texts`."""
        return [f"{self._count(value)} {self._unit}" for value in values.tolist()]

    def form(self) -> Listed | Patterned:
        """See `Cells.form`."""
        if self._step != self._size or not self._intervals:
            return super().form()
        parts = [integers(self._count(low), self._count(high)) for low, high in self._intervals]
        return _patterned(f"{one_of(parts)} {self._unit}")

    def _count(self, value: float) -> int:
        return (self._start + self._step * round(value)) // self._size

    def _encode(self, match: re.Match[str]) -> float:
        if match[1] is None:
            return self._column.code_of(match[0])
        size = _DURATION_UNITS[match[2].removesuffix("s") + "s"]
        return _position(int(match[1]) * size - self._start, self._step)


def _patterned(pattern: str) -> Patterned:
    return Patterned(pattern, {"type": "string", "pattern": f"^{pattern}$"})


def _position(distance: int, step: int) -> float:
    """Number of steps; between two whole numbers where the distance is not a whole number of them."""
    whole, rest = divmod(distance, step)
    return whole + (min(max(rest / step, 0.01), 0.99) if rest else 0.0)
