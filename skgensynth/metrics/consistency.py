"""Whether synthetic rows keep the rules of the domain, and whether classes differ in them as they do in real rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics._intervals import Z95, wilson, wilson_interval
from skgensynth.metrics._tables import encode_tables

# With more classes than this, pairs of them are too many to look at.
_MAX_CLASSES = 20
# The categories of a feature beyond the most frequent ones count together.
_MAX_LEVELS = 100
_COLUMNS = ["feature", "measure", "level", "first_class", "second_class"]
_COLUMNS += ["real", "real_low", "real_high", "synthetic", "deviation"]


@dataclass(frozen=True)
class RuleViolationsResult:
    """How many rows of a table break rules.

    Attributes
    ----------
    share : float
        Share of the rows that break at least one rule.
    interval : tuple of two floats
        95 % interval of ``share``.
    n_rows : int
        Rows that were checked.
    real_share, real_interval, n_real : float, tuple of two floats, int; or None
        The same for real rows, if they were given.
    per_rule : DataFrame of shape (n_rules, 4 or 8)
        By rule, as it prints itself: ``violations`` (rows), ``share``, ``low`` and ``high`` (its 95 % interval), and
        the same for real rows, with ``real_`` before the names, if they were given.
    """

    share: float
    interval: tuple[float, float]
    n_rows: int
    real_share: float | None
    real_interval: tuple[float, float] | None
    n_real: int | None
    per_rule: pd.DataFrame


@dataclass(frozen=True)
class ClassGapsResult:
    """How differently classes differ in two tables: 0 is ideal.

    Attributes
    ----------
    mean : float
        Mean absolute deviation of the synthetic gaps from the real ones, over features; NaN if there is no gap to
        compare.
    per_feature : dict
        Feature to its mean absolute deviation.
    table : DataFrame
        Each gap: ``feature``; ``measure`` ("mean", in real standard deviations, or "share"); ``level`` (the category,
        or missing); ``first_class`` and ``second_class``; the gap, second less first, in the ``real`` rows with its 95
        % interval ``real_low`` to ``real_high``, and in the ``synthetic`` ones; and the absolute ``deviation``.
    """

    mean: float
    per_feature: dict
    table: pd.DataFrame


def rule_violations(table, rules, *, real=None):
    """How many rows break rules that every row should keep, such as "age at least 18", and how many real rows do.

    The share of rows that break each rule, and of those that break any (definition ours), with Wilson's interval
    (Probable inference, the law of succession, and statistical inference, 1927).

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Rows to check, usually synthetic ones.
    rules : iterable
        Each rule is an object with a method ``check(frame)``, or a function, that returns an array of bool of shape
        (n_rows,), True where a row keeps the rule; or a sentence that `skgensynth.constraints.parse_constraint` reads.
    real : DataFrame of shape (n_real, n_columns) or None, default=None
        Real rows to stand beside: a rule that they break as well is no law.

    Returns
    -------
    RuleViolationsResult
        Shares of rows in [0, 1], lower is better; a soft rule is kept well where the share is that of the real rows.

    Raises
    ------
    TypeError
        If a rule is of another kind, or does not return one bool for each row; names the rule.
    ValueError
        If a table has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import rule_violations
    >>> def adult(frame):
    ...     return frame["age"] >= 18
    >>> result = rule_violations(pd.DataFrame({"age": [30, 12, 64, 41]}), [adult])
    >>> result.share, int(result.per_rule.loc["adult", "violations"])
    (0.25, 1)
    """
    if isinstance(rules, str):
        raise TypeError(f"rules must be a list of rules, got a single sentence: pass [{rules!r}].")
    parsed = [_parse(rule, table) for rule in rules]
    broken, per_rule = _check(table, parsed, "table")
    share, interval = _rate(broken)
    beside: tuple = (None, None, None)
    if real is not None:
        real_broken, real_per_rule = _check(real, parsed, "real")
        per_rule = pd.concat([per_rule, real_per_rule.add_prefix("real_")], axis=1)
        beside = (*_rate(real_broken), len(real))
    return RuleViolationsResult(share, interval, len(table), *beside, per_rule)


def _parse(rule, table):
    """Name of a rule and the function that checks it."""
    if isinstance(rule, str):
        from skgensynth.constraints import parse_constraint

        rule = parse_constraint(rule, table.columns)
    if hasattr(rule, "check"):
        return str(rule), rule.check
    if callable(rule):
        return getattr(rule, "__name__", str(rule)), rule
    raise TypeError(f"A rule must be a sentence, a function or an object with a method check, got {rule!r}.")


def _check(table, rules, table_name):
    """Say of each row whether it breaks any rule, and by rule how many do."""
    if not len(table):
        raise ValueError(f"{table_name} has no rows.")
    broken, violations = np.zeros(len(table), bool), []
    for name, check in rules:
        kept = np.asarray(check(table))
        if kept.shape != (len(table),) or kept.dtype != bool:
            raise TypeError(
                f"The rule {name!r} must return {len(table)} values of type bool, one for each row of {table_name}, "
                f"got {kept.dtype} of shape {kept.shape}."
            )
        broken |= ~kept
        violations.append(int(np.sum(~kept)))
    low, high = wilson(violations, len(table))
    figures = {"violations": violations, "share": np.array(violations) / len(table), "low": low, "high": high}
    return broken, pd.DataFrame(figures, index=pd.Index([name for name, _ in rules], dtype=object, name="rule"))


def _rate(broken):
    return float(broken.mean()), wilson_interval(broken.sum(), len(broken))


def class_gaps(real, synthetic, target):
    """Whether classes differ from each other in the synthetic rows as much, and in the same direction, as in real rows.

    For each feature and pair of classes the gap is the difference of the class means over the standard deviation of all
    real rows, for numbers that are present; for each category, and for missing numbers, it is the difference of the
    shares that it has of the rows of either class. The figure is the mean absolute deviation of the synthetic from the
    real gaps: a smaller gap than the real one is as wrong as a larger one. The categories of a feature count together
    as half the sum of their deviations, and a gap with a class that the synthetic rows lack as 0 (definition ours).
    Intervals of real gaps are Welch's with normal quantiles for means, and Newcombe's hybrid score (Interval estimation
    for the difference between independent proportions, 1998) for shares.

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Real rows. Numbers that stand for categories should be of dtype category.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.
    target : column label
        Classes; no missing values, at most 20 classes.

    Returns
    -------
    ClassGapsResult
        ``mean`` and ``per_feature``, in standard deviations for numbers and as differences of shares for categories: 0
        is ideal, lower is better; and ``table``. Two samples of the same source differ by chance as well: compare with
        real rows that were held out (`with_floor`).

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds, or lack the target; names the column.
    ValueError
        If the target has missing values or too many classes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import class_gaps
    >>> real = pd.DataFrame({"age": [60, 62, 70, 72], "died": ["no", "no", "yes", "yes"]})
    >>> class_gaps(real, real.assign(age=[70, 72, 60, 62]), "died").table[["real", "synthetic"]].round(2)
       real  synthetic
    0  1.96      -1.96
    """
    for name, table in (("real", real), ("synthetic", synthetic)):
        if target not in getattr(table, "columns", [target]):
            raise SchemaMismatchError(f"The target {target!r} is not a column of {name}.")
    tables = encode_tables({"real": real, "synthetic": synthetic}, categorical=(target,))
    place = tables.columns.index(target)
    labels, classes = _classes([values[:, place] for values in tables.values], real[target])
    parts, per_feature = [], {}
    for j, feature in enumerate(tables.columns):
        if j == place:
            continue
        columns = [values[:, j] for values in tables.values]
        if tables.is_number[j]:
            found = [_mean_gaps(columns, classes, len(labels)), _missing_gaps(columns, classes, len(labels))]
        else:
            values = pd.concat([table[feature].astype(object) for table in (real, synthetic)], ignore_index=True)
            found = [_level_gaps(columns, classes, len(labels), values)]
        found = [gaps for gaps in found if gaps is not None]
        # One by one, as a label may be a tuple.
        parts += [gaps.assign(feature=pd.Series([feature] * len(gaps), dtype=object)) for gaps, _ in found]
        if found:
            per_feature[feature] = float(np.mean([deviation for _, deviation in found]))
    mean = float(np.mean(list(per_feature.values()))) if per_feature else float("nan")
    return ClassGapsResult(mean, per_feature, _gap_table(parts, labels))


def _classes(targets, real_target):
    """Sorted labels of the real classes, and by table the place of each row's label, -1 where real rows lack it."""
    for name, codes in zip(("real", "synthetic"), targets, strict=True):
        if np.isnan(codes).any():
            raise ValueError(f"The target {real_target.name!r} has missing values in {name}: drop those rows first.")
    codes, first_rows = np.unique(targets[0], return_index=True)
    if len(codes) > _MAX_CLASSES:
        raise ValueError(
            f"The target {real_target.name!r} has {len(codes)} distinct values, more than {_MAX_CLASSES}: class gaps "
            "need classes, such as bins of a quantity."
        )
    labels = list(real_target.astype(object).iloc[first_rows])
    try:
        order = sorted(range(len(labels)), key=labels.__getitem__)
    except TypeError:
        order = sorted(range(len(labels)), key=lambda i: str(labels[i]))
    places = {code: place for place, code in enumerate(codes[order])}
    return [labels[i] for i in order], [np.array([places.get(code, -1) for code in part]) for part in targets]


