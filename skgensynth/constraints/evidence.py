"""How likely chance alone makes a law: logarithms of exact permutation probabilities, or of bounds above them.

Each is the share of all arrangements of one column's values, the others kept as they are, in which the law holds on
every row. So a table of independent columns has a law at least this unlikely with at most this probability, however the
values are distributed.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

__all__ = ["log_dependency", "log_empty_cell", "log_equality", "log_order"]


def log_empty_cell(total, first, second):
    """Log-probability that two random sets of rows do not meet.

    Parameters
    ----------
    total : int or ndarray
        Number of rows.
    first, second : int or ndarray
        Sizes of the sets, not more than ``total`` together.

    Returns
    -------
    float or ndarray
        Log of the hypergeometric probability (Fisher's exact test, one-sided, at an empty cell).
    """
    return gammaln(total - first + 1) + gammaln(total - second + 1) - gammaln(total + 1) - gammaln(
        np.maximum(total - first - second, 0) + 1
    )  # fmt: skip


def log_equality(values: np.ndarray) -> float:
    """Log-probability that a random arrangement of a column's values is the very one there is."""
    counts = np.unique(values, return_counts=True)[1]
    return float(gammaln(counts + 1).sum() - gammaln(len(values) + 1))


def log_dependency(determinant: np.ndarray, dependent: np.ndarray) -> float:
    """Bound on the log-probability that a random arrangement of a column is constant where another is.

    There are at most ``n_values ** n_groups`` arrangements that are constant in each group.

    Parameters
    ----------
    determinant, dependent : ndarray of shape (n,)
        Values, none missing.

    Returns
    -------
    float
        At most 0.
    """
    groups, values = len(np.unique(determinant)), len(np.unique(dependent))
    return min(0.0, groups * float(np.log(values)) + log_equality(dependent))


def log_order(lower: np.ndarray, upper: np.ndarray) -> float:
    """Log-probability that a random arrangement of one column is nowhere below the other.

    Taking the lower values from the largest, each finds as many places as there are upper values not below it, less
    those taken.

    Parameters
    ----------
    lower, upper : ndarray of shape (n,)
        Values, none missing; the law holds as they are arranged.

    Returns
    -------
    float
        Exact.
    """
    n = len(lower)
    places = n - np.searchsorted(np.sort(upper), np.sort(lower)[::-1], side="left")
    taken = np.arange(n)
    return float(np.sum(np.log((places - taken) / (n - taken))))
