"""Exact copies of training rows: recognised by hash, refused unless the table itself makes them unavoidable."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skgensynth.conditions import Allowed, Conditions
from skgensynth.schema import Column, TableSchema

__all__ = ["COPIED", "CopyFilter", "grid_size", "row_keys"]

COPIED = "exact copy of a training row"  # why such a row is rejected

# Refusing copies takes at most this share of the natural rows away (total variation distance); ours. Tables of real
# records lie below 0.07, all-categorical ones of few distinct rows above 0.85.
_MAX_NATURAL_RATE = 0.1


def row_keys(values: np.ndarray) -> np.ndarray:
    """Hash encoded rows, so that equal rows have equal keys (missing values equal each other, -0.0 equals 0.0).

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Encoded rows.

    Returns
    -------
    ndarray of shape (n_rows,), uint64
        Two different rows share a key with probability 2**-64.
    """
    canonical = np.asarray(values, dtype=np.float64) + 0.0
    canonical[np.isnan(canonical)] = np.nan
    return pd.util.hash_pandas_object(pd.DataFrame(canonical), index=False).to_numpy()


class CopyFilter:
    """Recognises exact copies of training rows and knows when refusing them would distort the table.

    A new row from the same source may equal a training row by nature: with eight yes/no columns almost every row
    does. Refusing such rows would cost the yield and bend the distribution by just as much, so copies are refused
    only where the *natural rate* of copies is at most 0.1. It is estimated as the larger of (ours):

    - the sample coverage ``1 - n1 / n``, with ``n1`` the number of rows that occur once among the ``n`` training
      rows: the chance that a further real row was seen before (Good, 1953; Turing's estimate);
    - the chance that a row with independently drawn columns hits a training row, ``sum_r prod_j p_j(r_j)`` over the
      distinct training rows ``r``. It recognises designed tables that list every combination once. A continuous
      value seen once gets Turing's share for such values, but no less than a uniform draw from its grid.

    Conditions narrow the second figure to the rows that satisfy them, so that a request which leaves only one
    possible row is answered.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Encoded training rows.
    schema : TableSchema
        The table's schema.
    """

    def __init__(self, values: np.ndarray, schema: TableSchema):
        snapped = schema.snap(values)
        # Mostly the rows are on their grids already: then they are kept in memory once.
        self._values = values if np.array_equal(snapped, values, equal_nan=True) else snapped
        self._columns = schema.modelled
        self._keys, self._first, counts = np.unique(row_keys(self._values), return_index=True, return_counts=True)
        self._coverage = 1.0 - np.count_nonzero(counts == 1) / len(values)
        self._probabilities = np.empty((len(self._first), len(self._columns)), dtype=np.float32)
        for index in range(len(self._columns)):
            self._probabilities[:, index] = self._column_probabilities(index, None)

    def natural_rate(self, conditions: Conditions) -> float:
        """Estimate how often a new row equals a training row for no other reason than the table's own make.

        Parameters
        ----------
        conditions : Conditions
            What the new rows must satisfy; may be empty.

        Returns
        -------
        float
            In [0, 1].
        """
        probabilities = self._probabilities
        if conditions:
            met = conditions.mask(self._values)[self._first]
            probabilities = probabilities[met]
            for index, allowed in conditions.allowed.items():
                probabilities[:, index] = self._column_probabilities(index, allowed)[met]
        return float(max(self._coverage, min(1.0, probabilities.prod(axis=1).sum())))

    def refuses(self, conditions: Conditions) -> bool:
        """Whether copies are to be drawn again under these conditions."""
        return self.natural_rate(conditions) <= _MAX_NATURAL_RATE

    def is_copy(self, values: np.ndarray) -> np.ndarray:
        """Mark the rows that equal a training row in every modelled column.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded rows, snapped to their columns' grids.

        Returns
        -------
        ndarray of bool, shape (n_rows,)
        """
        keys = row_keys(values)
        position = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return self._keys[position] == keys

    def _column_probabilities(self, index: int, allowed: Allowed | None) -> np.ndarray:
        """Probability of each distinct row's value in one column, among the allowed values of that column."""
        column, values = self._columns[index], self._values[:, index]
        if allowed is not None:
            values = values[allowed.mask(values)]
        wanted = self._values[self._first, index]
        result = np.zeros(len(wanted))
        if not len(values):
            return result
        # Missing values sort last and are one value: np.unique merges them.
        levels, counts = np.unique(values, return_counts=True)
        shares = counts / len(values)
        if column.kind != "categorical":
            once = counts == 1
            turing = 2.0 * (counts == 2).sum() / max(1, once.sum()) / len(values)
            shares[once] = np.minimum(shares[once], turing)
            shares = np.maximum(shares, 1.0 / grid_size(column, allowed))
        position = np.minimum(np.searchsorted(levels, wanted), len(levels) - 1)
        found = (levels[position] == wanted) | (np.isnan(levels[position]) & np.isnan(wanted))
        result[found] = shares[position[found]]
        return result


def grid_size(column: Column, allowed: Allowed | None) -> float:
    """Count the values that a continuous column can take.

    Parameters
    ----------
    column : Column
        A continuous column.
    allowed : Allowed or None
        A condition on it.

    Returns
    -------
    float
        At least 1; infinity without a grid.
    """
    intervals = ((column.minimum, column.maximum),) if allowed is None else allowed.intervals
    size = float(column.has_missing if allowed is None else allowed.missing)
    for low, high in intervals:
        if high > low:
            size += np.floor((high - low) / column.resolution + 1e-9) + 1 if column.resolution else np.inf
        elif high == low:
            size += 1
    return max(size, 1.0)
