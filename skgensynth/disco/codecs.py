"""Encoded rows as one token per column, and back: the vocabulary of the compact policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.conditions import Allowed, Conditions
from skgensynth.disco.tokens import CategoryTokens, NumberTokens
from skgensynth.schema import Column, TableSchema

__all__ = ["CompactCodec"]


@dataclass(frozen=True)
class CompactCodec:
    """One token per column of an encoded matrix (ours).

    Each column has tokens of its own, numbered from 0; where it has missing values, its last token says so.

    Attributes
    ----------
    columns : tuple of CategoryTokens or NumberTokens
        One for each modelled column.
    missing : tuple of bool
        Whether the column has a token for missing values.
    """

    columns: tuple[CategoryTokens | NumberTokens, ...]
    missing: tuple[bool, ...]

    @classmethod
    def fit(cls, values: NDArray[np.float64], schema: TableSchema, n_bins: int) -> CompactCodec:
        """Make the vocabulary of a table.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded training rows.
        schema : TableSchema
            Their schema.
        n_bins : int
            Bins of a continuous column.

        Returns
        -------
        CompactCodec
            The vocabulary. It keeps quantiles of single columns, no rows.
        """
        columns = [_fit_column(values[:, j], column, n_bins) for j, column in enumerate(schema.modelled)]
        return cls(tuple(columns), tuple(bool(np.isnan(values[:, j]).any()) for j in range(values.shape[1])))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of tokens of each column, the one for missing values included."""
        return tuple(c.size + int(flag) for c, flag in zip(self.columns, self.missing, strict=True))

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Turn encoded rows into tokens.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded rows.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), int64
            Tokens; -1 for what has no token: a level not observed, a missing value where none was.
        """
        out = np.full(values.shape, -1, dtype=np.int64)
        for j, column in enumerate(self.columns):
            present = ~np.isnan(values[:, j])
            out[present, j] = column.encode(values[present, j])
            if self.missing[j]:
                out[~present, j] = column.size
        return out

    def decode(
        self, tokens: NDArray[np.int64], conditions: Conditions, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Turn tokens into encoded rows that fulfil the conditions.

        Parameters
        ----------
        tokens : ndarray of shape (n_rows, n_columns)
            Tokens whose `shares` under the conditions are above 0.
        conditions : Conditions
            Bounds of single columns.
        rng : numpy.random.Generator
            Draws the value within a token.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), float64
            Encoded rows; continuous values are not yet on their grid.
        """
        out = np.full(tokens.shape, np.nan)
        for j in range(len(self.columns)):
            out[:, j] = self.decode_column(j, tokens[:, j], conditions.allowed.get(j), rng)
        return out

    def decode_column(
        self, j: int, tokens: NDArray[np.int64], allowed: Allowed | None, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Values of column `j` for its tokens, of shape (n_rows,), within what a condition allows."""
        out = np.full(len(tokens), np.nan)
        present = tokens < self.columns[j].size
        out[present] = self.columns[j].decode(tokens[present], allowed, rng)
        return out

    def shares(self, j: int, allowed: Allowed) -> NDArray[np.float64]:
        """Share of each token of column `j` that a condition allows, in [0, 1], of shape (sizes[j],)."""
        out = self.columns[j].shares(allowed) if self.columns[j].size else np.empty(0)
        return np.append(out, float(allowed.missing)) if self.missing[j] else out

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"columns": [c.to_dict() for c in self.columns], "missing": list(self.missing)}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> CompactCodec:
        """Undo `to_dict`."""
        kinds = [NumberTokens if "knots" in column else CategoryTokens for column in state["columns"]]
        columns = [kind.from_dict(column) for kind, column in zip(kinds, state["columns"], strict=True)]
        return cls(tuple(columns), tuple(state["missing"]))


def _fit_column(values: NDArray[np.float64], column: Column, n_bins: int) -> CategoryTokens | NumberTokens:
    """Tokens of one column."""
    present = values[~np.isnan(values)]
    if column.kind == "categorical":
        return CategoryTokens.fit(present)
    return NumberTokens.fit(present, n_bins, column.resolution)
