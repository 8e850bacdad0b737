"""Single figures that sum up several: privacy and quality in balance, and fidelity as a whole."""

from __future__ import annotations

import numpy as np


def harmonic_score(privacy, quality, *, normalize=False):
    """How well privacy and quality are balanced: one score that is high only where both are.

    The harmonic mean ``2 p q / (p + q)`` of privacy p and quality q (SynLLM: Ilaty et al., SynLLM: a comparative
    analysis of large language models for medical tabular synthetic data generation via prompt engineering, 2025), 0
    where both are 0. Any privacy and quality in [0, 1] with 1 the ideal will do, such as those of `score_privacy` and
    `score_utility`.

    Parameters
    ----------
    privacy, quality : float or array-like of shape (n_runs,)
        The two figures of one run, or of several; larger is better.
    normalize : bool, default=False
        Whether to put each of the two on [0, 1] over the runs first, the worst run at 0 and the best at 1. The score
        then ranks these runs, whatever the units of the figures, and means nothing beyond them; the worst run in either
        figure scores 0. A figure that is the same in all runs is taken as 1.

    Returns
    -------
    float or ndarray of shape (n_runs,)
        Scores in [0, 1], 1 is ideal; NaN where a figure is NaN.

    Raises
    ------
    ValueError
        If a figure lies outside [0, 1] and `normalize` is off, if the numbers of runs differ, or if one run alone is to
        be normalised.

    Examples
    --------
    >>> from skgensynth.metrics import harmonic_score
    >>> round(harmonic_score(0.9, 0.6), 2)
    0.72
    >>> harmonic_score([0.9, 0.7, 0.5], [0.2, 0.4, 0.6], normalize=True).round(2).tolist()
    [0.0, 0.5, 0.0]
    """
    p, q = (np.asarray(values, dtype=float) for values in (privacy, quality))
    if p.shape != q.shape or p.ndim > 1:
        raise ValueError(f"privacy and quality must be one figure per run each, got shapes {p.shape} and {q.shape}.")
    if normalize:
        if p.size < 2:
            raise ValueError("normalize=True compares runs: pass the figures of two or more.")
        p, q = _over_runs(p), _over_runs(q)
    for name, values in (("privacy", p), ("quality", q)):
        if np.any((values < 0) | (values > 1)):
            raise ValueError(f"{name} must lie in [0, 1]: clip it, or compare several runs with normalize=True.")
    total = p + q
    score = np.where(total == 0, 0.0, 2 * p * q / np.where(total == 0, 1.0, total))
    return score if score.ndim else float(score)


def global_fidelity_index(divergence, association, detection_auc):
    """How closely a synthetic table follows the real one, as one figure.

    The plain mean of three parts (ours), each in [0, 1]: columns by themselves, ``1 - divergence``; columns in pairs,
    ``1 - min(1, association)``; whole rows, ``1 - max(0, 2 AUC - 1)`` of a classifier that tells synthetic from real
    rows, as below 0.5 it tells nothing. A mean and not a product, so that a table whose rows are all told apart is
    still judged by its columns. Parts that are NaN, as the pairs of a single column, are left out.

    Parameters
    ----------
    divergence : float
        Mean Jensen-Shannon divergence in bits, in [0, 1] (`jensen_shannon`).
    association : float
        Mean absolute difference of associations, in [0, 2] (`association_difference`).
    detection_auc : float
        Area under the ROC curve of a classifier that tells synthetic from real rows, in [0, 1] (`detection_auc`).

    Returns
    -------
    float
        Index in [0, 1], 1 is ideal; NaN if every part is. Real rows that were held out do not reach 1 either: compare
        with their index.

    Raises
    ------
    ValueError
        If a part lies outside its range.

    Examples
    --------
    >>> from skgensynth.metrics import global_fidelity_index
    >>> round(global_fidelity_index(0.01, 0.05, 0.6), 2)
    0.91
    >>> global_fidelity_index(0.5, float("nan"), 0.5)
    0.75
    """
    ranges = {"divergence": (divergence, 1), "association": (association, 2), "detection_auc": (detection_auc, 1)}
    for name, (value, high) in ranges.items():
        if value < 0 or value > high:
            raise ValueError(f"{name} must lie in [0, {high}], got {value}.")
    # np.minimum and np.maximum keep NaN, which Python's own would lose.
    parts = np.array([1 - divergence, 1 - np.minimum(1, association), 1 - np.maximum(0, 2 * detection_auc - 1)])
    defined = parts[~np.isnan(parts)]
    return float(defined.mean()) if len(defined) else float("nan")


def _over_runs(values):
    """Put figures on [0, 1] by their smallest and largest; NaN stays."""
    defined = values[~np.isnan(values)]
    if not len(defined) or np.ptp(defined) == 0:
        return np.where(np.isnan(values), np.nan, 1.0)
    return (values - defined.min()) / np.ptp(defined)
