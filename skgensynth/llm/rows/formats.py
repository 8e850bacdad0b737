"""The form that rows have in prompts and replies: grammar, JSON schema, examples, and a reader that trusts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np

from skgensynth.checks import RowCheck
from skgensynth.columns import Column
from skgensynth.conditions import Allowed, Conditions
from skgensynth.decimals import number_decimals
from skgensynth.llm.base import JsonSchema, LarkGrammar
from skgensynth.llm.rows.cells import Cells, LevelCells, csv_text, quote
from skgensynth.llm.rows.constraints import (
    RowPattern,
    cell_pattern,
    cell_schema,
    csv_grammar,
    json_grammar,
    json_schema,
)
from skgensynth.llm.rows.number_cells import NumberCells
from skgensynth.llm.rows.parsing import RowReader
from skgensynth.llm.rows.time_cells import time_cells
from skgensynth.schema import TableSchema

__all__ = ["ParsedRows", "RejectedRow", "RowFormat"]

Output: TypeAlias = Literal["csv", "json"]


@dataclass(frozen=True)
class RejectedRow:
    """A row of a reply that is not one of the table.

    Attributes
    ----------
    text : str
        The row as the model wrote it, up to 1,000 characters.
    reason : str
        What is wrong, such as "column 'age' is out of range"; the same words for the same fault.
    """

    text: str
    reason: str


@dataclass(frozen=True)
class ParsedRows:
    """The rows of a reply.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_modelled), float64
        Encoded rows. Each satisfies the schema and the conditions.
    rejected : tuple of RejectedRow
        The others.
    """

    values: np.ndarray
    rejected: tuple[RejectedRow, ...]

    @property
    def reasons(self) -> Counter[str]:
        """How many rows were rejected for each reason."""
        return Counter(row.reason for row in self.rejected)


class RowFormat:
    r"""Write rows for a prompt, say what a reply has to look like, and read rows from whatever came back (ours).

    CSV replies have one line for each row, without a header, and an empty cell for a missing value; JSON replies are an
    array of objects with one member for each column. Identifiers are left out. Text that is not plain and short is
    written as a JSON string in both forms: on one line, in quotes, with all that is invisible spelled out, so that a
    cell can neither pass for another cell nor for a line of its own.

    Parameters
    ----------
    schema : TableSchema
        The table.
    conditions : Conditions, default=None
        What every row must satisfy.
    output : {"csv", "json"}, default="csv"
        The form. CSV costs fewer tokens.
    decimals : sequence of (int or None), default=None
        Decimals of each modelled column, as `skgensynth.decimals.number_decimals` finds them, for numbers without a
        grid. None writes such numbers in full, and has models write a thousandth of half the column's range.

    Raises
    ------
    ValueError
        If ``output`` is neither.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skgensynth.llm.rows import RowFormat
    >>> from skgensynth.schema import TableSchema
    >>> table = pd.DataFrame({"age": np.arange(40, 95), "sex": ["F", "M, or so"] * 27 + ["F"]})
    >>> schema = TableSchema.infer(table, column_kinds={"age": "continuous"})
    >>> form = RowFormat(schema)
    >>> print(form.header + form.write(schema.encode(table)[:2]), end="")
    age,sex
    40,F
    41,"M, or so"
    >>> rows = form.parse("Sure!\n75,F\n750,F\n")
    >>> rows.values
    array([[75.,  0.]])
    >>> rows.reasons
    Counter({"column 'age' is out of range": 1})
    """

    def __init__(
        self,
        schema: TableSchema,
        conditions: Conditions | None = None,
        *,
        output: Output = "csv",
        decimals: Sequence[int | None] | None = None,
    ) -> None:
        if output not in get_args(Output):
            raise ValueError(f"output={output!r} is none of {', '.join(get_args(Output))}.")
        self.schema = schema
        self.output = output
        conditions = conditions or Conditions()
        self._in_full = decimals is None
        self._names = [column.name for column in schema.modelled]
        self._check = RowCheck(schema, conditions, None)
        self._as_json = output == "json"
        # A line has to have something on it.
        self._missing_text = "null" if self._as_json or len(self._names) == 1 else ""
        self._decimals = _decimals_of_ranges(schema) if decimals is None else list(decimals)
        found = [self._column(place, conditions.allowed.get(place)) for place in range(len(self._names))]
        self._cells = [cells for cells, _ in found]
        self._missing = [missing for _, missing in found]
        self._narrowed: dict[tuple[int, bytes, bool], tuple[str, bool]] = {}

    # -- writing ---------------------------------------------------------------------------------------------------

    @property
    def header(self) -> str:
        """The line with the names of the columns; empty for JSON, whose rows name them."""
        return "" if self._as_json else ",".join(map(csv_text, self._names)) + "\n"

    def write(self, values: np.ndarray) -> str:
        """Write rows as a reply has them.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_modelled)
            Encoded rows on the grids of their columns.

        Returns
        -------
        str
            Lines, or an array of objects on one line. `parse` reads the same values from it where the conditions
            allow them, up to the decimals of numbers without a grid.
        """
        texts = self.write_each(values)
        return f"[{','.join(texts)}]" if self._as_json else "".join(text + "\n" for text in texts)

    def write_each(self, values: np.ndarray) -> list[str]:
        """Write rows as the lines, or the members of the array, that they are in a reply; see `write`."""
        values = np.asarray(values, dtype=np.float64)
        columns = [self.spell(place, values[:, place]) for place in range(len(self._names))]
        rows = list(zip(*columns, strict=True))
        if not self._as_json:
            return [",".join(row) for row in rows]
        keys = [quote(name) + ":" for name in self._names]
        return ["{" + ",".join(key + cell for key, cell in zip(keys, row, strict=True)) + "}" for row in rows]

    def spell(self, place: int, values: np.ndarray) -> list[str]:
        """Write the cells of a column as they stand in a row.

        Parameters
        ----------
        place : int
            The column's place among the modelled ones.
        values : ndarray of shape (n,)
            Encoded values.

        Returns
        -------
        list of str
            None of them has a line's end in it, or can pass for another cell.
        """
        present = ~np.isnan(values)
        out = [self._missing_text] * len(values)
        texts = self._cells[place].texts(values[present])
        for row, text in zip(np.flatnonzero(present).tolist(), texts, strict=True):
            out[row] = self._dressed(place, text)
        return out

    def _dressed(self, place: int, text: str) -> str:
        if self._as_json:
            return text if self._cells[place].bare else quote(text)
        return csv_text(text)

    # -- constraints -----------------------------------------------------------------------------------------------

    def grammar(
        self, n_rows: int, min_rows: int | None = None, *, narrowed: Sequence[Mapping[int, Allowed]] = ()
    ) -> LarkGrammar:
        """Say what a reply has to look like, exactly.

        Categories are those of the training table, numbers lie within their bounds and have no more decimals than the
        column, and dates exist; the conditions narrow them. A model that decodes under it can write no invalid row.

        Parameters
        ----------
        n_rows : int
            Rows of a reply, at least 1.
        min_rows : int, default=None
            Fewer rows that are enough, at least 1; None for exactly ``n_rows``.
        narrowed : sequence of mapping of int to Allowed, default=()
            For each of exactly ``n_rows`` rows, what some columns may be, by their places. It takes the place of a
            condition on the column. Empty where all rows may be alike.

        Returns
        -------
        LarkGrammar
            In llguidance's dialect. Times that follow no pattern, such as periods, are a choice of 1,000.

        Raises
        ------
        ValueError
            If there are not so many rows, or rows are narrowed and their number is not fixed.
        """
        least, most = _check_counts(n_rows, min_rows)
        if narrowed and not least == most == len(narrowed):
            raise ValueError(f"{len(narrowed)} rows are narrowed, but a reply has {least} to {most}.")
        rows = [self._narrow(allowed) for allowed in narrowed] or [self._pattern]
        if self._as_json:
            return json_grammar(self._names, rows, least, most)
        return csv_grammar(rows, least, most)

    @cached_property
    def _pattern(self) -> RowPattern:
        """What any row may be."""
        cells = [cell_pattern(c, text, self._as_json) for c, text in zip(self._cells, self._missing, strict=True)]
        return RowPattern(tuple(cells), tuple(text == "" for text in self._missing))

    def _narrow(self, allowed: Mapping[int, Allowed]) -> RowPattern:
        """A row in which some columns may be less."""
        cells, optional = list(self._pattern.cells), list(self._pattern.optional)
        for place, what in allowed.items():
            cells[place], optional[place] = self._narrow_cell(place, what)
        return RowPattern(tuple(cells), tuple(optional))

    def _narrow_cell(self, place: int, allowed: Allowed) -> tuple[str, bool]:
        """A cell's pattern, and whether it may be empty; those of levels are kept, since they come again and again."""
        key = (place, b"" if allowed.codes is None else allowed.codes.tobytes(), allowed.missing)
        if key in self._narrowed:
            return self._narrowed[key]
        cells, missing = self._column(place, allowed)
        narrowed = cell_pattern(cells, missing, self._as_json), missing == ""
        if allowed.codes is not None:
            self._narrowed[key] = narrowed
        return narrowed

    def _column(self, place: int, allowed: Allowed | None) -> tuple[Cells, str | None]:
        """A column's cells under a condition, and how a missing one is written if it may be."""
        column = self.schema.modelled[place]
        may_miss = column.has_missing if allowed is None else allowed.missing
        cells = _cells(column, allowed, self._as_json, self._decimals[place], self._in_full)
        return cells, self._missing_text if may_miss else None

    def json_schema(self, n_rows: int, min_rows: int | None = None) -> JsonSchema:
        """Say what a JSON reply has to look like, as far as JSON schemas can.

        Bounds are exact for whole and decimal numbers; numbers written with an exponent have none, and whole numbers
        beyond 2**53 only those that a double can hold. `parse` checks all of them.

        Parameters
        ----------
        n_rows : int
            Rows of a reply, at least 1.
        min_rows : int, default=None
            Fewer rows that are enough, at least 1; None for exactly ``n_rows``.

        Returns
        -------
        JsonSchema
            Of an array of objects; names, levels and bounds are in it, but no rows.

        Raises
        ------
        ValueError
            If the output is CSV.
        """
        if not self._as_json:
            raise ValueError("A reply in CSV has no JSON schema: use grammar(), or make the format with output='json'.")
        least, most = _check_counts(n_rows, min_rows)
        cells = [cell_schema(c, text is not None) for c, text in zip(self._cells, self._missing, strict=True)]
        return json_schema(self._names, cells, least, most)

    # -- reading ---------------------------------------------------------------------------------------------------

    def parse(self, text: str, *, repair: bool = False, cut_off: bool = False) -> ParsedRows:
        """Read the rows of a reply, whatever the model made of the form.

        Code fences, words before and after, JSON lines, objects without an array, Python literals, single quotes,
        trailing commas, a CSV header with the columns in another order, and further columns are understood. A number
        may have a unit, if all of the reply's in that column have the same, and separators of thousands where only one
        reading is within bounds. Nothing is evaluated. The time grows with the length of the text.

        Parameters
        ----------
        text : str
            The reply, without the prompt.
        repair : bool, default=False
            Whether a plain number is moved to its grid and into its bounds, and a category is recognised that differs
            in case or white space alone. Rows that are wrong otherwise are still rejected.
        cut_off : bool, default=False
            Whether the reply ended at its limit of tokens: then a CSV line without an end is not a row.

        Returns
        -------
        ParsedRows
            The rows, in the order of the reply, and those that were rejected.
        """
        reader = RowReader(self._names, self._cells, self._missing, repair)
        found = list(reader.json_rows(text) if self._as_json else reader.csv_rows(text, cut_off))
        rejected = [RejectedRow(row.text, row.reason) for row in found if row.reason]
        rows = [row for row in found if not row.reason]
        shape = (len(rows), len(self._names))
        values = np.array([[cell.value for cell in row.cells] for row in rows], dtype=np.float64).reshape(shape)
        ok, reasons = self._check(values)
        for place, name in enumerate(self._names):
            with_unit = {number: row.cells[place].unit for number, row in enumerate(rows) if row.cells[place].unit}
            if len(set(with_unit.values())) > 1:
                mixed = np.isin(np.arange(len(rows)), list(with_unit))
                reasons[f"column {name!r} has several units"] = mixed
                ok &= ~mixed
        for number in np.flatnonzero(~ok).tolist():
            reason = next(reason for reason, wrong in reasons.items() if wrong[number])
            rejected.append(RejectedRow(rows[number].text, reason))
        return ParsedRows(values[ok], tuple(rejected))


def _check_counts(n_rows: int, min_rows: int | None) -> tuple[int, int]:
    least = n_rows if min_rows is None else min_rows
    if not 1 <= least <= n_rows:
        raise ValueError(f"n_rows={n_rows} and min_rows={min_rows}, but 1 <= min_rows <= n_rows is needed.")
    return least, n_rows


def _cells(column: Column, allowed: Allowed | None, as_json: bool, n_decimals: int | None, in_full: bool) -> Cells:
    """The cells of a column under a condition."""
    if column.kind == "categorical":
        return LevelCells(column, allowed, as_json)
    intervals = ((column.minimum, column.maximum),) if allowed is None else allowed.intervals
    if column.storage.family in ("integer", "float"):
        return NumberCells(column, intervals, n_decimals or 0, in_full)
    return time_cells(column, intervals)


def _decimals_of_ranges(schema: TableSchema) -> list[int | None]:
    """Decimals of tables of which only the ranges are known."""
    ends = [(c.minimum, c.maximum) if c.kind == "continuous" else (0.0, 0.0) for c in schema.modelled]
    with np.errstate(over="ignore", invalid="ignore"):  # between the largest doubles
        return number_decimals(np.array(ends).T, schema)
