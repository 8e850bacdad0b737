"""Charts of what was measured: utility, attacks, and what tells synthetic rows from real ones."""

from __future__ import annotations

import numpy as np

from skgensynth.report import svg
from skgensynth.report.figures import ATTACKS, NAMES, leaks, recall_by_class
from skgensynth.report.results import FidelityFigures, PrivacyFigures, UtilityFigures
from skgensynth.report.svg import Bars, Chart, Estimate, plain
from skgensynth.report.verdicts import LEAK_FAIR, LEAK_GOOD

_LEARNERS = {"linear": "linear model", "forest": "random forest", "xgboost": "XGBoost", "svm": "support vectors"}
# Classes and columns drawn; more would make a chart too long to read.
_MAX_CLASSES, _MAX_TELLING = 12, 10


def utility(figures: UtilityFigures) -> Chart:
    """Draw each learner's score when trained on real rows, on synthetic rows, and on both."""
    key = "macro_f1" if figures.real.task == "classification" else "r2"
    results = [figures.real, figures.synthetic, figures.augmentation.augmented]
    learners = list(figures.real.per_learner)
    labels = [_LEARNERS.get(learner, learner) for learner in learners]
    series = [
        Bars(
            css,
            [result.per_learner[learner][key] for learner in learners],
            [result.intervals[learner][key] for learner in learners],
        )
        for css, result in zip(("real", "synthetic", "both"), results, strict=True)
    ]
    told = ", ".join(
        f"{name} {' / '.join(f'{each.values[i]:.2f}' for each in series)}" for i, name in enumerate(labels)
    )
    text = f"{NAMES[key]} on held-out rows, trained on real, on synthetic and on both kinds of rows: {told}"
    parts, height = svg.bars(labels, series, top=1.0, form="{:.2f}")
    return svg.picture(parts, text, height=height)


def recalls(figures: UtilityFigures) -> Chart | None:
    """Draw how many held-out rows of each class models find; None for a regression."""
    real, made = recall_by_class(figures.real), recall_by_class(figures.synthetic)
    if not real:
        return None
    support = {label: each["support"] for label, each in next(iter(figures.real.per_class.values())).items()}
    # The rare classes are those that get lost.
    classes = sorted(real, key=lambda label: support[label])[:_MAX_CLASSES]
    labels = [f"{plain(label)} ({support[label]} rows)" for label in classes]
    series = [Bars(css, [recall[label] for label in classes]) for css, recall in (("real", real), ("synthetic", made))]
    told = ", ".join(
        f"{name} {real[label]:.0%} and {made[label]:.0%}" for name, label in zip(labels, classes, strict=True)
    )
    parts, height = svg.bars(labels, series, top=1.0, form="{:.0%}")
    text = f"Recall of each class of held-out rows, trained on real and on synthetic rows: {told}"
    return svg.picture(parts, text, height=height)


def telling_columns(figures: FidelityFigures) -> Chart | None:
    """Draw which columns give synthetic rows away; None where none does."""
    if figures.detection is None or figures.detection.auc_interval[0] <= 0.5:
        return None
    losses = {name: loss for name, loss in figures.detection.importance.items() if loss > 0.005}
    if not losses:
        return None
    names = list(losses)[:_MAX_TELLING]
    labels, values = [plain(name) for name in names], [losses[name] for name in names]
    text = "Loss of the classifier's AUC when a column is shuffled: " + ", ".join(
        f"{name} {value:.2f}" for name, value in zip(labels, values, strict=True)
    )
    parts, height = svg.bars(labels, [Bars("synthetic", values)], form="{:.2f}")
    return svg.picture(parts, text, height=height)


def distances(figures: PrivacyFigures) -> Chart:
    """Draw how far training rows and held-out rows lie from their closest synthetic row."""
    train, test = figures.train_distances, figures.test_distances
    text = (
        f"median {np.median(train):.3f} for training rows and {np.median(test):.3f} for held-out rows; the closer the "
        "two shapes, the less an attacker learns"
    )
    high = float(np.quantile(np.concatenate([train, test]), 0.995))
    parts, height = svg.histogram(train, test, ends=("0", f"{high:.2g}"), limits=(0.0, high), css="held")
    return svg.picture(parts, f"Distance to the closest synthetic row: {text}", height=height)


def roc(figures: PrivacyFigures) -> Chart:
    """Draw the ROC curves of the membership attacks."""
    css = {"distance": "first", "density_ratio": "held"}
    lines = [(css[attack], result.fpr, result.tpr) for attack, result in figures.memberships.items()]
    told = " and ".join(f"{result.auc:.2f} for the {ATTACKS[attack]}" for attack, result in figures.memberships.items())
    text = f"ROC curves of membership attacks; area {told}. On the dashed diagonal an attacker guesses."
    parts, height = svg.curves(lines, "held-out rows wrongly taken for training rows", "training rows recognised")
    return svg.picture(parts, text, height=height)


def gains(figures: PrivacyFigures) -> Chart:
    """Draw what each attack gains over chance, with its interval."""
    memberships, others = leaks(figures)
    rows = [Estimate(leak.name, leak.gain, leak.interval, _level(leak.interval[0])) for leak in [*memberships, *others]]
    told = ", ".join(f"{row.label} {row.value:+.2f} ({row.interval[0]:+.2f} to {row.interval[1]:+.2f})" for row in rows)
    text = f"What attacks gain, from 0 (chance) to 1 (every training row is exposed): {told}"
    parts, height = svg.estimates(rows, low=-0.25, high=1.0, ends=("chance", "all rows exposed"))
    return svg.picture(parts, text, height=height)


def _level(proven):
    return "good" if proven <= LEAK_GOOD else "fair" if proven <= LEAK_FAIR else "poor"
