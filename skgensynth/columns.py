"""One column of a table: its kind, and its values as numbers and as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.exceptions import SchemaError, SchemaMismatchError
from skgensynth.jsonable import value_from_json, value_to_json
from skgensynth.scalars import encode_time, number_of, text_of, time_of
from skgensynth.storage import Storage, Values, describe, family_of

__all__ = ["KINDS", "Column"]

KINDS = ("categorical", "continuous", "identifier")
_NUMERIC = ("integer", "float", "boolean")


@dataclass(frozen=True)
class Column:
    """What is known about one column of a table.

    Attributes
    ----------
    name : str
        Unique name; "0", "1", ... for columns without names.
    role : {"feature", "target"}
        Whether it belongs to X or is y.
    kind : {"categorical", "continuous", "identifier"}
        How it is modelled. A column without a single value is categorical with no levels of its own.
    levels : tuple
        Categorical: the values in order, levels that a category dtype declares but no row has included. Else empty.
    counts : tuple of int
        How many rows had each level.
    minimum, maximum : float
        Continuous: observed range, in encoded units. Else NaN.
    resolution : float or None
        Continuous: distance between neighbouring values, in encoded units: ``10**-decimals`` for floats, 1 for whole
        numbers and times. None where values are not on a grid.
    has_missing : bool
        Whether a value was missing.
    label : hashable
        The name in the user's table.
    storage : Storage
        How the user's table stores the values.
    identifier : dict or None
        Identifier: how new ones are made.
    """

    name: str
    role: str
    kind: str
    levels: tuple[Any, ...]
    counts: tuple[int, ...]
    minimum: float
    maximum: float
    resolution: float | None
    has_missing: bool
    label: Hashable
    storage: Storage
    identifier: dict[str, Any] | None = None

    # -- values and numbers ----------------------------------------------------------------------------------------

    def encode(self, values: Values) -> np.ndarray:
        """Turn the column's values into numbers.

        Parameters
        ----------
        values : ndarray or ExtensionArray of shape (n,)
            Values as in the user's table.

        Returns
        -------
        ndarray of shape (n,), float64
            Codes of levels, or numbers in encoded units; NaN where missing.

        Raises
        ------
        SchemaMismatchError
            If the values are of another sort than the column's.
        SchemaError
            If a value is infinite or, in a categorical column, not one of its levels.
        """
        inner = self._to_inner(values)
        if self.kind == "categorical":
            return self._codes(inner)
        encoded = self.storage.encode(inner)
        if np.isinf(encoded).any():
            raise SchemaError(
                f"column {self.name!r} contains infinite values; replace them by numbers or missing values"
            )
        return encoded

    def decode(self, encoded: np.ndarray) -> Values:
        """Turn numbers into values as the user's table stores them.

        Parameters
        ----------
        encoded : ndarray of shape (n,)
            What :meth:`encode` returns.

        Returns
        -------
        ndarray or ExtensionArray of shape (n,)
            Continuous values are moved to the grid, but not into the observed range.

        Raises
        ------
        SchemaError
            If a value is missing and the column's dtype has no missing value.
        """
        missing = np.isnan(encoded)
        if missing.any() and not self.storage.holds_missing:
            raise SchemaError(f"column {self.name!r} of dtype {self.storage.dtype} cannot hold missing values")
        if self.kind == "categorical":
            codes = np.where(missing, len(self.levels), encoded).astype(np.intp)
            return self.storage.wrap(self._pool.take(codes))
        return self.storage.wrap(self.storage.decode(encoded))

    def snap(self, values: np.ndarray) -> np.ndarray:
        """Move encoded values of a continuous column to the grid and into the observed range; codes stay."""
        if self.kind != "continuous":
            return np.asarray(values, dtype=np.float64)
        return np.clip(self.storage.round(np.asarray(values, dtype=np.float64)), self.minimum, self.maximum)

    def code_of(self, value: Any) -> float:
        """Encode one value that a user wrote.

        Parameters
        ----------
        value : object
            A level or its text; a number or its text; a time or its text.

        Returns
        -------
        float
            The code of the level, or the number in encoded units, neither snapped nor clipped.

        Raises
        ------
        SchemaError
            If it is not a level, or not a number or time.
        """
        if self.kind == "categorical":
            return self._code_of_level(value)
        try:
            if self.storage.family in ("integer", "float"):
                return float(self.storage.encode(number_of(value))[0])
            return encode_time(self.time_of(value), self.storage)
        except (TypeError, ValueError) as error:
            raise SchemaError(f"column {self.name!r} cannot be compared with {value!r}") from error

    def time_of(self, value: Any) -> Any:
        """Read a timestamp, timedelta or period that a user wrote.

        Parameters
        ----------
        value : object
            A time or its text; without a zone it is in the column's.

        Returns
        -------
        Timestamp, Timedelta or Period
            By the column's dtype.

        Raises
        ------
        TypeError or ValueError
            If it is not a time, or has a zone where the column has none.
        """
        return time_of(value, self.storage.inner)

    # -- text ------------------------------------------------------------------------------------------------------

    def format(self, code_or_value: float) -> str:
        """Write one encoded value, not missing, as text.

        Parameters
        ----------
        code_or_value : float
            A code, or a number in encoded units.

        Returns
        -------
        str
            The level ("F"), whole number ("75"), number with the column's decimals or up to six digits ("3.25"),
            or time ("2020-01-31"). Different levels have different texts.
        """
        if self.kind == "categorical":
            return self.texts[int(code_or_value)]
        if self.storage.family == "integer":
            return str(self.storage.origin + round(code_or_value))
        if self.storage.family == "float":
            decimals = self.storage.decimals
            number = code_or_value + 0.0
            return f"{number:.6g}" if decimals is None else f"{round(number, decimals) + 0.0:.{decimals}f}"
        return text_of(pd.Series(self.storage.decode(np.array([code_or_value]))).iloc[0])

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Text of each level, all different."""
        texts = [text_of(level) for level in self.levels]
        counts = Counter(texts)
        return tuple(repr(v) if counts[t] > 1 or not t else t for v, t in zip(self.levels, texts, strict=True))

    def summary(self, limit: int = 10) -> str:
        """Say which values the column has.

        Parameters
        ----------
        limit : int, default=10
            How many levels to name.

        Returns
        -------
        str
            The observed range, or the levels that some row had.
        """
        if self.kind == "continuous":
            return f"values from {self.format(self.minimum)} to {self.format(self.maximum)}"
        seen = [text for text, count in zip(self.texts, self.counts, strict=True) if count]
        more = f" and {len(seen) - limit} more" if len(seen) > limit else ""
        return "the values " + ", ".join(seen[:limit]) + more if seen else "no values"

    # -- JSON ------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Describe the column in values that JSON has."""
        return {
            "name": self.name,
            "role": self.role,
            "kind": self.kind,
            "levels": [value_to_json(level) for level in self.levels],
            "counts": list(self.counts),
            "minimum": None if math.isnan(self.minimum) else self.minimum,
            "maximum": None if math.isnan(self.maximum) else self.maximum,
            "resolution": self.resolution,
            "has_missing": self.has_missing,
            "label": value_to_json(self.label),
            "storage": self.storage.to_dict(),
            "identifier": self.identifier,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Column:
        """Make the column that :meth:`to_dict` described."""
        state = dict(state)
        state["levels"] = tuple(value_from_json(level) for level in state["levels"])
        state["counts"] = tuple(state["counts"])
        state["label"] = value_from_json(state["label"])
        state["storage"] = Storage.from_dict(state["storage"])
        for bound in ("minimum", "maximum"):
            state[bound] = math.nan if state[bound] is None else state[bound]
        return cls(**state)

    # -- private ---------------------------------------------------------------------------------------------------

    def _to_inner(self, values: Values) -> Values:
        """Inner form of values, checked to mean the same as the column's."""
        mine = self.storage
        if values.dtype == mine.dtype and mine.python in (None, "str", "fixed", "swapped", "arrow"):
            return mine.unwrap(values)
        found, inner = describe(values)
        if np.asarray(pd.isna(inner)).all():
            return self._all_missing(len(inner))
        if mine.family == "category" or (not self.levels and self.kind == "categorical"):
            return inner
        if found.family == "category":
            return self._to_inner(np.asarray(inner, dtype=object))
        same = found.family == mine.family or (found.family in _NUMERIC and mine.family in _NUMERIC)
        if not same and not (self.kind == "categorical" and "other" in (mine.family, found.family)):
            raise SchemaMismatchError(
                f"column {self.name!r} was learned as {mine.family} values ({mine.dtype}), but now holds "
                f"{found.family} values ({found.dtype}); convert it"
            )
        if mine.family in ("datetime", "timedelta", "period"):
            return self._same_time(inner)
        if mine.family == "float" and self.kind == "categorical":
            numbers = inner if isinstance(inner, np.ndarray) else inner.to_numpy(np.float64, na_value=np.nan)
            return numbers.astype(getattr(mine.inner, "numpy_dtype", mine.inner))  # 0.1 as the dtype holds it
        return inner

    def _same_time(self, inner: Values) -> Values:
        """Times in the unit and zone of the column."""
        try:
            if isinstance(self.storage.inner, pd.DatetimeTZDtype) != isinstance(inner.dtype, pd.DatetimeTZDtype):
                raise TypeError("only one of the two has a time zone")
            if isinstance(self.storage.inner, np.dtype):
                return np.asarray(inner).astype(self.storage.inner)
            return inner.astype(self.storage.inner)
        except (TypeError, ValueError) as error:
            raise SchemaMismatchError(
                f"column {self.name!r} was learned with dtype {self.storage.inner}, but has {inner.dtype}; convert it"
            ) from error

    def _all_missing(self, n: int) -> Values:
        """Inner values that are all missing."""
        if self.kind == "categorical":
            return np.full(n, None, dtype=object)
        return self.storage.decode(np.full(n, np.nan)) if not self._whole_numpy else np.full(n, np.nan)

    @property
    def _whole_numpy(self) -> bool:
        """Whether the inner dtype is a numpy integer, which has no missing value."""
        return isinstance(self.storage.inner, np.dtype) and self.storage.inner.kind in "iu"

    @cached_property
    def _pool(self) -> Values:
        """Inner values of all levels, with the missing value last where the dtype has one."""
        inner = self.storage.inner
        extra = [None] if self.storage.holds_missing else []
        if not isinstance(inner, np.dtype):
            if isinstance(inner, pd.CategoricalDtype):
                return pd.Categorical.from_codes([*range(len(self.levels)), -1], dtype=inner)
            return pd.array([*self.levels, *extra], dtype=inner)
        if inner.kind in "Mm":
            return pd.Series([*self.levels, pd.NaT], dtype=object).astype(_pandas_time(inner)).to_numpy().astype(inner)
        if inner.kind != "O":
            return np.array([*self.levels, *([np.nan] if extra else [])], dtype=inner)
        marker = {"None": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}[self.storage.marker]
        return _objects([*self.levels, marker])

    @cached_property
    def _lookup(self) -> dict[Any, int]:
        """Code of each level."""
        levels: Iterable[Any] = self.levels
        if self.storage.family == "float":
            levels = np.asarray(self._pool, dtype=object)[: len(self.levels)]  # 0.1 as the dtype holds it
        return {self._key(level): code for code, level in enumerate(levels)}

    def _key(self, value: Any) -> Any:
        """What levels are told apart by."""
        if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
            value = value.item()
        elif isinstance(value, np.datetime64):
            value = pd.Timestamp(value)
        elif isinstance(value, np.timedelta64):
            value = pd.Timedelta(value)
        return (type(value).__name__, value) if self.storage.family == "other" else value

    def _codes(self, inner: Values) -> np.ndarray:
        """Codes of inner values; NaN where missing."""
        if self.storage.family == "other" and inner.dtype == object:
            missing = np.asarray(pd.isna(inner))
            out = np.full(len(inner), np.nan)
            out[~missing] = [self._code_or_raise(value) for value in inner[~missing]]
            return out
        local, uniques = pd.factorize(inner, use_na_sentinel=True)
        codes = np.array([*(self._code_or_raise(value) for value in uniques), np.nan])
        return codes[local]

    def _code_or_raise(self, value: Any) -> int:
        try:
            return self._lookup[self._key(value)]
        except (KeyError, TypeError):
            raise SchemaError(
                f"column {self.name!r} holds {value!r}, which it did not when the table was learned; "
                f"it had {self.summary()}"
            ) from None

    def _code_of_level(self, value: Any) -> float:
        """Code of a level or of its text."""
        try:
            code = self._lookup.get(self._key(value))
        except TypeError:
            code = None
        if code is None and isinstance(value, str):
            code = next((code for code, text in enumerate(self.texts) if text == value), None)
        if code is None and isinstance(value, float):  # a float32 level, named by the number that is written for it
            code = next((code for code, level in enumerate(self.levels) if level == value), None)
        if code is None and family_of(self.storage.inner) in ("datetime", "period", "timedelta"):
            code = next((code for code, level in enumerate(self.levels) if level == self.time_of(value)), None)
        if code is None:
            raise SchemaError(f"column {self.name!r} has no value {value!r}; it has {self.summary()}")
        return float(code)


def _pandas_time(dtype: np.dtype) -> np.dtype:
    """The time dtype of pandas that holds values of a numpy one."""
    unit = np.datetime_data(dtype)[0]
    return np.dtype(f"{dtype.kind}8[{unit if unit in ('s', 'ms', 'us', 'ns') else 's'}]")


def _objects(values: list[Any]) -> np.ndarray:
    """A 1-D object array, whatever the values are."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
