"""Columns that depend on each other, and the groups that they form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from numbers import Real
from typing import Any

import numpy as np
from scipy import stats
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from skgensynth.associations import association_strengths, dense_codes
from skgensynth.constraints.regions import MinedColumn, read_columns
from skgensynth.constraints.view import TableView

__all__ = ["Association", "FeatureGroups", "feature_groups", "find_groups"]

MAX_ROWS = 1000  # ours: rows that the permutation test is made on
_MIN_PERMUTATIONS, _MAX_PERMUTATIONS = 199, 20_000
_MAX_LEVELS = 20  # ours: rarer levels of a column are one in the permutation test
_BLOCK = 2_000_000  # permuted values at a time


@dataclass(frozen=True)
class Association:
    """Two columns that depend on each other.

    Attributes
    ----------
    first, second : str
        Names of the columns.
    strength : float
        Absolute value of Pearson's correlation, Cramér's V or the correlation ratio, in [0, 1].
    p_value : float
        Of the permutation test, adjusted for the number of pairs.
    """

    first: str
    second: str
    strength: float
    p_value: float


@dataclass(frozen=True)
class FeatureGroups:
    """Groups of columns that depend on each other.

    Attributes
    ----------
    groups : tuple of tuple of str
        In each group every column depends on every other one; every pair of `pairs` is in a group. A column may be in
        several groups, or in none.
    pairs : tuple of Association
        Pairs that depend on each other, the strongest first.
    """

    groups: tuple[tuple[str, ...], ...]
    pairs: tuple[Association, ...]


def feature_groups(
    X: Any,
    y: Any = None,
    *,
    threshold: float = 0.3,
    alpha: float = 0.05,
    column_kinds: Mapping[Any, str] | None = None,
    random_state: Any = None,
) -> FeatureGroups:
    """Find which columns depend on each other, and group them.

    The strength of each pair is that of `skgensynth.metrics.association_matrix`: Pearson's correlation for two numbers,
    bias-corrected Cramér's V for two categories, the correlation ratio for a mixed pair. Pairs above a threshold are
    kept where a permutation test, corrected after Benjamini and Hochberg (Controlling the false discovery rate, 1995)
    for the number of all pairs, finds them significant. Groups are grown from the strongest pair that is in none yet,
    by columns that depend on all of the group (ours).

    Parameters
    ----------
    X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
        The table. Identifiers and free text are passed over.
    y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,), default=None
        The target: one more column, called "target" if it has no name.
    threshold : float, default=0.3
        Strength that a pair must reach, in [0, 1].
    alpha : float, default=0.05
        Share of pairs that depend by chance among those found, at most, in (0, 1).
    column_kinds : mapping of name to {"categorical", "continuous", "identifier"}, default=None
        Kinds of columns; the others are found out.
    random_state : int, RandomState instance or None, default=None
        Decides about the permutations, and about the rows that they are made on if there are more than 1000.

    Returns
    -------
    FeatureGroups
        The groups, and the pairs that they are made of.

    Raises
    ------
    SchemaError
        If the table cannot be used; names the column.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skgensynth.constraints import feature_groups
    >>> rng = np.random.default_rng(0)
    >>> height = rng.normal(170, 10, 200)
    >>> table = pd.DataFrame({"height": height, "weight": height - 100 + rng.normal(size=200), "luck": rng.random(200)})
    >>> feature_groups(table, random_state=0).groups
    (('height', 'weight'),)
    """
    unit = {"threshold": [Interval(Real, 0, 1, closed="both")], "alpha": [Interval(Real, 0, 1, closed="neither")]}
    validate_parameter_constraints(unit, {"threshold": threshold, "alpha": alpha}, "feature_groups")
    kinds = {} if column_kinds is None else column_kinds
    return find_groups(TableView(X, y), kinds, check_random_state(random_state), threshold, alpha)


def find_groups(
    view: TableView,
    column_kinds: Mapping[Any, str],
    random: np.random.RandomState,
    threshold: float = 0.3,
    alpha: float = 0.05,
) -> FeatureGroups:
    """What `feature_groups` does."""
    columns = read_columns(view, column_kinds)
    if len(columns) < 2:
        return FeatureGroups((), ())
    is_number = np.array([not column.has_levels for column in columns])
    values = np.column_stack([_values(column) for column in columns])
    strengths = np.abs(association_strengths(values, is_number))
    pairs = [pair for pair in combinations(range(len(columns)), 2) if strengths[pair] >= max(threshold, 1e-12)]
    rows = np.arange(view.n_rows)
    rows = rows if len(rows) <= MAX_ROWS else random.choice(rows, MAX_ROWS, replace=False)
    n_pairs = len(columns) * (len(columns) - 1) // 2
    p_values = _adjusted(_permutation_test(values[rows], is_number, pairs, n_pairs, alpha, random), n_pairs)
    found = [
        Association(columns[i].name, columns[j].name, float(strengths[i, j]), float(p))
        for (i, j), p in zip(pairs, p_values, strict=True)
        if p <= alpha
    ]
    found.sort(key=lambda pair: -pair.strength)
    return FeatureGroups(_cliques(found), tuple(found))


def _values(column: MinedColumn) -> np.ndarray:
    """Numbers, or codes of levels; NaN where missing."""
    return np.where(column.codes < 0, np.nan, column.codes) if column.has_levels else column.view.numbers


def _permutation_test(
    values: np.ndarray,
    is_number: np.ndarray,
    pairs: list[tuple[int, int]],
    n_pairs: int,
    alpha: float,
    random: np.random.RandomState,
) -> np.ndarray:
    """P-value of each pair: how often a random arrangement of one column depends on the other as much.

    Many pairs want more permutations than there is time for: where none of those made reaches a pair, the chi-squared
    distribution, which the strength times the number of rows approaches, says how rare it is.
    """
    # The correction can find a tenth of these pairs, or one, if no permutation of theirs reaches the real strength.
    n_found = max(1.0, len(pairs) / 10)
    wanted = max(_MIN_PERMUTATIONS, int(np.ceil(n_pairs / (alpha * n_found))))
    n_permutations = min(wanted, _MAX_PERMUTATIONS)
    used = sorted({place for pair in pairs for place in pair})
    designs = {place: _design(values[:, place], is_number[place]) for place in used}
    reached = np.ones(len(pairs))
    real = [_strength(designs[i], designs[j][None])[0] for i, j in pairs]
    for permutations in _permutations(len(values), n_permutations, random):
        for k, (i, j) in enumerate(pairs):
            narrow, wide = sorted((designs[i], designs[j]), key=lambda design: design.shape[1])
            reached[k] += np.count_nonzero(_strength(wide, narrow[permutations]) >= real[k] * (1 - 1e-5))
    p_values = reached / (n_permutations + 1)
    if n_permutations < wanted:
        freedom = [np.prod([max(1, designs[place].shape[1] - 1) for place in pair]) for pair in pairs]
        rare = stats.chi2.sf(len(values) * np.array(real), freedom)
        p_values = np.where(reached == 1, np.minimum(p_values, rare), p_values)
    return p_values


def _permutations(n: int, count: int, random: np.random.RandomState) -> Iterator[np.ndarray]:
    """Yield random arrangements of n rows, some at a time."""
    block = max(1, _BLOCK // n)
    for start in range(0, count, block):
        yield np.argsort(random.random_sample((min(block, count - start), n)), axis=1)


def _design(values: np.ndarray, is_number: bool) -> np.ndarray:
    """Columns of mean 0 whose inner products with another column's measure how they depend on each other.

    A number is standardised, its missing values at the mean. A category has a column for each level, missing as one,
    divided by the root of the level's share.
    """
    if is_number:
        present = ~np.isnan(values)
        centred = np.where(present, values - values[present].mean() if present.any() else 0.0, 0.0)
        scale = np.sqrt((centred**2).sum())
        return (centred / scale if scale > 0 else centred)[:, None].astype(np.float32)
    codes = dense_codes(values)
    counts = np.bincount(codes)
    if len(counts) > _MAX_LEVELS:
        rank = np.empty(len(counts), dtype=np.intp)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        codes = np.minimum(rank, _MAX_LEVELS - 1)[codes]
        counts = np.bincount(codes)
    return ((np.eye(len(counts))[codes] - counts / len(codes)) / np.sqrt(counts)).astype(np.float32)


def _strength(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sum of squared inner products of a design and each of several arrangements of another.

    It is the squared correlation of two numbers, the squared correlation ratio of a number and a category, and the
    mean square contingency of two categories.
    """
    return (np.einsum("nk,bnl->bkl", first, second, optimize=True) ** 2).sum(axis=(1, 2))


def _adjusted(p_values: np.ndarray, n_tests: int) -> np.ndarray:
    """Benjamini and Hochberg's adjustment; tests that are not given have p-values of 1."""
    order = np.argsort(p_values)[::-1]
    adjusted = np.empty(len(p_values))
    ranks = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum.accumulate(np.minimum(1.0, p_values[order] * n_tests / ranks))
    return adjusted


def _cliques(pairs: list[Association]) -> tuple[tuple[str, ...], ...]:
    """Groups in which all depend on each other, so that each pair is in one."""
    strength = {frozenset((pair.first, pair.second)): pair.strength for pair in pairs}
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
    covered: set[frozenset[str]] = set()
    groups = []
    for pair in pairs:
        if frozenset((pair.first, pair.second)) in covered:
            continue
        group = [pair.first, pair.second]
        while True:
            weakest = {
                name: min(strength.get(frozenset((name, member)), 0.0) for member in group)
                for name in names
                if name not in group
            }
            best = max(weakest, key=lambda name: weakest[name], default=None)
            if best is None or weakest[best] == 0.0:
                break
            group.append(best)
        covered.update(map(frozenset, combinations(group, 2)))
        groups.append(tuple(group))
    return tuple(groups)
