"""How much of what occurs in a real table occurs in a synthetic one too: categories, rare ones apart, and ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from skgensynth.metrics._tables import check_finite, encode_tables


@dataclass(frozen=True)
class CategoryCoverageResult:
    """Which of the real categories a synthetic table has: 1 is all of them.

    Attributes
    ----------
    mean : float
        Share of the real categories that occur, mean over columns; NaN for a table without categorical columns.
    weighted : float
        The same with each category weighing what its share of the real rows is.
    rare : float
        Share of the rare real categories of all columns that occur; NaN if none is rare.
    mean_by_chance, rare_by_chance : float
        What ``mean`` and ``rare`` would be on average for as many rows drawn with the real shares.
    per_column : DataFrame of shape (n_categorical_columns, 5)
        By column: ``share``, ``weighted``, ``rare``, and the numbers of categories, ``n_categories`` and ``n_rare``.
    lost : dict
        Column label to the real categories that do not occur, the most frequent first; columns without any are left
        out.
    """

    mean: float
    weighted: float
    rare: float
    mean_by_chance: float
    rare_by_chance: float
    per_column: pd.DataFrame
    lost: dict


@dataclass(frozen=True)
class RangeCoverageResult:
    """How much of the real ranges a synthetic table spans: 1 is all of it.

    Attributes
    ----------
    mean : float
        Mean over the columns of numbers, dates and durations; NaN for a table without any.
    per_column : dict
        Label to the share of the range, for those columns.
    """

    mean: float
    per_column: dict


def category_coverage(real, synthetic, *, rare_below=0.05):
    """How many of the real categories the synthetic rows have, and how many of the rare ones.

    For each column, the share of its real categories, missing as one of them, that at least one synthetic row has; once
    with equal weights, once weighted by the categories' shares of the real rows (definition ours, after the coverage of
    categories in the package SDMetrics). A category that m rows have at a share of p is met with probability
    ``1 - (1 - p)**m``: that is the chance the figures stand beside.

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Rows that give the categories. Numbers that stand for categories should be of dtype category.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.
    rare_below : float, default=0.05
        Share of the real rows below which a category is rare.

    Returns
    -------
    CategoryCoverageResult
        ``mean``, ``weighted`` and ``rare`` in [0, 1], each a share of categories: 1 is ideal, higher is better.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    ValueError
        If `rare_below` is no share.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import category_coverage
    >>> real = pd.DataFrame({"stage": ["I"] * 70 + ["II"] * 28 + ["III"] * 2})
    >>> result = category_coverage(real, pd.DataFrame({"stage": ["I", "II", "I"]}))
    >>> result.weighted, result.rare, result.lost
    (0.98, 0.0, {'stage': ['III']})
    """
    if not 0 <= rare_below <= 1:
        raise ValueError(f"rare_below must be a share between 0 and 1, got {rare_below}.")
    tables = encode_tables({"real": real, "synthetic": synthetic})
    real_values, synthetic_values = tables.values
    parts, per_column, lost = [], {}, {}
    for j in np.flatnonzero(~tables.is_number):
        column = tables.columns[j]
        codes, first_rows, counts = np.unique(real_values[:, j], return_index=True, return_counts=True)
        shares = counts / len(real_values)
        # NaN equals nothing, so missing is looked for by itself.
        met = np.isin(codes, synthetic_values[:, j]) | (np.isnan(codes) & np.isnan(synthetic_values[:, j]).any())
        rare, by_chance = shares < rare_below, 1 - (1 - shares) ** len(synthetic_values)
        parts.append((met.mean(), shares[met].sum(), by_chance.mean(), met[rare], by_chance[rare]))
        per_column[column] = (*parts[-1][:2], _mean(met[rare]), len(codes), int(rare.sum()))
        if not met.all():
            order = np.argsort(-counts[~met], kind="stable")
            lost[column] = list(real[column].astype(object).iloc[first_rows[~met][order]])
    share, weighted, by_chance, met_rare, rare_by_chance = zip(*parts, strict=True) if parts else ([],) * 5
    return CategoryCoverageResult(
        mean=_mean(share),
        weighted=_mean(weighted),
        rare=_mean(np.concatenate([[], *met_rare])),
        mean_by_chance=_mean(by_chance),
        rare_by_chance=_mean(np.concatenate([[], *rare_by_chance])),
        per_column=_by_column(per_column),
        lost=lost,
    )


def range_coverage(real, synthetic):
    """How much of the range of each real column the synthetic rows span.

    The length of what the real and the synthetic range (smallest to largest value) have in common, over that of the
    real range (as the coverage of ranges in the package SDMetrics). A constant real column is covered if its value lies
    within the synthetic range; one without any value is left out.

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Rows that give the ranges. Numbers that stand for categories should be of dtype category.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.

    Returns
    -------
    RangeCoverageResult
        ``mean`` and ``per_column`` in [0, 1], as shares of the real range: 1 is ideal, higher is better. Fewer rows
        span less: compare with as many real rows that were held out (`with_floor`).

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    SchemaError
        If a column holds infinite values; names the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import range_coverage
    >>> range_coverage(pd.DataFrame({"age": [20, 60]}), pd.DataFrame({"age": [30, 50, 80]})).mean
    0.75
    """
    tables = encode_tables({"real": real, "synthetic": synthetic})
    check_finite(tables, ["real", "synthetic"])
    real_values, synthetic_values = tables.values
    per_column = {
        tables.columns[j]: _spanned(real_values[:, j], synthetic_values[:, j])
        for j in np.flatnonzero(tables.is_number)
        if not np.isnan(real_values[:, j]).all()
    }
    return RangeCoverageResult(_mean(list(per_column.values())), per_column)


def _spanned(real, synthetic):
    if np.isnan(synthetic).all():
        return 0.0
    real_low, real_high = np.nanmin(real), np.nanmax(real)
    low, high = max(real_low, np.nanmin(synthetic)), min(real_high, np.nanmax(synthetic))
    if real_low == real_high:
        return float(low <= high)
    return float(max(0.0, high - low) / (real_high - real_low))


def _mean(values):
    return float(np.mean(values)) if len(values) else float("nan")


def _by_column(rows):
    names = ["share", "weighted", "rare", "n_categories", "n_rare"]
    index = pd.Index(list(rows), dtype=object, tupleize_cols=False)
    return pd.DataFrame(list(rows.values()), index=index, columns=names)
