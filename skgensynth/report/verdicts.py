"""What the figures of an evaluation mean, in words. All limits here are ours."""

from __future__ import annotations

from dataclasses import dataclass

# Share of the real rows' score that synthetic rows must keep to be called good, and fair.
UTILITY_GOOD, UTILITY_FAIR = 0.95, 0.85
# A ceiling below this says that the columns hardly predict the target, and no ratio to it means anything.
UTILITY_LEAST_CEILING = 0.1
# Mean divergence in bits; the floor of the real rows counts where it is higher.
FIDELITY_GOOD, FIDELITY_FAIR = 0.01, 0.05
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


def judge_utility(score: float, ceiling: float, figure: str) -> Verdict:
    """Compare the score of models trained on synthetic rows with the ceiling of real rows."""
    figures = f"{figure} {score:.2f} on held-out real rows, against {ceiling:.2f} when trained on real rows"
    if ceiling < UTILITY_LEAST_CEILING:
        sentence = f"Even models trained on real rows hardly predict the target: {figures}."
        return Verdict("Utility", "unclear", sentence)
    kept = score / ceiling
    if kept >= UTILITY_GOOD:
        degree = "as well" if kept >= 0.99 else "nearly as well"
        return Verdict("Utility", "good", f"Models trained on synthetic rows do {degree} as on real ones: {figures}.")
    share = f"keep {max(kept, 0):.0%} of what real rows give"
    return Verdict(
        "Utility", "fair" if kept >= UTILITY_FAIR else "poor", f"Models trained on synthetic rows {share}: {figures}."
    )


def judge_fidelity(divergence: float, floor: float) -> Verdict:
    """Compare the divergence of synthetic from training rows with that of held-out rows."""
    figures = f"mean divergence {divergence:.3f} bits, against {floor:.3f} for held-out real rows"
    if divergence <= max(FIDELITY_GOOD, floor):
        return Verdict("Fidelity", "good", f"Columns are distributed as in the real table: {figures}.")
    if divergence <= max(FIDELITY_FAIR, 2 * floor):
        return Verdict("Fidelity", "fair", f"Some columns are distributed differently: {figures}.")
    return Verdict("Fidelity", "poor", f"Columns are distributed differently from the real table: {figures}.")


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
