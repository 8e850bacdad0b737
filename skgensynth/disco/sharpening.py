"""Sharper labels with the same class shares: undo what regularisation takes from the distribution of the target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["balance_classes"]

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
