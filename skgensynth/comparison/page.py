"""A comparison as one HTML page that needs nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from skgensynth.comparison import layout
from skgensynth.report import svg
from skgensynth.report.svg import Chart
from skgensynth.report.template import fill

if TYPE_CHECKING:
    from skgensynth.comparison.results import ComparisonReport


def render(report: ComparisonReport) -> str:
    """Return the page as HTML text."""
    return fill(
        "skgensynth.comparison",
        "page.html",
        report=report,
        tables=[_section(place, table) for place, table in enumerate(layout.tables(report.runs))],
        dash=layout.NONE,
    )


def _section(place: int, table: layout.RunTable) -> dict[str, Any]:
    """One data table: its lines, numbered as the dots of its chart are."""
    return {
        "id": f"table-{place + 1}",
        "name": svg.shorten(table.name, 80),
        "sizes": table.sizes,
        "columns": table.columns,
        "references": table.references,
        "lines": list(enumerate(table.lines, start=1)),
        "chart": _chart(table),
        "remarks": _remarks(table),
    }


def _chart(table: layout.RunTable) -> Chart | None:
    """Draw utility against privacy; None where no run has both."""
    shown = [
        (str(number), run)
        for number, run in enumerate(table.runs, start=1)
        if not math.isnan(run.figures["utility"] + run.figures["privacy"])
    ]
    if not shown:
        return None
    places = np.array([(run.figures["privacy"], run.figures["utility"]) for _, run in shown])
    hints = [
        f"{' '.join(layout.run_names(run)).strip()}: privacy {x:.2f}, utility {y:.2f}"
        for (_, run), (x, y) in zip(shown, places, strict=True)
    ]
    real = shown[0][1].figures["utility_real"]
    parts, height = svg.marks(places, [number for number, _ in shown], hints, "privacy", "utility", real)
    return svg.picture(parts, "Utility against privacy. " + "; ".join(hints), height=height)


def _remarks(table: layout.RunTable) -> list[tuple[int, str]]:
    """What is to be said of runs: why rows were rejected, and their notes."""
    remarks = []
    for number, run in enumerate(table.runs, start=1):
        if run.reasons:
            told = "; ".join(f"{reason}: {count:,}" for reason, count in _most_frequent(run.reasons))
            remarks.append((number, f"Rows rejected: {svg.plain(told)}"))
        remarks += [(number, svg.plain(note)) for note in run.notes]
    return remarks


def _most_frequent(reasons: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda item: -item[1])[:5]
