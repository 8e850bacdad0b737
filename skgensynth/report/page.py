"""The report as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pandas as pd

from skgensynth.report import charts, plane, result_charts, verdicts
from skgensynth.report.svg import plain, shorten
from skgensynth.report.template import fill

if TYPE_CHECKING:
    from skgensynth.report.quality import QualityReport

# Columns drawn before the reader is asked to unfold the rest; a few more are not worth unfolding.
_N_SHOWN, _N_SPARE = 12, 6
# More columns than this would make the page too large to send.
_MAX_COLUMNS = 200
# Rules shown, those broken most often first.
_MAX_RULES = 20
_PREVIEW_ROWS, _PREVIEW_COLUMNS, _PREVIEW_LENGTH = 5, 50, 60


@dataclass(frozen=True)
class Origin:
    """Where a synthetic table comes from, for the page to say.

    Attributes
    ----------
    source : str
        Name of the real table.
    output : str
        Name of the file that holds the synthetic rows.
    table : DataFrame
        The synthetic rows in that file.
    n_real : int or None, default=None
        Rows of the real table, training and held-out together, if the rows in the file come from a synthesizer that was
        fitted to all of them, after the one that was measured; None if the rows in the file were measured themselves.
    conditions : str, default=""
        What they were asked to fulfil, as a sentence.
    settings : mapping, default={}
        Setting to value, as used.
    warnings : sequence of str, default=()
        What was worth a warning on the way.
    """

    source: str
    output: str
    table: pd.DataFrame
    n_real: int | None = None
    conditions: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def render(report: QualityReport, origin: Origin | None) -> str:
    """Return the page as HTML text."""
    columns, heat, rules = _columns(report), _heat_maps(report), _rules(report)
    return fill(
        "skgensynth.report",
        "page.html",
        report=report,
        origin=origin,
        sections=_sections(report, heat, rules),
        limits=verdicts,
        groups=[(name, list(rows)) for name, rows in groupby(report.figures, lambda row: row.group)],
        columns=columns,
        n_columns=report.tables.train.shape[1],
        n_shown=_N_SHOWN if len(columns) > _N_SHOWN + _N_SPARE else len(columns),
        heat=heat,
        utility=_utility(report),
        privacy=_privacy(report),
        projection=charts.projection(*plane.project(report.tables.train, report.tables.synthetic)),
        telling=result_charts.telling_columns(report.fidelity),
        rules=rules,
        preview=_preview(origin.table) if origin else None,
    )


def _sections(report, heat, rules):
    """Place and name of the sections that the page has."""
    shown = {
        "warnings": report.cautions,
        "utility": report.utility,
        "columns": True,
        "pairs": heat,
        "rows": True,
        "rules": rules,
        "privacy": report.privacy,
        "figures": True,
        "reading": True,
    }
    names = {"figures": "all figures", "reading": "how to read this page"}
    return {place: names.get(place, place).capitalize() for place, there in shown.items() if there}


def _columns(report):
    """Chart and figures of each column, the target first, then those that differ most."""
    real, _, synthetic = report.tables
    fidelity = report.fidelity
    divergence = fidelity.columns.per_column
    order = sorted(real.columns, key=lambda name: (name != report.target, -divergence[name]))
    return [
        {
            "name": shorten(plain(name), 80),
            "is_target": name == report.target,
            "chart": charts.marginal(name, real[name], synthetic[name]),
            "missing": charts.missing_text(real[name], synthetic[name]),
            "divergence": fidelity.columns_matched[name],
            "floor": fidelity.columns_floor[name],
        }
        for name in order[:_MAX_COLUMNS]
    ]


def _heat_maps(report):
    """Associations of both tables and their difference; nothing for a single column."""
    real, synthetic = report.fidelity.association.real, report.fidelity.association.synthetic
    if len(real) < 2:
        return None
    names = charts.strongest_columns(real, [] if report.target is None else [report.target])
    real, synthetic = real.loc[names, names], synthetic.loc[names, names]
    result = report.fidelity.means["association"]
    floor_is = "held-out rows" if report.n_test else "real halves"
    means = f"mean difference {result.synthetic:.3f}, {floor_is} {result.floor:.3f}"
    return {
        "maps": [
            ("Real rows", charts.heat_map(real, "Associations between the columns of the real rows")),
            ("Synthetic rows", charts.heat_map(synthetic, "Associations between the columns of the synthetic rows")),
            ("Synthetic minus real", charts.heat_map(synthetic - real, f"Synthetic minus real associations; {means}")),
        ],
        "means": means,
        "n_drawn": len(names),
    }


def _utility(report):
    if report.utility is None:
        return None
    return {"scores": result_charts.utility(report.utility), "recalls": result_charts.recalls(report.utility)}


def _privacy(report):
    if report.privacy is None:
        return None
    return {
        "distances": result_charts.distances(report.privacy),
        "roc": result_charts.roc(report.privacy),
        "gains": result_charts.gains(report.privacy),
    }


def _rules(report):
    """Rules that synthetic rows break, most often first, and how many rules there are."""
    if report.rules is None:
        return None
    table = report.rules.per_rule
    broken = table[table["violations"] > 0].sort_values("share", ascending=False, kind="stable")
    rows = [
        {"text": shorten(plain(rule), 200), "share": row["share"], "violations": int(row["violations"]),
         "real_share": row["real_share"]}
        for rule, row in broken.head(_MAX_RULES).iterrows()
    ]  # fmt: skip
    return {"rows": rows, "n_broken": len(broken), "n_rules": len(table)}


def _preview(table):
    """Return the first rows as text."""
    rows = table.iloc[:_PREVIEW_ROWS, :_PREVIEW_COLUMNS]
    cells = [
        ["" if pd.isna(value) else shorten(plain(value), _PREVIEW_LENGTH) for value in row]
        for row in rows.to_numpy(object)
    ]
    names = [shorten(plain(name), _PREVIEW_LENGTH) for name in rows.columns]
    return {"names": names, "rows": cells, "n_left": table.shape[1] - len(names)}
