"""One run: fit a synthesizer to a part of a table, draw rows, and measure them against the rest."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skgensynth.constraints import ConstraintSet
from skgensynth.exceptions import SamplingError, SkgensynthWarning
from skgensynth.holdout import draw_table, hold_out, split_target
from skgensynth.metrics import (
    association_difference,
    class_gaps,
    detection_auc,
    exact_copies,
    global_fidelity_index,
    harmonic_score,
    infer_task,
    jensen_shannon,
    membership_inference,
    trtr,
    tstr,
)
from skgensynth.report.measures import MAX_ROWS, Attempts, Tables, draw_rows
from skgensynth.report.results import chance_of
from skgensynth.schema import TableSchema
from skgensynth.synllm.rules import MINED, collect_rules

__all__ = ["Outcome", "Setting", "measure", "prepare", "try_out"]

# Draws of equally many rows behind figures that depend on the number of rows.
_N_DRAWS = 10
_LONGEST_ERROR = 500


@dataclass(frozen=True, eq=False)
class Setting:
    """A table that is ready for runs: its two parts, its rules, and the figures of real rows."""

    train: pd.DataFrame
    test: pd.DataFrame
    target: Any
    rules: ConstraintSet
    n_rows: int
    seed: int
    n_jobs: int
    measured: list
    real: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def task(self) -> str | None:
        """What models learn, if there is a target."""
        return None if self.target is None else infer_task(self.train[self.target])

    @property
    def n_compared(self) -> int:
        """How many rows, synthetic or held out, are compared with the training rows."""
        return min(len(self.test), self.n_rows, MAX_ROWS)

    def tables(self, synthetic: pd.DataFrame) -> Tables:
        """The columns that are measured, which are all but identifiers, of all parts."""
        return Tables(self.train, self.test, synthetic).change(
            lambda table: table[[name for name in self.measured if name in table.columns]]
        )


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    error: str
    figures: dict[str, float]
    reasons: dict[str, int]
    notes: tuple[str, ...]


def prepare(
    table: pd.DataFrame,
    target: Any,
    rules: Any,
    kinds: dict[str, Any],
    *,
    n_rows: int,
    holdout: float,
    seed: int,
    n_jobs: int,
) -> Setting:
    """Split a table, find its rules, and measure its real rows."""
    attempts = Attempts()
    with _collected() as notes:
        train, test = hold_out(table, target, holdout, seed)
        X, *rest = split_target(train, target)
        y = rest[0] if rest else None
        schema = TableSchema.infer(X, y, **kinds)
        identifiers = {column.label for column in schema.columns if column.kind == "identifier"}
        measured = [name for name in table.columns if name not in identifiers]
        given = [] if rules is None else [rules] if not isinstance(rules, (list, tuple)) else list(rules)
        # What prompts may tell of is what is checked, whether or not a prompt told it.
        found = collect_rules([*given, MINED], schema, schema.encode(X, y), (X, y), seed)
        both = ConstraintSet([*found.given, *found.found])
        setting = Setting(train, test, target, both, n_rows, seed, n_jobs, measured)
        setting.real.update(_of_real_rows(setting, attempts))
    setting.notes.extend([*notes, *_skipped(attempts)])
    return setting


def _of_real_rows(setting: Setting, attempts: Attempts) -> dict[str, float]:
    """Figures that those of synthetic rows stand beside: held-out rows in their place, or training rows."""
    tables = setting.tables(setting.test)
    drawn = tables.draw(MAX_ROWS, check_random_state(setting.seed))
    held_out = _fidelity(drawn, setting, attempts)
    figures = {"fidelity_floor": held_out["fidelity"]}
    if "class_gaps" in held_out:
        figures["class_gaps_floor"] = held_out["class_gaps"]
    if setting.target is not None:
        options: dict[str, Any] = {"random_state": setting.seed, "n_jobs": setting.n_jobs, "n_bootstrap": 0}
        ceiling = trtr(drawn.train, drawn.test, setting.target, task=setting.task, **options)
        figures["utility_real"] = ceiling.score
        figures["utility_chance"] = next(iter(chance_of(ceiling).values()))
    return figures | {f"{name}_real": share for name, share in _rules(tables.synthetic, setting.rules).items()}


def try_out(estimator: Any, setting: Setting) -> Outcome:
    """Fit an estimator, draw rows and measure them; what fails is told, not raised, but for a lack of memory."""
    figures: dict[str, float] = {"n_train": len(setting.train), "n_test": len(setting.test), "n_rows": 0}
    error, attempts = "", Attempts()
    reasons: dict[str, int] = {}
    with _collected() as notes:
        start = time.perf_counter()
        try:
            estimator.fit(*split_target(setting.train, setting.target))
            figures["fit_seconds"] = time.perf_counter() - start
            synthetic = draw_table(estimator, setting.n_rows, setting.train, setting.target)
            figures["seconds"] = time.perf_counter() - start
            figures["n_rows"] = len(synthetic)
            figures |= measure(setting, synthetic, attempts)
        except MemoryError:
            raise
        # Estimators are anybody's and so are their errors: whatever one does, the other runs go on.
        except Exception as failure:
            error = f"{type(failure).__name__}: {' '.join(str(failure).split())}"[:_LONGEST_ERROR]
            figures.setdefault("seconds", time.perf_counter() - start)
            figures["n_rows"] = max(figures["n_rows"], _n_made(failure))
            reasons = dict(failure.reasons) if isinstance(failure, SamplingError) else {}
    summary = getattr(estimator, "sampling_summary_", None)
    if summary is not None:
        figures["validity"] = summary.yield_rate
        reasons = dict(summary.reasons)
    told = dict.fromkeys([*setting.notes, *notes, *_skipped(attempts)])
    return Outcome(error, figures | _usage(estimator), reasons, tuple(told))


def _skipped(attempts: Attempts) -> list[str]:
    return [f"Not measured: {name}. {reason}" for name, reason in attempts.skipped.items()]


def _n_made(failure: Exception) -> int:
    """Rows that were made before a failure."""
    partial = getattr(failure, "partial", None)
    if partial is None:
        return 0
    return len(partial[0] if isinstance(partial, tuple) else partial)


def _usage(estimator: Any) -> dict[str, float]:
    """What a language model was asked, if there is one."""
    usage = getattr(estimator, "usage_", None)
    if usage is None:
        return {}
    names = ("n_requests", "n_prompt_tokens", "n_completion_tokens", "n_tokens")
    return {name: getattr(usage, name) for name in names}


def measure(setting: Setting, synthetic: pd.DataFrame, attempts: Attempts) -> dict[str, float]:
    """Figures of synthetic rows, by the names of `ComparisonRun`.

    Parameters
    ----------
    setting : Setting
        The real rows.
    synthetic : DataFrame of shape (n_rows, n_columns)
        Rows of a synthesizer that was fitted to the training rows.
    attempts : Attempts
        Keeps what could not be measured.

    Returns
    -------
    dict of str to float
    """
    whole = setting.tables(synthetic)
    drawn = whole.draw(MAX_ROWS, check_random_state(setting.seed))
    figures = setting.real | _fidelity(drawn, setting, attempts) | _utility(drawn, setting) | _privacy(whole, setting)
    # Models may do worse than the mean of the held-out rows; that is no better than no quality at all.
    quality = np.maximum(0.0, figures.get("utility", math.nan))
    figures["harmonic"] = float(harmonic_score(figures["privacy"], quality))
    return figures | _rules(whole.synthetic, setting.rules)


def _fidelity(tables: Tables, setting: Setting, attempts: Attempts) -> dict[str, float]:
    """How closely rows follow the training rows, by as many of them as there are of other rows to stand beside."""
    train, _, other = tables
    n_compared, rng = setting.n_compared, check_random_state(setting.seed)
    draws = [draw_rows(other, n_compared, rng) for _ in range(_N_DRAWS if len(other) > n_compared else 1)]

    def mean(metric, *args):
        return float(np.mean([metric(train, drawn, *args).mean for drawn in draws]))

    options: dict[str, Any] = {"max_rows": n_compared, "random_state": setting.seed, "n_jobs": setting.n_jobs}
    telling = attempts("detection", detection_auc, train, other, **options)
    parts = {
        "divergence": mean(jensen_shannon),
        "association": mean(association_difference),
        "detection_auc": math.nan if telling is None else telling.auc,
    }
    figures = parts | {"fidelity": global_fidelity_index(*parts.values())}
    if setting.task == "classification":
        gaps = attempts("class gaps", mean, class_gaps, setting.target)
        if gaps is not None:
            figures["class_gaps"] = gaps
    return figures


def _utility(tables: Tables, setting: Setting) -> dict[str, float]:
    """What models learn from the rows that holds for held-out ones."""
    if setting.target is None:
        return {}
    options: dict[str, Any] = {"random_state": setting.seed, "n_jobs": setting.n_jobs}
    result = tstr(tables.synthetic, tables.test, setting.target, task=setting.task, **options)
    low, high = result.score_interval
    return {"utility": result.score, "utility_low": low, "utility_high": high}


def _privacy(tables: Tables, setting: Setting) -> dict[str, float]:
    """Whether an attacker could tell training rows, and how many rows repeat one."""
    attack = membership_inference(*tables, random_state=setting.seed)
    low, high = attack.auc_interval
    return {
        "membership_auc": attack.auc,
        "membership_low": low,
        "membership_high": high,
        "privacy": 1.0 - 2.0 * max(0.0, attack.auc - 0.5),
        "copies": exact_copies(tables.train, tables.synthetic),
    }


def _rules(table: pd.DataFrame, rules: ConstraintSet) -> dict[str, float]:
    """Share of the rows that break a rule, for each sort of rules that there are."""
    figures: dict[str, float] = {}
    for sort in ("hard", "soft"):
        own = ConstraintSet(rule for rule in rules if rule.hard == (sort == "hard"))
        if len(own):
            figures[f"{sort}_broken"] = float(own.violations(table).any(axis=1).mean())
    return figures


@contextmanager
def _collected() -> Iterator[list[str]]:
    """Keep the package's own warnings for the report, and pass the others on.

    This changes the filters of the whole process: what other threads warn of meanwhile is kept or passed on, too.
    """
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SkgensynthWarning)
        yield notes
    for warning in caught:
        if issubclass(warning.category, SkgensynthWarning):
            notes.append(" ".join(str(warning.message).split()))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
