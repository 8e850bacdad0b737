"""The report on a terminal and in a notebook."""

from __future__ import annotations

import math
import textwrap
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skgensynth.report.quality import QualityReport
    from skgensynth.report.verdicts import Verdict

_WIDTH = 110
# Legible on a white and on a black ground alike.
_COLOURS = {"good": "#2a9162", "fair": "#b07d12", "poor": "#d64a3f"}
_HEADER = ("", "figure (95 % interval)", "synthetic", "reference", "which is", "better")


def score_text(verdict: Verdict) -> str:
    """Score with that of real rows, where they do not reach 1 either."""
    if math.isnan(verdict.score):
        return "–"
    if math.isnan(verdict.reference):
        return f"{verdict.score:.2f}"
    return f"{verdict.score:.2f} (real rows {verdict.reference:.2f})"


def as_text(report: QualityReport) -> str:
    """Verdicts first, then cautions, then the table of figures."""
    lines = [*_wrap(report.headline, ""), ""]
    for verdict in report.verdicts:
        lines += _wrap(f"{verdict.name:<9}{score_text(verdict)}, {verdict.level}. {verdict.sentence}", " " * 9)
    if report.cautions:
        lines += ["", "Mind:"]
        for caution in report.cautions:
            lines += _wrap(f"{'!' if caution.serious else '-'} {caution.what} {caution.advice}", "  ")
    return "\n".join(line.rstrip() for line in [*lines, "", *_table(report)])


def _wrap(text, indent):
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _table(report):
    lines, previous = [_HEADER], None
    for row in report.figures:
        group = row.group if row.group != previous else ""
        lines.append((group, row.name, *row.texts, row.meaning, row.better))
        previous = row.group
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEADER))]
    return ["  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)) for line in lines]


def as_html(report: QualityReport) -> str:
    """The same for a notebook; styles are inline, so that they leave the notebook alone."""
    cards = "".join(
        f'<div style="flex:1 1 14em;border-top:4px solid {_COLOURS.get(verdict.level, "#7a8793")};padding:.4em 0">'
        f'<div><b>{verdict.name}: {verdict.level}</b></div><div style="font-size:1.6em">{score_text(verdict)}</div>'
        f"<div>{escape(verdict.sentence)}</div></div>"
        for verdict in report.verdicts
    )
    cautions = "".join(
        f"<li>{'<b>' if caution.serious else ''}{escape(caution.what)}{'</b>' if caution.serious else ''} "
        f"{escape(caution.advice)}</li>"
        for caution in report.cautions
    )
    rows = "".join(
        f'<tr><td style="text-align:left">{row.group}</td><td style="text-align:left">{escape(row.name)}</td>'
        f"<td>{row.texts[0]}</td><td>{row.texts[1]}</td>"
        f'<td style="text-align:left">{escape(row.meaning)}</td><td style="text-align:left">{row.better}</td></tr>'
        for row in report.figures
    )
    header = "".join(f"<th>{name}</th>" for name in _HEADER)
    return (
        f'<div style="max-width:70em"><p style="font-size:1.25em"><b>{escape(report.headline)}</b></p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:1.5em">{cards}</div>'
        + (f"<ul>{cautions}</ul>" if cautions else "")
        + f"<details><summary>All figures</summary><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody>"
        "</table></details></div>"
    )
