"""The figures of one evaluation, each beside what real rows reach."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skgensynth.metrics import (
    AssociationResult,
    JensenShannonResult,
    MembershipResult,
    UtilityResult,
    association_difference,
    closest_distances,
    exact_copies,
    jensen_shannon,
    membership_inference,
    tstr,
)
from skgensynth.report.verdicts import Verdict, headline, judge_fidelity, judge_privacy, judge_utility

_NAMES = {"macro_f1": "macro F1", "weighted_f1": "weighted F1", "auc": "AUC", "r2": "R²"}
# Rows whose distances are drawn on the page; all synthetic rows are searched for the closest one.
_MAX_DISTANCES = 2000


@dataclass(frozen=True)
class Figure:
    """One line of the table of figures.

    Attributes
    ----------
    group : str
        "Utility", "Fidelity" or "Privacy".
    name : str
        What was measured.
    synthetic, reference : str
        The figure, and the same for real rows (or chance).
    meaning : str
        What the reference is, and which direction is better.
    """

    group: str
    name: str
    synthetic: str
    reference: str
    meaning: str


@dataclass(frozen=True, repr=False)
class QualityReport:
    """One evaluation of a synthetic table.

    Made by `evaluate`. Printing it shows the figures and the verdicts.

    Attributes
    ----------
    target : column label or None
        Column that utility was measured on.
    n_train, n_test, n_synthetic : int
        Rows of the three tables.
    utility, ceiling : UtilityResult or None
        Trained on synthetic rows and on real training rows, tested on held-out real rows.
    divergence, divergence_floor : JensenShannonResult
        Synthetic rows and held-out real rows against the training rows.
    association, association_floor : AssociationResult
        The same for the associations between columns.
    membership : MembershipResult
        Distance attack on the training rows.
    copies, copies_floor : int
        Synthetic rows, and held-out rows, that repeat a training row.
    train_distances, test_distances : ndarray
        Gower distances of training and held-out rows (at most 2,000 of each) to their closest synthetic row.
    tables : tuple of two DataFrames
        The training rows and the synthetic rows, for the plots.
    """

    target: Any
    n_train: int
    n_test: int
    n_synthetic: int
    utility: UtilityResult | None
    ceiling: UtilityResult | None
    divergence: JensenShannonResult
    divergence_floor: JensenShannonResult
    association: AssociationResult
    association_floor: AssociationResult
    membership: MembershipResult
    copies: int
    copies_floor: int
    train_distances: np.ndarray
    test_distances: np.ndarray
    tables: tuple[pd.DataFrame, pd.DataFrame]

    @property
    def verdicts(self) -> list[Verdict]:
        """Utility (where there is a target), fidelity and privacy in words."""
        verdicts = []
        if self.utility is not None and self.ceiling is not None:
            synthetic, real = self.utility.mean, self.ceiling.mean
            # Where all held-out rows are of one class, there is no AUC.
            keys = [key for key in ("macro_f1", "auc", "r2") if not np.isnan(real.get(key, np.nan))]
            verdicts.append(judge_utility({_NAMES[key]: (synthetic[key], real[key]) for key in keys}))
        verdicts.append(
            judge_fidelity(
                (self.divergence.mean, self.divergence_floor.mean), (self.association.mean, self.association_floor.mean)
            )
        )
        copied, by_chance = self.copies / self.n_synthetic, self.copies_floor / self.n_test
        verdicts.append(judge_privacy(self.membership.auc, self.membership.auc_interval, copied, by_chance))
        return verdicts

    @property
    def headline(self) -> str:
        """The whole in one sentence."""
        return headline(self.verdicts)

    @property
    def figures(self) -> list[Figure]:
        """The table of figures, line by line."""
        rows = []
        if self.utility is not None and self.ceiling is not None:
            synthetic, real = self.utility.mean, self.ceiling.mean
            for key in (key for key in _NAMES if key in real):
                meaning = "models trained on real rows; higher is better"
                rows.append(Figure("Utility", _NAMES[key], f"{synthetic[key]:.3f}", f"{real[key]:.3f}", meaning))
        floor = "held-out real rows; lower is better"
        for name, figure, least in (
            ("Jensen-Shannon divergence", self.divergence, self.divergence_floor),
            ("association difference", self.association, self.association_floor),
        ):
            if not np.isnan(figure.mean):
                rows.append(Figure("Fidelity", name, f"{figure.mean:.4f}", f"{least.mean:.4f}", floor))
        low, high = self.membership.auc_interval
        attack = f"{self.membership.auc:.3f} ({low:.3f} to {high:.3f})"
        rows.append(
            Figure("Privacy", "membership attack AUC (95 % interval)", attack, "0.500", "chance; closer is better")
        )
        copies = f"{self.copies} of {self.n_synthetic}"
        by_chance = f"{self.copies_floor} of {self.n_test}"
        rows.append(Figure("Privacy", "exact copies", copies, by_chance, "held-out real rows; fewer is better"))
        return rows

    def __str__(self) -> str:
        header = ("", "figure", "synthetic", "reference", "the reference is")
        lines = [header]
        previous = None
        for row in self.figures:
            lines.append((row.group if row.group != previous else "", *astuple(row)[1:]))
            previous = row.group
        widths = [max(len(line[position]) for line in lines) for position in range(4)]
        text = [
            f"{group:<{widths[0]}}  {name:<{widths[1]}}  {synthetic:>{widths[2]}}  {real:>{widths[3]}}  {meaning}"
            for group, name, synthetic, real, meaning in lines
        ]
        text.append("")
        text.extend(f"{verdict.name} {verdict.level}. {verdict.sentence}" for verdict in self.verdicts)
        text.append(self.headline)
        return "\n".join(line.rstrip() for line in text)

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Everything but the tables and distances, in types that JSON knows.

        Returns
        -------
        dict
            Column labels become strings.
        """
        return {
            "target": None if self.target is None else str(self.target),
            "n_train": self.n_train,
            "n_test": self.n_test,
            "n_synthetic": self.n_synthetic,
            "utility": _utility_dict(self.utility),
            "utility_ceiling": _utility_dict(self.ceiling),
            "jensen_shannon": _divergence_dict(self.divergence),
            "jensen_shannon_floor": _divergence_dict(self.divergence_floor),
            "association_difference": self.association.mean,
            "association_difference_floor": self.association_floor.mean,
            "membership": self.membership.to_dict(),
            "exact_copies": self.copies,
            "exact_copies_holdout": self.copies_floor,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "headline": self.headline,
        }

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

        Path(path).write_text(render(self, origin), encoding="utf-8")


