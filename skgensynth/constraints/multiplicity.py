"""How unlikely an empty cell must be, where many cells are looked at.

Whether a cell of levels is empty by chance, and how much evidence that would be, follows from the sizes of its regions.
So the probabilities of the cells that would count as laws are added up, which asks for less evidence than counting all
cells does (in the spirit of Tarone, A modified Bonferroni method for discrete data, 1990). Tails of one column of a
cell are widened as far as it stays empty. That is one test, whatever the number of bounds: how far they reach has any
significance with no more than that probability, and they reach the narrowest tail at least.
"""

from __future__ import annotations

from math import comb

import numpy as np

from skgensynth.constraints.evidence import log_empty_cell
from skgensynth.constraints.regions import MIN_EXPECTED, MinedColumn, Region

__all__ = ["Chances", "excluded_rank", "widening_rank"]

_LOWEST, _HIGHEST = -60.0, -3.0


def excluded_rank(region: Region, columns: list[MinedColumn]) -> tuple:
    """What the regions of a cell are sorted by; the first reads best as the one that the others exclude.

    It is the target's, else a level's, of two levels the rarer one. It must not depend on other columns' values.
    """
    column = columns[region.column]
    n_others = len(column.texts) - len(region.codes) if region.sort == "levels" else 0
    return (
        not column.is_target,
        region.sort == "missing",
        region.sort in ("below", "from"),
        n_others > 1 and column.order is None,
        0 if region.direction else np.count_nonzero(column.mask(region)),
        -region.column,
    )


def widening_rank(region: Region, columns: list[MinedColumn]) -> tuple:
    """What the regions of an antecedent are sorted by; the first is widened before the cell is tested."""
    return (not region.direction, columns[region.column].has_levels, region.column)


class Chances:
    """Tests of empty cells, from the sizes of regions as if columns were independent.

    Parameters
    ----------
    regions : list of Region
        The regions.
    columns : list of MinedColumn
        The columns.
    size : int
        Regions of a cell.
    """

    def __init__(self, regions: list[Region], columns: list[MinedColumn], size: int) -> None:
        known = [np.count_nonzero(columns[region.column].known(region)) for region in regions]
        sizes = [np.count_nonzero(columns[region.column].mask(region)) for region in regions]
        self.n_rows = len(columns[0].view.missing)
        self.share = np.array(sizes) / known
        self.known = np.array(known) / self.n_rows
        self.column = np.array([region.column for region in regions])
        self.tail = np.array([bool(region.direction) for region in regions])
        self.rank = _positions([excluded_rank(region, columns) for region in regions])
        self.turn = _positions([widening_rank(region, columns) for region in regions])
        tails: list[int] = np.flatnonzero(self.tail)[np.argsort(-self.share[self.tail])].tolist()
        self.narrowest = list({(regions[k].column, regions[k].direction): k for k in tails}.values())
        self._levels = np.linspace(_LOWEST, _HIGHEST, 1000)
        self._mass, self._balance = np.zeros(1000), np.zeros(1000)
        if size == 2:
            self._add_pairs()
        elif size == 3:
            self._add_triples()
        else:  # a bound on the number of cells serves for long rules, which need much evidence anyway
            self._balance[0] = comb(len(regions), size)

    def level(self, alpha: float) -> float:
        """Log-probability up to which all tests together find at most so many laws by chance, in expectation."""
        total = np.cumsum(self._mass) + np.exp(self._levels) * np.cumsum(self._balance)
        n_levels = int(np.searchsorted(np.maximum.accumulate(total), alpha, side="right"))
        return float(self._levels[max(0, n_levels - 1)])

    def _add_pairs(self) -> None:
        """Tests of a region that excludes another."""
        i, j = np.triu_indices(len(self.share), k=1)
        cells = (self.column[i] != self.column[j]) & ~self.tail[i] & ~self.tail[j]
        self._add_fixed(*self._evidence(i[cells], j[cells]))
        for tail in self.narrowest:
            others = np.flatnonzero((self.column != self.column[tail]) & (~self.tail | (self.turn > self.turn[tail])))
            log_p, expected = self._evidence(np.full(len(others), tail), others)
            self._add_widened(log_p, np.full(len(others), -np.inf), expected)

    def _add_triples(self) -> None:
        """Tests of two regions that exclude a third; which one does not depend on other columns."""
        first, last = np.nonzero((self.column[:, None] != self.column) & (self.rank[:, None] > self.rank))
        known = self.n_rows * self.known[first] * self.known[last] * self.share[first]
        reach = known * np.log1p(-self.share[last])  # if the widened tail were all values
        for tail in self.narrowest:
            later = ~self.tail[first] | (self.turn[first] > self.turn[tail])
            cells = np.flatnonzero(
                later & (self.column[first] != self.column[tail]) & (self.column[last] != self.column[tail])
            )
            share = self.known[tail] * self.share[tail]
            expected = known[cells] * share * self.share[last[cells]]
            self._add_widened(reach[cells] * share, reach[cells] * self.known[tail], expected)
        for excluded in range(len(self.share)):
            self._add_level_triples(excluded)

    def _add_level_triples(self, excluded: int) -> None:
        """Tests of two levels that exclude a region."""
        others = np.flatnonzero(
            ~self.tail & (self.rank > self.rank[excluded]) & (self.column != self.column[excluded])
        )  # fmt: skip
        i, j = np.triu_indices(len(others), k=1)
        i, j = others[i], others[j]
        cells = self.column[i] != self.column[j]
        i, j = i[cells], j[cells]
        known = self.n_rows * self.known[i] * self.known[j] * self.known[excluded] * self.share[i] * self.share[j]
        log_p, expected = known * np.log1p(-self.share[excluded]), known * self.share[excluded]
        if not self.tail[excluded]:
            self._add_fixed(log_p, expected)
        elif excluded in self.narrowest:
            self._add_widened(log_p, np.full(len(known), -np.inf), expected)

    def _evidence(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities that pairs of regions do not meet, and how often they would be expected to."""
        total = self.n_rows * self.known[first] * self.known[second]
        first_size, second_size = total * self.share[first], total * self.share[second]
        return log_empty_cell(total, first_size, second_size), first_size * self.share[second]

    def _add_fixed(self, log_p: np.ndarray, expected: np.ndarray) -> None:
        """Cells that are empty with these probabilities, and then have this evidence."""
        log_p = log_p[expected >= MIN_EXPECTED]
        np.add.at(self._mass, self._place(log_p), np.exp(log_p))

    def _add_widened(self, start: np.ndarray, reach: np.ndarray, expected: np.ndarray) -> None:
        """Tests that have at least the evidence of the narrowest tail, and at most that of the widest."""
        # A narrow tail must be widened until enough rows are expected in the cell.
        start = np.maximum(reach, start * np.maximum(1.0, MIN_EXPECTED / expected))
        np.add.at(self._mass, self._place(start), np.exp(start))
        np.add.at(self._balance, self._place(start), -1)
        np.add.at(self._balance, self._place(reach), 1)

    def _place(self, log_p: np.ndarray) -> np.ndarray:
        """Place of the lowest level that includes a log-probability; beyond the last, it never counts."""
        return np.minimum(np.searchsorted(self._levels, log_p), len(self._levels) - 1)


def _positions(keys: list[tuple]) -> np.ndarray:
    """Place of each key among all of them, sorted."""
    place = {key: k for k, key in enumerate(sorted(set(keys)))}
    return np.array([place[key] for key in keys])
