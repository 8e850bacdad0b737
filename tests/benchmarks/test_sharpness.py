import numpy as np
import pandas as pd
import pytest

from benchmarks import sharpness
from benchmarks.tables import TABLES


def _run(table, seed, temperature, ratio):
    figures = dict.fromkeys(("jsd", "association_difference", "detection_auc", "membership_auc"), 0.25)
    rare = {"auc": 0.75, "minority_f1": 0.5} if table == "heart" else {}
    return {
        "table": table,
        "seed": seed,
        "temperature": temperature,
        "ratio": ratio,
        "machine": "abacus",
        **figures,
        **rare,
    }


def test_summary_pairs_splits_and_tells_tasks_apart():
    runs = [_run("heart", seed, t, 0.9 + 0.01 * seed + 0.1 * (t == 0.1)) for seed in range(6) for t in (0.5, 0.1)]
    runs += [_run("insurance", 0, t, 0.8) for t in (0.5, 0.1)]
    runs.append(_run("heart", 9, 0.5, 5.0))  # without its other half: it may not shift means
    text = sharpness.summary(pd.DataFrame(runs))
    assert "Means over 6 splits of tables for classification:" in text
    assert "| 0.5 | 0.9250 | 0.5000 | 0.7500 |" in text
    assert "| 0.1 | 1.0250 |" in text
    # Six differences of one sign: 2 / 2 ** 6.
    assert text.count("p = 0.031 (Wilcoxon") == 1
    assert "| heart | 6 | 0.925 | 1.025 |" in text
    assert "| insurance | 1 | 0.800 | 0.800 |" in text
    assert "rarest" not in text.split("for regression")[1]
    assert text.endswith("Measured on abacus.\n")


@pytest.mark.slow
def test_a_policy_is_drawn_at_both_temperatures(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    age = rng.integers(20, 90, 300)
    frame = pd.DataFrame({"age": age, "DEATH_EVENT": (age + rng.normal(0, 15, 300) > 75).astype(int)})
    frame.to_csv(tmp_path / TABLES["heart"].file, index=False)
    monkeypatch.setenv("SKGENSYNTH_DATA", str(tmp_path))
    old, new = sharpness.measure("heart", 100)
    assert (old["temperature"], new["temperature"]) == (0.5, 0.1)
    assert all(0.7 < run["ratio"] < 1.4 and 0 < run["minority_f1"] < 1 for run in (old, new))
    assert old["association_difference"] != new["association_difference"]
