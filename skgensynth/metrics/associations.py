"""How the columns of a table depend on one another, and how differently those of a synthetic table do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from skgensynth.metrics._tables import encode_tables


@dataclass(frozen=True)
class AssociationResult:
    """Associations of two tables and how far they lie apart: 0 is ideal.

    Attributes
    ----------
    mean : float
        Mean absolute difference over pairs of columns; NaN for a table of one column.
    real, synthetic : DataFrame of shape (n_columns, n_columns)
        The association matrices compared.
    pairs : DataFrame of shape (n_pairs, 5)
        Each pair of columns once: ``first``, ``second``, ``real``, ``synthetic`` and ``difference`` (synthetic less
        real), the most different pair first.
    """

    mean: float
    real: pd.DataFrame
    synthetic: pd.DataFrame

    @property
    def pairs(self) -> pd.DataFrame:
        """Each pair of columns with both associations, the most different pair first."""
        first, second = np.triu_indices(len(self.real), k=1)
        labels = pd.Series(list(self.real.columns), dtype=object)
        real, synthetic = (matrix.to_numpy()[first, second] for matrix in (self.real, self.synthetic))
        pairs = pd.DataFrame(
            {
                "first": labels[first].to_numpy(),
                "second": labels[second].to_numpy(),
                "real": real,
                "synthetic": synthetic,
                "difference": synthetic - real,
            }
        )
        return pairs.sort_values("difference", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def association_difference(real, synthetic):
    """How differently the columns of the synthetic table depend on one another, pair by pair.

    The mean over column pairs of the absolute difference between the entries of `association_matrix` (ours).

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Rows that say how columns depend on one another.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.

    Returns
    -------
    AssociationResult
        ``mean`` in [0, 2] (a sign turned round counts twice): 0 is ideal, lower is better; both matrices; and
        ``pairs``, each pair of columns with its difference. Two samples of the same source differ by chance as well:
        compare with real rows that were held out (`with_floor`).

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import association_difference
    >>> real = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0]})
    >>> round(association_difference(real, real.assign(b=[3.0, 2.0, 1.0])).mean, 6)
    2.0
    """
    tables = encode_tables({"real": real, "synthetic": synthetic})
    matrices = [_associations(values, tables.is_number) for values in tables.values]
    pairs = np.triu_indices(len(tables.columns), k=1)
    differences = np.abs(matrices[0] - matrices[1])[pairs]
    frames = [pd.DataFrame(matrix, index=tables.columns, columns=tables.columns) for matrix in matrices]
    return AssociationResult(float(differences.mean()) if differences.size else float("nan"), *frames)


def association_matrix(table):
    """How strongly each pair of columns depends on each other.

    Pearson's correlation for two numbers, in [-1, 1]; Cramér's V with Bergsma's bias correction (A bias-correction for
    Cramér's V and Tschuprow's T, 2013) for two categories, missing as a category, in [0, 1]; the correlation ratio for
    a number and a category, in [0, 1]. Numbers are taken where they are present; what is undefined, as with a constant
    column, is 0.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Rows. Numbers that stand for categories should be of dtype category.

    Returns
    -------
    DataFrame of shape (n_columns, n_columns)
        Symmetric, with ones on the diagonal.
    """
    tables = encode_tables({"table": table})
    matrix = _associations(tables.values[0], tables.is_number)
    return pd.DataFrame(matrix, index=tables.columns, columns=tables.columns)


def _associations(values, is_number):
    n_columns = values.shape[1]
    columns = [values[:, j] if is_number[j] else _dense_codes(values[:, j]) for j in range(n_columns)]
    matrix = np.eye(n_columns)
    for i in range(n_columns):
        for j in range(i):
            if is_number[i] and is_number[j]:
                strength = _pearson(columns[i], columns[j])
            elif is_number[i] != is_number[j]:
                strength = _correlation_ratio(*((columns[i], columns[j]) if is_number[i] else (columns[j], columns[i])))
            else:
                strength = _cramers_v(columns[i], columns[j])
            matrix[i, j] = matrix[j, i] = strength
    return matrix


def _dense_codes(codes):
    return np.unique(codes, return_inverse=True)[1]


def _pearson(x, y):
    present = ~(np.isnan(x) | np.isnan(y))
    if present.sum() < 2:
        return 0.0
    x, y = x[present] - x[present].mean(), y[present] - y[present].mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(np.clip(x @ y / scale, -1, 1)) if scale > 0 else 0.0


def _correlation_ratio(numbers, codes):
    present = ~np.isnan(numbers)
    numbers, codes = numbers[present], codes[present]
    if len(numbers) < 2:
        return 0.0
    numbers = numbers - numbers.mean()
    total = numbers @ numbers
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=numbers)[counts > 0]
    return float(np.sqrt(np.clip(np.sum(sums**2 / counts[counts > 0]) / total, 0, 1))) if total > 0 else 0.0


def _cramers_v(first, second):
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
