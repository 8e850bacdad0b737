import math

import pytest

from skgensynth.report.verdicts import (
    Compared,
    Leak,
    Scored,
    Verdict,
    headline,
    judge_fidelity,
    judge_privacy,
    judge_utility,
    not_judged,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("scores", "level", "score"),
    [
        ({"macro F1": Scored(0.8, 0.8, 0.4), "AUC": Scored(0.9, 0.9, 0.5)}, "good", 1.0),
        ({"macro F1": Scored(0.9, 0.8, 0.4)}, "good", 1.0),
        ({"macro F1": Scored(0.77, 0.8, 0.4), "AUC": Scored(0.9, 0.9, 0.5)}, "good", 0.925),
        ({"macro F1": Scored(0.72, 0.8, 0.4), "AUC": Scored(0.9, 0.9, 0.5)}, "fair", 0.8),
        ({"macro F1": Scored(0.8, 0.8, 0.4), "AUC": Scored(0.6, 0.9, 0.5)}, "poor", 0.25),
        ({"macro F1": Scored(0.4, 0.8, 0.4)}, "poor", 0.0),
        ({"R²": Scored(-1.0, 0.8, 0.0)}, "poor", 0.0),
        ({"R²": Scored(0.01, 0.02, 0.0)}, "unclear", NAN),
        ({"AUC": Scored(0.55, 0.55, 0.5)}, "unclear", NAN),
    ],
)
def test_utility_is_what_the_worst_figure_keeps_beyond_chance(scores, level, score):
    verdict = judge_utility(scores)
    assert verdict.level == level
    assert verdict.score == pytest.approx(score, nan_ok=True)


def test_utility_without_any_figure_is_not_judged():
    assert judge_utility({}).level == "not judged"


def test_utility_names_figures_and_ceilings():
    assert "macro F1 0.72 against 0.80" in judge_utility({"macro F1": Scored(0.72, 0.8, 0.4)}).sentence


SAME = Compared(0.03, 0.03, 0.04)


@pytest.mark.parametrize(
    ("divergence", "association", "detection", "level"),
    [
        (SAME, SAME, 0.5, "good"),
        (Compared(0.04, 0.03, 0.035), SAME, 0.5, "good"),
        (Compared(0.06, 0.03, 0.07), SAME, 0.5, "good"),
        (Compared(0.06, 0.03, 0.04), SAME, 0.5, "fair"),
        (Compared(0.20, 0.03, 0.04), SAME, 0.5, "poor"),
        (SAME, Compared(0.10, 0.03, 0.04), 0.5, "fair"),
        (SAME, Compared(0.40, 0.03, 0.04), 0.5, "poor"),
        (SAME, SAME, 0.7, "fair"),
        (SAME, SAME, 0.95, "poor"),
        (SAME, Compared(NAN, NAN, NAN), NAN, "good"),
    ],
)
def test_fidelity_is_judged_by_the_worst_of_columns_pairs_and_rows(divergence, association, detection, level):
    assert judge_fidelity(divergence, association, detection, 0.9, 0.95).level == level


def test_fidelity_shows_its_index_beside_that_of_real_rows():
    verdict = judge_fidelity(SAME, SAME, 0.5, 0.9, 0.95)
    assert (verdict.score, verdict.reference) == (0.9, 0.95)


def test_fidelity_of_one_column_says_nothing_of_pairs_and_rows():
    sentence = judge_fidelity(SAME, Compared(NAN, NAN, NAN), NAN, 0.9, 0.95).sentence
    assert sentence == "Columns are distributed as in the real table."


CHANCE = Leak("membership attack", 0.02, (-0.1, 0.14))


@pytest.mark.parametrize(
    ("membership", "other", "copies", "level", "score"),
    [
        (CHANCE, Leak("guess", 0.0, (-0.1, 0.1)), "", "good", 0.98),
        (CHANCE, Leak("guess", 0.3, (-0.1, 0.7)), "", "good", 0.98),
        (CHANCE, Leak("guess", 0.3, (0.15, 0.45)), "", "fair", 0.85),
        (CHANCE, Leak("guess", 0.6, (0.4, 0.8)), "", "poor", 0.6),
        (CHANCE, CHANCE, "9 rows repeat.", "fair", 0.98),
        (Leak("attack", 0.12, (0.06, 0.18)), CHANCE, "", "fair", 0.88),
        (Leak("attack", 0.8, (0.7, 0.9)), CHANCE, "", "poor", 0.2),
        (Leak("attack", -0.3, (-0.4, -0.2)), CHANCE, "", "good", 1.0),
        (Leak("attack", 0.1, (-0.3, 0.5)), CHANCE, "", "unclear", 0.9),
    ],
)
def test_privacy_is_what_attacks_are_proven_to_gain(membership, other, copies, level, score):
    verdict = judge_privacy([membership], [other], copies=copies)
    assert verdict.level == level
    assert verdict.score == pytest.approx(score)
    assert copies in verdict.sentence


def test_privacy_names_the_attack_that_succeeds():
    sentence = judge_privacy([CHANCE], [Leak("guess", 0.6, (0.4, 0.8))]).sentence
    assert "the guess went 60% of the way from chance to certainty (95\u00a0% interval 40% to 80%)" in sentence


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (("good", "good", "good"), "can stand in for the real ones, and no attack found a leak."),
        (("not judged", "good", "good"), "distributed like the real ones, and no attack found a leak."),
        (("good", "good", "poor"), "Do not share"),
        (("poor", "fair", "good"), "utility came out poor."),
        (("fair", "fair", "good"), "utility and fidelity came out fair."),
        (("good", "good", "fair"), "privacy came out fair."),
        (("unclear", "good", "good"), "how useful they are, this table cannot show"),
        (("good", "good", "unclear"), "too few rows can show"),
        (("not judged", "good", "not judged"), "Whether they are safe to share was not judged."),
        (
            ("not judged", "poor", "not judged"),
            "fidelity came out poor. Whether they are safe to share was not judged.",
        ),
    ],
)
def test_the_headline_names_what_is_weakest(levels, words):
    names = ("Utility", "Fidelity", "Privacy")
    text = headline([Verdict(name, level, NAN, "") for name, level in zip(names, levels, strict=True)])
    assert words in text
    assert text.endswith(".")


def test_what_is_not_judged_has_no_score():
    verdict = not_judged("Utility", "Because.")
    assert verdict.level == "not judged"
    assert math.isnan(verdict.score)
