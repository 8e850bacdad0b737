"""From tokens to values that keep the laws of a table, and which tokens cannot keep them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skgensynth.conditions import Conditions
from skgensynth.disco.codecs import CompactCodec
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

__all__ = ["Decoder"]

# Values drawn within a token before it is taken for one that breaks a law.
N_TRIES = 3
UNSETTLED = -1


class Decoder:
    """Turns tokens into encoded values that keep a table's laws as far as the tokens let them (ours).

    Parameters
    ----------
    codec : CompactCodec
        Vocabulary.
    schema : TableSchema
        The table.
    laws : Laws
        Its laws; may be none.

    Attributes
    ----------
    laws : Laws
        The laws.
    """

    def __init__(self, codec: CompactCodec, schema: TableSchema, laws: Laws) -> None:
        self._codec = codec
        self._schema = schema
        self.laws = laws

    def decode(
        self, tokens: NDArray[np.int64], conditions: Conditions, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw values within tokens, anew where they break laws that others would keep.

        Parameters
        ----------
        tokens : ndarray of shape (n_rows, n_columns)
            Tokens that fulfil the conditions.
        conditions : Conditions
            What rows must fulfil.
        rng : numpy.random.Generator
            Source of values within tokens.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Encoded rows, on their columns' grids.
        """
        values = self._schema.snap(self._codec.decode(tokens, conditions, rng))
        return self.settle(values, tokens, conditions, rng)

    def decode_column(
        self, j: int, tokens: NDArray[np.int64], conditions: Conditions, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw values within tokens of one column, whatever the laws say; on its grid."""
        drawn = self._codec.decode_column(j, tokens, conditions.allowed.get(j), rng)
        return self._schema.modelled[j].snap(drawn)

    def settle(
        self,
        values: NDArray[np.float64],
        tokens: NDArray[np.int64],
        conditions: Conditions,
        rng: np.random.Generator,
        chosen: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Draw values anew within their tokens where rows break laws; see `Laws.settle`.

        Parameters
        ----------
        values, tokens : ndarray of shape (n_rows, n_columns)
            Rows, and their tokens.
        conditions : Conditions
            What rows must fulfil.
        rng : numpy.random.Generator
            Source of values within tokens.
        chosen : ndarray of shape (n_laws,), bool, default=None
            The laws that matter; None for all.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Rows that keep all laws that they kept before.
        """

        def redraw(j: int, rows: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
            return self.decode_column(j, tokens[rows, j], conditions, rng)

        return self.laws.settle(values, redraw, rng, chosen)

    def breaking(
        self, values: NDArray[np.float64], settled: NDArray[np.int64], rng: np.random.Generator
    ) -> dict[int, NDArray[np.float64]]:
        """With which tokens rows would break a law at the column that settles it.

        All tokens of that column are tried, so what a law asks is known without waiting for a row that breaks it.
        A token counts only if several values drawn within it all break a law: others can be settled within the token.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded rows, on their columns' grids.
        settled : ndarray of shape (n_rows, n_laws)
            Column at which each law is settled in each row; -1 where that is of no interest.
        rng : numpy.random.Generator
            Source of values within tokens.

        Returns
        -------
        dict of int to ndarray of shape (n_rows, sizes[j])
            For the columns that settle laws: 1 where a row would break one with a token, else 0.
        """
        columns = (int(j) for j in np.unique(settled) if j != UNSETTLED)
        return {j: self.breaking_at(j, values, settled == j, rng) for j in columns}

    def breaking_at(
        self, j: int, values: NDArray[np.float64], here: NDArray[np.bool_], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """`breaking` of one column, which settles the laws in rows that a mask of shape (n_rows, n_laws) says."""
        size = self._codec.sizes[j]
        chosen = np.any(here, axis=0)
        rows = np.repeat(np.flatnonzero(here.any(axis=1)), size)
        tokens = np.tile(np.arange(size), len(rows) // size)
        for _ in range(N_TRIES):
            tried = values[rows]
            tried[:, j] = self.decode_column(j, tokens, Conditions(), rng)
            broken = (self.laws.broken(tried, chosen) & here[rows][:, chosen]).any(axis=1)
            rows, tokens = rows[broken], tokens[broken]
        costs = np.zeros((len(values), size))
        costs[rows, tokens] = 1.0
        return costs