def _mean_gaps(columns, classes, n_classes):
    """Gaps of the means of a number and their mean deviation; None where there is nothing to compare."""
    present = columns[0][~np.isnan(columns[0])]
    spread = present.std() if len(present) else 0.0
    if not spread > 0:
        return None
    (means, errors), (synthetic_means, _) = (
        _class_means(column, labels, n_classes) for column, labels in zip(columns, classes, strict=True)
    )
    first, second = np.triu_indices(n_classes, k=1)
    gap, synthetic_gap = ((m[second] - m[first]) / spread for m in (means, synthetic_means))
    half = Z95 * np.sqrt(errors[first] + errors[second]) / spread
    gaps = _gaps("mean", [None], *(figure[:, None] for figure in (gap, gap - half, gap + half, synthetic_gap)))
    return (gaps, np.nanmean(gaps["deviation"])) if gaps["deviation"].notna().any() else None


def _class_means(column, classes, n_classes):
    """Mean of each class, and the square of its standard error; NaN where there are too few values."""
    kept = ~np.isnan(column) & (classes >= 0)
    column, classes = column[kept], classes[kept]
    n = np.bincount(classes, minlength=n_classes).astype(float)
    means = np.bincount(classes, weights=column, minlength=n_classes) / np.where(n > 0, n, np.nan)
    squares = np.bincount(classes, weights=(column - means[classes]) ** 2, minlength=n_classes)
    return means, squares / np.where(n > 1, (n - 1) * n, np.nan)


