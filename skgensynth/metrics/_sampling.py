"""Rows drawn to be attacked, and what resampling them says."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from skgensynth.exceptions import SchemaError


def draw(n_rows, most, rng):
    """Places of all rows, or of so many of them at random."""
    if most is None or n_rows <= most:
        return np.arange(n_rows)
    return rng.choice(n_rows, most, replace=False)


def require_rows(name, rows, least):
    """Refuse a table that is too short to say anything."""
    if len(rows) < least:
        raise ValueError(f"{name} has {len(rows)} row: at least {least} are needed, to compare a row with the others.")


def require_columns(columns, least, why):
    """Refuse a table that is too narrow for an attack."""
    if len(columns) < least:
        raise SchemaError(f"The tables have the column {columns[0]!r} alone: at least {least} are needed, {why}.")


def effective_number(owners, weights=None):
    """Number of independent results among those that belong to owners, one for each (Kish, Survey sampling, 1965)."""
    sums = np.bincount(np.unique(owners, return_inverse=True)[1], weights)
    return float(sums.sum() ** 2 / np.sum(sums**2))


def auc(positives, negatives):
    """Probability that a positive scores above a negative, ties counting half."""
    ranks = rankdata(np.concatenate([positives, negatives]))
    n = len(positives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(negatives)))


def bootstrap(statistic, first, second, n_bootstrap, rng):
    """Ends of the 95 % interval of a statistic of two independent samples, shape (2,) or (2, n_statistics)."""
    if n_bootstrap < 1:
        raise ValueError(f"n_bootstrap must be at least 1, got {n_bootstrap}.")
    resampled = [statistic(rng.choice(first, len(first)), rng.choice(second, len(second))) for _ in range(n_bootstrap)]
    return np.quantile(resampled, [0.025, 0.975], axis=0)
