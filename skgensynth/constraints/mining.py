"""Combinations of values that no row has, and that chance does not explain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from skgensynth.constraints.evidence import log_empty_cell
from skgensynth.constraints.multiplicity import Chances, excluded_rank, widening_rank
from skgensynth.constraints.proposals import Proposer, Settings
from skgensynth.constraints.regions import MIN_EXPECTED, MinedColumn, Region

__all__ = ["Cell", "best_cells", "find_cells"]

HELD_OUT_LEVEL = 0.05  # ours: significance that a law must reach on the rows held out, by themselves
_SLACK = 0.2  # ours: part of the evidence, as a logarithm, that a proposal must have before it is widened
_PART = 0.5  # ours: part of the evidence, as a logarithm, that each condition of a longer rule must add
_NEAR = 3  # ours: rows that are expected between the values of an antecedent and the bound of what it excludes
_CUTS = np.linspace(0.05, 0.95, 19)  # ours: bounds that are tried for what a law excludes
_POOL = 5  # ours: laws of one length, as a multiple of the rules kept, that redundant ones are taken from


@dataclass(frozen=True)
class Cell:
    """Regions of different columns that no row is in at once.

    Attributes
    ----------
    antecedent : tuple of Region
        All of them but one.
    excluded : Region
        The one that the others exclude.
    log_p : float
        Logarithm of the probability that chance leaves the cell empty.
    """

    antecedent: tuple[Region, ...]
    excluded: Region
    log_p: float

    @property
    def regions(self) -> tuple[Region, ...]:
        """All of them."""
        return (*self.antecedent, self.excluded)


def best_cells(cells: Iterable[Cell], limit: int) -> list[Cell]:
    """The most significant cells, so many at most; those of nothing but ranges of numbers come last."""

    def rank(cell: Cell) -> tuple[bool, float]:
        return all(region.sort in ("below", "from") for region in cell.regions), cell.log_p

    return sorted(cells, key=rank)[:limit]


def find_cells(columns: list[MinedColumn], held_out: np.ndarray, settings: Settings) -> tuple[list[Cell], int]:
    """Find the combinations of values that no row has, and that chance does not explain.

    Each cell that is empty on some of the rows is widened to the largest tails that stay empty, and tested on all rows.

    Parameters
    ----------
    columns : list of MinedColumn
        The columns.
    held_out : ndarray of shape (n_rows,), bool
        Rows that take no part in proposing, and on which a law must be significant by themselves.
    settings : Settings
        Bounds.

    Returns
    -------
    cells : list of Cell
        Those of short antecedents first.
    n_found : int
        How many there are; more than are returned where there are very many.
    """
    proposer = Proposer(columns, held_out, settings)
    tester = _Tester(columns, held_out, settings.min_support)
    found: list[Cell] = []
    n_found = 0
    for antecedents in proposer.antecedents():
        size = antecedents.shape[1]
        # Most of the probability goes to short rules: they are the likelier ones.
        alpha = settings.alpha * 2 / 3**size
        chances = Chances(proposer.regions, columns, size + 1)
        proposals = proposer.cells(antecedents, _SLACK * chances.level(alpha))
        loosest = chances.level(alpha * len(proposals))
        tested = (tester.tested(regions, loosest) for regions in proposals)
        cells = sorted((cell for cell in tested if cell is not None), key=lambda cell: cell.log_p)
        # Benjamini and Hochberg's step-up procedure.
        passed = [k for k, cell in enumerate(cells, 1) if cell.log_p <= chances.level(alpha * k)]
        cells = cells[: max(passed, default=0)]
        n_found += len(cells)
        cells = [tester.finished(cell) for cell in best_cells(cells, _POOL * settings.max_rules)]
        tester.learn(cells)
        found += cells
    return found, n_found


class _Tester:
    """Tests cells on all rows."""

    def __init__(self, columns: list[MinedColumn], held_out: np.ndarray, min_support: float) -> None:
        self.columns, self.held_out, self.min_support = columns, held_out, min_support
        self._laws: dict[int, list[tuple[Region, np.ndarray]]] = defaultdict(list)
        self._ruled_out: dict[Region, np.ndarray] = {}

    def learn(self, laws: list[Cell]) -> None:
        """Take laws for known: longer ones must add to them."""
        self._ruled_out.clear()
        for law in laws:
            for region in law.regions:
                rows = self._rows(other for other in law.regions if other is not region)
                self._laws[region.column].append((region, np.packbits(rows)))

    def tested(self, regions: tuple[Region, ...], level: float) -> Cell | None:
        """The widened cell, if chance does not explain it, nor do the cells found with shorter antecedents."""
        excluded = min(regions, key=lambda region: excluded_rank(region, self.columns))
        antecedent = [region for region in regions if region is not excluded]
        cell = [*sorted(antecedent, key=lambda region: widening_rank(region, self.columns)), excluded]
        tails = [k for k, region in enumerate(cell[:-1]) if region.direction]
        tested = tails[0] if tails else len(cell) - 1 if excluded.direction else None
        if tested is not None and not self._widen(cell, tested):
            return None
        if self._rows(cell).any():  # proposed on some rows, broken on others
            return None
        log_p = self._log_p(cell, held_out=False)
        if log_p > level or self._log_p(cell, held_out=True) > np.log(HELD_OUT_LEVEL):
            return None
        if len(cell) > 2 and self._weakest_log_p(cell) > level * _PART:
            return None
        if len(cell) > 2 and np.count_nonzero(self._rows(cell[:-1])) < self.min_support * len(self.held_out):
            return None
        return Cell(tuple(cell[:-1]), cell[-1], log_p)

    def finished(self, law: Cell) -> Cell:
        """A law with all its tails as wide as they can be, with round bounds."""
        best, log_p = list(law.regions), law.log_p
        tails = [k for k, region in enumerate(best[:-1]) if region.direction]
        excluded = best[-1]
        order = self.columns[excluded.column].order
        if len(best) == 2 and tails and excluded.sort in ("below", "from") and order is not None:
            # The wider the one tail, the narrower the other: of all choices, the one with most evidence.
            for bound in np.unique(np.nanquantile(order, _CUTS, method="inverted_cdf")):
                cell = [*law.antecedent, replace(excluded, bound=float(bound))]
                if self._widen(cell, tails[0]) and (evidence := self._log_p(cell, held_out=False)) < log_p:
                    best, log_p = cell, evidence
        for k in tails[1:]:
            self._widen(best, k)
        if tails and excluded.sort in ("below", "from"):
            best[-1] = self._rounded(best[-1], self._rows(best[:-1]))
        return Cell(tuple(best[:-1]), best[-1], log_p)

    def _widen(self, cell: list[Region], place: int) -> bool:
        """Make one tail of a cell as wide as the cell stays empty; tell whether it can be."""
        others = [region for k, region in enumerate(cell) if k != place]
        wide = self.columns[cell[place].column].widened(cell[place], self._rows(others))
        if wide is not None:
            cell[place] = wide
        return wide is not None

    def _mask(self, region: Region) -> np.ndarray:
        return self.columns[region.column].mask(region)

    def _rows(self, regions: Iterable[Region]) -> np.ndarray:
        """Rows that are in all regions."""
        return np.logical_and.reduce([self._mask(region) for region in regions])

    def _rounded(self, excluded: Region, rows: np.ndarray) -> Region:
        """An excluded tail with a round bound at some distance from the rows of the antecedent.

        Their most extreme value is no bound: of other rows, some more would be expected beyond it.
        """
        column = self.columns[excluded.column]
        assert column.order is not None
        inside = column.order[rows & ~column.view.missing]
        step = int(_NEAR * np.count_nonzero(~column.view.missing) / len(inside))
        beyond = column.order[column.order > inside.max() if excluded.sort == "from" else column.order < inside.min()]
        if len(beyond) < 2 * step + 2:
            return excluded
        beyond = np.sort(beyond) if excluded.sort == "from" else np.sort(beyond)[::-1]
        low, high = sorted((float(beyond[step]), float(beyond[2 * step + 1])))
        return replace(excluded, bound=column.round_bound(low, high) if low < high else high)

    def _log_p(self, regions: list[Region], *, held_out: bool) -> float:
        """Evidence that the last region is excluded by all others together."""
        known = np.logical_and.reduce([self.columns[region.column].known(region) for region in regions])
        rows = known & self.held_out if held_out else known
        total = np.count_nonzero(rows)
        first = np.count_nonzero(rows & self._rows(regions[:-1]))
        second = np.count_nonzero(rows & self._mask(regions[-1]))
        if total == 0 or (not held_out and first * second < MIN_EXPECTED * total):
            return 0.0
        return float(log_empty_cell(total, first, second))

    def _weakest_log_p(self, regions: list[Region]) -> float:
        """Evidence that no region can be left out: the weakest over pairs of them, within the rows of the others.

        Rows on which a shorter law excludes one of the pair already are left out.
        """
        known = np.logical_and.reduce([self.columns[region.column].known(region) for region in regions])
        rows = np.flatnonzero(known)
        masks = [self._mask(region)[rows] for region in regions]
        free = [~self._ruled_out_rows(region)[rows] for region in regions]
        weakest = -np.inf
        for i, j in combinations(range(len(regions)), 2):
            others = free[i] & free[j]
            for k, mask in enumerate(masks):
                if k not in (i, j):
                    others &= mask
            total = np.count_nonzero(others)
            first, second = np.count_nonzero(others & masks[i]), np.count_nonzero(others & masks[j])
            if first * second < MIN_EXPECTED * total or total == 0:
                return 0.0
            weakest = max(weakest, float(log_empty_cell(total, first, second)))
        return weakest

    def _ruled_out_rows(self, region: Region) -> np.ndarray:
        """Rows on which one of the laws known excludes a region."""
        if region not in self._ruled_out:
            packed = [rows for other, rows in self._laws[region.column] if region.within(other)]
            n = len(self.held_out)
            found = np.bitwise_or.reduce(packed) if packed else np.zeros(-(-n // 8), dtype=np.uint8)
            self._ruled_out[region] = np.unpackbits(found, count=n).astype(bool)
        return self._ruled_out[region]