def evaluate(real_train, real_test, synthetic, *, target=None, random_state=0, n_jobs=1) -> QualityReport:
    """Measure a synthetic table against the rows it was learnt from and rows that were held out.

    Parameters
    ----------
    real_train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    real_test : DataFrame of shape (n_test, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated; ten times ``n_train`` make its figures as steady as those of the real rows.
    target : column label or None, default=None
        Column that models should predict; None leaves utility out.
    random_state : int, default=0
        Seeds learners, bootstrap and subsamples.
    n_jobs : int, default=1
        Threads of the learners.

    Returns
    -------
    QualityReport
        All figures, each beside what real rows reach.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    ValueError
        If a table is empty or the target has missing values.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth.report import evaluate
    >>> table = load_iris(as_frame=True).frame
    >>> report = evaluate(table[::3], table[1::3], table[2::3], target="target")
    >>> report.copies
    0
    """
    utility = ceiling = None
    if target is not None:
        ceiling, utility = (
            tstr(table, real_test, target, random_state=random_state, n_jobs=n_jobs)
            for table in (real_train, synthetic)
        )
    return QualityReport(
        target=target,
        n_train=len(real_train),
        n_test=len(real_test),
        n_synthetic=len(synthetic),
        utility=utility,
        ceiling=ceiling,
        divergence=jensen_shannon(real_train, synthetic),
        divergence_floor=jensen_shannon(real_train, real_test),
        association=association_difference(real_train, synthetic),
        association_floor=association_difference(real_train, real_test),
        membership=membership_inference(real_train, real_test, synthetic, random_state=random_state),
        copies=exact_copies(real_train, synthetic),
        copies_floor=exact_copies(real_train, real_test),
        train_distances=_distances(real_train, synthetic, real_train, random_state),
        test_distances=_distances(real_test, synthetic, real_train, random_state),
        tables=(real_train, synthetic),
    )


def _distances(queries, synthetic, scale, random_state):
    if len(queries) > _MAX_DISTANCES:
        queries = queries.sample(_MAX_DISTANCES, random_state=check_random_state(random_state))
    return closest_distances(queries, synthetic, scale=scale)


def _utility_dict(result):
    if result is None:
        return None
    return {"task": result.task, "mean": result.mean, "per_learner": result.per_learner}


def _divergence_dict(result):
    return {"mean": result.mean, "per_column": {str(name): value for name, value in result.per_column.items()}}
