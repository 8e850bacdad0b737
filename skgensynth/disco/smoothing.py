"""Targets of numbers that lie in part on the bins nearby."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import expm
from torch import Tensor

from skgensynth.disco.network import RowTransformer

__all__ = ["Smoothing", "heat_kernel"]


def heat_kernel(counts: NDArray[np.floating[Any]], n_ordered: int, width: float) -> NDArray[np.float64]:
    """Where heat that starts in one token of a column is after it has spread over the ranks of its values.

    Token `i` holds the share ``p_i`` of a column, and so that much of the ranks, which go from 0 to 1. Heat flows
    between neighbours `i` and `j`, whose middles are ``(p_i + p_j) / 2`` apart, at the rate ``width ** 2 / (p_i * (p_i
    + p_j))``, which is the heat equation on ranks with walls at both ends. As much flows from i to j as from j to i, so
    the column's distribution stays as it is. Estimating densities by diffusion is due to Botev, Grotowski and Kroese
    (2010); its use for the targets of a classifier of bins is ours.

    Parameters
    ----------
    counts : ndarray of shape (n_tokens,)
        How often each token occurs, above 0.
    n_ordered : int
        How many of the first tokens are in order; the others keep their heat.
    width : float
        Standard deviation of the spread far from the ends, as a share of the column's values; not negative.

    Returns
    -------
    ndarray of shape (n_tokens, n_tokens)
        Row i says where the heat of token i is; rows sum to 1.
    """
    p = counts / counts.sum()
    rates = np.zeros((len(p), len(p)))
    low = np.arange(max(n_ordered - 1, 0))
    rates[low, low + 1] = width**2 / (p[low] * (p[low] + p[low + 1]))
    rates[low + 1, low] = width**2 / (p[low + 1] * (p[low] + p[low + 1]))
    kernel = expm(rates - np.diag(rates.sum(axis=1))).clip(0)
    return kernel / kernel.sum(axis=1, keepdims=True)


class Smoothing:
    """Training targets of all columns: those of numbers are spread by `heat_kernel`.

    Parameters
    ----------
    tokens : ndarray of shape (n_rows, n_columns)
        Tokens of the training rows.
    network : RowTransformer
        Says how tokens are numbered and which columns are handled together.
    ordered : ndarray of shape (n_columns,)
        How many of each column's first tokens are in order.
    widths : sequence of float of length n_columns
        How far each column's targets spread, see `heat_kernel`.
    """

    def __init__(
        self,
        tokens: NDArray[np.int64],
        network: RowTransformer,
        ordered: NDArray[np.int64],
        widths: Sequence[float],
    ) -> None:
        self._kernels: dict[int, Tensor] = {}
        for columns, head in zip(network.groups, network.heads, strict=True):
            if not any(ordered[j] for j in columns):
                continue
            kernels = torch.zeros(len(columns), head.shape[-1], head.shape[-1])
            for kernel, j in zip(kernels, columns, strict=True):
                size = network.sizes[j]
                # Half a count for each token: none is impossible.
                counts = np.bincount(tokens[:, j], minlength=size) + 0.5
                kernel[:size, :size] = torch.from_numpy(heat_kernel(counts, int(ordered[j]), widths[j]))
            self._kernels[columns[0]] = kernels

    def mean(self, columns: Sequence[int], log_probs: Tensor, chosen: Tensor) -> Tensor:
        """Mean log-probability under the spread targets.

        Parameters
        ----------
        columns : sequence of int
            The columns of one of the network's groups.
        log_probs : Tensor of shape (n_members, len(columns), n_rows, padded size)
            Of their tokens.
        chosen : Tensor of shape (n_members, len(columns), n_rows)
            The rows' tokens.

        Returns
        -------
        Tensor of shape (n_members, len(columns), n_rows)
        """
        kernels = self._kernels.get(columns[0])
        if kernels is None:
            return log_probs.gather(3, chosen[..., None])[..., 0]
        return (log_probs * kernels[torch.arange(len(columns))[None, :, None], chosen]).sum(dim=-1)
