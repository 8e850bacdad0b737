"""Empty cells to rules: those that say the same are joined, those that follow from others are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations

from skgensynth.constraints.base import Constraint
from skgensynth.constraints.mining import Cell
from skgensynth.constraints.regions import MinedColumn, Region
from skgensynth.constraints.rules import Implication, Order

__all__ = ["join_levels", "to_implication", "without_implied", "without_linked"]


def without_linked(cells: Iterable[Cell], columns: list[MinedColumn], laws: Iterable[Constraint]) -> list[Cell]:
    """Leave out cells that are empty because of a dependency, an order or a sum between two of their columns.

    Parameters
    ----------
    cells : iterable of Cell
        The cells.
    columns : list of MinedColumn
        The columns.
    laws : iterable of Constraint
        Dependencies, orders and sums that hold between columns.

    Returns
    -------
    list of Cell
        The others. A cell stays if an order between two of its columns does not make it empty.
    """
    laws = list(laws)
    linked = {pair for law in laws if not isinstance(law, Order) for pair in permutations(law.columns, 2)}
    orders = {(law.lower, law.upper) for law in laws if isinstance(law, Order)}

    def follows(first: Region, second: Region) -> bool:
        names = columns[first.column].name, columns[second.column].name
        return names in linked or (names in orders and first.direction == "from" and second.direction == "below")

    return [cell for cell in cells if not any(follows(a, b) for a, b in permutations(cell.regions, 2))]


def join_levels(cells: list[Cell]) -> list[Cell]:
    """Join cells that differ in the levels of one column only: what they exclude, then what they start from.

    Parameters
    ----------
    cells : list of Cell
        The cells.

    Returns
    -------
    list of Cell
        In the order of the first of each.
    """
    for place in (-1, *range(max((len(cell.antecedent) for cell in cells), default=0))):
        joined: dict[tuple, Cell] = {}
        for cell in cells:
            regions = list(cell.regions)
            if place >= len(regions) - 1 or regions[place].sort != "levels":
                joined[(cell.regions,)] = cell
                continue
            key = (place, regions[place].column, tuple(region for region in regions if region is not regions[place]))
            first = joined.get(key)
            if first is not None:
                other = first.regions[place]
                tail = regions[place].tail if regions[place].tail == other.tail else ""
                regions[place] = replace(other, codes=other.codes | regions[place].codes, tail=tail)
                cell = Cell(tuple(regions[:-1]), regions[-1], min(cell.log_p, first.log_p))
            joined[key] = cell
        cells = list(joined.values())
    return cells


def without_implied(cells: list[Cell], columns: list[MinedColumn]) -> list[Cell]:
    """Leave out cells that are empty because others are.

    A cell follows from others if these, starting from its regions and step by step adding what a cell of which all
    other regions are reached excludes, arrive at a contradiction (unit propagation).

    Parameters
    ----------
    cells : list of Cell
        The cells, in the order of preference.
    columns : list of MinedColumn
        The columns.

    Returns
    -------
    list of Cell
        Those that say something new, in the same order.
    """
    order = sorted(range(len(cells)), key=lambda k: len(cells[k].antecedent))
    propagation = _Propagation(cells, columns)
    for k in order:
        propagation.alive[k] = not propagation.refutes(cells[k])
    for k in reversed(order):
        if propagation.alive[k]:
            propagation.alive[k] = False
            propagation.alive[k] = not propagation.refutes(cells[k])
    return [cell for cell, alive in zip(cells, propagation.alive, strict=True) if alive]


def to_implication(cell: Cell, columns: list[MinedColumn]) -> Implication:
    """The rule that a cell stands for.

    Parameters
    ----------
    cell : Cell
        The cell.
    columns : list of MinedColumn
        The columns.

    Returns
    -------
    Implication
        Its consequent is what is left of the column that is excluded.
    """
    column = columns[cell.excluded.column]
    return Implication(
        tuple(columns[region.column].item(region) for region in cell.antecedent),
        (column.item(column.negated(cell.excluded)),),
    )


class _Propagation:
    """Unit propagation over cells, those that are alive."""

    def __init__(self, cells: list[Cell], columns: list[MinedColumn]) -> None:
        self.cells, self.columns = cells, columns
        self.alive = [False] * len(cells)
        self.complete = {column.place for column in columns if not column.schema.has_missing}
        self.places: dict[int, list[tuple[int, int]]] = defaultdict(list)  # of regions in cells, by column
        for k, cell in enumerate(cells):
            for i, region in enumerate(cell.regions):
                self.places[region.column].append((k, i))

    def refutes(self, cell: Cell) -> bool:
        """Whether the cells that are alive exclude that a cell's regions meet."""
        # That a value is not in a region leaves room for a missing one, unless the cell itself has a value there.
        has_value = self.complete | {region.column for region in cell.regions if not region.about_missing}
        facts: dict[int, list[Region]] = defaultdict(list)
        unmet: dict[int, set[int]] = {}
        waiting = list(cell.regions)
        while waiting:
            fact = waiting.pop()
            if fact.column not in has_value and not fact.about_missing:
                continue
            if any(known.within(fact) for known in facts[fact.column]):
                continue
            if any(known.apart_from(fact) for known in facts[fact.column]):
                return True
            facts[fact.column].append(fact)
            for k, i in self.places[fact.column]:
                if not self.alive[k]:
                    continue
                regions = self.cells[k].regions
                left = unmet.setdefault(k, set(range(len(regions))))
                if i not in left or not fact.within(regions[i]):
                    continue
                left.remove(i)
                if not left:
                    return True
                if len(left) == 1:
                    (last,) = left
                    waiting.append(self.columns[regions[last].column].negated(regions[last]))
        return False
