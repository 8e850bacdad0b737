"""What the columns of a table may be and what is asked of new rows, in words that no cell can steer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from skgensynth.columns import Column
from skgensynth.conditions import Allowed, Conditions
from skgensynth.exceptions import SchemaError
from skgensynth.llm.rows import RowFormat
from skgensynth.llm.rows.cells import csv_text, quote
from skgensynth.schema import TableSchema

__all__ = [
    "N_LEVELS",
    "SYSTEM",
    "column_lines",
    "condition_line",
    "description_lines",
    "format_line",
    "headed",
    "levels_line",
    "name_descriptions",
    "one_line",
]

SYSTEM = (
    "You invent rows of a table. They look like real ones and fit together as real ones do, but they are new: none "
    "is a copy of a row that you were shown. You reply with the rows alone, without any explanation."
)
HEADINGS = {
    "columns": "The columns of the table:",
    "descriptions": "What they mean:",
    "statistics": "Statistics of the table:",
    "rules": "Rules that its rows keep:",
    "examples": "Some of its rows:",
}
N_LEVELS = 20  # of a column, named in a prompt at most

_NOUNS = {"datetime": "time", "period": "time", "timedelta": "duration"}


def column_lines(form: RowFormat, conditions: Conditions, n_levels: int) -> list[str]:
    """Say what each column is and which values it may have.

    Parameters
    ----------
    form : RowFormat
        How values are written.
    conditions : Conditions
        What new rows must satisfy: the values are those that it leaves.
    n_levels : int
        How many levels of a column are named at most, the most frequent ones.

    Returns
    -------
    list of str
        A line for each modelled column.
    """
    lines = []
    for place, column in enumerate(form.schema.modelled):
        role = " (the target)" if column.role == "target" else ""
        what = _values(form, place, column, conditions.allowed.get(place), n_levels)
        lines.append(f"- {csv_text(column.name)}{role}: {what}")
    return lines


def condition_line(form: RowFormat, conditions: Conditions, n_levels: int) -> str:
    """Say what every new row must be; empty without conditions."""
    if not conditions:
        return ""
    wanted = []
    for place, allowed in conditions.allowed.items():
        column = form.schema.modelled[place]
        what = _values(form, place, column, allowed, n_levels, noun=False)
        wanted.append(f"{csv_text(column.name)} is {what}")
    return f"In every new row, {' and '.join(wanted)}."


def levels_line(form: RowFormat, place: int, wanted: Iterable[Allowed]) -> str:
    """Say which level of a column each new row has."""
    column = form.schema.modelled[place]
    texts = [_values(form, place, column, allowed, 1, noun=False) for allowed in wanted]
    where = "new rows, in this order" if len(texts) > 1 else "new row"
    return f"In the {where}, {csv_text(column.name)} is {', '.join(texts)}."


def format_line(form: RowFormat, n_rows: int) -> str:
    """Ask for rows in the form in which they are read."""
    rows = f"{n_rows} new rows" if n_rows > 1 else "1 new row"
    columns = form.schema.modelled
    missing = any(column.has_missing for column in columns)
    if form.output == "json":
        keys = ", ".join(quote(column.name) for column in columns)
        null = ", with null for a missing value" if missing else ""
        return f"Write {rows} of this table as a JSON array of objects with the members {keys}, in this order{null}."
    empty = ("null" if len(columns) == 1 else "an empty cell") + " for a missing value, "
    each = "one to a line, " if n_rows > 1 else ""
    return (
        f"Write {rows} of this table as CSV, {each}with commas between the values, {empty if missing else ''}and "
        f"without repeating the header:\n{form.header.rstrip()}"
    )


def headed(name: str, text: str) -> str:
    """A part of a prompt under its heading; empty if the text is."""
    return f"{HEADINGS[name]}\n{text}" if text and name in HEADINGS else text


def one_line(text: str) -> str:
    """A text on one line, in which nothing is invisible."""
    return text if text.isprintable() else quote(text)[1:-1]


def description_lines(descriptions: Mapping[str, str]) -> list[str]:
    """The user's own words about columns, a line for each."""
    return [f"- {csv_text(name)}: {' '.join(text.split())}" for name, text in descriptions.items()]


def name_descriptions(descriptions: Mapping[Any, Any] | None, schema: TableSchema) -> dict[str, str]:
    """The user's words about columns, by the name of the column.

    Raises
    ------
    SchemaError
        If there is no such column; names it.
    """
    names: dict[Any, str] = {column.label: column.name for column in schema.columns}
    names |= {column.name: column.name for column in schema.columns}
    for label in descriptions or {}:
        if label not in names:
            raise SchemaError(
                f"feature_descriptions names the column {label!r}, which is not there; columns are "
                f"{', '.join(column.name for column in schema.columns)}"
            )
    return {names[label]: str(text) for label, text in (descriptions or {}).items()}


def _values(
    form: RowFormat, place: int, column: Column, allowed: Allowed | None, n_levels: int, *, noun: bool = True
) -> str:
    """The values that a column may have."""
    may_miss = column.has_missing if allowed is None else allowed.missing
    if column.kind == "categorical":
        texts, n_more = _levels(form, place, column, allowed, n_levels)
        what = _choice(texts, n_more)
    else:
        intervals = ((column.minimum, column.maximum),) if allowed is None else allowed.intervals
        what = _intervals(form, place, intervals, n_levels)
        if noun and what:
            what = f"{_noun(column)} {what}"
    if not what:
        return "always missing" if noun else "missing"
    return what + ("; may be missing" if noun else " or missing") * may_miss


def _levels(
    form: RowFormat, place: int, column: Column, allowed: Allowed | None, n_levels: int
) -> tuple[list[str], int]:
    """Texts of the most frequent levels in their order, and how many there are besides."""
    counts = np.asarray(column.counts, dtype=np.int64)
    possible = counts > 0
    if allowed is not None:
        codes = np.zeros(len(counts), dtype=bool) if allowed.codes is None else allowed.codes
        # A condition may ask for a level that no row had.
        possible = codes & possible if (codes & possible).any() else codes
    codes = np.flatnonzero(possible)
    shown = np.sort(codes[np.argsort(-counts[codes], kind="stable")][:n_levels])
    return form.spell(place, shown.astype(np.float64)), len(codes) - len(shown)


def _choice(texts: list[str], n_more: int) -> str:
    if len(texts) == 1 and not n_more:
        return texts[0]
    more = f" and {n_more} more" if n_more else ""
    return f"one of {', '.join(texts)}{more}" if texts else ""


def _intervals(form: RowFormat, place: int, intervals: tuple[tuple[float, float], ...], n_levels: int) -> str:
    points = [low for low, high in intervals if low == high]
    if len(points) == len(intervals):
        return _choice(form.spell(place, np.array(points[:n_levels])), len(points[n_levels:]))
    ends = [form.spell(place, np.array(ends)) for ends in intervals]
    return " or ".join(f"from {low} to {high}" for low, high in ends)


def _noun(column: Column) -> str:
    storage = column.storage
    if storage.family == "integer" or storage.decimals == 0:
        return "whole number"
    if storage.family == "float":
        n = storage.decimals
        return "number" if n is None else f"number with at most {n} decimal{'s' * (n != 1)},"
    return _NOUNS.get(storage.family, "value")
