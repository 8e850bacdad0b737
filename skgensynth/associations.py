"""How strongly two columns depend on each other, on columns that are encoded already."""

from __future__ import annotations

import numpy as np

__all__ = ["association_strengths", "correlation_ratio", "cramers_v", "dense_codes", "pearson"]


def association_strengths(values: np.ndarray, is_number: np.ndarray) -> np.ndarray:
    """Strength of the association of each pair of columns.

    Pearson's correlation for two numbers; Cramér's V with Bergsma's bias correction (A bias-correction for Cramér's V
    and Tschuprow's T, 2013) for two categories; the correlation ratio for a number and a category.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns), float64
        Numbers, and codes of categories. NaN is missing: a category of its own, and left out where a number is.
    is_number : ndarray of shape (n_columns,), bool
        Which columns are numbers.

    Returns
    -------
    ndarray of shape (n_columns, n_columns)
        Symmetric, with ones on the diagonal; what is undefined is 0.
    """
    n_columns = values.shape[1]
    columns = [values[:, j] if is_number[j] else dense_codes(values[:, j]) for j in range(n_columns)]
    matrix = np.eye(n_columns)
    for i in range(n_columns):
        for j in range(i):
            if is_number[i] and is_number[j]:
                strength = pearson(columns[i], columns[j])
            elif is_number[i] != is_number[j]:
                strength = correlation_ratio(*((columns[i], columns[j]) if is_number[i] else (columns[j], columns[i])))
            else:
                strength = cramers_v(columns[i], columns[j])
            matrix[i, j] = matrix[j, i] = strength
    return matrix


def dense_codes(codes: np.ndarray) -> np.ndarray:
    """Codes 0, 1, ... without gaps, for any codes; NaN is a code."""
    return np.unique(codes, return_inverse=True)[1]


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation of two columns of numbers, over the rows where both are present."""
    present = ~(np.isnan(x) | np.isnan(y))
    if present.sum() < 2:
        return 0.0
    x, y = x[present] - x[present].mean(), y[present] - y[present].mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(np.clip(x @ y / scale, -1, 1)) if scale > 0 else 0.0


def correlation_ratio(numbers: np.ndarray, codes: np.ndarray) -> float:
    """Correlation ratio of a column of numbers and one of dense codes."""
    present = ~np.isnan(numbers)
    numbers, codes = numbers[present], codes[present]
    if len(numbers) < 2:
        return 0.0
    numbers = numbers - numbers.mean()
    total = numbers @ numbers
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=numbers)[counts > 0]
    return float(np.sqrt(np.clip(np.sum(sums**2 / counts[counts > 0]) / total, 0, 1))) if total > 0 else 0.0


def cramers_v(first: np.ndarray, second: np.ndarray) -> float:
    """Cramér's V of two columns of dense codes, with Bergsma's correction of its bias."""
    n, n_second = len(first), second.max() + 1
    # Only cells that occur are counted: two columns of many categories would make a table too large to hold.
    cells, counts = np.unique(first * n_second + second, return_counts=True)
    first_counts, second_counts = np.bincount(first), np.bincount(second)
    expected = first_counts[cells // n_second] * (second_counts[cells % n_second] / n)
    phi2 = np.sum(counts**2 / expected) / n - 1
    rows, columns = len(first_counts), n_second
    if n < 2 or min(rows, columns) < 2:
        return 0.0
    corrected = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    smaller = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(min(1.0, corrected / smaller))) if smaller > 0 else 0.0
