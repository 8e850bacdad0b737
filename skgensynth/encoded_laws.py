"""Laws of a table compiled for its encoded rows, so that many are checked in a few operations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skgensynth.columns import Column
from skgensynth.constraints import Constraint, ConstraintSet
from skgensynth.constraints.items import Item
from skgensynth.constraints.rules import Domain, Implication, Order
from skgensynth.constraints.view import ColumnView, TableView
from skgensynth.exceptions import ConstraintError
from skgensynth.schema import TableSchema

__all__ = ["EncodedLaws"]


class _Literal(NamedTuple):
    """What is asked of one column: to be in an interval or outside of it, or to have one of some codes."""

    column: int
    low: float = math.nan
    high: float = math.nan
    inside: bool = True
    at_missing: bool = False
    codes: tuple[bool, ...] | None = None  # by code, and last where missing; None for a number


class EncodedLaws:
    """Constraints, checked on encoded rows (ours).

    Implications, domains and orders of categories and plain numbers are compiled: into literals, each of which is
    looked at once, and conjunctions of them. Whatever else there is, times among them, is checked as it stands.

    Parameters
    ----------
    constraints : sequence of Constraint
        Constraints on modelled columns.
    schema : TableSchema
        The table.
    """

    def __init__(self, constraints: Sequence[Constraint], schema: TableSchema) -> None:
        self._constraints = constraints
        self._schema = schema
        compiler = _Compiler(schema)
        parts = [compiler.conjunction(law) for law in constraints]
        orders = [None if part else compiler.order(law) for part, law in zip(parts, constraints, strict=True)]
        self._compiled = np.array([part is not None for part in parts], dtype=bool)
        numbers: dict[_Literal, int] = {}
        # Shorter conjunctions repeat their last literal.
        longest = max((len(part) for part in parts if part), default=0)
        self._members = np.zeros((len(constraints), longest), dtype=np.intp)
        for row, part in zip(self._members, parts, strict=True):
            if part:
                row[:] = [numbers.setdefault(part[min(k, len(part) - 1)], len(numbers)) for k in range(longest)]
        self._literals = _Literals(numbers)
        self._orders = np.array([order or (-1, -1, False) for order in orders], dtype=np.intp).reshape(-1, 3)

    def broken(self, values: NDArray[np.float64], chosen: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell which rows break which of the chosen laws, of shape (n_rows, n_chosen)."""
        out = np.empty((len(chosen), len(values)), dtype=bool)
        compiled = self._compiled[chosen]
        if compiled.any():
            out[compiled] = self._literals.conjunctions(values, self._members[chosen[compiled]])
        low, high, strict = self._orders[chosen].T
        ordered = low >= 0
        if ordered.any():
            columns = values.T
            lows, highs = columns[low[ordered]], columns[high[ordered]]
            out[ordered] = np.where(strict[ordered, None] == 1, lows >= highs, lows > highs)
        rest = np.flatnonzero(~compiled & ~ordered)
        if len(rest):
            view = TableView.of_encoded(values, self._schema)
            out[rest] = ConstraintSet(self._constraints[int(chosen[k])] for k in rest).violations_of(view).T
        return out.T


