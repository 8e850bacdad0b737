"""What generated rows and their parts are worth, and the credit that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skgensynth.disco.feedback.discriminators import Scores
from skgensynth.disco.feedback.rollouts import Credit
from skgensynth.disco.feedback.settings import LEVELS

__all__ = ["Judgement", "RewardSettings", "by_level", "dense_credit", "scalar_credit", "shaped"]


@dataclass(frozen=True)
class RewardSettings:
    """Weights of the rewards.

    Attributes
    ----------
    weights : dict of str to float
        Of each level of discriminators.
    violation_weight : float
        What a broken constraint costs, in nats.
    frequency_weight : float
        Of the guard of the columns' distributions.
    """

    weights: Mapping[str, float]
    violation_weight: float
    frequency_weight: float


@dataclass(frozen=True)
class Judgement:
    """What was found out about generated rows.

    Attributes
    ----------
    scores : Scores
        Log-odds from the discriminators.
    broken : ndarray of shape (n_rows, n_constraints), bool
        Which constraints they break.
    settled_at : ndarray of shape (n_rows, n_constraints), int
        The column of each constraint that was drawn last.
    group_ends : ndarray of shape (n_rows, n_groups), int
        The same of each group of associated columns.
    frequency : ndarray of shape (n_rows, n_columns)
        Rewards of values from the guard of the columns' distributions.
    factors : ndarray of shape (n_rows,)
        Of inverse-frequency shaping.
    """

    scores: Scores
    broken: NDArray[np.bool_]
    settled_at: NDArray[np.int64]
    group_ends: NDArray[np.int64]
    frequency: NDArray[np.float64]
    factors: NDArray[np.float64]

    @property
    def row(self) -> NDArray[np.float64]:
        """Shaped row scores, of shape (n_rows,)."""
        return shaped(self.scores.row[:, 0], ~np.asarray(self.broken.any(axis=1)), self.factors)


def dense_credit(
    found: Judgement,
    columns: NDArray[np.int64],
    settings: RewardSettings,
    expected: Mapping[int, NDArray[np.float64]] | None,
) -> Credit:
    """Credit of each part of generated rows, for what it alone decides (ours).

    A token's score counts for the token, a pair's for its column, a group's for the column that completes it, a broken
    constraint against the column that settles it, and the row's score for all columns. Each column's credit is centred
    over the rows.

    Parameters
    ----------
    found : Judgement
        What was found out about the rows.
    columns : ndarray of shape (n_rows, length), int
        Column of each token, -1 where there is none.
    settings : RewardSettings
        Weights.
    expected : dict of int to ndarray of shape (n_rows, n_tokens), or None
        By column, the share of values of each token with which a row would break a constraint there, where the policy
        can tell. Then broken constraints cost their expectation instead of what happened to be drawn.

    Returns
    -------
    Credit
    """
    weights = settings.weights
    credit = weights["sentence"] * found.scores.sentence + settings.frequency_weight * found.frequency
    for score, end in zip(found.scores.feature.T, found.group_ends.T, strict=True):
        credit[np.arange(len(credit)), end] += weights["feature"] * score
    if expected is None:
        for broken, end in zip(found.broken.T, found.settled_at.T, strict=True):
            credit[np.flatnonzero(broken), end[broken]] -= settings.violation_weight
    credit += weights["row"] * found.row[:, None]
    tokens = weights["token"] * np.nan_to_num(found.scores.token)
    costs = {j: settings.violation_weight * share for j, share in (expected or {}).items()}
    return Credit(credit - credit.mean(axis=0), tokens - _column_means(tokens, columns), costs)


def scalar_credit(found: Judgement, columns: NDArray[np.int64], settings: RewardSettings) -> Credit:
    """The sum of all of a row's rewards, centred over the rows, for each of its columns alike.

    Parameters
    ----------
    found : Judgement
        What was found out about the rows.
    columns : ndarray of shape (n_rows, length), int
        Column of each token, -1 where there is none.
    settings : RewardSettings
        Weights.

    Returns
    -------
    Credit
    """
    weights, scores = settings.weights, found.scores
    total = weights["token"] * np.nansum(scores.token, axis=1) + weights["sentence"] * scores.sentence.sum(axis=1)
    total += weights["feature"] * scores.feature.sum(axis=1) + weights["row"] * found.row
    total += settings.frequency_weight * found.frequency.sum(axis=1)
    total -= settings.violation_weight * found.broken.any(axis=1)
    centred = (total - total.mean())[:, None]
    return Credit(np.tile(centred, (1, found.frequency.shape[1])), np.zeros(columns.shape), {})


def shaped(scores: NDArray[np.float64], valid: NDArray[np.bool_], factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse-frequency shaping of row scores: what is above their mean counts by the row's factor (ours).

    Rows that break a constraint gain nothing by being rare: their factor is 1 at most.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Log-odds of rows.
    valid : ndarray of shape (n_rows,), bool
        Whether they break no constraint.
    factors : ndarray of shape (n_rows,)
        From `Frequencies.factors`.

    Returns
    -------
    ndarray of shape (n_rows,)
        Centred.
    """
    centred = scores - scores.mean()
    factors = np.where(valid, factors, np.minimum(factors, 1.0))
    centred = np.where(centred > 0, factors * centred, centred)
    return centred - centred.mean()


def by_level(found: Judgement) -> dict[str, float]:
    """Mean reward of a row at each level, in nats, and its mean number of broken constraints."""
    means = {f"{level}_reward": float(np.nansum(getattr(found.scores, level), axis=1).mean()) for level in LEVELS}
    return {**means, "violations": float(found.broken.sum(axis=1).mean())}


def _column_means(tokens: NDArray[np.float64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of each column's token scores, in the places of its tokens."""
    place, present = columns.clip(0).ravel(), (columns >= 0).ravel()
    counts = np.bincount(place, weights=present)
    means = np.bincount(place, weights=tokens.ravel() * present) / np.maximum(counts, 1)
    return np.where(columns >= 0, means[columns.clip(0)], 0.0)
