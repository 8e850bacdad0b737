"""What the figures of an evaluation mean, as scores and in words. All limits here are ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Share of what real rows teach, beyond chance, that synthetic rows must keep to be called good, and fair.
UTILITY_GOOD, UTILITY_FAIR = 0.9, 0.7
# Models trained on real rows that beat chance by less say that the columns hardly predict the target.
UTILITY_LEAST = 0.1
# How far the mean divergence in bits, and the mean difference of associations, may exceed those of held-out rows.
DIVERGENCE_GOOD, DIVERGENCE_FAIR = 0.01, 0.05
ASSOCIATION_GOOD, ASSOCIATION_FAIR = 0.03, 0.1
# AUC of a classifier that tells synthetic from real rows.
DETECTION_GOOD, DETECTION_FAIR = 0.65, 0.85
# What attacks may gain over chance, on a scale that ends at 1: every training row is exposed.
LEAK_GOOD, LEAK_FAIR = 0.05, 0.2
# With an interval of the attack's gain wider than this to either side, nothing found means nothing.
LEAK_UNCLEAR = 0.3

_ORDER = ("poor", "fair", "unclear", "not judged", "good")


@dataclass(frozen=True)
class Verdict:
    """One judgement on a synthetic table.

    Attributes
    ----------
    name : str
        "Utility", "Fidelity" or "Privacy".
    level : {"good", "fair", "poor", "unclear", "not judged"}
        How it came out.
    score : float
        In [0, 1], 1 is ideal; NaN if it was not judged.
    sentence : str
        Why, with the figures.
    reference : float, default=NaN
        The score of held-out real rows, where they do not reach 1 either.
    """

    name: str
    level: str
    score: float
    sentence: str
    reference: float = math.nan


class Scored(NamedTuple):
    """A figure of models trained on synthetic rows, the same for real rows, and what chance gives."""

    synthetic: float
    real: float
    chance: float


class Compared(NamedTuple):
    """A figure of synthetic rows, that of held-out rows, and the most that chance makes of it."""

    synthetic: float
    floor: float
    by_chance: float

    def within(self, excess: float) -> bool:
        """Whether the figure exceeds what real rows have by no more than this; an undefined one does."""
        return not self.synthetic > max(self.floor + excess, self.by_chance)


class Leak(NamedTuple):
    """What an attack gained over chance, from 0 to 1, with its interval."""

    name: str
    gain: float
    interval: tuple[float, float]


def not_judged(name: str, reason: str) -> Verdict:
    """Say why there is no judgement."""
    return Verdict(name, "not judged", math.nan, reason)


def judge_utility(scores: Mapping[str, Scored]) -> Verdict:
    """Judge by the figure that keeps least of what real rows teach beyond chance."""
    if not scores:
        return not_judged("Utility", "Models trained on real rows predict no finite numbers.")
    figures = " and ".join(f"{name} {each.synthetic:.2f} against {each.real:.2f}" for name, each in scores.items())
    if min(each.real - each.chance for each in scores.values()) < UTILITY_LEAST:
        return Verdict(
            "Utility", "unclear", math.nan, f"Even models trained on real rows hardly predict the target: {figures}."
        )
    kept = min((each.synthetic - each.chance) / (each.real - each.chance) for each in scores.values())
    level = _level(kept >= UTILITY_GOOD, kept >= UTILITY_FAIR)
    if level == "good":
        degree = "do as well as those trained on" if kept >= 0.98 else "do nearly as well as those trained on"
    else:
        degree = "keep only part of what is learnt from" if level == "fair" else "do much worse than those trained on"
    sentence = f"On held-out real rows, models trained on synthetic rows {degree} real ones: {figures}."
    return Verdict("Utility", level, _clip(kept), sentence)


def judge_fidelity(
    divergence: Compared, association: Compared, detection: float, index: float, floor_index: float
) -> Verdict:
    """Judge the distributions of columns, their associations and whole rows, by the worst of the three."""
    columns = _level(divergence.within(DIVERGENCE_GOOD), divergence.within(DIVERGENCE_FAIR))
    pairs = _level(association.within(ASSOCIATION_GOOD), association.within(ASSOCIATION_FAIR))
    rows = _level(not detection > DETECTION_GOOD, not detection > DETECTION_FAIR)
    words = {"good": "as in the real table", "fair": "somewhat differently", "poor": "differently"}
    sentence = f"Columns are distributed {words[columns]}"
    if not math.isnan(association.synthetic):
        sentence += f" and depend on each other {words[pairs]}"
    if not math.isnan(detection):
        found = {"good": "hardly tells", "fair": "sometimes tells", "poor": "tells"}[rows]
        sentence += f"; a classifier {found} synthetic rows from real ones (AUC {detection:.2f}, 0.5 being chance)"
    level = min(columns, pairs, rows, key=_ORDER.index)
    return Verdict("Fidelity", level, _clip(index), f"{sentence}.", floor_index)


def judge_privacy(membership: Sequence[Leak], others: Sequence[Leak], *, copies: str = "") -> Verdict:
    """Judge by what membership attacks gain, and by what the others are proven to gain; `copies` condemns by itself."""
    strongest = max(membership, key=lambda leak: leak.gain)
    proven = max([*membership, *others], key=lambda leak: leak.interval[0])
    lost = max(0.0, strongest.gain, proven.interval[0])
    good = proven.interval[0] <= LEAK_GOOD and not copies
    fair = proven.interval[0] <= LEAK_FAIR and (strongest.gain <= LEAK_FAIR or strongest.interval[0] <= LEAK_GOOD)
    level = _level(good, fair)
    if level == "good" and strongest.interval[1] - strongest.gain > LEAK_UNCLEAR:
        level = "unclear"
        sentence = f"There are too few rows to say what an attacker could find out: {_gain(strongest)}."
    elif level == "good":
        sentence = f"No attack could tell training rows from rows that were never seen: {_gain(strongest)}."
    elif proven.interval[0] <= LEAK_GOOD:
        sentence = f"Attacks do no better than chance ({_gain(strongest)}), but rows were copied."
    else:
        degree = "a little better than chance" if level == "fair" else "far better than chance"
        sentence = f"An attacker does {degree}: {_gain(proven)}."
    return Verdict("Privacy", level, _clip(1 - lost), f"{sentence} {copies}".rstrip())


def headline(verdicts: Sequence[Verdict]) -> str:
    """Say the whole in one sentence."""
    level = {verdict.name: verdict.level for verdict in verdicts}
    if level["Privacy"] == "poor":
        return "Do not share these rows: they give away rows of the real table."
    judged = [verdict for verdict in verdicts if verdict.level != "not judged"]
    worst = min((verdict.level for verdict in judged), key=_ORDER.index)
    if worst in ("poor", "fair"):
        weak = " and ".join(verdict.name.lower() for verdict in judged if verdict.level == worst)
        text = f"Use the synthetic rows with care: {weak} came out {worst}"
    elif level["Utility"] == "good":
        text = "The synthetic rows can stand in for the real ones"
    else:
        text = "The synthetic rows are distributed like the real ones"
    if level["Privacy"] == "good" and worst not in ("poor", "fair"):
        text += ", and no attack found a leak"
    if level["Utility"] == "unclear":
        text += "; how useful they are, this table cannot show"
    if level["Privacy"] == "not judged":
        return f"{text}. Whether they are safe to share was not judged."
    if level["Privacy"] == "unclear":
        return f"{text}. Whether they are safe to share, too few rows can show."
    return f"{text}."


def _gain(leak):
    low, high = leak.interval
    return (
        f"the {leak.name} went {max(0.0, leak.gain):.0%} of the way from chance to certainty (95\u00a0% interval "
        f"{max(0.0, low):.0%} to {max(0.0, high):.0%})"
    )


def _level(good, fair):
    return "good" if good else "fair" if fair else "poor"


def _clip(score):
    return min(1.0, max(0.0, score))
