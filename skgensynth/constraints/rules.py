"""The kinds of constraint: what each says, on which rows it rests, and which rows break it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from skgensynth.constraints.base import Constraint
from skgensynth.constraints.items import Item
from skgensynth.constraints.view import ColumnView, TableView
from skgensynth.constraints.words import name_text, value_text
from skgensynth.exceptions import ConstraintError

__all__ = ["Decimals", "Dependency", "Domain", "Implication", "Order", "Sum"]

_WHOLE = 2.0**53  # from here on, float64 holds whole numbers only
_ROUNDING = 1e-12  # ours: sums of float64 numbers are off by a few units in the sixteenth digit


@dataclass(frozen=True)
class Domain(Constraint):
    """What one column may be: "age is between 18 and 95", "sex is F or M".

    Attributes
    ----------
    item : Item
        What holds for the column.
    """

    kind: ClassVar[str] = "domain"
    item: Item

    def __post_init__(self) -> None:
        self._set(item=_item(self.item))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (self.item.column,)

    def verify(self, view: TableView) -> None:
        """Check that the item suits its column."""
        self.item.verify(view)

    def violated(self, view: TableView) -> np.ndarray:
        """Rows that break it."""
        return self.item.fails(view).copy()

    def rests_on(self, view: TableView) -> np.ndarray:
        """Rows where the value is known."""
        return self.item.known(view)

    def _sentence(self) -> str:
        return str(self.item)


@dataclass(frozen=True)
class Decimals(Constraint):
    """How many decimals a number has: "age is a whole number", "bmi has at most 1 decimal".

    Attributes
    ----------
    column : str
        Name of the column.
    decimals : int
        The most decimals that a value has.
    """

    kind: ClassVar[str] = "decimals"
    column: str
    decimals: int

    def __post_init__(self) -> None:
        if self.decimals < 0:
            raise ConstraintError(f"column {self.column!r} cannot have {self.decimals} decimals; give 0 or more")
        # NumPy's integers neither print nor save as Python's do.
        object.__setattr__(self, "decimals", int(self.decimals))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (self.column,)

    def verify(self, view: TableView) -> None:
        """Check that the column holds numbers."""
        _refuse_unless([view.column(self.column)], ["number"], "have decimals")

    def violated(self, view: TableView) -> np.ndarray:
        """Rows that break it."""
        self.verify(view)
        numbers = view.column(self.column).numbers
        with_decimals = np.abs(numbers) < _WHOLE  # false for missing values
        return with_decimals & (np.round(np.where(with_decimals, numbers, 0.0), self.decimals) != numbers)

    def rests_on(self, view: TableView) -> np.ndarray:
        """Rows where the value is known."""
        return ~view.column(self.column).missing

    def _sentence(self) -> str:
        if self.decimals == 0:
            return f"{name_text(self.column)} is a whole number"
        return f"{name_text(self.column)} has at most {self.decimals} decimal{'s' * (self.decimals > 1)}"


@dataclass(frozen=True)
class Implication(Constraint):
    """What follows from what: "if age < 18 and sex is F then copd is no".

    Attributes
    ----------
    antecedent : tuple of Item
        All of these together ...
    consequent : tuple of Item
        ... lead to at least one of these.
    """

    kind: ClassVar[str] = "implication"
    antecedent: tuple[Item, ...]
    consequent: tuple[Item, ...]

    def __post_init__(self) -> None:
        self._set(antecedent=tuple(map(_item, self.antecedent)), consequent=tuple(map(_item, self.consequent)))
        if not self.antecedent or not self.consequent:
            raise ConstraintError("an implication needs at least one item on each side: 'if age < 18 then copd is no'")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(dict.fromkeys(item.column for item in (*self.antecedent, *self.consequent)))

    def verify(self, view: TableView) -> None:
        """Check that the items suit their columns."""
        for item in (*self.antecedent, *self.consequent):
            item.verify(view)

    def violated(self, view: TableView) -> np.ndarray:
        """Rows that break it."""
        masks = [item.holds(view) for item in self.antecedent] + [item.fails(view) for item in self.consequent]
        return np.logical_and.reduce(masks)

    def rests_on(self, view: TableView) -> np.ndarray:
        """Rows where the antecedent holds and the consequent is known."""
        masks = [item.holds(view) for item in self.antecedent] + [item.known(view) for item in self.consequent]
        return np.logical_and.reduce(masks)

    def _sentence(self) -> str:
        return f"if {' and '.join(map(str, self.antecedent))} then {' or '.join(map(str, self.consequent))}"


@dataclass(frozen=True)
class Order(Constraint):
    """One column is never above another: "admitted <= discharged".

    Attributes
    ----------
    lower, upper : str
        Names of the columns: both numbers, both dates, or both durations.
    strict : bool
        Whether they are never equal: "a < b".
    """

    kind: ClassVar[str] = "order"
    lower: str
    upper: str
    strict: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (self.lower, self.upper)

    def verify(self, view: TableView) -> None:
        """Check that the columns can be compared."""
        lower, upper = (view.column(name) for name in self.columns)
        _refuse_unless([lower, upper], [lower.scale] * 2, "be compared")

    def violated(self, view: TableView) -> np.ndarray:
        """Rows that break it."""
        self.verify(view)
        low, high = view.column(self.lower), view.column(self.upper)
        return low.numbers >= high.numbers if self.strict else low.numbers > high.numbers

    def rests_on(self, view: TableView) -> np.ndarray:
        """Rows where both values are known."""
        return _all_known(view, self.columns)

    def _sentence(self) -> str:
        return f"{name_text(self.lower)} {'<' if self.strict else '<='} {name_text(self.upper)}"


@dataclass(frozen=True)
class Dependency(Constraint):
    """One column's value settles another's: "degree determines years: BSc gives 16, MSc gives 18".

    Attributes
    ----------
    determinant, dependent : str
        Names of the columns.
    mapping : tuple of (str, str)
        Values of the two, as text; other values of the determinant are free. Without any, equal values of the
        determinant must go with equal values of the dependent within the table that is checked: rows that differ from
        most of their group break it.
    """

    kind: ClassVar[str] = "dependency"
    determinant: str
    dependent: str
    mapping: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        self._set(mapping=tuple((first, second) for first, second in self.mapping))
        if len({first for first, _ in self.mapping}) < len(self.mapping):
            raise ConstraintError(f"the mapping of column {self.determinant!r} gives a value twice; give each once")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (self.determinant, self.dependent)

    def learned_from(self, view: TableView, min_rows: int = 1) -> Dependency:
        """The same dependency with the mapping that most rows of a table follow.

        Parameters
        ----------
        view : TableView
            The table.
        min_rows : int, default=1
            Values of the determinant in fewer rows stay free.

        Returns
        -------
        Dependency
            Its mapping is in the order of the determinant's values.
        """
        columns = [view.column(name) for name in self.columns]
        (first, firsts), (second, seconds) = (column.coded for column in columns)
        known = (first >= 0) & (second >= 0)
        pairs, counts = np.unique(first[known] * len(seconds) + second[known], return_counts=True)
        most: dict[int, tuple[int, int]] = {}
        rows = np.bincount(first[known], minlength=len(firsts))
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            code = pair // len(seconds)
            if rows[code] >= min_rows:
                most[code] = max(most.get(code, (0, 0)), (count, pair % len(seconds)))
        pairs_by_value = sorted((firsts[a], seconds[b]) for a, (_, b) in most.items())
        return replace(self, mapping=tuple((columns[0].text(a), columns[1].text(b)) for a, b in pairs_by_value))

    def verify(self, view: TableView) -> None:
        """Check that the columns hold the mapping's values."""
        for name, texts in zip(self.columns, zip(*self.mapping, strict=True), strict=False):
            Item(name, "is", texts).verify(view)
        super().verify(view)

    def violated(self, view: TableView) -> np.ndarray:
        """Rows that break it."""
        if not self.mapping:
            learned = self.learned_from(view)
            return learned.violated(view) if learned.mapping else np.zeros(view.n_rows, dtype=bool)
        expected = self._expected(view)
        dependent = view.column(self.dependent).coded[0]
        return (expected >= -1) & (dependent >= 0) & (dependent != expected)

    def rests_on(self, view: TableView) -> np.ndarray:
        """Rows where both values are known and, if there is a mapping, the determinant is in it."""
        known = _all_known(view, self.columns)
        return known & (self._expected(view) >= -1) if self.mapping else known

    def _expected(self, view: TableView) -> np.ndarray:
        """Code of the dependent that each row must have: -1 if no row has it, -2 if the row is free."""
        first, second = (view.column(name) for name in self.columns)
        codes = {key: code for code, key in enumerate(second.coded[1])}
        wanted = {first.key(a): codes.get(second.key(b), -1) for a, b in self.mapping}
        return np.array([*(wanted.get(key, -2) for key in first.coded[1]), -2])[first.coded[0]]

    def _sentence(self) -> str:
        pairs = ", ".join(f"{value_text(first)} gives {value_text(second)}" for first, second in self.mapping)
        names = f"{name_text(self.determinant)} determines {name_text(self.dependent)}"
        return f"{names}: {pairs}" if pairs else names


