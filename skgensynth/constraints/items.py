"""Items: statements on one column, such as "age < 18", "stage is 3 or 4", "bmi is missing"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skgensynth.constraints.view import TableView
from skgensynth.constraints.words import is_number_text, listed, name_text, value_text
from skgensynth.exceptions import ConstraintError

__all__ = ["COMPARISONS", "Item"]

COMPARISONS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
_N_VALUES = {"missing": (0, 0), "not missing": (0, 0), "between": (2, 2), **dict.fromkeys(COMPARISONS, (1, 1))}


@dataclass(frozen=True)
class Item:
    """A statement on one column.

    Attributes
    ----------
    column : str
        Name of the column.
    operator : {"is", "is not", "<", "<=", ">", ">=", "between", "missing", "not missing"}
        What is said: that the value is one of, or none of, the values; how it compares with one; that it lies between
        two, both included; that it is missing, or not.
    values : tuple of str
        The values as text: levels, numbers, or times.
    """

    column: str
    operator: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        low, high = _N_VALUES.get(self.operator, (1, None))
        if self.operator not in _N_VALUES and self.operator not in ("is", "is not"):
            allowed = ", ".join(("is", "is not", *_N_VALUES))
            raise ConstraintError(f"{self.operator!r} on column {self.column!r} is not an operator; it is {allowed}")
        if len(self.values) < low or (high is not None and len(self.values) > high):
            wanted = "at least 1" if high is None else low
            raise ConstraintError(
                f"{self.operator!r} on column {self.column!r} has {len(self.values)} values; it takes {wanted}"
            )

        if self.operator == "between" or self.operator in COMPARISONS:
            for value in self.values:
                if not is_number_text(value):
                    raise ConstraintError(
                        f"column {self.column!r} cannot be compared with {value!r}; give a number or time"
                    )

    def verify(self, view: TableView) -> None:
        """Check that a table has the column, and that the values suit it.

        Parameters
        ----------
        view : TableView
            The table.

        Raises
        ------
        ConstraintError
            If not; names the column and what is allowed.
        """
        column = view.column(self.column)
        if column.is_empty:
            return
        if self.operator in COMPARISONS or self.operator == "between":
            _ = column.numbers
        if column.family != "level" or self.operator not in ("is", "is not"):
            for value in self.values:
                column.parse(value)
            return
        unknown = [value for value in self.values if value not in column.coded[1]]
        if unknown:
            raise ConstraintError(f"column {self.column!r} has no value {unknown[0]!r}; it has {column.summary()}")

    def holds(self, view: TableView) -> np.ndarray:
        """Rows on which the item is known to be true.

        Parameters
        ----------
        view : TableView
            The table.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            Where the value is missing, only "is missing" is true. Do not change it: it is shared.
        """
        return view.remember((self, "holds"), self._holds)

    def fails(self, view: TableView) -> np.ndarray:
        """Rows on which the item is known to be false; like `holds`."""
        return view.remember((self, "fails"), self._fails)

    def known(self, view: TableView) -> np.ndarray:
        """Rows on which the item is known to be true or false."""
        column = view.column(self.column)
        return np.ones(view.n_rows, dtype=bool) if self.operator.endswith("missing") else ~column.missing

    def _holds(self, view: TableView) -> np.ndarray:
        column = view.column(self.column)
        if self.operator == "missing":
            return column.missing
        if self.operator == "not missing":
            return ~column.missing
        if column.is_empty:
            return np.zeros(view.n_rows, dtype=bool)
        if self.operator == "is":
            return column.is_one_of(self.values)
        if self.operator == "is not":
            return ~(column.is_one_of(self.values) | column.missing)
        bounds = [column.parse(value) for value in self.values]
        if self.operator == "between":
            return (column.numbers >= bounds[0]) & (column.numbers <= bounds[1])
        return COMPARISONS[self.operator](column.numbers, bounds[0])

    def _fails(self, view: TableView) -> np.ndarray:
        return self.known(view) & ~self.holds(view)

    def __str__(self) -> str:
        name, values = name_text(self.column), [value_text(value) for value in self.values]
        if self.operator in COMPARISONS:
            return f"{name} {self.operator} {values[0]}"
        if self.operator == "between":
            return f"{name} is between {values[0]} and {values[1]}"
        if self.operator == "is":
            return f"{name} is {listed(values, 'or')}"
        if self.operator == "is not":
            return f"{name} is not {values[0]}" if len(values) == 1 else f"{name} is neither {' nor '.join(values)}"
        return f"{name} is {self.operator}"

    def to_dict(self) -> dict:
        """JSON-able form."""
        return {"column": self.column, "operator": self.operator, "values": list(self.values)}
