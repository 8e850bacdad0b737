"""Constraints together: checked at once, printed, kept as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np

from skgensynth.constraints.base import Constraint
from skgensynth.constraints.view import TableView

__all__ = ["ConstraintSet"]

_SHOWN = 50  # lines of a repr


class ConstraintSet(Sequence[Constraint]):
    """Constraints on one table, in order.

    Parameters
    ----------
    constraints : iterable of Constraint, default=()
        The constraints.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.constraints import ConstraintSet, parse_constraint
    >>> rules = ConstraintSet([parse_constraint("age >= 0"), parse_constraint("if age < 18 then copd is no")])
    >>> rules.violations(pd.DataFrame({"age": [70, 10], "copd": ["yes", "yes"]}))
    array([[False, False],
           [False,  True]])
    """

    def __init__(self, constraints: Iterable[Constraint] = ()) -> None:
        self._constraints = tuple(constraints)
        for constraint in self._constraints:
            if not isinstance(constraint, Constraint):
                raise TypeError(f"a ConstraintSet holds constraints, got {type(constraint).__name__}; parse sentences")

    @overload
    def __getitem__(self, index: int) -> Constraint: ...

    @overload
    def __getitem__(self, index: slice) -> ConstraintSet: ...

    def __getitem__(self, index):
        found = self._constraints[index]
        return ConstraintSet(found) if isinstance(index, slice) else found

    def __len__(self) -> int:
        return len(self._constraints)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConstraintSet) and self._constraints == other._constraints

    def __hash__(self) -> int:
        return hash(self._constraints)

    def __repr__(self) -> str:
        shown = [
            f"  {constraint}" + ("" if constraint.support is None else f"  ({constraint.support} rows)")
            for constraint in self._constraints[:_SHOWN]
        ]
        more = [f"  ... and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return "\n".join([f"ConstraintSet of {len(self)}", *shown, *more])

    def violations(self, X: Any, y: Any = None) -> np.ndarray:
        """Tell which rows break which constraints.

        Parameters
        ----------
        X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
            A table with the constraints' columns, by name; columns without names are "0", "1", ...
        y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,), default=None
            The target: one more column.

        Returns
        -------
        ndarray of shape (n_rows, n_constraints), bool
            True where a row breaks a constraint. What constraints have in common is looked at once.

        Raises
        ------
        ConstraintError
            If a column is not there or holds other sorts of values; names the column.
        """
        return self.violations_of(TableView(X, y))

    def violations_of(self, view: TableView) -> np.ndarray:
        """`violations` of a table that has been read already."""
        out = np.empty((view.n_rows, len(self)), dtype=bool, order="F")
        for place, constraint in enumerate(self._constraints):
            out[:, place] = constraint.violated(view)
        return out

    def to_dict(self) -> dict[str, Any]:
        """Describe the constraints in values that JSON has.

        Returns
        -------
        dict
            It holds names, levels and bounds, but no rows.
        """
        return {"constraints": [constraint.to_dict() for constraint in self._constraints]}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> ConstraintSet:
        """Make the set that `to_dict` described.

        Parameters
        ----------
        state : dict
            What ``to_dict`` returned.

        Returns
        -------
        ConstraintSet
            An equal set.
        """
        return cls(Constraint.from_dict(part) for part in state["constraints"])
