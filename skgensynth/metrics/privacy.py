"""What a synthetic table gives away about the rows that it was learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_curve
from sklearn.utils import check_random_state

from skgensynth.metrics._tables import encode_tables

# One block of distances is 8 x 8192 float32, 256 KiB: it stays in a core's cache, which is what makes this fast.
_QUERY_BLOCK = 8
_REFERENCE_BLOCK = 8192


@dataclass(frozen=True)
class MembershipResult:
    """What a membership attack reached.

    Attributes
    ----------
    auc : float
        Area under the ROC curve, training rows as positives: 0.5 is no leak, 1 means every training row is recognised.
    auc_interval : tuple of two floats
        95 % bootstrap interval of ``auc`` over the real rows, given the synthetic table.
    tpr_at_1pct_fpr : float
        Share of training rows recognised while at most 1 % of the held-out rows are taken for training rows.
    n_train, n_holdout, n_synthetic : int
        Rows the figures rest on.
    """

    auc: float
    auc_interval: tuple[float, float]
    tpr_at_1pct_fpr: float
    n_train: int
    n_holdout: int
    n_synthetic: int


def membership_inference(train, holdout, synthetic, *, max_queries=2000, n_bootstrap=200, random_state=None):
    """How well an attacker tells training rows from unseen rows by looking at the synthetic table.

    The attacker scores each real row by its Gower distance to the closest synthetic row (`closest_distances`); a small
    distance speaks for a training row (distance attack, Chen et al., GAN-Leaks, 2020).

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated. All of them are used: leaving some out would hide memorised rows.
    max_queries : int or None, default=2000
        At most so many rows of `train`, and of `holdout`, are drawn to be attacked; None takes all.
    n_bootstrap : int, default=200
        Number of bootstrap samples behind the interval.
    random_state : int, RandomState instance or None, default=None
        Draws the attacked rows and the bootstrap samples.

    Returns
    -------
    MembershipResult
        ``auc``, ``auc_interval``, ``tpr_at_1pct_fpr`` and the numbers of rows.

    Raises
    ------
    SchemaMismatchError
        If the three tables do not share columns and kinds; names the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import membership_inference
    >>> train, holdout = pd.DataFrame({"age": [30, 50, 70]}), pd.DataFrame({"age": [40, 60, 80]})
    >>> membership_inference(train, holdout, synthetic=train, random_state=0).auc
    1.0
    """
    if n_bootstrap < 1:
        raise ValueError(f"n_bootstrap must be at least 1, got {n_bootstrap}.")
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    train_values, holdout_values, synthetic_values = tables.values
    distances = _Gower(train_values, tables.is_number).closest
    train_scores = -distances(_subsample(train_values, max_queries, rng), synthetic_values)
    holdout_scores = -distances(_subsample(holdout_values, max_queries, rng), synthetic_values)

    resampled = [
        _auc(rng.choice(train_scores, len(train_scores)), rng.choice(holdout_scores, len(holdout_scores)))
        for _ in range(n_bootstrap)
    ]
    low, high = np.quantile(resampled, [0.025, 0.975])
    labels = np.repeat([1, 0], [len(train_scores), len(holdout_scores)])
    fpr, tpr, _ = roc_curve(labels, np.concatenate([train_scores, holdout_scores]), drop_intermediate=False)
    return MembershipResult(
        auc=_auc(train_scores, holdout_scores),
        auc_interval=(float(low), float(high)),
        tpr_at_1pct_fpr=float(tpr[fpr <= 0.01].max()),
        n_train=len(train_scores),
        n_holdout=len(holdout_scores),
        n_synthetic=len(synthetic_values),
    )


def closest_distances(queries, reference, *, scale=None):
    """Gower distance of each row to the closest row of another table.

    The mean over columns (Gower, A general coefficient of similarity, 1971) of: for numbers, dates and durations, the
    absolute difference divided by the range; for categories 0 if equal, else 1. Missing differs by 1 from anything but
    missing. A column that is constant in `scale` counts as a category. Memory stays bounded at any size.

    Parameters
    ----------
    queries : DataFrame of shape (n_queries, n_columns)
        Rows to find the closest row for.
    reference : DataFrame of shape (n_reference, n_columns)
        Rows to search.
    scale : DataFrame of shape (n_rows, n_columns) or None, default=None
        Real rows that give the ranges; None takes `queries`.

    Returns
    -------
    ndarray of shape (n_queries,)
        Distances; above 1 only where a value lies outside the range of `scale`.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    """
    tables = encode_tables({"queries": queries, "reference": reference} | ({} if scale is None else {"scale": scale}))
    return _Gower(tables.values[-1 if scale is not None else 0], tables.is_number).closest(*tables.values[:2])


def exact_copies(train, synthetic):
    """How many synthetic rows repeat a training row in every column; missing equals missing.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.

    Returns
    -------
    int
        Number of synthetic rows, between 0 and ``n_synthetic``. Tables with few distinct rows repeat rows by chance:
        compare with the figure for held-out rows.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    """
    tables = encode_tables({"train": train, "synthetic": synthetic})
    train_keys, synthetic_keys = (_row_keys(values) for values in tables.values)
    return int(np.isin(synthetic_keys, train_keys).sum())


def _row_keys(values):
    """One comparable key for each row."""
    # Adding 0 turns -0.0 into 0.0, and infinity cannot occur as a value of a fitted table.
    canonical = np.ascontiguousarray(np.where(np.isnan(values), np.inf, values) + 0.0)
    return canonical.view(f"V{canonical.dtype.itemsize * canonical.shape[1]}").ravel()


def _subsample(values, max_queries, rng):
    if max_queries is None or len(values) <= max_queries:
        return values
    return values[rng.choice(len(values), max_queries, replace=False)]


def _auc(positives, negatives):
    """Probability that a positive scores above a negative, ties counting half."""
    ranks = rankdata(np.concatenate([positives, negatives]))
    n = len(positives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(negatives)))


class _Gower:
    """Gower distances on encoded rows, with the ranges of one matrix."""

    def __init__(self, scale_values, is_number):
        present = ~np.isnan(scale_values)
        self.low = np.where(present, scale_values, np.inf).min(axis=0)
        spread = np.where(present, scale_values, -np.inf).max(axis=0) - self.low
        self.is_number = is_number & (spread > 0)
        self.spread = np.where(self.is_number, spread, 1.0)
        self.low = np.where(self.is_number, self.low, 0.0)

    def closest(self, queries, reference):
        """Distance of each query to its closest reference row, shape (n_queries,)."""
        queries, reference = self._columns(queries, queries, reference), self._columns(reference, queries, reference)
        n_queries, n_reference = queries.shape[1], reference.shape[1]
        closest = np.full(n_queries, np.inf, dtype=np.float32)
        for start in range(0, n_reference, _REFERENCE_BLOCK):
            block = reference[:, start : start + _REFERENCE_BLOCK]
            for first in range(0, n_queries, _QUERY_BLOCK):
                part = slice(first, first + _QUERY_BLOCK)
                np.minimum(closest[part], self._block(queries[:, part], block).min(axis=1), out=closest[part])
        return closest.astype(float) / len(self.is_number)

    def _columns(self, values, *both):
        """Scale the numbers and turn the rest into small codes; float32 columns, one after the other in memory."""
        scaled = (values - self.low) / self.spread
        for j in np.flatnonzero(~self.is_number):
            # Codes of both tables together: a constant column may hold numbers that float32 cannot tell apart.
            scaled[:, j] = np.searchsorted(np.unique(np.concatenate([table[:, j] for table in both])), values[:, j])
        scaled[np.isnan(values)] = np.nan
        return np.ascontiguousarray(scaled.T, dtype=np.float32)

    def _block(self, queries, reference):
        """Sums over columns of the distances between a few queries and a block of reference rows."""
        total = np.zeros((queries.shape[1], reference.shape[1]), dtype=np.float32)
        difference = np.empty_like(total)
        for j, is_number in enumerate(self.is_number):
            if is_number:
                np.subtract(queries[j][:, None], reference[j][None, :], out=difference)
                np.abs(difference, out=difference)
            else:
                np.not_equal(queries[j][:, None], reference[j][None, :], out=difference, casting="unsafe")
            query_missing, reference_missing = np.isnan(queries[j]), np.isnan(reference[j])
            if query_missing.any() or reference_missing.any():
                difference[query_missing] = 1.0
                difference[:, reference_missing] = 1.0
                difference[np.ix_(query_missing, reference_missing)] = 0.0
            total += difference
        return total