class _Literals:
    """Literals in arrays."""

    def __init__(self, literals: Iterable[_Literal]) -> None:
        literals = list(literals)
        self._columns = np.array([literal.column for literal in literals], dtype=np.intp)
        self._low = np.array([literal.low for literal in literals])[:, None]
        self._high = np.array([literal.high for literal in literals])[:, None]
        self._inside = np.array([literal.inside for literal in literals], dtype=bool)[:, None]
        self._at_missing = np.array([literal.at_missing for literal in literals], dtype=bool)[:, None]
        self._coded = np.array([literal.codes is not None for literal in literals], dtype=bool)
        width = max((len(literal.codes) for literal in literals if literal.codes), default=0)
        self._codes = np.zeros((len(literals), width), dtype=bool)
        for row, literal in zip(self._codes, literals, strict=True):
            if literal.codes:
                row[: len(literal.codes) - 1], row[-1] = literal.codes[:-1], literal.codes[-1]

    def conjunctions(self, values: NDArray[np.float64], members: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Where all literals of each conjunction hold, of shape (n_conjunctions, n_rows)."""
        wanted, places = np.unique(members, return_inverse=True)
        places = places.reshape(members.shape)
        held = np.empty((len(wanted), len(values)), dtype=bool)
        coded = self._coded[wanted]
        held[coded] = self._by_code(values, wanted[coded])
        held[~coded] = self._by_number(values, wanted[~coded])
        out = held[places[:, 0]]
        for k in range(1, members.shape[1]):
            out &= held[places[:, k]]
        return out

    def _by_code(self, values: NDArray[np.float64], wanted: NDArray[np.intp]) -> NDArray[np.bool_]:
        cells = values.T[self._columns[wanted]]
        codes = np.where(np.isnan(cells), self._codes.shape[1] - 1, cells).astype(np.intp)
        return self._codes[wanted[:, None], codes]

    def _by_number(self, values: NDArray[np.float64], wanted: NDArray[np.intp]) -> NDArray[np.bool_]:
        cells = values.T[self._columns[wanted]]
        within = (cells >= self._low[wanted]) & (cells <= self._high[wanted])
        return np.where(np.isnan(cells), self._at_missing[wanted], within == self._inside[wanted])


class _Compiler:
    """Translates constraints, where it can."""

    def __init__(self, schema: TableSchema) -> None:
        self._columns = {column.name: (place, column) for place, column in enumerate(schema.modelled)}
        self._views: dict[str, TableView] = {}
        self._schema = schema

    def conjunction(self, law: Constraint) -> list[_Literal] | None:
        """What together breaks a law; None where that is no conjunction of literals."""
        # Classes that users derive from these may mean something else.
        if type(law) is Domain:
            items = [(law.item, False)]
        elif type(law) is Implication:
            items = [*((item, True) for item in law.antecedent), *((item, False) for item in law.consequent)]
        else:
            return None
        literals = [self._literal(item, holds) for item, holds in items]
        known = [literal for literal in literals if literal is not None]
        return known if len(known) == len(literals) else None

    def order(self, law: Constraint) -> tuple[int, int, bool] | None:
        """Places of the columns of an order of plain numbers, and whether it is strict."""
        if type(law) is not Order:
            return None
        (low, first), (high, second) = (self._columns[name] for name in law.columns)
        return (low, high, law.strict) if _is_plain(first) and _is_plain(second) else None

    def _literal(self, item: Item, holds: bool) -> _Literal | None:
        """Where an item is known to hold, or known not to."""
        place, column = self._columns[item.column]
        view = self._view(place, column)
        if column.kind == "categorical":
            try:
                codes = item.holds(view) if holds else item.fails(view)
            except ConstraintError:  # is raised where the law is checked
                return None
            if not column.storage.holds_missing:  # else that is the last row of the view
                codes = np.append(codes, False)
            return _Literal(place, codes=tuple(codes.tolist()))
        if item.operator.endswith("missing"):
            at_missing = (item.operator == "missing") == holds
            return _Literal(place, -math.inf, math.inf, inside=not at_missing, at_missing=at_missing)
        interval = _interval(item, view.column(item.column)) if _is_plain(column) else None
        if interval is None:
            return None
        return _Literal(place, *interval, inside=(item.operator != "is not") == holds)

    def _view(self, place: int, column: Column) -> TableView:
        """All that a categorical column can be; no rows of a number."""
        if column.name not in self._views:
            n_levels = len(column.levels)
            n_rows = n_levels + column.storage.holds_missing if column.kind == "categorical" else 0
            values = np.full((n_rows, len(self._columns)), np.nan)
            values[:n_levels, place] = np.arange(n_levels)
            self._views[column.name] = TableView.of_encoded(values, self._schema)
        return self._views[column.name]


def _is_plain(column: Column) -> bool:
    """Whether a column's encoded values are the numbers that constraints speak of."""
    storage = column.storage
    if column.kind != "continuous" or storage.python is not None:
        return False
    if storage.family == "integer":
        return storage.origin == 0
    return storage.family == "float" and getattr(storage.inner, "numpy_dtype", storage.inner) == np.float64


def _interval(item: Item, column: ColumnView) -> tuple[float, float] | None:
    """The numbers that an item speaks of, both ends included; None where they are more than one interval."""
    try:
        bounds = [column.parse(value) for value in item.values]
    except ConstraintError:  # is raised, or means nothing, where the law is checked
        return None
    if item.operator in ("is", "is not"):
        return (bounds[0], bounds[0]) if len(bounds) == 1 else None
    if item.operator == "between":
        return bounds[0], bounds[1]
    bound = bounds[0]
    return {
        "<": (-math.inf, math.nextafter(bound, -math.inf)),
        "<=": (-math.inf, bound),
        ">": (math.nextafter(bound, math.inf), math.inf),
        ">=": (bound, math.inf),
    }[item.operator]
