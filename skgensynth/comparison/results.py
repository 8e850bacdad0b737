"""What a comparison found: its runs with their figures, as text, frame, JSON and page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from skgensynth.comparison import layout
from skgensynth.report.saving import save_json, save_page

__all__ = ["FIGURES", "ComparisonReport", "ComparisonRun"]

FIGURES = (
    *("n_train", "n_test", "n_rows", "validity"),
    *("fidelity", "fidelity_floor", "divergence", "association", "detection_auc"),
    *("utility", "utility_low", "utility_high", "utility_real", "utility_chance"),
    *("privacy", "membership_auc", "membership_low", "membership_high", "copies", "harmonic"),
    *("hard_broken", "hard_broken_real", "soft_broken", "soft_broken_real", "class_gaps", "class_gaps_floor"),
    *("n_requests", "n_prompt_tokens", "n_completion_tokens", "n_tokens", "fit_seconds", "seconds"),
)


@dataclass(frozen=True)
class ComparisonRun:
    """One synthesizer on one table.

    Attributes
    ----------
    table : str
        Name of the table.
    synthesizer : str
        "SynLLM", or the name of another synthesizer.
    llm, prompt : str
        Names of language model and prompt; empty for other synthesizers than SynLLM.
    error : str
        Why the run failed; empty if it did not.
    figures : dict of str to float
        NaN is what could not be measured.

        - "n_train", "n_test", "n_rows": training, held-out and synthetic rows.
        - "validity": share of the rows written that were accepted.
        - "fidelity": `global_fidelity_index` of equal numbers of synthetic and of held-out rows against the training
          rows, from "divergence", "association" and "detection_auc"; "fidelity_floor": that of the held-out rows.
        - "utility": macro F1 or R² of `tstr`, with its 95 % interval "utility_low" to "utility_high"; "utility_real":
          that of `trtr`, the ceiling; "utility_chance": that of always predicting the most frequent class, or the mean.
        - "privacy": ``1 - 2 * max(0, AUC - 0.5)`` of the membership attack by distance, as in `score_privacy`;
          "membership_auc" with its 95 % interval "membership_low" to "membership_high"; "copies": synthetic rows that
          repeat a training row exactly.
        - "harmonic": `harmonic_score` of privacy and utility, an R² below 0 taken as 0.
        - "hard_broken", "soft_broken": share of the rows that break a hard or a soft rule; "hard_broken_real",
          "soft_broken_real": that of held-out rows.
        - "class_gaps": `class_gaps` from the training rows; "class_gaps_floor": that of held-out rows.
        - "n_requests", "n_prompt_tokens", "n_completion_tokens", "n_tokens": what the language model was asked and
          what it answered.
        - "fit_seconds", "seconds": time to fit, and to fit and draw; in a model's first run, that to load it, too.
    reasons : dict of str to int
        Why rows that were written were rejected; one may count under several reasons.
    notes : tuple of str
        Warnings of the run, and what could not be measured and why.
    fingerprint : str
        Tells the settings and the table of the run from all others.
    """

    table: str
    synthesizer: str
    llm: str
    prompt: str
    error: str
    figures: dict[str, float]
    reasons: dict[str, int]
    notes: tuple[str, ...]
    fingerprint: str

    def to_dict(self) -> dict[str, Any]:
        """The same in types that JSON knows.

        Returns
        -------
        dict
            NaN becomes None.
        """
        figures = {name: value if math.isfinite(value) else None for name, value in self.figures.items()}
        return asdict(self) | {"figures": figures, "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ComparisonRun:
        """Make the run that `to_dict` described.

        Parameters
        ----------
        state : dict
            What ``to_dict`` returned.

        Returns
        -------
        ComparisonRun
            An equal run.
        """
        figures = {name: math.nan if value is None else value for name, value in state["figures"].items()}
        return cls(**(dict(state) | {"figures": figures, "notes": tuple(state["notes"])}))


@dataclass(frozen=True, repr=False, eq=False)
class ComparisonReport:
    """Runs of several synthesizers on several tables, side by side.

    Made by `skgensynth.compare`. Printing it shows a table for each data table, the best figure of each column with a
    star; so does a notebook.

    Attributes
    ----------
    runs : tuple of ComparisonRun
        By table, in the order in which models, prompts and synthesizers were given.
    """

    runs: tuple[ComparisonRun, ...]

    @property
    def failed(self) -> tuple[ComparisonRun, ...]:
        """Runs without figures; ``error`` says why."""
        return tuple(run for run in self.runs if run.error)

    @property
    def headline(self) -> str:
        """What balances privacy and utility best, or follows the real rows best where there is no target."""
        return layout.headline(self.runs)

    def __str__(self) -> str:
        return layout.as_text(self.runs)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return layout.as_html(self.runs)

    def to_frame(self) -> pd.DataFrame:
        """The runs as a table.

        Returns
        -------
        DataFrame of shape (n_runs, n_columns)
            "table", "synthesizer", "llm", "prompt", the figures of `ComparisonRun`, and "error".
        """
        rows = [
            {"table": run.table, "synthesizer": run.synthesizer, "llm": run.llm, "prompt": run.prompt}
            | {name: run.figures.get(name, math.nan) for name in FIGURES}
            | {"error": run.error}
            for run in self.runs
        ]
        return pd.DataFrame(rows, columns=["table", "synthesizer", "llm", "prompt", *FIGURES, "error"])

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows.

        Returns
        -------
        dict
            "headline" and "runs"; NaN becomes None.
        """
        return {"headline": self.headline, "runs": [run.to_dict() for run in self.runs]}

    def to_json(self, path: str | Path | None = None) -> str:
        """The same as JSON.

        Parameters
        ----------
        path : str, Path or None, default=None
            File to write; None writes none.

        Returns
        -------
        str
            The JSON text.
        """
        return save_json(self.to_dict(), path)

    def to_html(self, path: str | Path) -> None:
        """Write one self-contained HTML page.

        Parameters
        ----------
        path : str or Path
            File to write.

        Raises
        ------
        ImportError
            If jinja2 is not installed.
        """
        from skgensynth.comparison.page import render

        save_page(render(self), path)
