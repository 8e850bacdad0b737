"""The report as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pandas as pd

from skgensynth import __version__
from skgensynth.report import charts, verdicts

if TYPE_CHECKING:
    from skgensynth.report.quality import QualityReport

# Columns drawn before the reader is asked to unfold the rest; a few more are not worth unfolding.
_N_SHOWN, _N_SPARE = 12, 6


@dataclass(frozen=True)
class Origin:
    """Where a synthetic table comes from, for the page to say.

    Attributes
    ----------
    source : str
        Name of the real table.
    output : str
        Name of the file that holds the synthetic rows.
    n_real : int
        Rows of the real table, training and held-out together.
    table : DataFrame
        The synthetic rows in that file.
    conditions : str
        What they were asked to fulfil, as a sentence; empty if nothing.
    settings : mapping
        Setting to value, as used.
    warnings : sequence of str
        What was worth a warning on the way.
    """

    source: str
    output: str
    n_real: int
    table: pd.DataFrame
    conditions: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def render(report: QualityReport, origin: Origin | None) -> str:
    """Return the page as HTML text."""
    try:
        from jinja2 import Environment
        from markupsafe import Markup
    except ImportError as error:
        raise ImportError("The HTML report needs jinja2: pip install 'skgensynth[report]'.") from error

    folder = files("skgensynth.report")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["svg"] = lambda chart: Markup(chart.svg)
    template = environment.from_string(folder.joinpath("page.html").read_text(encoding="utf-8"))
    columns = _columns(report)
    heat, heat_names, n_columns = _heat_maps(report)
    return template.render(
        report=report,
        origin=origin,
        style=Markup(folder.joinpath("page.css").read_text(encoding="utf-8")),
        version=__version__,
        limits=verdicts,
        columns=columns,
        n_shown=_N_SHOWN if len(columns) > _N_SHOWN + _N_SPARE else len(columns),
        utility=charts.utility(report.utility, report.ceiling) if report.utility and report.ceiling else None,
        heat=heat,
        heat_names=heat_names,
        n_columns=n_columns,
        distances=charts.distances(report.train_distances, report.test_distances),
        preview=_preview(origin.table) if origin else None,
    )


def _columns(report):
    """Chart and figures of each column, the target first, then those that differ most."""
    real, synthetic = report.tables
    divergence = report.divergence.per_column
    order = sorted(real.columns, key=lambda name: (name != report.target, -divergence[name]))
    return [
        {
            "name": str(name),
            "is_target": name == report.target,
            "chart": charts.marginal(str(name), real[name], synthetic[name]),
            "divergence": divergence[name],
            "floor": report.divergence_floor.per_column[name],
        }
        for name in order
    ]


def _heat_maps(report):
    """Associations of both tables and their difference; the names that the numbers stand for."""
    real, synthetic = report.association.real, report.association.synthetic
    names = charts.strongest_columns(real, [] if report.target is None else [report.target])
    real, synthetic = real.loc[names, names], synthetic.loc[names, names]
    drawn = [
        ("Real rows", charts.heat_map(real, "Associations between the columns of the real rows")),
        ("Synthetic rows", charts.heat_map(synthetic, "Associations between the columns of the synthetic rows")),
        ("Difference", charts.heat_map(synthetic - real, "Synthetic minus real associations; empty is ideal")),
    ]
    return drawn, [str(name) for name in names], report.association.real.shape[0]


def _preview(table, n_rows=5):
    """Return the first rows as text."""
    rows = table.head(n_rows)
    cells = [["" if pd.isna(value) else str(value) for value in row] for row in rows.to_numpy(object)]
    return {"names": [str(name) for name in table.columns], "rows": cells}