@dataclass(frozen=True)
class Sum(Constraint):
    """Columns add up to another: "systolic + diastolic = total"; of one part, two columns are equal.

    Attributes
    ----------
    parts : tuple of str
        Names of the columns that are added.
    total : str
        Name of the column that holds their sum, up to what floating-point numbers lose.
    """

    kind: ClassVar[str] = "sum"
    parts: tuple[str, ...]
    total: str

    def __post_init__(self) -> None:
        self._set(parts=tuple(self.parts))
        if not self.parts:
            raise ConstraintError(f"the sum in column {self.total!r} has no parts; give at least one column")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (*self.parts, self.total)

    def verify(self, view: TableView) -> None:
        """Check that the columns can be added: a date and durations make a date, others are of one sort."""
        *parts, total = (view.column(name) for name in self.columns)
        first = min((part for part in parts), key=lambda part: part.scale != total.scale)
        rest = "duration" if total.scale == "datetime" else total.scale
        parts.remove(first)
        _refuse_unless([first, *parts, total], [total.scale, *[rest] * len(parts), total.scale], "be added")

    def violated(self, view: TableView) -> np.ndarray:
        """Rows that break it."""
        self.verify(view)
        *parts, total = (view.column(name).numbers for name in self.columns)
        with np.errstate(invalid="ignore"):  # infinite values
            scale = reduce(np.add, map(np.abs, parts)) + np.abs(total)
            return np.abs(reduce(np.add, parts) - total) > _ROUNDING * scale

    def rests_on(self, view: TableView) -> np.ndarray:
        """Rows where all values are known."""
        return _all_known(view, self.columns)

    def _sentence(self) -> str:
        return f"{' + '.join(map(name_text, self.parts))} = {name_text(self.total)}"


def _item(item: Any) -> Item:
    return item if isinstance(item, Item) else Item(**item)


def _all_known(view: TableView, names: Iterable[str]) -> np.ndarray:
    return ~np.logical_or.reduce([view.column(name).missing for name in names])


def _refuse_unless(columns: list[ColumnView], scales: list[str], what: str) -> None:
    """Refuse columns that hold no numbers, or others than are asked for."""
    for column in columns:
        _ = column.numbers
    if [column.scale for column in columns] != scales and not any(column.is_empty for column in columns):
        named = " and ".join(f"{column.name!r} ({column.scale}s)" for column in columns)
        raise ConstraintError(f"column{'s' * (len(columns) > 1)} {named} cannot {what}")
