"""Figures of predictions: for the rows as they are, and for many bootstrap samples of them at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

CLASSIFICATION_FIGURES = ("macro_f1", "weighted_f1", "auc", "accuracy", "balanced_accuracy")
REGRESSION_FIGURES = ("r2", "rmse")
# Weights of so many rows are held at once: 32 MiB.
_MAX_CELLS = 2**22


def sample_weights(n_rows: int, n_bootstrap: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each row counts, shape (n_samples, n_rows): once in the first sample, as drawn in the others."""
    rng = np.random.RandomState(seed)
    yield np.ones((1, n_rows))
    size = max(1, _MAX_CELLS // n_rows)
    for start in range(0, n_bootstrap, size):
        draws = [rng.randint(n_rows, size=n_rows) for _ in range(min(size, n_bootstrap - start))]
        yield np.stack([np.bincount(draw, minlength=n_rows) for draw in draws]).astype(float)


def interval(replicates: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the bootstrap samples in which the figure is defined."""
    defined = replicates[np.isfinite(replicates)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)


def class_figures(y: np.ndarray, predicted: np.ndarray, n_classes: int, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Recall, precision and support, and F1 for the means; each of shape (n_samples, n_classes), undefined ones 0."""
    right = y == predicted
    found = _class_weights(y[right], n_classes, weights[:, right])
    support, claimed = _class_weights(y, n_classes, weights), _class_weights(predicted, n_classes, weights)
    return {
        "recall": _ratio(found, support),
        "precision": _ratio(found, claimed),
        "f1": _ratio(2 * found, support + claimed),
        "support": support,
    }


def classification_figures(y, predicted, scores, weights) -> dict[str, np.ndarray]:
    """Figures of one classifier on codes of classes, each of shape (n_samples,); `scores` has a column per class.

    Means over classes run over those that the sample holds.
    """
    by_class = class_figures(y, predicted, scores.shape[1], weights)
    support = by_class["support"]
    held = support > 0
    n_held, n_rows = held.sum(axis=1), support.sum(axis=1)
    areas = np.column_stack([_area(y == code, scores[:, code], weights) for code in np.unique(y)])
    defined = np.isfinite(areas)
    n_defined = defined.sum(axis=1)
    means = np.where(defined, areas, 0).sum(axis=1) / np.maximum(n_defined, 1)
    return {
        "macro_f1": (by_class["f1"] * held).sum(axis=1) / n_held,
        "weighted_f1": (by_class["f1"] * support).sum(axis=1) / n_rows,
        "auc": np.where(n_defined > 0, means, np.nan),
        "accuracy": weights @ (y == predicted) / n_rows,
        "balanced_accuracy": (by_class["recall"] * held).sum(axis=1) / n_held,
    }


def regression_figures(y, predicted, weights) -> dict[str, np.ndarray]:
    """Figures of one regressor, each of shape (n_samples,); NaN if it predicts anything but finite numbers."""
    if not np.isfinite(predicted).all():
        return {name: np.full(len(weights), np.nan) for name in REGRESSION_FIGURES}
    # Any shift gives the same sums of squares; the median keeps a constant target exactly 0.
    centred = y - np.median(y)
    total = weights.sum(axis=1)
    errors = weights @ (y - predicted) ** 2
    spread = weights @ centred**2 - (weights @ centred) ** 2 / total
    # scikit-learn's convention for a constant target: 1 if it is met exactly, else 0.
    r2 = np.where(spread > 0, 1 - errors / np.where(spread > 0, spread, 1), np.where(errors > 0, 0.0, 1.0))
    return {"r2": r2, "rmse": np.sqrt(errors / total)}


def _class_weights(codes, n_classes, weights):
    return np.stack([np.bincount(codes, weights=sample, minlength=n_classes) for sample in weights])


def _ratio(part, whole):
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0.0)


def _area(positive, scores, weights):
    """Area under the ROC curve of each sample, ties counting half; NaN without rows of both sorts or with NaN."""
    if np.isnan(scores).any():
        return np.full(len(weights), np.nan)
    order = np.argsort(scores)
    ranked, positive = scores[order], positive[order].astype(float)
    firsts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    areas = np.full(len(weights), np.nan)
    # One sample at a time stays in the cache, which makes this four times as fast as all at once.
    for place, sample in enumerate(weights):
        sample = sample[order]
        positives = np.add.reduceat(sample * positive, firsts)
        negatives = np.add.reduceat(sample, firsts) - positives
        pairs = positives.sum() * negatives.sum()
        if pairs > 0:
            areas[place] = positives @ (np.cumsum(negatives) - negatives / 2) / pairs
    return areas
