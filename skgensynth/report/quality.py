"""The report on a synthetic table: scores, verdicts, cautions and figures, in many forms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.metrics import RuleViolationsResult, harmonic_score
from skgensynth.report import summary, verdicts
from skgensynth.report.cautions import Caution, column_cautions, row_cautions, size_cautions, some
from skgensynth.report.figures import (
    Figure,
    compared,
    copies_remark,
    fidelity_figures,
    leaks,
    privacy_figures,
    rule_figures,
    scored,
    utility_figures,
)
from skgensynth.report.measures import MAX_ROWS, Tables
from skgensynth.report.results import FidelityFigures, PrivacyFigures, UtilityFigures
from skgensynth.report.saving import save_json, save_page
from skgensynth.report.svg import plain, shorten
from skgensynth.report.verdicts import Verdict

_COLUMNS = ["synthetic", "low", "high", "reference", "reference_low", "reference_high", "reference_is", "better"]
# A rule that synthetic rows break more often than real rows by more than this is worth a word.
_RULE_EXCESS = 0.01
_MAX_RULE = 100
# Cross-validation alone makes an AUC of chance a little less than 0.5.
_LEAST_DETECTION = 0.45


@dataclass(frozen=True, repr=False, eq=False)
class QualityReport:
    """One evaluation of a synthetic table.

    Made by `evaluate`. Printing it shows verdicts, cautions and figures; so does a notebook.

    Attributes
    ----------
    target : column label or None
        Column that utility was measured on.
    utility : UtilityFigures or None
        What models learn; None without a target or without held-out rows.
    fidelity : FidelityFigures
        How closely the rows follow real ones.
    rules : RuleViolationsResult or None
        Rows that break rules; None where there are no rules.
    privacy : PrivacyFigures or None
        What the rows give away; None without held-out rows.
    n_copies : int
        Synthetic rows that repeat a training row exactly.
    tables : Tables
        The rows that were measured, for the plots: ``train``, ``test`` and ``synthetic``. A pickled report holds them.
    left_out : list of column labels
        Columns that look like identifiers.
    skipped : dict of str to str
        What could not be measured, and why.
    """

    target: Any
    utility: UtilityFigures | None
    fidelity: FidelityFigures
    rules: RuleViolationsResult | None
    privacy: PrivacyFigures | None
    n_copies: int
    tables: Tables
    left_out: list
    skipped: Mapping[str, str]

    @property
    def n_train(self) -> int:
        """Training rows."""
        return len(self.tables.train)

    @property
    def n_test(self) -> int:
        """Held-out rows."""
        return 0 if self.tables.test is None else len(self.tables.test)

    @property
    def n_synthetic(self) -> int:
        """Synthetic rows."""
        return len(self.tables.synthetic)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Utility, fidelity and privacy in words, each with its score."""
        fidelity = self.fidelity
        detection = math.nan if fidelity.detection is None else fidelity.detection.auc
        return [
            self._judge_utility(),
            verdicts.judge_fidelity(
                compared(fidelity, "divergence"), compared(fidelity, "association"), detection, *fidelity.index
            ),
            self._judge_privacy(),
        ]

    def _judge_utility(self):
        if self.utility is not None:
            return verdicts.judge_utility(scored(self.utility))
        if self.tables.test is None:
            return verdicts.not_judged(
                "Utility",
                "What models learn shows only on real rows that the synthesizer never saw.",
            )
        return verdicts.not_judged("Utility", "No target column was named for models to predict.")

    def _judge_privacy(self):
        if self.privacy is not None:
            return verdicts.judge_privacy(*leaks(self.privacy), copies=copies_remark(self.privacy, self.n_synthetic))
        copies = f" {self.n_copies:,} of {self.n_synthetic:,} synthetic rows repeat a real row exactly."
        return verdicts.not_judged(
            "Privacy",
            "Whether an attacker recognises training rows shows only beside rows that the synthesizer never saw."
            + (copies if self.n_copies else ""),
        )

    @property
    def scores(self) -> dict[str, float]:
        """Utility, fidelity and privacy in [0, 1], 1 is ideal, and the balance of utility and privacy.

        NaN is what was not judged. Utility is the share of what models learn from real rows, beyond chance, that they
        learn from synthetic ones, in macro F1 or AUC, whichever keeps less, or in R². Fidelity is the
        `global_fidelity_index`. Privacy is 1 less what the strongest membership attack gains over chance, or what any
        other attack gains at the lower end of its interval, if that is more. The balance is `harmonic_score`, 0 for
        rows that are of no use or give everything away. Utility and privacy are definitions of ours.
        """
        scores = {verdict.name.lower(): verdict.score for verdict in self.verdicts}
        return scores | {"balance": float(harmonic_score(scores["privacy"], scores["utility"]))}

    @property
    def headline(self) -> str:
        """The whole in one sentence."""
        return verdicts.headline(self.verdicts)

    @cached_property
    def cautions(self) -> list[Caution]:
        """What to know before trusting the figures, the serious first."""
        train, test, synthetic = self.tables
        found = [
            *size_cautions(len(train), None if test is None else len(test), len(synthetic)),
            *row_cautions(train, test, synthetic),
            *column_cautions(train, synthetic),
            *self._rule_cautions(),
        ]
        detection = self.fidelity.detection
        if detection is not None and detection.auc_interval[1] < _LEAST_DETECTION:
            what = f"A classifier that tells synthetic from real rows does worse than chance (AUC {detection.auc:.2f})."
            found.append(Caution(False, what, "The rows follow the training rows closer than other real rows would."))
        if self.n_copies:
            what = f"{self.n_copies:,} synthetic rows repeat a training row in every column."
            found.append(Caution(self._copies_matter(), what, "Take them out before sharing the rows."))
        if self.left_out:
            what = f"Left out as identifiers: {some([str(name) for name in self.left_out])}."
            found.append(Caution(False, what, "Make sure that no real identifier is among the synthetic rows."))
        if max(map(len, (table for table in self.tables if table is not None))) > MAX_ROWS:
            what = f"Utility and fidelity were measured on {MAX_ROWS:,} rows drawn of each larger table."
            found.append(Caution(False, what, "Privacy was measured against all rows."))
        for name, reason in self.skipped.items():
            found.append(Caution(False, f"Not measured: {name}.", reason))
        return sorted(found, key=lambda caution: not caution.serious)

    def _copies_matter(self):
        return self.privacy is None or bool(copies_remark(self.privacy, self.n_synthetic))

    def _rule_cautions(self):
        if self.rules is None:
            return []
        table = self.rules.per_rule
        excess = table["share"] - table["real_share"]
        broken = table["share"][(excess > _RULE_EXCESS) & (table["low"] > table["real_high"])]
        if broken.empty:
            return []
        names = [
            f"{shorten(plain(rule), _MAX_RULE)} ({share:.1%})"
            for rule, share in broken.sort_values(ascending=False).items()
        ]
        what = f"Rules broken more often than by real rows: {some(names)}."
        return [Caution(True, what, "Take such rows out, or condition the synthesizer.")]

    @cached_property
    def figures(self) -> list[Figure]:
        """The table of figures, line by line."""
        held_out = self.tables.test is not None
        rows: list[Figure] = []
        if self.utility is not None:
            rows += utility_figures(self.utility)
        rows += fidelity_figures(self.fidelity, held_out=held_out)
        if self.rules is not None:
            rows += rule_figures(self.rules, held_out=held_out)
        if self.privacy is not None:
            rows += privacy_figures(self.privacy)
        return rows

    def __str__(self) -> str:
        return summary.as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return summary.as_html(self)

    def to_frame(self) -> pd.DataFrame:
        """The figures as a table.

        Returns
        -------
        DataFrame of shape (n_figures, 8)
            Indexed by group and figure: ``synthetic`` with the ends of its 95 % interval, ``low`` and ``high``;
            ``reference``, the same for real rows or chance, with its own; ``reference_is`` says which; ``better`` is
            the better direction. NaN where there is no interval.
        """
        none = (math.nan, math.nan)
        index = pd.MultiIndex.from_tuples([(row.group, row.name) for row in self.figures], names=["group", "figure"])
        rows = [
            (
                row.value,
                *(row.interval or none),
                row.reference,
                *(row.reference_interval or none),
                row.meaning,
                row.better,
            )
            for row in self.figures
        ]
        return pd.DataFrame(rows, index=index, columns=_COLUMNS)

    def to_dict(self) -> dict[str, Any]:
        """Scores, verdicts, cautions and figures, without any row, in types that JSON knows.

        Returns
        -------
        dict
            Column labels become strings, and NaN becomes None.
        """
        fidelity, privacy = self.fidelity, self.privacy
        rules = None if self.rules is None else self.rules.per_rule.reset_index().to_dict("records")
        secrets = {} if privacy is None or privacy.attributes is None else privacy.attributes.per_column
        return _jsonable(
            {
                "target": None if self.target is None else str(self.target),
                "n_train": self.n_train,
                "n_test": self.n_test,
                "n_synthetic": self.n_synthetic,
                "headline": self.headline,
                "scores": self.scores,
                "verdicts": [asdict(verdict) for verdict in self.verdicts],
                "cautions": [asdict(caution) for caution in self.cautions],
                "figures": [asdict(figure) for figure in self.figures],
                "utility": None if self.utility is None else _utility_dict(self.utility),
                "columns": {
                    str(name): {
                        "divergence": value,
                        "divergence_matched": fidelity.columns_matched[name],
                        "divergence_floor": fidelity.columns_floor[name],
                    }
                    for name, value in fidelity.columns.per_column.items()
                },
                "detection_importance": {} if fidelity.detection is None else fidelity.detection.importance,
                "rules": rules,
                "attribute_inference": {name: risk.risk for name, risk in secrets.items()},
                "exact_copies": self.n_copies,
                "left_out": self.left_out,
                "skipped": self.skipped,
            }
        )

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

    def to_html(self, path: str | Path, origin=None) -> None:
        """Write one self-contained HTML page with plots.

        Parameters
        ----------
        path : str or Path
            File to write.
        origin : Origin or None, default=None
            Where the rows come from; None leaves that part of the page out.

        Raises
        ------
        ImportError
            If jinja2 is not installed.
        """
        from skgensynth.report.page import render

        save_page(render(self, origin), path)


def _utility_dict(utility):
    results = {"synthetic": utility.synthetic, "real": utility.real, "reverse": utility.reverse}
    parts = ("task", "mean", "per_learner", "per_class")
    return {name: {part: getattr(result, part) for part in parts} for name, result in results.items()}


def _jsonable(value):
    """Keys as strings, tuples as lists, NumPy's numbers as Python's, NaN and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
