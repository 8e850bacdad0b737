import json

import pandas as pd
import pytest
from common.quality_runs import quality_run

from benchmarks.summary import aggregate, overall, read_runs, summarise, verdicts


@pytest.fixture
def results(tmp_path):
    records = [quality_run("heart", 0, "disco", 0.1, membership_auc=0.9)]  # measured again below: the later one counts
    for seed in range(5):
        noise = 0.01 * (seed - 2)
        for table in ("heart", "insurance"):
            records += [
                quality_run(table, seed, "real", 0.8 + noise),
                quality_run(table, seed, "cart", 0.76, membership_auc=0.7 + noise),
                quality_run(table, seed, "tvae", 0.9),
                quality_run(
                    table, seed, "disco", 0.8, membership_auc=0.5 + noise, jsd=0.02 if table == "heart" else 0.001
                ),
            ]
    path = tmp_path / "quality.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def test_summary_writes_a_table_a_file_and_a_picture(results):
    markdown = summarise(results)
    assert "| heart | DiscoTabSynthesizer, supervised stage | 0.800 ± 0.000 | 1.000 |" in markdown
    assert results.with_suffix(".md").read_text() == markdown
    assert results.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    document = json.loads(results.with_suffix(".json").read_text())
    cells = pd.DataFrame(document["tables"])
    assert set(cells["seeds"]) == {5}
    cart = cells[(cells["method"] == "cart") & (cells["table"] == "heart")].iloc[0]
    assert cart["ratio"] == pytest.approx(0.95)
    # Student's t with four degrees of freedom: 2.776 standard errors.
    assert cart["membership_high"] - cart["membership_low"] == pytest.approx(2 * 2.776 * 0.01581 / 5**0.5, abs=1e-4)
    leaking = {row["method"]: row["leaking_tables"] for row in document["methods"]}
    assert leaking["cart"] == ["heart", "insurance"]
    assert leaking["disco"] == []


def test_verdicts_name_what_was_missed(results):
    summarise(results)
    document = json.loads(results.with_suffix(".json").read_text())
    fulfilled = {wish: (ok, figure) for wish, ok, figure in document["verdicts"]}
    assert fulfilled["utility / real at least 0.98 on the mean"] == (True, "1.000")
    assert fulfilled["utility above TVAE on every table"] == (False, "heart, insurance")
    assert fulfilled["utility at least that of sequential CART on the mean"] == (True, "+0.050")
    assert fulfilled["JSD below 0.01 (Parkinson's 0.02) on every table"] == (False, "heart 0.0200")
    assert fulfilled["on none significantly above 0.5"] == (True, "none")


def test_no_verdicts_without_our_method():
    runs = pd.DataFrame([quality_run("heart", seed, "cart", 0.8, membership_auc=0.6) for seed in range(2)])
    cells = aggregate(runs.assign(auc=0.9, load=0.0, ratio=1.0))
    assert verdicts(cells, overall(cells)) == []


def test_utility_is_relative_to_real_rows_of_the_same_seeds(tmp_path):
    records = [quality_run("heart", seed, "real", utility) for seed, utility in ((0, 0.5), (1, 0.9))]
    records += [
        quality_run("heart", 0, "cart", 0.45, membership_auc=0.6),
        *(quality_run("heart", seed, "tvae", 0.35, membership_auc=0.6) for seed in (0, 1)),
    ]
    path = tmp_path / "quality.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    cells = aggregate(read_runs(path)).set_index("method")
    assert cells["ratio"].to_dict() == pytest.approx({"real": 1.0, "cart": 0.9, "tvae": 0.5})
