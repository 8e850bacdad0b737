import json

import pandas as pd
import pytest
from common.quality_runs import quality_run

from benchmarks.front import compare, failures, front, gains, score, standing, write
from benchmarks.summary import aggregate, read_runs


@pytest.fixture
def results(tmp_path):
    records = []
    for seed in range(3):
        for table in ("heart", "pima", "insurance"):
            records += [
                quality_run(table, seed, "real", 0.8),
                quality_run(table, seed, "disco", 0.78, membership_auc=0.52, jsd=0.001),
                quality_run(
                    table, seed, "ctgan", -0.1 if table == "insurance" else 0.4, auc=0.48 + 0.1 * (table == "pima")
                ),
                quality_run(table, seed, "cart", 0.76, membership_auc=0.7, jsd=0.0005),
            ]
    # One run alone has no interval.
    records.append(quality_run("heart", 0, "smotenc", 0.8, membership_auc=0.8, jsd=0.02))
    # One seed more of one table alone: it may not shift means over tables.
    records.append(quality_run("heart", 3, "cart", 0.76, membership_auc=0.7, jsd=0.0005))
    path = tmp_path / "quality.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    return path


@pytest.fixture
def runs(results):
    return read_runs(results)


@pytest.fixture
def cells(runs):
    return score(aggregate(runs))


def test_front_holds_what_nothing_beats():
    points = pd.DataFrame(
        {"method": list("abcde"), "ratio": [0.6, 0.9, 0.9, 1.0, 0.95], "jsd": [0.1, 0.3, 0.2, 0.4, 0.5]}
    )
    assert front(points, "jsd")["method"].tolist() == ["a", "c", "d"]


def test_standing_averages_tables_and_orders_by_the_harmonic_score(runs, cells):
    methods = standing(runs, cells).set_index("method")
    assert "real" not in methods.index
    assert methods.index[0] == "disco"
    disco, cart = methods.loc["disco"], methods.loc["cart"]
    assert disco["ratio"] == pytest.approx(0.975)
    # Privacy 0.96 and utility 0.975 on every table.
    assert disco["harmonic"] == pytest.approx(2 * 0.96 * 0.975 / (0.96 + 0.975))
    assert cart["harmonic"] == pytest.approx(2 * 0.6 * 0.95 / (0.6 + 0.95))
    assert cart["seeds"] == 3
    assert (methods.loc["smotenc", "tables"], methods.loc["disco", "tables"]) == (1, 3)
    assert methods.loc["ctgan", "ratio_least_table"] == "insurance"


def test_methods_are_compared_on_splits_that_both_have(runs):
    better = compare(runs, "disco", "smotenc")
    assert better == pytest.approx({"ratio": -0.025, "membership_auc": 0.28, "jsd": 0.019, "splits": 1})
    # A seed that one of them lacks changes nothing, however much better it is.
    lucky = pd.concat([runs, runs[runs["method"] == "disco"].head(1).assign(seed=7, utility=9.0)])
    assert compare(lucky, "disco", "smotenc") == better


def test_gains_are_relative_and_leave_out_regression(runs):
    gained = gains(runs, "disco")
    assert list(gained.index) == ["heart", "pima"]
    assert list(gained) == ["smotenc", "cart", "ctgan"]
    assert gained.loc["heart", "ctgan"] == pytest.approx(0.78 / 0.4 - 1)
    assert pd.isna(gained.loc["pima", "smotenc"])


def test_failures_are_named(cells):
    assert failures(cells) == {"ctgan": ["heart", "insurance"]}


def test_written_table_says_who_dominates_and_what_was_gained(results):
    markdown = write(results, results.parent)
    assert (results.parent / "front.md").read_text() == markdown
    assert (results.parent / "front.png").read_bytes().startswith(b"\x89PNG")
    assert (
        "DiscoTabSynthesizer, supervised stage dominates sequential CART: utility +0.025, membership AUC -0.180; "
        "JSD +0.0005 (9 splits)." in markdown
    )
    assert "| SMOTE / SMOTE-NC | 1 | 1 | 1.000 | 1.000 (heart) | +0.300 | 0.0200 |" in markdown
    assert "dominates CTGAN" not in markdown
    assert "| heart | -2.5 % | +2.6 % | +95.0 %† |" in markdown
    assert "| **mean without †** | -2.5 % | +2.6 % | +95.0 % |" in markdown
    assert "R² of CTGAN is not above 0 on insurance." in markdown
