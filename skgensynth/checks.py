"""The last gate before a generated row leaves: the table's own values, the conditions, no copy of a training row."""

from __future__ import annotations

import numpy as np

from skgensynth.conditions import Conditions
from skgensynth.copies import COPIED, CopyFilter
from skgensynth.laws import Laws
from skgensynth.schema import Column, TableSchema

__all__ = ["RowCheck", "row_texts"]


class RowCheck:
    """Tells good candidates from bad ones and says why, in the form that `gather` wants.

    Parameters
    ----------
    schema : TableSchema
        What values the columns can take.
    conditions : Conditions
        What every row must satisfy; may be empty.
    copies : CopyFilter or None
        Recognises exact copies of training rows; None lets them pass.
    laws : Laws or None, default=None
        Constraints that every row must keep; None asks for none.
    """

    def __init__(
        self, schema: TableSchema, conditions: Conditions, copies: CopyFilter | None, laws: Laws | None = None
    ) -> None:
        self._laws = laws
        self._columns = schema.modelled
        self._conditions = conditions
        self._copies = copies

    def __call__(self, values: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Judge candidates.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded candidates, snapped to their columns' grids.

        Returns
        -------
        ok : ndarray of bool, shape (n_rows,)
        reasons : dict of str to ndarray of bool, shape (n_rows,)
            Which rows were rejected for which reason.
        """
        ok = np.ones(len(values), dtype=bool)
        reasons = {}
        for index, column in enumerate(self._columns):
            foreign = _foreign(values[:, index], column)
            if foreign.any():
                reasons[f"column {column.name!r} has a value that its training rows rule out"] = foreign
                ok &= ~foreign
        if self._conditions:
            # Only on rows that belong to the table: a mask looks levels up by their codes.
            unmet = np.zeros(len(values), dtype=bool)
            unmet[ok] = ~self._conditions.mask(values[ok])
            reasons["conditions are not met"] = unmet
            ok &= ~unmet
        if self._copies is not None:
            copied = self._copies.is_copy(values)
            reasons[COPIED] = copied
            ok &= ~copied
        if self._laws is not None:
            broken = np.zeros((len(values), len(self._laws)), dtype=bool)
            broken[ok] = self._laws.broken(values[ok])
            reasons |= {
                f"breaks {str(law)!r}": rows for law, rows in zip(self._laws.constraints, broken.T, strict=True)
            }
            ok &= ~broken.any(axis=1)
        return ok, reasons


def _foreign(values: np.ndarray, column: Column) -> np.ndarray:
    """Mark the encoded values that the column cannot take."""
    missing = np.isnan(values)
    if column.kind == "categorical":
        foreign = ~np.isin(values, np.arange(len(column.levels)))
    else:
        foreign = ~((values >= column.minimum) & (values <= column.maximum))
    return np.where(missing, not column.has_missing, foreign)


def row_texts(row: np.ndarray | str, schema: TableSchema) -> dict[str, str] | str:
    """Give one encoded row, whose values may be none of the table's, as text by column; a text as it is."""
    if isinstance(row, str):
        return row
    return {column.name: _text(value, column) for column, value in zip(schema.modelled, row, strict=True)}


def _text(value: float, column: Column) -> str:
    if np.isnan(value):
        return "missing"
    if column.kind == "categorical" and value not in range(len(column.levels)):
        return f"no level ({value:g})"
    return column.format(value)
