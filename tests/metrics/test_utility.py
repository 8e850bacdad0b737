import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import infer_task, tstr


def _patients(rng, n, *, labels=("no", "yes")):
    age = rng.normal(60, 10, n)
    sex = rng.choice(["F", "M"], n)
    risk = (age - 60) / 10 + (sex == "M") + rng.normal(0, 0.3, n)
    codes = np.digitize(risk, np.quantile(risk, np.linspace(0, 1, len(labels) + 1)[1:-1]))
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "sex": pd.Series(sex).mask(rng.random(n) < 0.1),
            "constant": 1.0,
            "empty": np.nan,
            "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "outcome": np.array(labels)[codes],
        }
    )


def test_learners_find_a_signal_and_nothing_where_there_is_none(rng):
    train, test = _patients(rng, 400), _patients(rng, 400)
    result = tstr(train, test, "outcome")
    assert result.task == "classification"
    assert list(result.per_learner) == ["linear", "forest", "xgboost"]
    assert all(figures["macro_f1"] > 0.75 and figures["auc"] > 0.8 for figures in result.per_learner.values())
    assert (result.n_train, result.n_test) == (400, 400)

    shuffled = train.assign(outcome=rng.permutation(train["outcome"].to_numpy()))
    nothing = tstr(shuffled, test, "outcome")
    assert nothing.mean["auc"] < 0.65
    assert nothing.score < 0.65


def test_score_and_mean_are_means_over_learners(rng):
    result = tstr(_patients(rng, 100), _patients(rng, 100), "outcome")
    for name, value in result.mean.items():
        assert value == pytest.approx(np.mean([figures[name] for figures in result.per_learner.values()]))
    assert result.score == result.mean["macro_f1"]


def test_regression(rng):
    def draw(n):
        x = rng.normal(size=n)
        return pd.DataFrame({"x": x, "noise": rng.normal(size=n), "y": 3 * x + rng.normal(0, 0.1, n)})

    train, test = draw(400), draw(400)
    result = tstr(train, test, "y")
    assert result.task == "regression"
    assert all(figures["r2"] > 0.95 for figures in result.per_learner.values())
    assert result.score == result.mean["r2"]
    assert tstr(train.assign(y=train["y"].mean() + 0 * train["y"]), test, "y").score == pytest.approx(0, abs=0.02)


def test_a_class_that_the_synthetic_rows_lack_counts_as_zero(rng):
    labels = ("low", "middle", "high")
    train, test = _patients(rng, 600, labels=labels), _patients(rng, 300, labels=labels)
    complete = tstr(train, test, "outcome", learners=["linear"])
    lacking = tstr(train[train["outcome"] != "high"], test, "outcome", learners=["linear"])
    assert lacking.score < complete.score * 0.75
    assert 0 < lacking.mean["auc"] < complete.mean["auc"]


def test_a_single_synthetic_class_gives_a_constant_model(rng):
    train, test = _patients(rng, 100), _patients(rng, 100)
    result = tstr(train[train["outcome"] == "yes"], test, "outcome")
    expected = f1_score(test["outcome"], np.full(100, "yes"), average="macro", zero_division=0)
    assert result.mean == {"macro_f1": pytest.approx(expected), "weighted_f1": pytest.approx(expected), "auc": 0.5}


def test_classes_that_the_test_rows_lack_do_not_count(rng):
    train = _patients(rng, 300, labels=("low", "middle", "high"))
    test = _patients(rng, 300, labels=("low", "middle", "high"))
    two = test[test["outcome"] != "middle"]
    figures = tstr(train, two, "outcome", learners=["forest"]).per_learner["forest"]
    assert figures["auc"] > 0.9
    assert np.isnan(tstr(train, test[test["outcome"] == "low"], "outcome", learners=["forest"]).mean["auc"])


def test_unseen_categories_and_storages_are_fine(rng):
    train, test = _patients(rng, 200), _patients(rng, 200)
    test.loc[:20, "sex"] = "unknown"
    plain = tstr(train, test, "outcome")
    stored = tstr(train.astype({"sex": "category", "outcome": "category", "age": "Float64"}), test, "outcome")
    assert stored == plain


def test_numeric_labels_may_differ_in_storage(rng):
    train, test = _patients(rng, 200), _patients(rng, 200)
    plain = tstr(train, test, "outcome")
    numbers = {"no": 0, "yes": 1}
    recoded = tstr(
        train.assign(outcome=train["outcome"].map(numbers).astype(float)),
        test.assign(outcome=test["outcome"].map(numbers)),
        "outcome",
    )
    assert recoded.task == "classification"
    assert recoded.score == pytest.approx(plain.score)


def test_same_seed_same_result(rng):
    train, test = _patients(rng, 100), _patients(rng, 100)
    assert tstr(train, test, "outcome", random_state=3) == tstr(train, test, "outcome", random_state=3)


def test_inputs_are_left_alone(rng):
    train, test = _patients(rng, 60), _patients(rng, 60)
    copies = train.copy(), test.copy()
    tstr(train, test, "outcome", learners=["linear"])
    pd.testing.assert_frame_equal(train, copies[0])
    pd.testing.assert_frame_equal(test, copies[1])


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 2], "classification"),
        ([0.0, 1.0], "classification"),
        ([0.5, 1.0], "regression"),
        (range(21), "regression"),
        (pd.Series([1, 2, None], dtype="Int64"), "classification"),
        (pd.Series([1, 2]).astype("category"), "classification"),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), "regression"),
        (pd.Series([0.5, 2, None], dtype=object), "regression"),
    ],
)
def test_infer_task(y, task):
    assert infer_task(y) == task


def test_bad_arguments_are_named(rng):
    frame = _patients(rng, 30)
    with pytest.raises(SchemaMismatchError, match="'died' is not a column of train"):
        tstr(frame, frame, "died")
    with pytest.raises(SchemaMismatchError, match="'sex' of test is not in train"):
        tstr(frame.drop(columns="sex"), frame, "outcome")
    with pytest.raises(ValueError, match="missing values in train"):
        tstr(frame.assign(outcome=frame["outcome"].mask(frame.index < 3)), frame, "outcome")
    with pytest.raises(ValueError, match="task must be"):
        tstr(frame, frame, "outcome", task="ranking")
    with pytest.raises(ValueError, match="learners must be some of"):
        tstr(frame, frame, "outcome", learners=["svm"])
    with pytest.raises(ValueError, match="no column beside the target"):
        tstr(frame[["outcome"]], frame[["outcome"]], "outcome")


def test_xgboost_is_imported_late():
    code = "import sys, skgensynth.metrics; print('xgboost' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "False"
