"""Scores of processes by discriminators that learned from other rows, so that all rows made by a process count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skgensynth.mallm.discriminators import Discriminator

__all__ = ["CrossFit", "cross_fit", "make_folds", "n_folds"]


def make_folds(n_rows: int, share: float, rng: np.random.Generator, n_batches: int = 1) -> NDArray[np.intp]:
    """Deal rows out to folds of about a share each, at least two of them.

    Parameters
    ----------
    n_rows : int
        Rows, at least two.
    share : float
        Of a fold, in (0, 1).
    rng : numpy.random.Generator
        Source of the order.
    n_batches : int, default=1
        Batches that are to have rows of each fold: shares are larger where there would be too few. At most half of the
        rows.

    Returns
    -------
    ndarray of shape (n_rows,), int
        Fold of each row. The first fold is never a smaller one than another.
    """
    folds = np.empty(n_rows, dtype=np.intp)
    folds[rng.permutation(n_rows)] = np.arange(n_rows) % n_folds(n_rows, share, n_batches)
    return folds


def n_folds(n_rows: int, share: float, n_batches: int = 1) -> int:
    """Number of folds that rows are dealt out to; see `make_folds`."""
    return max(2, min(round(1 / share), n_rows // n_batches))


@dataclass(frozen=True)
class CrossFit:
    """What discriminators make of rows that they did not learn from.

    Attributes
    ----------
    real_told : float
        Share of the real rows that are recognised.
    taken : tuple of ndarray of bool
        For each iteration which of its rows are taken for real.
    """

    real_told: float
    taken: tuple[NDArray[np.bool_], ...]

    def accuracy(self, iterations: Sequence[int]) -> float:
        """Accuracy on the real rows and those of some iterations, which have at least one row: 0.5 is chance."""
        taken = np.concatenate([self.taken[i] for i in iterations])
        return float((self.real_told + 1 - taken.mean()) / 2)


def cross_fit(
    real: NDArray[np.float64],
    folds: NDArray[np.intp],
    made: Sequence[NDArray[np.float64]],
    made_folds: Sequence[NDArray[np.intp]],
    new_discriminator: Callable[[], Discriminator],
) -> CrossFit | None:
    """Judge each fold of the rows by a discriminator that learned from the others (ours).

    A row that was made from a real one is in its fold, so that no discriminator has seen what the row resembles most.

    Parameters
    ----------
    real : ndarray of shape (n_rows, n_modelled)
        Encoded training rows.
    folds : ndarray of shape (n_rows,), int
        Their folds.
    made : sequence of ndarray of shape (n_made, n_modelled)
        Rows of each iteration.
    made_folds : sequence of ndarray of shape (n_made,), int
        Their folds.
    new_discriminator : callable
        Gives a discriminator that has learned nothing yet.

    Returns
    -------
    CrossFit or None
        None where the rows that were made are all in one fold, or are none.
    """
    everything, every_fold = np.concatenate(made), np.concatenate(made_folds)
    if len(np.unique(every_fold)) < 2:
        return None
    told, taken = np.empty(len(real), dtype=bool), np.empty(len(everything), dtype=bool)
    for fold in np.unique(folds):
        judge = new_discriminator().update(real[folds != fold], everything[every_fold != fold])
        told[folds == fold] = judge.predict(real[folds == fold])
        taken[every_fold == fold] = judge.predict(everything[every_fold == fold])
    return CrossFit(float(told.mean()), tuple(np.split(taken, np.cumsum([len(rows) for rows in made])[:-1])))
