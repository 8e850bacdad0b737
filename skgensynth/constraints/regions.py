"""Regions: the parts of a column's values that rules are mined from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skgensynth.columns import Column
from skgensynth.constraints.items import Item
from skgensynth.constraints.view import ColumnView, TableView
from skgensynth.inference import infer_column

__all__ = ["MinedColumn", "Region", "read_columns"]

MIN_EXPECTED = 5  # rows that chance would put into an empty cell
MIN_ROWS = 5  # ours: a region in fewer rows proves nothing
MAX_LEVELS = 30  # ours: rules speak of at most so many levels of a column, the most frequent ones
_SHARES = (0.05, 0.1, 0.25, 0.5)  # ours: rows in the tails that rules are proposed from, before they are widened
_SHORT = 5  # ours: numbers with at most so many values are also taken one by one
_FEW = 2  # numbers that are written out rather than as a comparison
_TIES = 0.02  # ours: a value in more than this share of the rows is a cut by itself
_TIMES = (86400.0, 3600.0, 60.0, 1.0)  # round times, in seconds


@dataclass(frozen=True)
class Region:
    """Part of a column's values.

    Attributes
    ----------
    column : int
        Place of the column.
    sort : {"below", "from", "levels", "missing", "present"}
        Numbers below a bound; from a bound on; some levels; no value; any value.
    bound : float
        Of "below" and "from".
    codes : frozenset of int
        Of "levels".
    tail : {"below", "from", ""}
        For levels that are numbers: whether they are the lowest or highest ones.
    """

    column: int
    sort: str
    bound: float = 0.0
    codes: frozenset[int] = frozenset()
    tail: str = ""

    @property
    def direction(self) -> str:
        """Whether it is a lower or an upper tail, "below" or "from"; empty if neither."""
        return self.sort if self.sort in ("below", "from") else self.tail

    @property
    def about_missing(self) -> bool:
        """Whether it speaks of missing values."""
        return self.sort in ("missing", "present")

    def within(self, other: Region) -> bool:
        """Whether each value of this region of a column is in another one."""
        if self.column != other.column:
            return False
        if other.sort == "present":
            return self.sort != "missing"
        if self.sort != other.sort:
            return False
        if self.sort == "below":
            return self.bound <= other.bound
        return self.bound >= other.bound if self.sort == "from" else self.codes <= other.codes

    def apart_from(self, other: Region) -> bool:
        """Whether no value is in both of two regions of a column."""
        if self.column != other.column:
            return False
        if self.about_missing or other.about_missing:
            return {self.sort == "missing", other.sort == "missing"} == {True, False}
        if self.sort == "levels":
            return not self.codes & other.codes
        return (self.sort, other.sort) in (("below", "from"), ("from", "below")) and (
            self.bound <= other.bound if self.sort == "below" else other.bound <= self.bound
        )


@dataclass(frozen=True, eq=False)
class MinedColumn:
    """One column of the table that is mined.

    Attributes
    ----------
    place : int
        Its place among the columns.
    schema : Column
        What is known about it.
    view : ColumnView
        Its values.
    codes : ndarray of shape (n_rows,)
        Codes of levels, -1 where missing; empty for a column of many numbers.
    texts : tuple of str
        Text of each code.
    order : ndarray of shape (n_rows,) or None
        Numbers, or codes of levels that are numbers; NaN where missing. None where values have no order.
    is_target : bool
        Whether it is y.
    """

    place: int
    schema: Column
    view: ColumnView
    codes: np.ndarray
    texts: tuple[str, ...]
    order: np.ndarray | None
    is_target: bool

    @property
    def name(self) -> str:
        """Its name."""
        return self.schema.name

    @property
    def has_levels(self) -> bool:
        """Whether it has few values."""
        return self.schema.kind == "categorical"

    # -- regions ---------------------------------------------------------------------------------------------------

    def regions(self) -> list[Region]:
        """The regions that rules are proposed from, each of enough rows."""
        found = self._levels() if self.has_levels else self._tails()
        if MIN_ROWS <= np.count_nonzero(self.view.missing) <= len(self.view.missing) - MIN_ROWS:
            found += [Region(self.place, "missing"), Region(self.place, "present")]
        return found

    def _levels(self) -> list[Region]:
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))
        last = len(self.texts) - 1
        wanted: list[tuple[range, str]] = []
        if self.order is None or last < 2:
            often = np.sort(np.argsort(-counts, kind="stable")[:MAX_LEVELS])
            wanted = [(range(code, code + 1), "") for code in often.tolist()]
        elif last < _SHORT:
            wanted = [(range(code), "below") for code in range(1, last + 1)]
            wanted += [(range(code, last + 1), "from") for code in range(1, last + 1)]
            wanted += [(range(code, code + 1), "") for code in range(1, last)]
        else:
            bounds = [(int(bound), sort) for sort, bound in self._bounds()]
            wanted = [(range(code) if sort == "below" else range(code, last + 1), sort) for code, sort in bounds]
        return [
            Region(self.place, "levels", codes=frozenset(codes), tail=tail)
            for codes, tail in wanted
            if MIN_ROWS <= counts[list(codes)].sum() <= counts.sum() - MIN_ROWS
        ]

    def _tails(self) -> list[Region]:
        assert self.order is not None
        n = np.count_nonzero(~np.isnan(self.order))
        return [
            Region(self.place, sort, bound)
            for sort, bound in self._bounds()
            if MIN_ROWS <= np.count_nonzero(self.order < bound) <= n - MIN_ROWS
        ]

    def _bounds(self) -> list[tuple[str, float]]:
        """Bounds of lower and upper tails, each of some share of the rows; a frequent value has one on both sides."""
        assert self.order is not None
        values = np.sort(self.order[~np.isnan(self.order)])
        n = len(values)
        bounds: dict[tuple[str, float], None] = {}
        for share in _SHARES:
            for sort, place in (("below", int(share * n)), ("from", n - 1 - int(share * n))):
                value = values[place]
                above = np.searchsorted(values, value, side="right")
                bounds[sort, float(value)] = None
                if above < n and above - np.searchsorted(values, value, side="left") > _TIES * n:
                    bounds[sort, float(values[above])] = None
        return list(bounds)

    def mask(self, region: Region) -> np.ndarray:
        """Rows in a region of this column."""
        if region.about_missing:
            return self.view.missing if region.sort == "missing" else ~self.view.missing
        if region.sort == "levels":
            inside = np.zeros(len(self.texts) + 1, dtype=bool)
            inside[list(region.codes)] = True
            return inside[self.codes]
        assert self.order is not None
        return self.order < region.bound if region.sort == "below" else self.order >= region.bound

    def known(self, region: Region) -> np.ndarray:
        """Rows that are known to be in the region or not."""
        return np.ones(len(self.view.missing), dtype=bool) if region.about_missing else ~self.view.missing

    def negated(self, region: Region) -> Region:
        """The region of all other values."""
        opposite = {"below": "from", "from": "below", "missing": "present", "present": "missing", "": ""}
        if region.sort == "levels":
            codes = frozenset(range(len(self.texts))) - region.codes
            return replace(region, codes=codes, tail=opposite[region.tail])
        return replace(region, sort=opposite[region.sort])

    def widened(self, region: Region, rows: np.ndarray) -> Region | None:
        """The largest tail that keeps clear of the rows given, with a round bound; None if there is none."""
        assert self.order is not None
        bad = self.order[rows & ~self.view.missing]
        if len(bad) == 0:
            return None
        edge = float(bad.min() if region.direction == "below" else bad.max())
        clear = self.order[self.order < edge if region.direction == "below" else self.order > edge]
        if len(clear) == 0:
            return None
        if region.sort == "levels":
            codes = range(int(edge)) if region.tail == "below" else range(int(edge) + 1, len(self.texts))
            return replace(region, codes=frozenset(codes))
        between = (float(clear.max()), edge) if region.sort == "below" else (edge, float(clear.min()))
        return replace(region, bound=self.round_bound(*between))

    def round_bound(self, low: float, high: float) -> float:
        """The roundest number above one and not above another."""
        if self.view.scale != "number":
            steps = list(_TIMES)
        else:
            top = math.ceil(math.log10(max(abs(low), abs(high))))
            steps = [factor * 10.0 ** (top - place) for place in range(16) for factor in (1, 0.5)]
        for step in steps:
            first, last = math.floor(low / step) + 1, math.floor(high / step)
            if first <= last:
                bound = float(f"{round((low + high) / 2 / step) * step:.15g}")
                bound = bound if low < bound <= high else float(f"{last * step:.15g}")
                if low < bound <= high:
                    return bound
        return high

    def item(self, region: Region) -> Item:
        """The item that says that a value is in a region."""
        if region.about_missing:
            return Item(self.name, "missing" if region.sort == "missing" else "not missing")
        if region.sort != "levels":
            return Item(self.name, "<" if region.sort == "below" else ">=", (self.view.format(region.bound),))
        inside = tuple(text for code, text in enumerate(self.texts) if code in region.codes)
        outside = tuple(text for code, text in enumerate(self.texts) if code not in region.codes)
        if region.tail and min(len(inside), len(outside)) > _FEW:
            return Item(self.name, "<", outside[:1]) if region.tail == "below" else Item(self.name, ">=", inside[:1])
        return Item(self.name, "is", inside) if len(inside) <= len(outside) else Item(self.name, "is not", outside)


def read_columns(view: TableView, column_kinds: Mapping[Any, str]) -> list[MinedColumn]:
    """Columns that constraints are looked for in.

    Parameters
    ----------
    view : TableView
        The table.
    column_kinds : mapping of name to {"categorical", "continuous", "identifier"}
        Kinds of columns; the others are found out.

    Returns
    -------
    list of MinedColumn
        All but identifiers and columns without a value.
    """
    found: list[MinedColumn] = []
    for name in view.names:
        role = "target" if name == view.target else "feature"
        schema = infer_column(name, name, role, view.values(name), column_kinds.get(name))
        if schema.kind == "identifier" or view.column(name).missing.all():
            continue
        found.append(_mined(len(found), schema, view.column(name)))
    return found


def _mined(place: int, schema: Column, view: ColumnView) -> MinedColumn:
    is_target = schema.role == "target"
    if schema.kind != "categorical":
        return MinedColumn(place, schema, view, np.empty(0, dtype=np.intp), (), view.numbers, is_target)
    codes, keys = view.coded
    seen = np.unique(codes[codes >= 0])
    rank = float if view.has_numbers else str
    seen = np.array(sorted(seen.tolist(), key=lambda code: rank(keys[code])), dtype=np.intp)
    dense = np.full(len(keys) + 1, -1)
    dense[seen] = np.arange(len(seen))
    codes = dense[codes]
    # Numbers that are kept as an unordered category are names.
    has_order = view.has_numbers and (view.family != "level" or schema.storage.inner.ordered)
    order = np.where(codes < 0, np.nan, codes) if has_order else None
    return MinedColumn(place, schema, view, codes, tuple(view.text(keys[code]) for code in seen), order, is_target)
