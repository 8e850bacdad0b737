import numpy as np
import pandas as pd
import pytest

from benchmarks import minority
from benchmarks.tables import TABLES


@pytest.fixture
def adult(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    n = 3000
    hours = rng.integers(10, 80, n)
    frame = pd.DataFrame(
        {
            "income": np.where(hours > 60, ">50K", "<=50K"),
            "hours": hours,
            "work": rng.choice(["Private", "State", "Never"], n, p=[0.7, 0.295, 0.005]),
            "row": np.arange(n),
        }
    )
    frame.to_csv(tmp_path / TABLES["adult"].file, index=False)
    monkeypatch.setenv("SKGENSYNTH_DATA", str(tmp_path))
    monkeypatch.setattr(minority, "MAX_ROWS", 500)
    return frame


def test_one_percent_is_rare_for_training_alone(adult):
    train, test, target = minority.split("adult, 1 %", 0)
    assert (target, list(train)[-1]) == ("income", "income")
    assert (len(train), (train[target] == ">50K").sum()) == (500, 5)
    assert (test[target] == ">50K").mean() == pytest.approx((adult[target] == ">50K").mean(), abs=0.002)
    assert not set(train["row"]) & set(test["row"])


def test_a_method_that_drops_the_class_has_no_recall(adult, monkeypatch):
    def drops(train, target, task, seed):
        return lambda n: train[train[target] != ">50K"].sample(n, replace=True, random_state=seed)

    monkeypatch.setitem(minority.METHODS, "ctgan", drops)
    monkeypatch.setattr(minority, "versions", lambda method: {})
    result = minority.measure("adult, 1 %", 0, "ctgan")
    assert (result["recall"], result["f1"], result["share"], result["least_category"]) == (0, 0, 0, 0)
    assert 0 < result["macro_f1"] < 0.5


@pytest.mark.parametrize("asked", [False, True])
def test_balanced_rows_have_all_classes_in_equal_shares(asked):
    rng = np.random.default_rng(0)

    def sample(n):
        return pd.DataFrame({"class": rng.choice(["rare", "frequent"], n, p=[0.02, 0.98]), "row": rng.random(n)})

    def sample_of(n, label=None):
        return sample(n).assign(**{"class": label})

    drawn = sample(1000)
    rows = minority.balanced(sample_of if asked else sample, drawn, ["rare", "frequent", "never"], "class")
    counts = rows["class"].value_counts()
    assert counts["rare"] == counts["frequent"] == 333
    assert ("never" in counts) == asked
    # Ten tables of a thousand rows hold about two hundred rare ones, so that some are copies.
    assert 150 < rows.loc[rows["class"] == "rare", "row"].nunique() <= (333 if asked else 260)


def test_least_category_leaves_out_numbers_and_rare_levels():
    train = pd.DataFrame({"a": ["x"] * 60 + ["y"] * 139 + ["z"], "b": range(200)})
    synthetic = pd.DataFrame({"a": ["x"] * 15 + ["y"] * 85, "b": 0})
    assert minority.least_category(train, synthetic) == pytest.approx(0.5)
    assert np.isnan(minority.least_category(train[["b"]], synthetic[["b"]]))


def test_summary_has_a_line_for_each_table_and_method():
    figures = dict.fromkeys(minority.FIGURES, 0.4) | {"recall": 0.5}
    runs = pd.DataFrame(
        [
            {"table": "stroke", "method": method, "seed": seed, "machine": "abacus", **figures}
            for method in ("tvae", "cart")
            for seed in range(2)
        ]
    )
    text = minority.summary(runs)
    assert "| stroke | sequential CART | 2 | 0.500 ± 0.000 | 0.400 ± 0.000 |" in text
    assert text.index("sequential CART") < text.index("TVAE")
    assert text.count("| stroke |") == 2
    assert text.count("Measured on abacus.") == 1


def test_summary_compares_ours_with_each_other_method_over_all_splits():
    runs = pd.DataFrame(
        [
            {"table": table, "method": method, "seed": seed, "machine": "abacus"}
            | dict.fromkeys(minority.FIGURES, 0.4 + 0.01 * seed + (0.1 if method == "feedback" else 0.0))
            for table in ("stroke", "diabetes")
            for method in ("tvae", "feedback")
            for seed in range(3)
        ]
    )
    text = minority.summary(runs)
    # Six differences of one sign: 2 / 2 ** 6.
    assert "| F1, balanced | DiscoTabSynthesizer - TVAE | +0.1000 | 6 of 6 | 0.031 |" in text
    assert "| minority share / real | DiscoTabSynthesizer" not in text
