"""Sharper labels with the same class shares: undo what regularisation takes from the distribution of the target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skgensynth.disco.network import RowTransformer

__all__ = ["TargetSharpening", "balance_classes"]

MAX_ITERATIONS = 500
TOLERANCE = 1e-3
# Part of each correction that is applied; whole corrections may swing.
DAMPING = 0.7


def balance_classes(probs: NDArray[np.float64], shares: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Offsets that keep class shares when probabilities are sharpened.

    Sharpened probabilities are proportional to ``p ** (1 / temperature) * exp(offset)`` (ours). Without the offsets,
    sharpening would feed the frequent classes at the expense of the rare ones.

    Parameters
    ----------
    probs : ndarray of shape (n_rows, n_classes)
        Probabilities of the classes in rows that stand for the distribution.
    shares : ndarray of shape (n_classes,)
        Wanted mean of the sharpened probabilities, above 0.
    temperature : float
        Above 0; below 1 sharpens.

    Returns
    -------
    ndarray of shape (n_classes,)
        Offsets with mean 0; found by iterative proportional fitting.
    """
    logits = np.log(np.maximum(probs, 1e-12)) / temperature
    offsets = np.zeros(probs.shape[1])
    for _ in range(MAX_ITERATIONS):
        raw = logits + offsets
        sharpened = np.exp(raw - raw.max(axis=1, keepdims=True))
        sharpened /= sharpened.sum(axis=1, keepdims=True)
        step = np.log(shares) - np.log(np.maximum(sharpened.mean(axis=0), 1e-12))
        offsets += DAMPING * step
        if np.abs(step).max() < TOLERANCE:
            break
    return offsets - offsets.mean()


class TargetSharpening:
    """Sharpened probabilities of the target after all features (ours).

    Parameters
    ----------
    column : int
        Place of the target.
    shares : ndarray of shape (n_target_tokens,)
        Shares that its tokens are to have, above 0.
    temperature : float
        Probabilities are raised to the power of ``1 / temperature``; 1 leaves them as they are.
    offsets : ndarray of shape (n_target_tokens,) or None, default=None
        What keeps the shares; None until `fit`, and nothing is sharpened before.
    """

    def __init__(
        self,
        column: int,
        shares: NDArray[np.float64],
        temperature: float,
        offsets: NDArray[np.float64] | None = None,
    ) -> None:
        self.column = column
        self.shares = shares
        self.temperature = temperature
        self.offsets = offsets

    @classmethod
    def of_tokens(cls, column: int, tokens: NDArray[np.int64], size: int, temperature: float) -> TargetSharpening:
        """Sharpening that keeps the shares of training tokens, of shape (n_rows,), out of `size` ones."""
        # Half a count for each token: shares are above 0 even where a class is in the table's schema alone.
        counts = np.bincount(tokens, minlength=size) + 0.5
        return cls(column, counts / counts.sum(), temperature)

    @property
    def changes(self) -> bool:
        """Whether the temperature changes the probabilities at all."""
        return self.temperature != 1

    def fit(self, probs: NDArray[np.float64]) -> None:
        """Find the offsets from unsharpened probabilities, of shape (n_rows, n_target_tokens), in the policy's rows."""
        self.offsets = balance_classes(probs, self.shares, self.temperature) if self.changes else None

    def log_probs(self, network: RowTransformer, tokens: Tensor, orders: Tensor) -> Tensor:
        """Log-probabilities of the target's tokens.

        Parameters
        ----------
        network : RowTransformer
            What predicts the target.
        tokens, orders : Tensor of shape (n_rows, n_columns)
            Tokens of each column, and the column at each position, the target last.

        Returns
        -------
        Tensor of shape (n_rows, n_target_tokens)
            Differentiable.
        """
        logits = network.last_probs(self.column, tokens, orders).clamp_min(1e-12).log()
        if self.offsets is not None:
            logits = logits / self.temperature + torch.from_numpy(self.offsets).float()
        return logits.log_softmax(dim=-1)

    def to_dict(self) -> dict[str, list[float] | None]:
        """JSON form of the shares and the offsets."""
        return {"shares": self.shares.tolist(), "offsets": None if self.offsets is None else self.offsets.tolist()}

    @classmethod
    def from_dict(cls, state: Mapping[str, list[float] | None], column: int, temperature: float) -> TargetSharpening:
        """Undo `to_dict`."""
        shares, offsets = (None if state[name] is None else np.array(state[name]) for name in ("shares", "offsets"))
        assert shares is not None
        return cls(column, shares, temperature, offsets)
