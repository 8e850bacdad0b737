"""A table as constraints see it: each column read once, as numbers and as levels."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.containers import read_table, read_target
from skgensynth.exceptions import ConstraintError
from skgensynth.scalars import text_of
from skgensynth.schema import TableSchema
from skgensynth.storage import Values, describe

__all__ = ["ColumnView", "TableView"]

_UNITS = {"D": 86400, "h": 3600, "min": 60}  # of durations, in seconds
_FAMILIES = {
    "integer": "number",
    "float": "number",
    "datetime": "datetime",
    "period": "datetime",
    "timedelta": "duration",
}


class TableView:
    """A table whose columns are read when first needed, and once.

    Parameters
    ----------
    X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
        The table. Columns without names are "0", "1", ...
    y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,), default=None
        One more column: the target, by its name, or "target" if it has none.
    """

    def __init__(self, X: Any, y: Any = None) -> None:
        table = read_table(X)
        self.n_rows = table.n_rows
        columns = dict(zip(table.names, table.values, strict=True))
        self.target: str | None = None
        if y is not None:
            target = read_target(y, table)
            self.target = target.name
            columns[target.name] = target.values
        self._values: Mapping[str, Values] = columns
        self._columns: dict[str, ColumnView] = {}
        self._answers: dict[Hashable, np.ndarray] = {}

    @classmethod
    def of_schema(cls, schema: TableSchema) -> TableView:
        """A table in whose columns each level, or the smallest and largest number, of a learned table stands once.

        The columns are of different lengths: it serves to verify constraints, not to check rows.
        """
        view = cls.__new__(cls)
        view.n_rows, view.target, view._columns, view._answers = 0, None, {}, {}
        view._values = {
            column.name: pd.Series([], dtype=object).to_numpy()
            if column.kind == "identifier"
            else column.decode(
                np.arange(len(column.levels), dtype=float)
                if column.kind == "categorical"
                else np.array([column.minimum, column.maximum])
            )
            for column in schema.columns
        }
        return view

    @classmethod
    def of_encoded(cls, values: np.ndarray, schema: TableSchema) -> TableView:
        """The table that an encoded matrix of shape (n_rows, n_modelled) stands for; it has no identifiers.

        Columns are decoded when they are first needed.
        """
        view = cls.__new__(cls)
        target = schema.target
        view.n_rows, view._columns, view._answers = len(values), {}, {}
        view.target = None if target is None else target.name
        view._values = _Decoded(values, schema)
        return view

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self._values)

    def values(self, name: str) -> Values:
        """Values of a column as in the user's table."""
        return self._values[name]

    def column(self, name: str) -> ColumnView:
        """One column.

        Raises
        ------
        ConstraintError
            If there is none of that name.
        """
        if name not in self._columns:
            if name not in self._values:
                raise ConstraintError(f"there is no column {name!r}; columns are {', '.join(self._values)}")
            self._columns[name] = ColumnView(name, self._values[name])
        return self._columns[name]

    def remember(self, key: Hashable, make: Callable[[TableView], np.ndarray]) -> np.ndarray:
        """What `make` returns for this table, made once."""
        if key not in self._answers:
            self._answers[key] = make(self)
        return self._answers[key]


