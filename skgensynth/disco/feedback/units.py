"""Rows as sequences of tokens that belong to columns: what discriminators read, whatever wrote them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["UnitSpace", "Units"]


@dataclass(frozen=True)
class UnitSpace:
    """The tokens that a codec writes rows with.

    Attributes
    ----------
    n_tokens : int
        Number of different tokens.
    n_columns : int
        Number of columns.
    features : Tensor of shape (n_tokens, n_features)
        What is known about tokens beforehand, such as smooth functions of the rank of a bin; may have no columns.
    """

    n_tokens: int
    n_columns: int
    features: Tensor


@dataclass(frozen=True)
class Units:
    """Rows of tokens.

    Attributes
    ----------
    tokens : ndarray of shape (n_rows, length), int64
        Tokens from 0 on; rows that are shorter end in -1.
    columns : ndarray of shape (n_rows, length), int64
        Column of each token, -1 where there is none.
    """

    tokens: NDArray[np.int64]
    columns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> Units:
        return Units(self.tokens[rows], self.columns[rows])

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Both as tensors."""
        return torch.from_numpy(self.tokens), torch.from_numpy(self.columns)
