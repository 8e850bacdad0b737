"""From the cells of a reply to rows, each with its values or with a reason why it has none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from skgensynth.llm.rows.cells import MISSING_WORDS, Cell, Cells, Unreadable, Written, normal
from skgensynth.llm.rows.readers import csv_lines, json_objects
from skgensynth.sampling import CUT_OFF

__all__ = ["ReadRow", "RowReader"]

MORE_CELLS = 100  # a line of more cells than twice the columns and these is not looked at to its end

_EMPTY = Cell(("",), False)


class ReadRow(NamedTuple):
    """A row of a reply: what its cells hold, or why that cannot be said, and its text."""

    cells: list[Written]
    reason: str
    text: str


class RowReader:
    """Reads the rows of one reply; equal cells are read once.

    Parameters
    ----------
    names : sequence of str
        Names of the columns.
    columns : sequence of Cells
        The columns.
    missing : sequence of (str or None)
        How a missing value of each column is written; None where there may be none.
    repair : bool
        Whether values that are nearly right are put right.
    """

    def __init__(
        self, names: Sequence[str], columns: Sequence[Cells], missing: Sequence[str | None], repair: bool
    ) -> None:
        self._names = list(names)
        self._columns = list(columns)
        self._missing = list(missing)
        self._repair = repair
        self._max_cells = 2 * len(names) + MORE_CELLS
        self._known: list[dict[Cell, Written | str]] = [{} for _ in names]
        self._places = {name: place for place, name in enumerate(names)}
        similar = Counter(map(normal, names))
        self._similar = {normal(name): place for name, place in self._places.items() if similar[normal(name)] == 1}

    def json_rows(self, text: str) -> Iterator[ReadRow]:
        """Rows of a JSON reply; objects without a column's name are something else."""
        for members, problem, written in json_objects(text):
            cells: list[Cell | None] = [None] * len(self._names)
            for name, cell in members:
                place = self._place(name)
                if place is not None:
                    if cells[place] is not None:
                        problem = problem or f"column {self._names[place]!r} is there twice"
                    cells[place] = cell
            if any(cell is not None for cell in cells):
                yield ReadRow([], problem, written) if problem else self._row(cells, written)

    def csv_rows(self, text: str, cut_off: bool) -> Iterator[ReadRow]:
        """Rows of a CSV reply; lines of another length, none of whose cells suits its column, are something else."""
        order: list[int | None] = list(range(len(self._names)))
        if cut_off:
            text, _, rest = text.rpartition("\n")
        for cells, line in csv_lines(text, self._max_cells):
            row, new_order = self._line(cells, line, order)
            if new_order is not None:
                order = new_order
            elif row is not None:
                yield row
        for cells, line in csv_lines(rest if cut_off else "", self._max_cells):
            if self._suits(cells, order):
                yield ReadRow([], CUT_OFF, line)

    def _line(
        self, cells: list[Cell], line: str, order: list[int | None]
    ) -> tuple[ReadRow | None, list[int | None] | None]:
        """The row on a line, or the order of the columns if it is a header, or neither."""
        while len(cells) > len(order) and cells[-1] == _EMPTY:
            cells.pop()
        if len(cells) == len(order):
            arranged: list[Cell | None] = [None] * len(self._names)
            for place, cell in zip(order, cells, strict=True):
                if place is not None:
                    arranged[place] = cell
            row = self._row(arranged, line)
            if not row.reason:
                return row, None
        else:
            row = ReadRow([], f"the row has too {'few' if len(cells) < len(order) else 'many'} cells", line)
        places = [self._place(cell.texts[0]) for cell in cells]
        named = [place for place in places if place is not None]
        if len(named) == len(set(named)) == len(self._names):
            return None, places
        return (row if len(cells) == len(order) or self._suits(cells, order) else None), None

    def _suits(self, cells: list[Cell], order: list[int | None]) -> bool:
        """Whether any cell suits its column."""
        pairs = zip(order, cells, strict=False)
        return any(place is not None and isinstance(self._cell(place, cell), Written) for place, cell in pairs)

    def _place(self, name: str) -> int | None:
        place = self._places.get(name)
        return self._similar.get(normal(name)) if place is None else place

    def _row(self, cells: Sequence[Cell | None], text: str) -> ReadRow:
        out = []
        for place, cell in enumerate(cells):
            found = "is absent" if cell is None else self._cell(place, cell)
            if isinstance(found, str):
                return ReadRow([], f"column {self._names[place]!r} {found}", text)
            out.append(found)
        return ReadRow(out, "", text)

    def _cell(self, place: int, cell: Cell) -> Written | str:
        """What a cell holds, or what is wrong with it."""
        known = self._known[place]
        if cell not in known:
            try:
                known[cell] = self._read(place, cell)
            except Unreadable as error:
                known[cell] = str(error)
        return known[cell]

    def _read(self, place: int, cell: Cell) -> Written:
        text, missing = cell.texts[0], self._missing[place]
        if text == missing and not cell.quoted:
            return Written(math.nan)
        try:
            return self._columns[place].read(cell, self._repair)
        except Unreadable:
            if normal(text) not in MISSING_WORDS:
                raise
            if missing is None:
                raise Unreadable("is missing") from None
            return Written(math.nan)
