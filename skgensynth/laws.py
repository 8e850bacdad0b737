"""The laws of a table, checked on encoded rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from skgensynth.constraints import Constraint, ConstraintSet
from skgensynth.constraints.rules import Decimals, Domain
from skgensynth.constraints.view import TableView
from skgensynth.encoded_laws import EncodedLaws
from skgensynth.schema import TableSchema

__all__ = ["Laws", "last_columns"]

# Times that values are drawn anew within their tokens to keep a law.
N_REDRAWS = 3

Redraw = Callable[[int, NDArray[np.intp], np.random.Generator], NDArray[np.float64]]


class Laws:
    """Hard constraints of a table on its encoded rows.

    Parameters
    ----------
    constraints : iterable of Constraint
        Constraints on the table as its users see it.
    schema : TableSchema
        The table.

    Attributes
    ----------
    constraints : ConstraintSet
        The hard ones that speak of modelled columns only.
    columns : ndarray of shape (n_constraints, n_columns), bool
        Which modelled columns each speaks of.
    """

    def __init__(self, constraints: Iterable[Constraint], schema: TableSchema) -> None:
        places = {column.name: place for place, column in enumerate(schema.modelled)}
        self._schema = schema
        self.constraints = ConstraintSet(
            part for part in constraints if part.hard and all(name in places for name in part.columns)
        )
        self.columns = np.zeros((len(self.constraints), len(places)), dtype=bool)
        for row, constraint in zip(self.columns, self.constraints, strict=True):
            row[[places[name] for name in constraint.columns]] = True

    def __len__(self) -> int:
        return len(self.constraints)

    def breakable(self) -> Laws:
        """Laws that generated rows could break: not the ranges, levels and decimals that the schema sees to.

        Returns
        -------
        Laws
        """
        return Laws((law for law in self.constraints if not self._is_sure(law)), self._schema)

    @cached_property
    def _encoded(self) -> EncodedLaws:
        return EncodedLaws(self.constraints, self._schema)

    def _is_sure(self, law: Constraint) -> bool:
        """Whether no row of the schema can break a law."""
        if type(law) not in (Domain, Decimals):  # what users derive from them may mean something else
            return False
        place, column = next(
            (place, column) for place, column in enumerate(self._schema.modelled) if column.name == law.columns[0]
        )
        if column.kind == "categorical":
            ends = np.flatnonzero(column.counts).astype(np.float64)
        elif type(law) is Decimals:
            decimals = 0 if column.storage.family == "integer" else column.storage.decimals
            return decimals is not None and decimals <= law.decimals
        elif type(law) is Domain and law.item.operator in ("is", "is not"):
            return False
        else:
            ends = np.array([column.minimum, column.maximum])
        ends = np.append(ends, [np.nan] * column.has_missing)
        values = np.full((len(ends), len(self._schema.modelled)), np.nan)
        values[:, place] = ends
        return not law.violated(TableView.of_encoded(values, self._schema)).any()

    def broken(self, values: NDArray[np.float64], chosen: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Tell which rows break which laws.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded rows, on their columns' grids; only the columns of the laws are looked at.
        chosen : ndarray of shape (n_constraints,), bool, default=None
            The laws that matter; None for all.

        Returns
        -------
        ndarray of shape (n_rows, n_chosen), bool
        """
        places = np.arange(len(self)) if chosen is None else np.flatnonzero(chosen)
        if not len(places) or not len(values):
            return np.zeros((len(values), len(places)), dtype=bool)
        return self._encoded.broken(values, places)

    def settle(
        self,
        values: NDArray[np.float64],
        redraw: Redraw,
        rng: np.random.Generator,
        chosen: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Draw values anew within their tokens in rows that break laws, a bounded number of times (ours).

        A bin of a number can lie on both sides of what a law allows. Tokens stay as they are, so no row is rejected.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded rows, on their columns' grids.
        redraw : callable ``(column, rows, rng) -> ndarray of shape (n_rows,)``
            Draws the values of a column of some rows anew, within their tokens.
        rng : numpy.random.Generator
            Source of the draws.
        chosen : ndarray of shape (n_constraints,), bool, default=None
            The laws that matter; None for all.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Rows that keep all laws that they kept before.
        """
        out = values.copy()
        columns = (self.columns if chosen is None else self.columns[chosen]).astype(np.float32)
        broken = self.broken(out, chosen)
        for _ in range(N_REDRAWS):
            rows = np.flatnonzero(broken.any(axis=1))
            if not len(rows):
                break
            tried = out[rows]
            concerned = (broken[rows].astype(np.float32) @ columns) > 0
            for j in np.flatnonzero(concerned.any(axis=0)):
                places = np.flatnonzero(concerned[:, j])
                tried[places, j] = redraw(int(j), rows[places], rng)
            now = self.broken(tried, chosen)
            better = ~(now & ~broken[rows]).any(axis=1)
            out[rows[better]], broken[rows[better]] = tried[better], now[better]
        return out


def last_columns(orders: NDArray[np.int64], members: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The column of each set that is drawn last, which completes it.

    Parameters
    ----------
    orders : ndarray of shape (n_rows, n_columns)
        Column at each place of the order in which a row is drawn.
    members : ndarray of shape (n_sets, n_columns), bool
        Columns of each set, at least one.

    Returns
    -------
    ndarray of shape (n_rows, n_sets), int64
    """
    places = np.argsort(orders, axis=1)
    out = np.empty((len(orders), len(members)), dtype=np.int64)
    for number, columns in enumerate(members):
        chosen = np.flatnonzero(columns)
        out[:, number] = chosen[np.argmax(places[:, chosen], axis=1)]
    return out
