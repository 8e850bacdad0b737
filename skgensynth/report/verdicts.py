"""What the figures of an evaluation mean, in words. All limits here are ours."""

from __future__ import annotations

from dataclasses import dataclass

# Share of the real rows' score that synthetic rows must keep to be called good, and fair.
UTILITY_GOOD, UTILITY_FAIR = 0.95, 0.85
# A ceiling below this says that the columns hardly predict the target, and no ratio to it means anything.
UTILITY_LEAST_CEILING = 0.1
# Mean divergence in bits, and mean difference of associations; the floor of the real rows counts where it is higher.
DIVERGENCE_GOOD, DIVERGENCE_FAIR = 0.01, 0.05
ASSOCIATION_GOOD, ASSOCIATION_FAIR = 0.05, 0.1
# Membership attack: where chance, 0.5, lies below the whole interval, this is the most that is still called fair.
PRIVACY_FAIR = 0.6

_ORDER = ("poor", "fair", "unclear", "good")


@dataclass(frozen=True)
class Verdict:
    """One judgement on a synthetic table.

    Attributes
    ----------
    name : str
        "Utility", "Fidelity" or "Privacy".
    level : {"good", "fair", "poor", "unclear"}
        How it came out.
    sentence : str
        Why, with the figures.
    """

    name: str
    level: str
    sentence: str


def judge_utility(scores: dict[str, tuple[float, float]]) -> Verdict:
    """Judge figures of models trained on synthetic rows, each with its ceiling, by the one that keeps least of it."""
    figures = " and ".join(f"{name} {score:.2f} against {ceiling:.2f}" for name, (score, ceiling) in scores.items())
    if min(ceiling for _, ceiling in scores.values()) < UTILITY_LEAST_CEILING:
        return Verdict("Utility", "unclear", f"Even models trained on real rows hardly predict the target: {figures}.")
    kept = min(score / ceiling for score, ceiling in scores.values())
    level = _level(kept >= UTILITY_GOOD, kept >= UTILITY_FAIR)
    if level == "good":
        degree = "do as well as" if kept >= 0.99 else "do nearly as well as"
    else:
        degree = "keep only part of what is learnt from" if level == "fair" else "do much worse than those trained on"
    sentence = f"On held-out real rows, models trained on synthetic rows {degree} real ones: {figures}."
    return Verdict("Utility", level, sentence)


def judge_fidelity(divergence: tuple[float, float], association: tuple[float, float]) -> Verdict:
    """Judge the distributions of columns and their associations, each with its floor, by the worse of the two."""
    columns = _level(
        divergence[0] <= max(DIVERGENCE_GOOD, divergence[1]), divergence[0] <= max(DIVERGENCE_FAIR, 2 * divergence[1])
    )
    # A table of one column has no associations: NaN, which is greater than nothing.
    pairs = _level(
        not association[0] > max(ASSOCIATION_GOOD, association[1]),
        not association[0] > max(ASSOCIATION_FAIR, 2 * association[1]),
    )
    words = {"good": "as in the real table", "fair": "somewhat differently", "poor": "differently"}
    sentence = (
        f"Columns are distributed {words[columns]} (divergence {divergence[0]:.3f}, held-out real rows "
        f"{divergence[1]:.3f})"
    )
    if association[0] == association[0]:
        sentence += (
            f" and depend on each other {words[pairs]} (difference {association[0]:.3f}, held-out real rows "
            f"{association[1]:.3f})"
        )
    return Verdict("Fidelity", min(columns, pairs, key=_ORDER.index), f"{sentence}.")


def _level(good, fair):
    return "good" if good else "fair" if fair else "poor"


def judge_privacy(auc: float, interval: tuple[float, float], copied: float, copied_by_chance: float) -> Verdict:
    """Judge a membership attack, and the share of exact copies beside that among held-out rows."""
    figures = f"AUC {auc:.2f}, 95 % interval {interval[0]:.2f} to {interval[1]:.2f}, 0.5 being chance"
    copies = copied > copied_by_chance
    remark = f" {copied:.2%} of the synthetic rows repeat a training row." if copies else ""
    if interval[0] <= 0.5:
        sentence = f"An attacker could not tell training rows from unseen ones: {figures}.{remark}"
        return Verdict("Privacy", "fair" if copies else "good", sentence)
    if auc <= PRIVACY_FAIR:
        return Verdict("Privacy", "fair", f"An attacker does a little better than chance: {figures}.{remark}")
    return Verdict("Privacy", "poor", f"An attacker recognises training rows: {figures}.{remark}")


def headline(verdicts: list[Verdict]) -> str:
    """Say the whole in one sentence."""
    level = {verdict.name: verdict.level for verdict in verdicts}
    if level["Privacy"] == "poor":
        return "Do not share these rows: they give away rows of the real table."
    worst = min((verdict.level for verdict in verdicts), key=_ORDER.index)
    if worst == "good" and "Utility" in level:
        return "The synthetic rows can stand in for the real ones, and the attack found no leak."
    if worst == "good":
        return "The synthetic rows are distributed like the real ones, and the attack found no leak."
    if worst == "unclear":
        return "The synthetic rows look like the real ones; how useful they are, this table cannot show."
    weak = " and ".join(verdict.name.lower() for verdict in verdicts if verdict.level == worst)
    return f"Use the synthetic rows with care: {weak} came out {worst}."
