"""The table that shows runs side by side: what it has to say in each cell, on a terminal and in a notebook."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from skgensynth.report.svg import plain, shorten

if TYPE_CHECKING:
    from skgensynth.comparison.results import ComparisonRun

_LONGEST_ERROR = 100
NONE = "–"


class Column(NamedTuple):
    """One column of the table: a figure, which direction is better, and the same figure of real rows and of chance."""

    key: str
    heading: str
    form: str
    better: str = ""
    real: str = ""
    interval: tuple[str, str] | None = None
    chance: str = ""

    def text(self, figures: Mapping[str, float], key: str | None = None) -> str:
        """The figure in words."""
        value = figures.get(key or self.key, math.nan)
        return NONE if math.isnan(value) else self.form.format(value)


COLUMNS = (
    Column("validity", "valid", "{:.1%}", "higher"),
    Column("fidelity", "fidelity", "{:.2f}", "higher", "fidelity_floor"),
    Column("utility", "utility", "{:.2f}", "higher", "utility_real", ("utility_low", "utility_high"), "utility_chance"),
    Column("membership_auc", "attack AUC", "{:.2f}", "", "", ("membership_low", "membership_high")),
    Column("privacy", "privacy", "{:.2f}", "higher"),
    Column("harmonic", "harmonic", "{:.2f}", "higher"),
    Column("hard_broken", "rules broken", "{:.1%}", "lower", "hard_broken_real"),
    Column("soft_broken", "soft rules", "{:.1%}", "", "soft_broken_real"),
    Column("class_gaps", "class gaps", "{:.2f}", "lower", "class_gaps_floor"),
    Column("copies", "copies", "{:,.0f}", "lower"),
    Column("n_requests", "requests", "{:,.0f}"),
    Column("n_tokens", "tokens", "{:,.0f}", "lower"),
    Column("seconds", "seconds", "{:,.1f}", "lower"),
)


class Cell(NamedTuple):
    """One figure of one run."""

    text: str
    is_best: bool = False
    interval: str = ""


class Line(NamedTuple):
    """One run, with a cell for each column; none if it failed."""

    names: tuple[str, str]
    cells: Sequence[Cell]
    error: str = ""


class RunTable(NamedTuple):
    """The runs on one data table, and what their figures stand beside."""

    name: str
    sizes: str
    columns: Sequence[Column]
    references: Sequence[Line]
    lines: Sequence[Line]
    runs: Sequence[ComparisonRun]


def run_names(run: Any) -> tuple[str, str]:
    """What to call a run: by its model and prompt, or by another synthesizer."""
    return (plain(run.llm), plain(run.prompt)) if run.llm else (plain(run.synthesizer), "")


def tables(runs: Iterable[ComparisonRun]) -> list[RunTable]:
    """One table of runs for each data table; columns that nothing is known of are left out."""
    return [_table(name, list(own)) for name, own in groupby(runs, lambda run: run.table)]


def _table(name: str, runs: list[ComparisonRun]) -> RunTable:
    done = [run for run in runs if not run.error]
    columns = [column for column in COLUMNS if any(column.text(run.figures) != NONE for run in done)]
    best = {column.key: _best(column, done) for column in columns}
    references, lines = [], []
    for words, keys in (
        ("real rows", [column.real for column in columns]),
        ("chance", [column.chance for column in columns]),
    ):
        known = [column.text(done[0].figures, key) if key else "" for column, key in zip(columns, keys, strict=True)]
        if any(text not in ("", NONE) for text in known):
            references.append(Line((words, ""), [Cell(text) for text in known]))
    for run in runs:
        cells = [_cell(column, run.figures, best[column.key]) for column in columns]
        lines.append(Line(run_names(run), [] if run.error else cells, plain(run.error)))
    return RunTable(plain(name), _sizes(done), columns, references, lines, runs)


def _cell(column: Column, figures: Mapping[str, float], best: str | None) -> Cell:
    text = column.text(figures)
    interval = ""
    if column.interval is not None and text != NONE:
        low, high = (column.text(figures, key) for key in column.interval)
        interval = f"{low} to {high}"
    return Cell(text, text == best, interval)


def _best(column: Column, runs: Sequence[ComparisonRun]) -> str | None:
    """How the best figure reads; None where there is none or all read alike."""
    known = [run.figures for run in runs if column.text(run.figures) != NONE]
    if not column.better or len({column.text(figures) for figures in known}) < 2:
        return None
    choose: Callable = max if column.better == "higher" else min
    return column.text(choose(known, key=lambda figures: figures[column.key]))


def _sizes(done: Sequence[ComparisonRun]) -> str:
    if not done:
        return "no run was finished"
    n_train, n_test, n_rows = (int(done[0].figures[key]) for key in ("n_train", "n_test", "n_rows"))
    return f"{n_train:,} training rows, {n_test:,} held out, {n_rows:,} synthetic rows of each run"


def headline(runs: Sequence[ComparisonRun]) -> str:
    """What does best on each table, in a sentence for each."""
    return " ".join(_verdict(table) for table in tables(runs))


def _verdict(table: RunTable) -> str:
    for key, words in (("harmonic", "balances privacy and utility best"), ("fidelity", "follows the real rows best")):
        known = [run for run in table.runs if not run.error and not math.isnan(run.figures[key])]
        if not known:
            continue
        first = max(known, key=lambda run: run.figures[key])
        if f"{first.figures[key]:.2f}" == "0.00":
            return f"On {table.name}, no run is any good."
        named = " with ".join(part for part in run_names(first) if part)
        # A high privacy can make up for rows that are of no use, which is no balance worth having.
        useless = first.figures["utility"] <= first.figures.get("utility_chance", math.nan)
        remark = ", but models learn no more from its rows than chance" if useless else ""
        return f"On {table.name}, {named} {words} ({first.figures[key]:.2f}){remark}."
    return f"On {table.name}, no run was finished."


def as_text(runs: Sequence[ComparisonRun]) -> str:
    """A table of text for each data table, the best figures with a star."""
    parts = []
    for table in tables(runs):
        header = ("model", "prompt", *(column.heading for column in table.columns))
        shown = [*table.references, *table.lines]
        rows = [(*line.names, *(cell.text + "*" * cell.is_best for cell in line.cells)) for line in shown]
        widths = [max(len(row[place]) for row in [header, *rows] if place < len(row)) for place in range(len(header))]
        lines = [f"{table.name}: {table.sizes}", _text_row(header, widths)]
        for line, row in zip(shown, rows, strict=True):
            failure = f"  failed: {shorten(line.error, _LONGEST_ERROR)}" if line.error else ""
            lines.append(_text_row(row, widths) + failure)
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, headline(runs)])


def _text_row(row: Sequence[str], widths: Sequence[int]) -> str:
    """Names to the left, figures to the right."""
    padded = zip(row, widths, strict=False)
    return "  ".join(f"{text:<{w}}" if i < 2 else f"{text:>{w}}" for i, (text, w) in enumerate(padded)).rstrip()


def as_html(runs: Sequence[ComparisonRun]) -> str:
    """The same for a notebook, the best figures in bold."""
    parts = []
    for table in tables(runs):
        header = "".join(f"<th>{name}</th>" for name in ("model", "prompt", *(each.heading for each in table.columns)))
        rows = "".join(_html_row(line, len(table.columns)) for line in [*table.references, *table.lines])
        parts.append(
            f"<p><b>{escape(table.name)}</b>: {table.sizes}</p>"
            f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"
        )
    return f"<div>{''.join(parts)}<p>{escape(headline(runs))}</p></div>"


def _html_row(line: Line, n_columns: int) -> str:
    names = "".join(f'<td style="text-align:left">{escape(name)}</td>' for name in line.names)
    if line.error:
        return f'<tr>{names}<td colspan="{n_columns}" style="text-align:left">failed: {escape(line.error)}</td></tr>'
    cells = "".join(f"<td>{'<b>' * cell.is_best}{cell.text}{'</b>' * cell.is_best}</td>" for cell in line.cells)
    return f"<tr>{names}{cells}</tr>"
