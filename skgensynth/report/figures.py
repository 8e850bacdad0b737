"""The table of figures: each line a figure of the synthetic rows beside the same of real rows, or chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skgensynth.metrics import RuleViolationsResult
from skgensynth.report.results import FidelityFigures, PrivacyFigures, UtilityFigures
from skgensynth.report.verdicts import Compared, Leak, Scored

Interval = tuple[float, float]

NAMES = {
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "auc": "AUC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "r2": "R²",
    "rmse": "RMSE",
}
_LOWER = {"rmse"}
_MEANS = {
    "divergence": ("Jensen-Shannon divergence", "lower"),
    "wasserstein": ("Wasserstein distance", "lower"),
    "association": ("association difference", "lower"),
    "class gaps": ("class gap difference", "lower"),
    "range": ("share of the ranges covered", "higher"),
}
_MANIFOLD = {
    "precision": "synthetic rows near real ones (precision)",
    "recall": "real rows near synthetic ones (recall)",
    "coverage": "neighbourhoods covered (coverage)",
}
_HALVES, _HELD_OUT = "real rows split in half", "held-out real rows"
ATTACKS = {"distance": "membership attack by distance", "density_ratio": "membership attack by density"}


@dataclass(frozen=True)
class Figure:
    """One line of the table of figures.

    Attributes
    ----------
    group : str
        "Utility", "Fidelity" or "Privacy".
    name : str
        What was measured.
    value : float
        The figure.
    interval : tuple of two floats or None
        Its 95 % interval, where there is one.
    reference : float
        The same figure for real rows, or chance; NaN if unknown.
    reference_interval : tuple of two floats or None
        The interval of the reference.
    meaning : str
        What the reference is.
    better : {"higher", "lower", "closer"}
        Which direction is better; "closer" is to the reference.
    """

    group: str
    name: str
    value: float
    interval: Interval | None
    reference: float
    reference_interval: Interval | None
    meaning: str
    better: str

    @property
    def texts(self) -> tuple[str, str]:
        """The figure and its reference, with intervals, in words."""
        return _text(self.value, self.interval), _text(self.reference, self.reference_interval)


def utility_figures(utility: UtilityFigures) -> Iterator[Figure]:
    """Give the lines about what models learn."""
    made, real, group = utility.synthetic, utility.real, "Utility"
    for key, value in made.mean.items():
        better = "lower" if key in _LOWER else "higher"
        yield Figure(
            group,
            NAMES[key],
            value,
            made.mean_intervals[key],
            real.mean[key],
            real.mean_intervals[key],
            "trained on real rows",
            better,
        )
    recalls = [recall_by_class(result) for result in (made, real)]
    if recalls[1]:
        worst = min(recalls[0], key=lambda label: recalls[0][label])
        yield Figure(
            group,
            "lowest recall of a class",
            recalls[0][worst],
            None,
            min(recalls[1].values()),
            None,
            "trained on real rows",
            "higher",
        )
    key = "macro_f1" if real.task == "classification" else "r2"
    back, gain = utility.reverse, utility.augmentation
    yield Figure(
        group,
        f"{NAMES[key]} of real models on synthetic rows",
        back.score,
        back.score_interval,
        real.score,
        real.score_interval,
        _HELD_OUT,
        "closer",
    )
    yield Figure(
        group,
        f"gain in {NAMES[key]} when added to real rows",
        gain.score,
        gain.score_interval,
        0.0,
        None,
        "real rows alone",
        "higher",
    )


def fidelity_figures(fidelity: FidelityFigures, *, held_out: bool) -> Iterator[Figure]:
    """Give the lines about distributions."""
    group, floor = "Fidelity", _HELD_OUT if held_out else _HALVES
    index = fidelity.index
    yield Figure(group, "global fidelity index", index[0], None, index[1], None, floor, "higher")
    for key, result in fidelity.means.items():
        name, better = _MEANS[key]
        if not math.isnan(result.synthetic):
            yield Figure(group, name, result.synthetic, None, result.floor, result.floor_interval, floor, better)
    if fidelity.detection is not None:
        yield Figure(
            group,
            "AUC of telling synthetic from real rows",
            fidelity.detection.auc,
            fidelity.detection.auc_interval,
            0.5,
            None,
            "chance",
            "closer",
        )
    if fidelity.manifold is not None and fidelity.manifold_floor is not None:
        for key, name in _MANIFOLD.items():
            (value, interval), (least, least_interval) = (
                (getattr(result, key), getattr(result, f"{key}_interval"))
                for result in (fidelity.manifold, fidelity.manifold_floor)
            )
            yield Figure(group, name, value, interval, least, least_interval, floor, "higher")
    kept = fidelity.categories
    for name, value, chance in (
        ("categories that occur", kept.mean, kept.mean_by_chance),
        ("rare categories that occur", kept.rare, kept.rare_by_chance),
    ):
        if not math.isnan(value):
            yield Figure(group, name, value, None, chance, None, "as many rows drawn at random", "higher")


def rule_figures(rules: RuleViolationsResult, *, held_out: bool) -> Iterator[Figure]:
    """Give the line about rules."""
    meaning = _HELD_OUT if held_out else "real rows"
    assert rules.real_share is not None
    yield Figure(
        "Fidelity",
        "rows that break a rule",
        rules.share,
        rules.interval,
        rules.real_share,
        rules.real_interval,
        meaning,
        "lower",
    )


def privacy_figures(privacy: PrivacyFigures) -> Iterator[Figure]:
    """Give the lines about what the rows give away."""
    group = "Privacy"
    for attack, result in privacy.memberships.items():
        yield Figure(
            group, f"AUC of the {ATTACKS[attack]}", result.auc, result.auc_interval, 0.5, None, "chance", "lower"
        )
        if attack == "distance":
            name = "training rows recognised at 1 % false alarms"
            yield Figure(group, name, result.tpr_at_1pct_fpr, result.tpr_interval, 0.01, None, "chance", "lower")
    name = "share of rows closer to training than to held-out rows"
    yield Figure(group, name, privacy.closest.share, privacy.closest.interval, 0.5, None, "chance", "lower")
    if privacy.ratio is not None:
        name = "share of rows that point at one training row"
        yield Figure(group, name, privacy.ratio.share, privacy.ratio.interval, 0.5, None, "chance", "lower")
    for name, risk in _risks(privacy).items():
        if not math.isnan(risk.main.share):
            yield Figure(
                group, name, risk.main.share, risk.main.interval, risk.control.share, risk.control.interval,
                _HELD_OUT, "lower",
            )  # fmt: skip
    if privacy.attributes is not None:
        share, interval = _mean_rate(privacy.attributes, "main")
        by_nature, its_interval = _mean_rate(privacy.attributes, "control")
        name = "values guessed from all others"
        yield Figure(group, name, share, interval, by_nature, its_interval, _HELD_OUT, "lower")


def _risks(privacy):
    found = {} if privacy.copies is None else {"exact copies": privacy.copies.exact, "near copies": privacy.copies.near}
    found |= {
        "rows with a synthetic row closer than any real one": privacy.identifiability,
        "descriptions that single out one row": privacy.singling_out,
        "rows whose halves can be linked": privacy.linkability,
    }
    return {name: risk for name, risk in found.items() if risk is not None}


def _mean_rate(attributes, part):
    """Mean share over columns and an interval that holds however they depend on one another."""
    rates = [getattr(risk, part) for risk in attributes.per_column.values()]
    low, high = np.mean([rate.interval for rate in rates], axis=0)
    return float(np.mean([rate.share for rate in rates])), (float(low), float(high))


def recall_by_class(result) -> dict:
    """Class to its recall, mean over learners; empty for a regression."""
    classes: dict = next(iter(result.per_class.values()), {})
    return {
        label: float(np.mean([by_class[label]["recall"] for by_class in result.per_class.values()]))
        for label in classes
    }


def scored(utility: UtilityFigures) -> dict[str, Scored]:
    """Figures that utility is judged by, with what real rows and chance reach."""
    made, real = utility.synthetic.mean, utility.real.mean
    keys = ("r2",) if utility.real.task == "regression" else ("macro_f1", "auc")
    # Where all held-out rows are of one class, there is no AUC.
    return {NAMES[key]: Scored(made[key], real[key], utility.chance[key]) for key in keys if not math.isnan(real[key])}


def compared(fidelity: FidelityFigures, key: str) -> Compared:
    """A mean that fidelity is judged by, with its floor."""
    result = fidelity.means[key]
    return Compared(result.synthetic, result.floor, result.floor_interval[1])


def leaks(privacy: PrivacyFigures) -> tuple[list[Leak], list[Leak]]:
    """What membership attacks gain over chance, and what all others do."""

    def above_half(name, value, interval):
        return Leak(name, 2 * value - 1, (2 * interval[0] - 1, 2 * interval[1] - 1))

    memberships = [
        above_half(ATTACKS[attack], result.auc, result.auc_interval) for attack, result in privacy.memberships.items()
    ]
    others = [above_half("closeness to training rows", privacy.closest.share, privacy.closest.interval)]
    if privacy.ratio is not None:
        others.append(above_half("search for single neighbours", privacy.ratio.share, privacy.ratio.interval))
    risks = {
        "search for near copies": None if privacy.copies is None else privacy.copies.near,
        "identification by closest row": privacy.identifiability,
        "singling out of rows": privacy.singling_out,
        "linking of two halves": privacy.linkability,
    }
    others += [Leak(name, risk.risk, risk.interval) for name, risk in risks.items() if risk is not None]
    if privacy.attributes is not None:
        parts = list(privacy.attributes.per_column.values())
        low, high = np.mean([risk.interval for risk in parts], axis=0)
        others.append(Leak("guessing of values", privacy.attributes.risk, (float(low), float(high))))
    return memberships, [leak for leak in others if not math.isnan(leak.gain)]


def copies_remark(privacy: PrivacyFigures, n_synthetic: int) -> str:
    """Say if more rows are copied than chance explains; empty otherwise."""
    if privacy.copies is None or not privacy.copies.n_exact:
        return ""
    exact = privacy.copies.exact
    # Where no held-out row repeats a training row, a single copy is one too many.
    if exact.control.share > 0 and exact.interval[0] <= 0:
        return ""
    return (
        f"{privacy.copies.n_exact:,} of {n_synthetic:,} synthetic rows repeat a training row exactly (held-out rows: "
        f"{exact.control.share:.1%})."
    )


def _text(value, interval):
    if math.isnan(value):
        return "–"
    if interval is None or np.isnan(interval).any():
        return f"{value:.3f}"
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
