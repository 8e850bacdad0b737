import numpy as np
import pandas as pd
import pytest
from common.scripted import SCRIPTED

from benchmarks import descriptions, synllm


@pytest.fixture
def stroke(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(
        {
            "id": range(n),
            "age": rng.integers(1, 90, n),
            "hypertension": rng.integers(0, 2, n),
            "heart_disease": rng.integers(0, 2, n),
            "ever_married": rng.choice(["Yes", "No"], n),
            "work_type": rng.choice(["Private", "children"], n),
            "avg_glucose_level": rng.normal(100, 20, n).round(2),
            "smoking_status": rng.choice(["Unknown", "never smoked", "smokes"], n),
            "stroke": rng.integers(0, 2, n),
        }
    )
    frame.to_csv(tmp_path / "stroke.csv", index=False)
    monkeypatch.setenv("SKGENSYNTH_DATA", str(tmp_path))
    monkeypatch.setattr(synllm, "MODEL", SCRIPTED)
    words = {column: column for column in frame if column != "id"}
    monkeypatch.setitem(descriptions.DESCRIPTIONS, "stroke", words)


def test_agreement_counts_standard_deviations_and_shares():
    train = pd.DataFrame({"a": np.arange(100.0), "class": ["x"] * 75 + ["y"] * 25})
    rows = train.assign(a=train["a"] + train["a"].std(), **{"class": "x"})
    found = synllm.agreement(train, rows, "class")
    assert found == pytest.approx({"mean_distance": 1.0, "class_distance": 0.25})


@pytest.mark.parametrize("prompt", synllm.PROMPTS)
def test_every_prompt_is_measured(stroke, prompt):
    result = synllm.measure("stroke", 0, prompt, "csv", "class", 40)
    assert (result["n_rows"], result["copies"], result["valid"]) == (40, 0, 1.0)
    assert result["class_distance"] < 0.25
    assert 0 <= result["harmonic"] <= 1
    # Rows at random break what real rows keep; these here are random, too.
    assert 0 < result["broken"] <= 1
    text = synllm.summary(pd.DataFrame([result]))
    assert f"| stroke | {prompt} | csv | class | 1 |" in text
