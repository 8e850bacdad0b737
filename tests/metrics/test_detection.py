import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from skgensynth.exceptions import SchemaError
from skgensynth.metrics import detection_auc
from skgensynth.metrics.detection import _area


def _rows(rng, n):
    return pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "lab": np.where(rng.random(n) < 0.2, np.nan, rng.normal(1, 0.3, n)),
            "sex": rng.choice(["F", "M"], n),
            "drug": pd.Series(rng.choice(["x", "y", "z"], n, p=[0.6, 0.38, 0.02])).mask(rng.random(n) < 0.3),
        }
    )


@pytest.mark.parametrize("learner", ["xgboost", "linear"])
def test_rows_of_the_same_source_are_not_told_apart(rng, learner):
    result = detection_auc(_rows(rng, 200), _rows(rng, 300), learner=learner, random_state=0)
    low, high = result.auc_interval
    assert low < 0.5 < high
    assert result.auc == pytest.approx(0.5, abs=0.06)
    assert 0.06 < high - low < 0.15  # about 4 standard errors of sqrt(1 / (6 * 200))
    assert result.n_rows == 200


@pytest.mark.parametrize("learner", ["xgboost", "forest", "linear"])
def test_a_shifted_column_gives_the_rows_away(rng, learner):
    synthetic = _rows(rng, 100)
    result = detection_auc(_rows(rng, 100), synthetic.assign(lab=synthetic["lab"] + 2), learner=learner, random_state=0)
    assert result.auc > 0.85  # what is missing cannot be told
    assert result.auc_interval[0] > 0.8
    first, second = list(result.importance.items())[:2]
    assert first[0] == "lab"
    assert first[1] > 0.3
    assert abs(second[1]) < 0.05


def test_a_dependence_that_is_lost_is_seen_by_trees_only(rng):
    real = _rows(rng, 400).drop(columns="lab")
    real["twice"] = 2 * real["age"]
    synthetic = real.assign(twice=rng.permutation(real["twice"]))
    assert detection_auc(real, synthetic, random_state=0).auc > 0.9
    assert detection_auc(real, synthetic, learner="linear", random_state=0).auc < 0.6


def test_missing_values_give_the_rows_away(rng):
    real = _rows(rng, 300)
    filled = real.fillna({"lab": real["lab"].median()})
    assert next(iter(detection_auc(real, filled, random_state=0).importance)) == "lab"


def test_repeated_rows_push_the_area_below_chance(rng):
    real = _rows(rng, 80)
    assert detection_auc(real, real, learner="forest", random_state=0).auc < 0.3


def test_area_and_its_error_agree_with_the_formulas(rng):
    y = np.repeat([0, 1], [40, 60])
    scores = np.round(rng.normal(size=100) + y, 1)
    area, influence = _area(y, scores)
    pairs = (scores[40:, None] > scores[:40]) + 0.5 * (scores[40:, None] == scores[:40])
    assert area == pytest.approx(pairs.mean())
    # DeLong's variance, with means over rows instead of unbiased ones.
    expected = pairs.mean(axis=1).var() / 60 + pairs.mean(axis=0).var() / 40
    assert np.mean(influence**2) / 100 == pytest.approx(expected)


@pytest.mark.parametrize("learner", [RandomForestClassifier(20, random_state=0), SVC()])
def test_any_classifier_will_do(rng, learner):
    synthetic = _rows(rng, 100)
    result = detection_auc(
        _rows(rng, 100), synthetic.assign(age=synthetic["age"] + 50), learner=learner, random_state=0
    )
    assert result.auc > 0.95
    assert not hasattr(learner, "classes_")


def test_same_seed_same_result(rng):
    tables = _rows(rng, 80), _rows(rng, 90)
    first, second = (detection_auc(*tables, learner="linear", max_rows=50, random_state=3) for _ in range(2))
    assert first == second
    assert first.n_rows == 50
    assert first.auc != detection_auc(*tables, learner="linear", max_rows=50, random_state=4).auc


def test_what_cannot_be_used_is_refused(rng):
    rows = _rows(rng, 20)
    with pytest.raises(ValueError, match=r"learner must be one of .* or a classifier, got 'tree'"):
        detection_auc(rows, rows, learner="tree")
    with pytest.raises(TypeError, match="learner must have fit, and predict_proba or decision_function"):
        detection_auc(rows, rows, learner=print)
    with pytest.raises(ValueError, match=r"n_splits must be at least 2 and at most the 3 rows .* got 5"):
        detection_auc(rows, rows[:3])
    with pytest.raises(SchemaError, match="Column 'age' of real holds infinite values"):
        detection_auc(rows.assign(age=np.inf), rows)
