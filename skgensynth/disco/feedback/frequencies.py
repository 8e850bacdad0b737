"""How often values come in the table and in generated rows: a guard of the marginals, and weight for what is rare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Frequencies"]

# Exponent and bound of the factors of rare classes.
EXPONENT, LIMIT = 0.5, 5.0
# Generated rows over which shares are averaged.
MEMORY = 5000


class Frequencies:
    """Shares of single values among real rows, and their running shares among generated ones.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, n_columns), int
        Values of the real rows, from 0 in each column; numbers by bins. Generated rows may have others, coded -1.
    """

    def __init__(self, codes: NDArray[np.int64]) -> None:
        sizes = codes.max(axis=0, initial=0) + 1
        # Half a count for each value: none is impossible.
        counts = [np.bincount(column, minlength=size) + 0.5 for column, size in zip(codes.T, sizes, strict=True)]
        # The last place, which the code -1 finds, is for what no real row has.
        self._real = [np.append(count, 0.5) / count.sum() for count in counts]
        self._generated = [share.copy() for share in self._real]

    def update(self, codes: NDArray[np.int64]) -> None:
        """Count generated rows, of shape (n_rows, n_columns)."""
        for column, generated in zip(codes.T, self._generated, strict=True):
            seen = np.bincount(column % len(generated), minlength=len(generated)) / len(column)
            generated += min(1.0, len(column) / MEMORY) * (seen - generated)

    def rewards(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Reward of each value for keeping the column's distribution (ours).

        It is ``log(p / q)``, with p the value's share of the real rows and q its running share of the generated ones.
        In expectation its gradient is that of the divergence of q from p, column by column.

        Parameters
        ----------
        codes : ndarray of shape (n_rows, n_columns), int
            Generated rows.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            In nats.
        """
        ratios = [np.log(p / np.maximum(q, 1e-6)) for p, q in zip(self._real, self._generated, strict=True)]
        return np.column_stack([ratio[column] for ratio, column in zip(ratios, codes.T, strict=True)])

    def factors(self, codes: NDArray[np.int64], columns: Sequence[int]) -> NDArray[np.float64]:
        """Factors of rows by how rare their class is: inverse-frequency shaping (ours; the paper names the idea only).

        The factor of class c of a column is ``clip((n / (K n_c)) ** 0.5, 1 / 5, 5)``, with n the rows, K the classes,
        and n_c the class's count in an even mix of real and generated rows. A row's factor is the largest of the
        columns'.

        Parameters
        ----------
        codes : ndarray of shape (n_rows, n_columns), int
            Generated rows.
        columns : sequence of int
            Columns whose classes count; without any, all factors are 1.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        if not columns:
            return np.ones(len(codes))
        factors = []
        for j in columns:
            share = (self._real[j] + self._generated[j]) / 2
            factor = np.clip((1 / ((len(share) - 1) * share)) ** EXPONENT, 1 / LIMIT, LIMIT)
            factors.append(factor[codes[:, j]])
        return np.max(factors, axis=0)
