"""What all constraints have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np

from skgensynth.constraints.items import Item
from skgensynth.constraints.view import TableView
from skgensynth.exceptions import ConstraintError

__all__ = ["Constraint"]


@dataclass(frozen=True, kw_only=True)
class Constraint(ABC):
    """A statement about each row of a table.

    A row breaks a constraint only where it is known to: a missing value breaks none, except those that speak of missing
    values.

    Attributes
    ----------
    soft : bool
        Whether rows may break it, as in "usually ...".
    support : int or None
        Number of rows of the training table on which it rests; None where it was not checked against one. It is left
        out when constraints are compared.
    kind : str
        What sort of statement it is.
    columns : tuple of str
        Names of its columns.
    """

    kind: ClassVar[str]
    soft: bool = False
    support: int | None = field(default=None, compare=False)

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def hard(self) -> bool:
        """Whether every row must keep it."""
        return not self.soft

    def check(self, X: Any, y: Any = None) -> np.ndarray:
        """Tell which rows keep the constraint.

        Parameters
        ----------
        X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
            A table with the constraint's columns, by name; columns without names are "0", "1", ...
        y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,), default=None
            The target: one more column.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            True where a row keeps it.

        Raises
        ------
        ConstraintError
            If a column is not there or holds other sorts of values; names the column.
        """
        return ~self.violated(TableView(X, y))

    def verify(self, view: TableView) -> None:
        """Check that a table has the columns, and that their values suit the constraint.

        Parameters
        ----------
        view : TableView
            The table.

        Raises
        ------
        ConstraintError
            If not; names the column and what is allowed.
        """
        for name in self.columns:
            view.column(name)

    @abstractmethod
    def violated(self, view: TableView) -> np.ndarray:
        """Rows that break it, of shape (n_rows,), in a new array."""

    @abstractmethod
    def rests_on(self, view: TableView) -> np.ndarray:
        """Rows about which it says something, of shape (n_rows,)."""

    @abstractmethod
    def _sentence(self) -> str:
        """What it says, but for whether it is soft."""

    def supported_by(self, view: TableView) -> Constraint:
        """The same constraint with the support that a table gives it."""
        return replace(self, support=int(np.count_nonzero(self.rests_on(view))))

    def __str__(self) -> str:
        return "usually " * self.soft + self._sentence()

    def to_dict(self) -> dict[str, Any]:
        """Describe the constraint in values that JSON has.

        Returns
        -------
        dict
            Its kind, its attributes, and its sentence for those who read the file.
        """
        state = {entry.name: _to_json(getattr(self, entry.name)) for entry in fields(self)}
        return {"kind": self.kind, "sentence": str(self), **state}

    @staticmethod
    def from_dict(state: dict[str, Any]) -> Constraint:
        """Make the constraint that `to_dict` described.

        Parameters
        ----------
        state : dict
            What ``to_dict`` returned.

        Returns
        -------
        Constraint
            An equal constraint.

        Raises
        ------
        ConstraintError
            If the kind is not known.
        """
        kinds = {cls.kind: cls for cls in Constraint.__subclasses__()}
        if state.get("kind") not in kinds:
            raise ConstraintError(
                f"constraints of kind {state.get('kind')!r} are not known; kinds are {', '.join(kinds)}"
            )
        return kinds[state["kind"]](**{name: state[name] for name in state if name not in ("kind", "sentence")})

    def _set(self, **values: Any) -> None:
        """Set attributes of a new, frozen object."""
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _to_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_to_json(part) for part in value]
    return value.to_dict() if isinstance(value, Item) else value
