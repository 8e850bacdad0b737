"""Laws between whole columns: orders, sums and functional dependencies that hold on every row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, permutations

import numpy as np

from skgensynth.constraints.evidence import log_dependency, log_equality, log_order
from skgensynth.constraints.mining import HELD_OUT_LEVEL
from skgensynth.constraints.regions import MIN_EXPECTED, MIN_ROWS, MinedColumn
from skgensynth.constraints.rules import Dependency, Order, Sum
from skgensynth.constraints.view import TableView

__all__ = ["find_dependencies", "find_orders", "find_sums"]

MAX_DETERMINANTS = 100  # ours: values of a column that determines another; its mapping is written out
_GLANCE = 64  # rows that most false laws fail on
_BLOCK = 2_000_000


def find_orders(columns: list[MinedColumn], held_out: np.ndarray, alpha: float) -> list[Order]:
    """Find columns that are never above another, none that follow from the others.

    Parameters
    ----------
    columns : list of MinedColumn
        The columns.
    held_out : ndarray of shape (n_rows,), bool
        Rows on which a law must be significant by themselves.
    alpha : float
        Probability of finding any in a table of independent columns, at most.

    Returns
    -------
    list of Order
        In the order of the columns.
    """
    numbers = [column for column in columns if column.view.has_numbers and not _is_binary(column)]
    pairs = [(a, b) for a, b in permutations(numbers, 2) if a.view.scale == b.view.scale]
    glance = _glance(numbers, len(held_out))
    found = []
    for low, high in pairs:
        if (glance[low.place] > glance[high.place]).any():
            continue
        a, b = low.view.numbers, high.view.numbers
        known = ~(np.isnan(a) | np.isnan(b))
        if (a[known] > b[known]).any():
            continue
        if _significant([(a, b)], log_order, known, held_out, alpha / len(pairs)) and _often_broken(a[known], b[known]):
            found.append((low.name, high.name))
    return [Order(low, high) for low, high in _without_detours(found)]


def find_sums(columns: list[MinedColumn], held_out: np.ndarray, alpha: float) -> list[Sum]:
    """Find equal columns, and columns that are the sum of two others.

    Parameters
    ----------
    columns, held_out, alpha
        As of `find_orders`.

    Returns
    -------
    list of Sum
        Of equal columns, only the first takes part in sums.
    """
    numbers = [column for column in columns if column.view.has_numbers and len(np.unique(column.view.numbers)) > 1]
    view = _View(numbers)
    p = len(numbers)
    tests = max(1, p * (p - 1) // 2 * max(1, p - 2))
    found: list[Sum] = []
    copies: set[str] = set()
    for first, second in combinations(numbers, 2):
        law = Sum((first.name,), second.name)
        if copies & {first.name, second.name} or first.view.scale != second.view.scale:
            continue
        if _holds(law, view, held_out, alpha / tests):
            found.append(law)
            copies.add(second.name)
    numbers = [column for column in numbers if column.name not in copies]
    for first, second, total in _likely_sums(numbers, len(held_out)):
        law = Sum((first.name, second.name), total.name)
        if _holds(law, view, held_out, alpha / tests):
            found.append(law)
    return found


def find_dependencies(columns: list[MinedColumn], held_out: np.ndarray, alpha: float) -> list[Dependency]:
    """Find columns whose value settles another's, none that follow from the others.

    Parameters
    ----------
    columns, held_out, alpha
        As of `find_orders`.

    Returns
    -------
    list of Dependency
        Values of the determinant in few rows are left free.
    """
    coded = {column.name: column.view.coded[0] for column in columns}
    n_values = {name: len(np.unique(codes[codes >= 0])) for name, codes in coded.items()}
    pairs = [
        (a, b) for a, b in permutations(coded, 2) if 2 <= n_values[b] <= n_values[a] <= MAX_DETERMINANTS
    ]  # fmt: skip
    found = []
    for first, second in pairs:
        a, b = coded[first], coded[second]
        known = (a >= 0) & (b >= 0)
        if not known.any():
            continue
        low = np.full(a.max() + 1, -1)
        low[a[known]] = b[known]  # any of the group's values: all of them are equal if the law holds
        if (low[a[known]] != b[known]).any():
            continue
        if _significant([(a, b)], log_dependency, known, held_out, alpha / len(pairs)):
            found.append((first, second))
    view = _View(columns)
    laws = (Dependency(a, b).learned_from(view, MIN_ROWS) for a, b in _without_detours(found))
    return [law for law in laws if len(law.mapping) > 1]


class _View(TableView):
    """The mined columns, for constraints."""

    def __init__(self, columns: Iterable[MinedColumn]) -> None:
        self._columns = {column.name: column.view for column in columns}
        self._answers = {}


def _significant(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    log_p: Callable[[np.ndarray, np.ndarray], float],
    known: np.ndarray,
    held_out: np.ndarray,
    level: float,
) -> bool:
    """Whether chance does not explain a law, on all rows and on those held out."""
    aside = known & held_out
    if np.count_nonzero(aside) < MIN_ROWS or max(log_p(a[known], b[known]) for a, b in pairs) > math.log(level):
        return False
    return max(log_p(a[aside], b[aside]) for a, b in pairs) <= math.log(HELD_OUT_LEVEL)


def _holds(law: Sum, view: TableView, held_out: np.ndarray, level: float) -> bool:
    """Whether a sum holds on every row, and each of its columns would have to fall into place by chance."""
    columns = [view.column(name).numbers for name in law.columns]
    if law.violated(view).any():
        return False
    return _significant(
        [(values, values) for values in columns],
        lambda values, _: log_equality(values),
        law.rests_on(view),
        held_out,
        level,
    )


def _likely_sums(columns: list[MinedColumn], n_rows: int) -> list[tuple[MinedColumn, MinedColumn, MinedColumn]]:
    """Triples that add up on the rows looked at first."""
    p = len(columns)
    if p < 3:
        return []
    glance = np.array(list(_glance(columns, n_rows).values()))
    found = []
    for k, total in enumerate(columns):
        others = [j for j in range(p) if j != k]
        rest = glance[k] - glance[others]  # what the second part must be
        for start in range(0, len(others), max(1, _BLOCK // (len(others) * glance.shape[1]))):
            block = slice(start, start + max(1, _BLOCK // (len(others) * glance.shape[1])))
            wrong = np.abs(rest[block, None] - glance[others]) > 1e-9 * (np.abs(glance[k]) + np.abs(glance[others]))
            for i, j in zip(*np.nonzero(~wrong.any(axis=2)), strict=True):
                first, second = columns[others[start + i]], columns[others[j]]
                if first.place < second.place and _can_be_added(first, second, total):
                    found.append((first, second, total))
    return found


def _can_be_added(first: MinedColumn, second: MinedColumn, total: MinedColumn) -> bool:
    scales = sorted([first.view.scale, second.view.scale])
    if total.view.scale == "datetime":
        return scales == ["datetime", "duration"]
    return scales == [total.view.scale] * 2


def _glance(columns: list[MinedColumn], n_rows: int) -> dict[int, np.ndarray]:
    """A few rows of each column, spread over the table."""
    rows = np.unique(np.linspace(0, n_rows - 1, _GLANCE).astype(int))
    return {column.place: column.view.numbers[rows] for column in columns}


def _often_broken(lower: np.ndarray, upper: np.ndarray) -> bool:
    """Whether chance would break an order on enough rows."""
    places = np.searchsorted(np.sort(upper), lower, side="left")
    return float(np.sum(places)) / len(lower) >= MIN_EXPECTED


def _is_binary(column: MinedColumn) -> bool:
    return column.has_levels and len(column.texts) <= 2


def _without_detours(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out pairs that follow from others: a-c from a-b and b-c."""
    kept = list(pairs)
    for pair in pairs:
        rest = [other for other in kept if other != pair]
        reached, fresh = {pair[0]}, [pair[0]]
        while fresh:
            at = fresh.pop()
            steps = [b for a, b in rest if a == at and b not in reached]
            reached.update(steps)
            fresh += steps
        if pair[1] in reached:
            kept = rest
    return kept
