"""What generated rows must be like: "age at least 65, sex F" as a mask, as bounds for a decoder, and as a sentence."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.columns import Column
from skgensynth.exceptions import ConditionError, SchemaError
from skgensynth.scalars import text_of
from skgensynth.schema import TableSchema

__all__ = ["Allowed", "Conditions"]


@dataclass(frozen=True)
class Allowed:
    """What one column may be, in encoded values.

    Attributes
    ----------
    codes : ndarray of shape (n_levels,), bool, or None
        Categorical: which levels are allowed. None for a continuous column.
    intervals : tuple of (float, float)
        Continuous: closed intervals, sorted, on the grid and within the observed range. Any value inside one, moved to
        the grid, stays inside.
    missing : bool
        Whether a missing value is allowed.
    """

    codes: np.ndarray | None
    intervals: tuple[tuple[float, float], ...]
    missing: bool

    def mask(self, values: np.ndarray) -> np.ndarray:
        """Tell which encoded values are allowed.

        Parameters
        ----------
        values : ndarray of shape (n,)
            Encoded values of the column.

        Returns
        -------
        ndarray of shape (n,), bool
            True where allowed.
        """
        absent = np.isnan(values)
        if self.codes is not None:
            known = np.append(self.codes, self.missing)
            return known[np.where(absent, len(self.codes), values).astype(np.intp)]
        out = absent & self.missing
        for low, high in self.intervals:
            out |= (values >= low) & (values <= high)
        return out


@dataclass(frozen=True)
class Conditions:
    """Conditions on any columns of a table.

    Attributes
    ----------
    allowed : dict of int to Allowed
        What a column may be, by its place among the modelled columns; columns without a condition are not in it.
    """

    allowed: dict[int, Allowed] = field(default_factory=dict)
    phrases: tuple[str, ...] = ()

    @classmethod
    def parse(cls, conditions: Mapping[Any, Any] | None, schema: TableSchema) -> Conditions:
        """Check conditions as a user writes them, and turn them into encoded values.

        Parameters
        ----------
        conditions : mapping of column name to condition, or None
            A value ("F"), a range with both ends included (``(65, None)``: at least 65), a set or list of values, or
            None for a missing value (also inside a set). The target goes by its name, or "target" if it has none.
            Ranges work for numbers, times, and levels that are numbers or ordered. Times may be written as text.
        schema : TableSchema
            The table.

        Returns
        -------
        Conditions
            False in a boolean context if there are none.

        Raises
        ------
        ConditionError
            If a column is unknown or an identifier, or no row of the table's values can fulfil its condition; the
            message names the column and what is allowed.
        """
        if conditions is None:
            return cls()
        if not isinstance(conditions, Mapping):
            raise ConditionError(
                f'conditions must be a dict such as {{"age": (65, None)}}; got {type(conditions).__name__}'
            )
        allowed: dict[int, Allowed] = {}
        phrases = []
        for key, wanted in conditions.items():
            place, column = _find(key, schema)
            if place in allowed:
                raise ConditionError(f"column {column.name!r} has two conditions; join them into one")
            try:
                allowed[place], phrase = _parse_one(column, wanted)
            except SchemaError as error:
                raise ConditionError(f"condition on {error}") from error
            phrases.append(f"{column.name} is {phrase}")
        return cls(allowed, tuple(phrases))

    def mask(self, values: np.ndarray) -> np.ndarray:
        """Tell which rows fulfil all conditions.

        Parameters
        ----------
        values : ndarray of shape (n, n_modelled)
            Encoded rows.

        Returns
        -------
        ndarray of shape (n,), bool
            True where a row does.
        """
        out = np.ones(len(values), dtype=bool)
        for place, allowed in self.allowed.items():
            out &= allowed.mask(values[:, place])
        return out

    def sentence(self) -> str:
        """Say the conditions in words.

        Returns
        -------
        str
            Such as "age is at least 65, sex is F, region is one of east, north, bmi is missing"; empty if there are
            none.
        """
        return ", ".join(self.phrases)

    def __bool__(self) -> bool:
        return bool(self.allowed)


def _find(key: Hashable, schema: TableSchema) -> tuple[int, Column]:
    """Place among the modelled columns, by label or name."""
    for attribute in ("label", "name"):
        for column in schema.columns:
            if getattr(column, attribute) == key:
                if column.kind == "identifier":
                    raise ConditionError(f"column {column.name!r} holds identifiers, which are not learned")
                return schema.modelled.index(column), column
    names = ", ".join(column.name for column in schema.modelled)
    raise ConditionError(f"conditions name the column {key!r}, which is not there; columns are {names}")


def _parse_one(column: Column, wanted: Any) -> tuple[Allowed, str]:
    """What a column may be, and in words."""
    if isinstance(wanted, tuple):
        return _parse_range(column, wanted)
    if isinstance(wanted, (set, frozenset, list, np.ndarray, pd.Index, pd.Series)):
        values = list(wanted)
        if not values:
            raise ConditionError(f"the condition on column {column.name!r} is an empty set; {_choice(column)}")
    else:
        values = [wanted]
    return _parse_values(column, values)


def _parse_values(column: Column, values: list[Any]) -> tuple[Allowed, str]:
    """Single values, missing ones among them."""
    missing = any(_is_missing(value) for value in values)
    if missing and not column.has_missing:
        raise ConditionError(f"column {column.name!r} has no missing values; {_choice(column)}")
    points = sorted({column.code_of(value) for value in values if not _is_missing(value)})
    for point in points:
        if not _is_observed(column, point):
            raise ConditionError(
                f"column {column.name!r} cannot be {_written(column, point, values)}; {_choice(column)}"
            )
    texts = [column.format(point) for point in points] + ["missing"] * missing
    phrase = texts[0] if len(texts) == 1 else f"one of {', '.join(texts)}"
    if column.kind == "continuous":
        return Allowed(None, tuple((point, point) for point in points), missing), phrase
    codes = np.zeros(len(column.levels), dtype=bool)
    codes[np.array(points, dtype=np.intp)] = True
    return Allowed(codes, (), missing), phrase


def _parse_range(column: Column, bounds: tuple[Any, ...]) -> tuple[Allowed, str]:
    """A range, both ends included."""
    if len(bounds) != 2:
        raise ConditionError(
            f"the condition on column {column.name!r} is a tuple of {len(bounds)}; a range is (low, high), "
            "and a choice of values is a set"
        )
    low, high = (None if _is_missing(bound) else bound for bound in bounds)
    if low is None and high is None:
        raise ConditionError(f"the range for column {column.name!r} has no bound; give one, or leave the column out")
    if column.kind == "continuous":
        return _continuous_range(column, low, high)
    keys, parse = _order(column)
    try:
        first = -math.inf if low is None else parse(low)
        last = math.inf if high is None else parse(high)
    except (TypeError, ValueError) as error:
        raise ConditionError(f"column {column.name!r} cannot be compared with {bounds!r}; {_choice(column)}") from error
    codes = np.array([bool((low is None or k >= first) and (high is None or k <= last)) for k in keys], dtype=bool)
    codes &= np.array(column.counts) > 0
    if not codes.any():
        raise ConditionError(f"column {column.name!r} has no value {_range_text(low, high)}; {_choice(column)}")
    return Allowed(codes, (), False), _range_text(low, high)


def _continuous_range(column: Column, low: Any, high: Any) -> tuple[Allowed, str]:
    """A range of numbers or times, moved inwards to the grid and the observed range."""
    first = -math.inf if low is None else column.code_of(low)
    last = math.inf if high is None else column.code_of(high)
    texts = [None if bound is None else _bound_text(column, bound) for bound in (low, high)]
    start, stop = column.snap(np.array([max(first, column.minimum), min(last, column.maximum)]))
    if column.resolution is not None:
        # The nearest grid point may lie outside the bound: then the next one inwards.
        start = start if start >= first else column.snap(np.array([start + column.resolution]))[0]
        stop = stop if stop <= last else column.snap(np.array([stop - column.resolution]))[0]
    if not first <= start <= stop <= last:
        raise ConditionError(f"column {column.name!r} has no value {_range_text(*texts)}; {_choice(column)}")
    return Allowed(None, ((float(start), float(stop)),), False), _range_text(*texts)


def _order(column: Column) -> tuple[list[Any], Any]:
    """Sort keys of a categorical column's levels, and how a bound becomes such a key."""
    if getattr(column.storage.inner, "ordered", False):
        return list(range(len(column.levels))), column.code_of
    if all(isinstance(level, (int, float)) for level in column.levels):
        return list(column.levels), float
    if all(isinstance(level, (pd.Timestamp, pd.Timedelta, pd.Period)) for level in column.levels):
        return list(column.levels), column.time_of
    raise ConditionError(
        f"column {column.name!r} has no order, so it cannot have a range but a set of values; {_choice(column)}"
    )


def _is_missing(value: Any) -> bool:
    """Whether a user wrote a missing value."""
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _is_observed(column: Column, point: float) -> bool:
    """Whether rows of the table can have an encoded value."""
    if column.kind == "categorical":
        return column.counts[int(point)] > 0
    return bool(column.snap(np.array([point]))[0] == point)


def _choice(column: Column) -> str:
    """What is allowed."""
    return f"it has {column.summary()}" + (" or is missing" if column.has_missing else "")


def _written(column: Column, point: float, values: Iterable[Any]) -> str:
    """The value as the user wrote it."""
    return next(repr(value) for value in values if not _is_missing(value) and column.code_of(value) == point)


def _bound_text(column: Column, bound: Any) -> str:
    """A bound in words: times in one way, in the column's zone; numbers as the user wrote them."""
    return str(bound) if column.storage.family in ("integer", "float") else text_of(column.time_of(bound))


def _range_text(low: Any, high: Any) -> str:
    """A range in words."""
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"between {low} and {high}"