def _missing_gaps(columns, classes, n_classes):
    """Gaps of the share of missing numbers and their mean deviation; None where none is missing."""
    missing = [np.isnan(column) for column in columns]
    if n_classes < 2 or not any(part.any() for part in missing):
        return None
    gaps = _share_gaps([np.where(part, 0, -1) for part in missing], classes, n_classes, [np.nan])
    return gaps, gaps["deviation"].mean()


def _level_gaps(columns, classes, n_classes, values):
    """Gaps of the shares of categories, the most frequent first, and their deviation as half the sum by pair."""
    if n_classes < 2:
        return None
    _, first_rows, codes = np.unique(np.concatenate(columns), return_index=True, return_inverse=True)
    real_codes, synthetic_codes = np.split(codes, [len(columns[0])])
    order = np.argsort(-np.bincount(real_codes, minlength=len(first_rows)), kind="stable")
    ranks = np.minimum(np.argsort(order), _MAX_LEVELS)
    levels = list(values.iloc[first_rows[order[:_MAX_LEVELS]]]) + ["all others"] * (len(order) > _MAX_LEVELS)
    gaps = _share_gaps([ranks[real_codes], ranks[synthetic_codes]], classes, n_classes, levels)
    n_pairs = n_classes * (n_classes - 1) / 2
    return gaps, gaps["deviation"].sum() / 2 / n_pairs


def _share_gaps(codes, classes, n_classes, levels):
    """Gaps of the shares of levels, by their codes (-1: none of them)."""
    first, second = np.triu_indices(n_classes, k=1)
    (counts, n), (synthetic_counts, synthetic_n) = (
        _class_counts(*both, n_classes, len(levels)) for both in zip(codes, classes, strict=True)
    )
    shares, (low, high) = counts / n, wilson(counts, n)
    synthetic_shares = synthetic_counts / np.where(synthetic_n > 0, synthetic_n, np.nan)
    gap, synthetic_gap = (part[second] - part[first] for part in (shares, synthetic_shares))
    below, above = shares - low, high - shares
    return _gaps(
        "share",
        levels,
        gap,
        gap - np.hypot(below[second], above[first]),
        gap + np.hypot(above[second], below[first]),
        synthetic_gap,
    )


def _class_counts(codes, classes, n_classes, n_levels):
    """Rows of each class and level, and rows of each class as a column."""
    kept = (classes >= 0) & (codes >= 0)
    counts = np.bincount(classes[kept] * n_levels + codes[kept], minlength=n_classes * n_levels)
    return counts.reshape(n_classes, n_levels), np.bincount(classes[classes >= 0], minlength=n_classes)[:, None]


def _gaps(measure, levels, real, low, high, synthetic):
    """Lines of the table of gaps, from arrays of shape (n_pairs, n_levels)."""
    n_pairs, n_levels = real.shape
    # As many pairs as there are places above the diagonal of a square.
    first, second = np.triu_indices(round((1 + np.sqrt(1 + 8 * n_pairs)) / 2), k=1)
    return pd.DataFrame(
        {
            "measure": measure,
            "level": pd.Series(levels * n_pairs, dtype=object),
            "first_class": np.repeat(first, n_levels),
            "second_class": np.repeat(second, n_levels),
            "real": real.ravel(),
            "real_low": low.ravel(),
            "real_high": high.ravel(),
            "synthetic": synthetic.ravel(),
            # A class that the synthetic rows lack shows no gap.
            "deviation": np.abs(np.nan_to_num(synthetic) - real).ravel(),
        }
    )


def _gap_table(parts, labels):
    if not parts:
        return pd.DataFrame({name: [] for name in _COLUMNS})
    table = pd.concat(parts, ignore_index=True)
    for name in ("first_class", "second_class"):
        table[name] = pd.Series([labels[place] for place in table[name]], dtype=object)
    return table[_COLUMNS]
