"""Combinations of values that may never occur together: proposed on some of the rows, by frequent itemsets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skgensynth.constraints.evidence import log_empty_cell
from skgensynth.constraints.regions import MIN_EXPECTED, MIN_ROWS, MinedColumn, Region

__all__ = ["Proposer", "Settings"]

_MINING_ROWS = 5000  # ours: laws are proposed on at most so many rows, and tested on all
_PRODUCTS = 2e10  # ours: multiplications for one length of antecedents, a few seconds
_MAX_PROPOSALS = 10_000  # ours: proposals of one length that are tested
_BLOCK = 2000  # antecedents at a time


@dataclass(frozen=True)
class Settings:
    """What `discover_constraints` was asked for, where mining needs it, and whom to tell what a bound left out."""

    max_antecedent: int
    min_support: float
    alpha: float
    max_itemsets: int
    max_rules: int
    report: Callable[[str], None]


class Proposer:
    """Proposes cells that are empty on the rows that are not held out.

    Frequent antecedents come from apriori; the regions that never occur with them, so that the complements always do,
    come from one matrix product. Itemsets that hold complements are nearly all frequent (ten columns of numbers have
    half a million of length 3), so that mining these as well would take gigabytes.

    Parameters
    ----------
    columns : list of MinedColumn
        The columns.
    held_out : ndarray of shape (n_rows,), bool
        Rows that take no part.
    settings : Settings
        Bounds.
    """

    def __init__(self, columns: list[MinedColumn], held_out: np.ndarray, settings: Settings) -> None:
        self.settings = settings
        self.regions = [region for column in columns for region in column.regions()]
        self.column = np.array([region.column for region in self.regions], dtype=np.intp)
        families = [
            (region.column, region.direction) if region.direction else (region.column, region.sort, region.codes)
            for region in self.regions
        ]
        numbers = {family: k for k, family in enumerate(dict.fromkeys(families))}
        self.family = np.array([numbers[family] for family in families], dtype=np.intp)
        rows = np.flatnonzero(~held_out)
        rows = rows[:: max(1, -(-len(rows) // _MINING_ROWS))]
        self.masks = np.empty((len(rows), len(self.regions)), dtype=bool)
        for j, region in enumerate(self.regions):
            self.masks[:, j] = columns[region.column].mask(region)[rows]

    def antecedents(self) -> Iterator[np.ndarray]:
        """Yield the frequent antecedents of each length, as places of regions, one antecedent in each row."""
        from mlxtend.frequent_patterns import apriori

        n, limit = len(self.masks), self.settings.max_itemsets
        if n < 2 * MIN_ROWS or len(set(self.column)) < 2:
            return
        table = pd.DataFrame(self.masks)
        candidates = len(self.regions)
        for size in range(1, self.settings.max_antecedent + 1):
            if candidates > limit:
                self.settings.report(
                    f"rules with {size} conditions were not looked for: there are about {candidates} combinations of "
                    f"conditions, more than max_itemsets={limit}; leave columns out, or allow more"
                )
                return
            itemsets = apriori(table, max(self.settings.min_support, 1 / n), max_len=size, low_memory=True)["itemsets"]
            found = np.array([sorted(items) for items in itemsets if len(items) == size], dtype=np.intp)
            found = found.reshape(-1, size)
            found = found[(np.diff(np.sort(self.column[found], axis=1), axis=1) > 0).all(axis=1)]
            yield found
            candidates = len(found) * len(self.regions) // (size + 1)

    def cells(self, antecedents: np.ndarray, log_bound: float) -> list[tuple[Region, ...]]:
        """Propose empty cells of an antecedent and one more region.

        Parameters
        ----------
        antecedents : ndarray of shape (n_antecedents, size)
            Places of regions.
        log_bound : float
            Log-probability of being empty by chance that a proposal must not exceed.

        Returns
        -------
        list of tuple of Region
            Of each choice of tails and levels the least likely one, those first.
        """
        size = antecedents.shape[1]
        n = int(np.clip(_PRODUCTS / max(len(antecedents) * len(self.regions), 1), 200, len(self.masks)))
        masks = self.masks[:n].astype(np.float32)
        totals, together = masks.sum(axis=0), masks.T @ masks
        found, evidence = [np.empty((0, size + 1), dtype=np.intp)], [np.empty(0)]
        for start in range(0, len(antecedents), _BLOCK):
            block = antecedents[start : start + _BLOCK]
            counts = np.prod([masks[:, block[:, k]] for k in range(size)], axis=0).T
            n_rows = counts.sum(axis=1)
            empty = (counts @ masks == 0) & (n_rows[:, None] * totals >= MIN_EXPECTED / 2 * n)
            for k in range(size):
                empty &= self.column[block[:, k]][:, None] != self.column
            which, excluded = np.nonzero(empty)
            log_p = log_empty_cell(n, n_rows[which], totals[excluded])
            good = log_p <= log_bound
            if size == 2:  # conditions that add nothing need not be tested
                for other in (1, 0):
                    second = together[block[which, other], excluded]
                    good &= second * n_rows[which] >= MIN_EXPECTED / 2 * totals[block[which, other]]
            found.append(np.column_stack([block[which[good]], excluded[good]]))
            evidence.append(log_p[good])
        cells = np.concatenate(found)[np.argsort(np.concatenate(evidence), kind="stable")]
        first = np.unique(np.sort(self.family[cells], axis=1), axis=0, return_index=True)[1]
        return self._likeliest(cells[np.sort(first)])

    def _likeliest(self, cells: np.ndarray) -> list[tuple[Region, ...]]:
        if len(cells) > _MAX_PROPOSALS:
            self.settings.report(
                f"only the {_MAX_PROPOSALS} likeliest of {len(cells)} possible rules with {cells.shape[1] - 1} "
                "conditions were tested; leave out columns that say the same"
            )
        return [tuple(self.regions[place] for place in cell) for cell in cells[:_MAX_PROPOSALS].tolist()]
