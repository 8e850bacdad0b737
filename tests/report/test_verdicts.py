import pytest

from skgensynth.report.verdicts import Verdict, headline, judge_fidelity, judge_privacy, judge_utility


@pytest.mark.parametrize(
    ("scores", "level"),
    [
        ({"macro F1": (0.80, 0.80), "AUC": (0.9, 0.9)}, "good"),
        ({"macro F1": (0.78, 0.80), "AUC": (0.9, 0.9)}, "good"),
        ({"macro F1": (0.72, 0.80)}, "fair"),
        ({"macro F1": (0.49, 0.50), "AUC": (0.5, 0.8)}, "poor"),
        ({"R²": (-1.0, 0.80)}, "poor"),
        ({"R²": (0.01, 0.02)}, "unclear"),
    ],
)
def test_utility_is_judged_by_the_figure_that_keeps_least(scores, level):
    assert judge_utility(scores).level == level


def test_utility_names_figures_and_ceilings():
    assert "macro F1 0.72 against 0.80" in judge_utility({"macro F1": (0.72, 0.80)}).sentence


@pytest.mark.parametrize(
    ("divergence", "association", "level"),
    [
        ((0.005, 0.001), (0.02, 0.01), "good"),
        ((0.030, 0.035), (0.09, 0.10), "good"),
        ((0.030, 0.010), (0.02, 0.01), "fair"),
        ((0.100, 0.010), (0.02, 0.01), "poor"),
        ((0.001, 0.030), (0.40, 0.08), "poor"),
        ((0.005, 0.001), (float("nan"), float("nan")), "good"),
    ],
)
def test_fidelity_is_judged_by_the_worse_of_columns_and_pairs(divergence, association, level):
    assert judge_fidelity(divergence, association).level == level


def test_fidelity_of_one_column_says_nothing_of_pairs():
    assert "nan" not in judge_fidelity((0.005, 0.001), (float("nan"), float("nan"))).sentence


@pytest.mark.parametrize(
    ("auc", "interval", "copied", "by_chance", "level"),
    [
        (0.51, (0.46, 0.56), 0.0, 0.0, "good"),
        (0.51, (0.46, 0.56), 0.9, 0.9, "good"),
        (0.51, (0.46, 0.56), 0.1, 0.0, "fair"),
        (0.56, (0.52, 0.60), 0.0, 0.0, "fair"),
        (0.90, (0.85, 0.95), 0.0, 0.0, "poor"),
    ],
)
def test_privacy_is_judged_by_attack_and_copies(auc, interval, copied, by_chance, level):
    assert judge_privacy(auc, interval, copied, by_chance).level == level


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ({"Utility": "good", "Fidelity": "good", "Privacy": "good"}, "can stand in"),
        ({"Fidelity": "good", "Privacy": "good"}, "distributed like the real ones"),
        ({"Utility": "good", "Fidelity": "good", "Privacy": "poor"}, "Do not share"),
        ({"Utility": "poor", "Fidelity": "fair", "Privacy": "good"}, "utility came out poor"),
        ({"Utility": "fair", "Fidelity": "fair", "Privacy": "good"}, "utility and fidelity came out fair"),
        ({"Utility": "unclear", "Fidelity": "good", "Privacy": "good"}, "cannot show"),
    ],
)
def test_the_headline_names_what_is_weakest(levels, words):
    assert words in headline([Verdict(name, level, "") for name, level in levels.items()])