class _Decoded(Mapping[str, Values]):
    """Columns of an encoded matrix by name, decoded when asked for."""

    def __init__(self, values: np.ndarray, schema: TableSchema) -> None:
        self._encoded = values
        self._columns = {column.name: (place, column) for place, column in enumerate(schema.modelled)}

    def __getitem__(self, name: str) -> Values:
        place, column = self._columns[name]
        return column.decode(np.ascontiguousarray(self._encoded[:, place]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class ColumnView:
    """One column as numbers, where it has an order, and as levels.

    Parameters
    ----------
    name : str
        Its name.
    values : ndarray or ExtensionArray of shape (n_rows,)
        Its values.

    Attributes
    ----------
    family : {"number", "datetime", "duration", "level"}
        What its values are. Levels may be numbers as well: those of a category of numbers.
    """

    def __init__(self, name: str, values: Values) -> None:
        self.name = name
        self._storage, self._inner = describe(values)
        self.family = _FAMILIES.get(self._storage.family, "level")

    @cached_property
    def missing(self) -> np.ndarray:
        """Rows without a value."""
        return np.asarray(pd.isna(self._inner))

    @cached_property
    def is_empty(self) -> bool:
        """Whether no row has a value: then nothing is known about it, not even its family."""
        return bool(self.missing.all())

    @property
    def has_numbers(self) -> bool:
        """Whether the values have an order."""
        return self._numbers is not None

    @property
    def numbers(self) -> np.ndarray:
        """Numbers, or seconds of times; NaN where missing."""
        if self._numbers is None:
            raise ConstraintError(f"column {self.name!r} holds no numbers, so it has no order; it has {self.summary()}")
        return self._numbers

    @property
    def scale(self) -> str:
        """What the numbers are: "number", "datetime" or "duration"."""
        return "number" if self.family == "level" else self.family

    @cached_property
    def coded(self) -> tuple[np.ndarray, list[Any]]:
        """Codes, -1 where missing, and what each stands for: the level's text, or the number."""
        if self.family != "level":
            present = ~self.missing
            uniques, inverse = np.unique(self.numbers[present], return_inverse=True)
            codes = np.full(len(present), -1)
            codes[present] = inverse
            return codes, uniques.tolist()
        levels: Any
        if isinstance(self._inner, pd.Categorical):
            codes, levels = self._inner.codes.astype(np.intp), self._inner.categories
        else:
            try:
                codes, levels = pd.factorize(self._inner)
            except TypeError as error:
                raise ConstraintError(
                    f"column {self.name!r} cannot be used: {error}; make its values strings"
                ) from error
        texts = [text_of(_plain(level)) for level in levels]
        place = {text: k for k, text in enumerate(dict.fromkeys(texts))}  # 1 and "1" are the same in a sentence
        return np.array([*(place[text] for text in texts), -1])[codes], list(place)

    def is_one_of(self, texts: Sequence[str]) -> np.ndarray:
        """Rows whose value is one of those written."""
        wanted = [self.key(text) for text in texts]
        if self.family != "level":
            numbers = [key for key in wanted if isinstance(key, float)]
            return np.isin(self.numbers, numbers) if len(numbers) != 1 else self.numbers == numbers[0]
        codes, known = self.coded
        return np.array([*(key in wanted for key in known), False])[codes]

    def key(self, text: str) -> Any:
        """What a text stands for: a number in a column of numbers if it is one, else the text itself."""
        try:
            return text if self.family == "level" else self.parse(text)
        except ConstraintError:  # the column had other values where the constraint was made
            return text

    def text(self, key: Any) -> str:
        """Text of what `key` returned."""
        return key if self.family == "level" else self.format(key)

    def parse(self, text: str) -> float:
        """Number that a text stands for: a number, or a time in seconds.

        Raises
        ------
        ConstraintError
            If it is none.
        """
        try:
            if self.family == "datetime":
                return self._seconds(pd.Timestamp(text))
            if self.family == "duration":
                return _finite(pd.Timedelta(text) / pd.Timedelta(microseconds=1) / 1e6)
            return _finite(float(text))
        except (ValueError, OverflowError) as error:
            what = {"datetime": "dates", "duration": "durations"}.get(self.family, "numbers")
            raise ConstraintError(f"column {self.name!r} holds {what}, and {text!r} is none") from error

    def format(self, number: float) -> str:
        """Text that `parse` reads as the number."""
        if self.family == "datetime":
            stamp = pd.Timestamp(round(number * 1e6), unit="us", tz="UTC")
            stamp = stamp.tz_localize(None) if self._zone is None else stamp.tz_convert(self._zone)
            text = stamp.isoformat()  # pads years, which strftime does not
            return text.partition("T")[0] if stamp == stamp.normalize() else text
        if self.family == "duration":
            for unit, seconds in _UNITS.items():
                if number % seconds == 0:
                    return f"{int(number / seconds)}{unit}"
            text = text_of(round(float(number), 6))
            return f"{round(number * 1e6)}us" if "e" in text else f"{text}s"
        return text_of(float(number))

    def summary(self, limit: int = 10) -> str:
        """Say which values the column has, at most so many of its levels."""
        if self.family != "level":
            present = self.numbers[~self.missing]
            if len(present) == 0:
                return "no values"
            return f"values from {self.format(present.min())} to {self.format(present.max())}"
        texts = self.coded[1]
        more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
        return f"the values {', '.join(texts[:limit])}{more}" if texts else "no values"

    @property
    def _zone(self) -> Any:
        return getattr(self._storage.inner, "tz", None)

    @cached_property
    def _numbers(self) -> np.ndarray | None:
        inner = self._inner
        if self.is_empty:
            return np.full(len(inner), np.nan)
        if self.family == "level":
            categories = getattr(inner, "categories", None)
            if categories is None or categories.dtype.kind not in "iuf":
                return None
            return np.append(np.asarray(categories, dtype=np.float64), np.nan)[inner.codes]
        if self.family == "number":
            numbers = self._storage.encode(inner)
            if self._storage.family == "float" and inner.dtype.itemsize < 8:
                # 0.1 in float32 is meant to be 0.1, whatever stands beside it.
                numbers = numbers.astype(f"f{inner.dtype.itemsize}").astype(str).astype(np.float64)
            return numbers
        times: Any = pd.TimedeltaIndex(inner) if self.family == "duration" else _utc(inner)
        return np.where(self.missing, np.nan, times.as_unit("us").asi8 / 1e6)

    def _seconds(self, stamp: pd.Timestamp) -> float:
        """Seconds since 1970 of a time that was written; without a zone it is in the column's."""
        if self._zone is not None and stamp.tz is None:
            stamp = stamp.tz_localize(self._zone, ambiguous=False, nonexistent="shift_forward")
        if stamp.tz is not None:
            stamp = (stamp.tz_convert("UTC") if self._zone is not None else stamp).tz_localize(None)
        return _finite(stamp.to_datetime64().astype("M8[us]").astype(np.int64) / 1e6)


def _utc(inner: Values) -> pd.DatetimeIndex:
    """Times or starts of periods, in UTC where they have a zone."""
    times = pd.PeriodIndex(inner).to_timestamp() if isinstance(inner.dtype, pd.PeriodDtype) else pd.DatetimeIndex(inner)
    return times if times.tz is None else times.tz_convert("UTC")


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _plain(level: Any) -> Any:
    """A numpy scalar as the Python value that has its text."""
    return level.item() if isinstance(level, np.generic) else level
