"""How closely each column of a synthetic table follows the distribution of the real one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import wasserstein_distance

from skgensynth.metrics._tables import check_finite, encode_tables


@dataclass(frozen=True)
class JensenShannonResult:
    """Jensen-Shannon divergences of two tables, in bits: 0 is the same distribution, 1 is no overlap.

    Attributes
    ----------
    mean : float
        Mean over columns.
    per_column : dict
        Column label to divergence.
    """

    mean: float
    per_column: dict


@dataclass(frozen=True)
class WassersteinResult:
    """Wasserstein distances of two tables, in ranges of the real columns: 0 is the same distribution.

    Attributes
    ----------
    mean : float
        Mean over the columns of numbers, dates and durations; NaN for a table without any.
    per_column : dict
        Label to distance, for those columns.
    """

    mean: float
    per_column: dict


def jensen_shannon(real, synthetic, *, n_bins=20):
    """How far the values of each synthetic column are spread differently from the real ones.

    The square of the Jensen-Shannon distance with base 2 (Lin, Divergence measures based on the Shannon entropy, 1991).
    A category is compared as it is, missing as one more. A number falls into one of ``n_bins`` quantile bins of the
    real column, with equal edges merged; a value that several quantiles share gets a bin of its own, in which all
    numbers fall that are closer to it than to its observed neighbours, and so does each value of a real column of at
    most ``n_bins`` distinct numbers (these bins are ours).

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Rows that the bins are made from. Numbers that stand for categories should be of dtype category.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.
    n_bins : int, default=20
        Number of quantile bins for columns of numbers, dates and durations.

    Returns
    -------
    JensenShannonResult
        ``mean`` and ``per_column`` in [0, 1], in bits; lower is better. Two samples of the same source differ by chance
        as well, the more the fewer rows they have: compare with real rows that were held out (`with_floor`).

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import jensen_shannon
    >>> real = pd.DataFrame({"sex": ["F", "F", "M", "M"]})
    >>> jensen_shannon(real, pd.DataFrame({"sex": ["M", "F"]})).mean
    0.0
    """
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, got {n_bins}.")
    tables = encode_tables({"real": real, "synthetic": synthetic})
    real_values, synthetic_values = tables.values
    per_column = {}
    for j, column in enumerate(tables.columns):
        real_codes, synthetic_codes = real_values[:, j], synthetic_values[:, j]
        if tables.is_number[j]:
            to_bin = _binning(real_codes, n_bins)
            real_codes, synthetic_codes = to_bin(real_codes), to_bin(synthetic_codes)
        per_column[column] = _divergence(real_codes, synthetic_codes)
    return JensenShannonResult(float(np.mean(list(per_column.values()))), per_column)


def _binning(values, n_bins):
    """Return the function that gives each number its bin (NaN stays NaN), made from one real column."""
    observed = np.unique(values[~np.isnan(values)])
    middles = (observed[:-1] + observed[1:]) / 2
    if len(observed) <= n_bins:
        edges = middles
    else:
        # inverted_cdf gives observed values only, so that a value shared by several quantiles can be told exactly.
        levels = np.linspace(0, 1, n_bins + 1)
        quantiles, counts = np.unique(np.nanquantile(values, levels, method="inverted_cdf"), return_counts=True)
        shared = np.searchsorted(observed, quantiles[counts > 1])
        around = np.concatenate([middles[shared[shared > 0] - 1], middles[shared[shared < len(middles)]]])
        alone = quantiles[(counts == 1) & (quantiles > observed[0]) & (quantiles < observed[-1])]
        edges = np.union1d(alone, around)

    def to_bin(numbers):
        return np.where(np.isnan(numbers), np.nan, np.searchsorted(edges, numbers, side="left").astype(float))

    return to_bin


def _divergence(first, second):
    """Jensen-Shannon divergence in bits between two samples of codes; NaN is a code."""
    codes, inverse = np.unique(np.concatenate([first, second]), return_inverse=True)
    p = np.bincount(inverse[: len(first)], minlength=len(codes)) / len(first)
    q = np.bincount(inverse[len(first) :], minlength=len(codes)) / len(second)
    mixture = (p + q) / 2
    divergence = (_relative_entropy(p, mixture) + _relative_entropy(q, mixture)) / 2
    return float(np.clip(divergence, 0.0, 1.0))


def _relative_entropy(p, q):
    seen = p > 0
    return np.sum(p[seen] * np.log2(p[seen] / q[seen]))


def wasserstein(real, synthetic):
    """How far the values of each column would have to be moved, in ranges of the real column, to become the real ones.

    The first Wasserstein distance, also called earth mover's distance (Ramdas, García Trillos and Cuturi, On
    Wasserstein two-sample testing and related families of nonparametric tests, 2017), between the values that are
    present, divided by the range of the real ones. Missing lies one range away from every value (ours, as in
    `closest_distances`): with shares p and q of present values, the distance is ``|p - q|`` plus ``min(p, q)`` times
    that of the present values. A constant real column has no range: values differ by 1 from its value.

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Rows that give the ranges. Numbers that stand for categories should be of dtype category.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.

    Returns
    -------
    WassersteinResult
        ``mean`` and ``per_column``, in ranges of the real column: 0 is ideal, lower is better; above 1 only where
        values lie outside the range. Categories have no distance and are left out. Two samples of the same source
        differ by chance as well: compare with real rows that were held out (`with_floor`).

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    SchemaError
        If a column holds infinite values; names the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import wasserstein
    >>> real = pd.DataFrame({"age": [20.0, 40.0, 60.0]})
    >>> wasserstein(real, real + 10).mean
    0.25
    """
    tables = encode_tables({"real": real, "synthetic": synthetic})
    check_finite(tables, ["real", "synthetic"])
    real_values, synthetic_values = tables.values
    per_column = {
        tables.columns[j]: _moved(real_values[:, j], synthetic_values[:, j]) for j in np.flatnonzero(tables.is_number)
    }
    return WassersteinResult(float(np.mean(list(per_column.values()))) if per_column else float("nan"), per_column)


def _moved(first, second):
    """Wasserstein distance of two samples, in ranges of the first; missing is one range away."""
    present = [sample[~np.isnan(sample)] for sample in (first, second)]
    p, q = (len(kept) / len(sample) for kept, sample in zip(present, (first, second), strict=True))
    if not min(p, q):
        return abs(p - q)
    low, spread = present[0].min(), np.ptp(present[0])
    if spread > 0:
        moved = wasserstein_distance(*((kept - low) / spread for kept in present))
    else:
        moved = np.mean(present[1] != low)
    return float(abs(p - q) + min(p, q) * moved)
