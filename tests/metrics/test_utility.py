import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_squared_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import augmentation_gain, trtr, trts, tstr


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
    share = (test["outcome"] == "yes").mean()
    assert result.mean == pytest.approx(
        {
            "macro_f1": expected,
            "weighted_f1": 2 * share * expected,
            "auc": 0.5,
            "accuracy": share,
            "balanced_accuracy": 0.5,
        }
    )


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


def test_bad_arguments_are_named(rng):
    frame = _patients(rng, 30)
    with pytest.raises(SchemaMismatchError, match="'outcome' is not a column of train"):
        tstr(frame.drop(columns="outcome"), frame, "outcome")
    with pytest.raises(SchemaMismatchError, match="'sex' of test is not in train"):
        tstr(frame.drop(columns="sex"), frame, "outcome")
    with pytest.raises(ValueError, match="missing values in train"):
        tstr(frame.assign(outcome=frame["outcome"].mask(frame.index < 3)), frame, "outcome")
    with pytest.raises(ValueError, match="task must be"):
        tstr(frame, frame, "outcome", task="ranking")
    with pytest.raises(ValueError, match="learners must be some of"):
        tstr(frame, frame, "outcome", learners=["mlp"])
    with pytest.raises(ValueError, match="no column beside the target"):
        tstr(frame[["outcome"]], frame[["outcome"]], "outcome")


FOUR = ["linear", "forest", "xgboost", "svm"]


def _separable(n=120):
    x = np.tile([-1.0, 0.0, 1.0], n // 3)
    return pd.DataFrame({"x": x + np.linspace(-0.1, 0.1, n), "y": pd.Series(x).map({-1: "low", 0: "mid", 1: "high"})})


def test_what_can_be_told_apart_is_told_apart_by_every_learner():
    result = tstr(_separable(), _separable(60), "y", learners=FOUR)
    assert list(result.per_learner) == FOUR
    assert set(result.mean) == {"macro_f1", "weighted_f1", "auc", "accuracy", "balanced_accuracy"}
    assert all(value == 1 for figures in result.per_learner.values() for value in figures.values())
    assert set(result.mean_intervals.values()) == {(1.0, 1.0)}
    assert result.per_class["svm"]["low"] == {"recall": 1.0, "precision": 1.0, "support": 20}


def test_shuffled_labels_are_predicted_by_chance(rng):
    train, test = _patients(rng, 600), _patients(rng, 600)
    # In both tables: a model of noise may still point the way of a real rule, or the other way.
    train, test = (table.assign(outcome=rng.permutation(table["outcome"].to_numpy())) for table in (train, test))
    result = tstr(train, test, "outcome", learners=FOUR)
    for learner, figures in result.per_learner.items():
        low, high = result.intervals[learner]["auc"]
        assert low - 0.02 < 0.5 < high + 0.02
        assert figures["balanced_accuracy"] == pytest.approx(0.5, abs=0.08)


def test_figures_are_those_of_scikit_learn_on_the_same_predictions(rng):
    labels = ("low", "middle", "high")
    train, test = (_patients(rng, n, labels=labels)[["age", "outcome"]].dropna() for n in (150, 90))
    learner = KNeighborsClassifier(n_neighbors=7)
    result = tstr(train, test, "outcome", learners={"near": learner})
    # The only feature is scaled and has no missing values, so its order, and so the neighbours, are the same.
    learner.fit(train[["age"]], train["outcome"])
    true, predicted = test["outcome"], learner.predict(test[["age"]])
    expected = {
        "macro_f1": f1_score(true, predicted, average="macro"),
        "weighted_f1": f1_score(true, predicted, average="weighted"),
        "auc": roc_auc_score(true, learner.predict_proba(test[["age"]]), multi_class="ovr"),
        "accuracy": accuracy_score(true, predicted),
        "balanced_accuracy": balanced_accuracy_score(true, predicted),
    }
    assert result.per_learner["near"] == pytest.approx(expected)
    for label in labels:
        only = {"labels": [label], "average": "macro"}
        assert result.per_class["near"][label] == pytest.approx(
            {
                "recall": recall_score(true, predicted, **only),
                "precision": precision_score(true, predicted, **only),
                "support": (true == label).sum(),
            }
        )


def test_regression_figures_are_those_of_scikit_learn(rng):
    x = rng.normal(size=200)
    table = pd.DataFrame({"x": x, "y": 1e4 * np.sin(x) + rng.normal(0, 10, 200)})
    train, test = table[:120], table[120:]
    result = tstr(train, test, "y", learners={"near": KNeighborsRegressor()})
    predicted = KNeighborsRegressor().fit(train[["x"]], train["y"]).predict(test[["x"]])
    assert result.per_learner["near"] == pytest.approx(
        {"r2": r2_score(test["y"], predicted), "rmse": np.sqrt(mean_squared_error(test["y"], predicted))}
    )
    assert result.per_class == {}


@pytest.mark.parametrize("kind", ["date", "zoned date", "duration"])
def test_dates_and_durations_are_measured_in_seconds(rng, kind):
    x = rng.normal(size=300)
    seconds = pd.to_timedelta((60 * x + rng.normal(0, 1, 300)).round(3), "s")
    start = {"date": pd.Timestamp("2024-05-01"), "zoned date": pd.Timestamp("2024-05-01", tz="Asia/Tokyo")}
    table = pd.DataFrame({"x": x, "y": start[kind] + seconds if kind in start else seconds})
    result = tstr(table[:200], table[200:], "y")
    assert result.task == "regression"
    # Seconds since 1970 in single precision would be off by a minute or two.
    assert result.mean["rmse"] < 12
    assert result.score > 0.95
    floats = table.assign(y=seconds.total_seconds())
    assert result.mean == pytest.approx(tstr(floats[:200], floats[200:], "y").mean, rel=0.02)


def test_a_lost_class_shows_in_its_recall(rng):
    labels = ("low", "middle", "high")
    train, test = _patients(rng, 400, labels=labels), _patients(rng, 300, labels=labels)
    complete = tstr(train, test, "outcome", learners=FOUR)
    lacking = tstr(train[train["outcome"] != "high"], test, "outcome", learners=FOUR)
    for learner in FOUR:
        assert complete.per_class[learner]["high"]["recall"] > 0.6
        assert lacking.per_class[learner]["high"] == {
            "recall": 0.0,
            "precision": 0.0,
            "support": (test["outcome"] == "high").sum(),
        }
        assert lacking.per_class[learner]["low"]["recall"] > 0.6


def test_rare_classes_and_categories_do_no_harm(rng):
    train, test = (_patients(rng, n).assign(ward=rng.integers(0, 300, n).astype(str)) for n in (200, 100))
    train.loc[0, "outcome"], test.loc[:1, "outcome"] = "once", "new"
    result = tstr(train, test, "outcome", learners=FOUR)
    assert all(set(classes) == {"no", "yes", "new"} for classes in result.per_class.values())
    assert all(classes["new"]["recall"] == 0 for classes in result.per_class.values())
    assert np.isfinite(list(result.mean.values())).all()


def test_a_constant_prediction_is_what_it_is(rng):
    train, test = _patients(rng, 100), _patients(rng, 100)
    result = tstr(train, test, "outcome", learners={"most": DummyClassifier(strategy="constant", constant=0)})
    first = next(label for label, figures in result.per_class["most"].items() if figures["recall"] == 1)
    assert result.mean["accuracy"] == (test["outcome"] == first).mean()
    assert result.mean["balanced_accuracy"] == 0.5
    assert result.mean["auc"] == 0.5
    numbers = tstr(train.dropna(subset="age"), test.dropna(subset="age"), "age", learners={"mean": DummyRegressor()})
    assert numbers.score <= 0
    assert numbers.mean["rmse"] == pytest.approx(10, abs=2)


class Diverged(RegressorMixin, BaseEstimator):
    """A regressor that did not converge."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.full((len(X), 1), np.nan)


def test_predictions_that_are_no_numbers_give_no_figure(rng):
    train, test = (_patients(rng, 80).dropna(subset="age") for _ in range(2))
    result = tstr(train, test, "age", learners={"diverged": Diverged()})
    assert np.isnan(list(result.mean.values())).all()
    assert np.isnan(result.score_interval).all()


@pytest.mark.parametrize(
    ("target", "labels"),
    [
        (lambda x: pd.array(x > 0, dtype="boolean"), [False, True]),
        (lambda x: pd.array((x > 0).astype(int), dtype="Int64"), [0, 1]),
        (lambda x: pd.Categorical(np.where(x > 0, 2, 1)), [1, 2]),
        (lambda x: np.where(x > 0, np.array(["u"], object), 7), [7, "u"]),
        (lambda x: pd.array(x, dtype="Float64"), []),
        (lambda x: pd.to_timedelta(x, "D"), []),
    ],
)
def test_any_frame_will_do(rng, target, labels):
    n = 80
    x = rng.normal(size=n)
    table = pd.DataFrame(
        {
            0: x,
            ("a", 1): pd.array(rng.integers(0, 3, n), dtype="Int64"),
            "flag": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
            "text": pd.array(rng.choice(["u", "v", None], n), dtype="string"),
            "mixed": pd.Series(rng.choice([1, "x", 2.5, None], n), dtype=object),
            "seen": pd.Series(pd.date_range("2020", periods=n, tz="UTC")).mask(rng.random(n) < 0.1),
            "stay": pd.to_timedelta(rng.integers(0, 99, n), "h"),
            "nothing": pd.Series([None] * n, dtype=object),
            "id": np.arange(n).astype(str),
            2: target(x),
        },
        index=np.zeros(n, int),
    )
    table.iloc[::7, 1] = pd.NA
    result = tstr(table[:50], table[50:], 2, learners=["linear", "svm"], n_bootstrap=10)
    assert sorted(map(repr, result.per_class.get("svm", {}))) == sorted(map(repr, labels))
    assert 0.3 < result.score <= 1
    assert trts(table[:50], table[50:51], 2, learners=["svm"], n_bootstrap=2).n_test == 1
    assert tstr(table[:1], table[50:], 2, learners=["forest"], n_bootstrap=2).n_train == 1


def test_intervals_hold_the_figures_and_shrink_with_the_rows(rng):
    train, test = _patients(rng, 300), _patients(rng, 1600)
    large, small = tstr(train, test, "outcome"), tstr(train, test[:100], "outcome")
    for result in (large, small):
        for learner, figures in result.per_learner.items():
            for name, value in figures.items():
                low, high = result.intervals[learner][name]
                assert low <= value <= high
    widths = [np.ptp(result.score_interval) for result in (large, small)]
    assert 2.5 < widths[1] / widths[0] < 6  # a factor of 4 is expected of 16 times the rows
    low, high = small.score_interval
    assert low < large.score < high
    nothing = tstr(train, test, "outcome", n_bootstrap=0)
    assert nothing.mean == large.mean
    assert np.isnan(nothing.score_interval).all()


def test_trtr_is_tstr_of_real_rows_and_trts_is_tested_on_synthetic_ones(rng):
    real, test = _patients(rng, 200), _patients(rng, 100)
    synthetic = _patients(rng, 300).assign(outcome="no")
    assert trtr(real, test, "outcome", n_bootstrap=5, random_state=2) == tstr(
        real, test, "outcome", n_bootstrap=5, random_state=2
    )
    result = trts(real, synthetic, "outcome")
    assert (result.n_train, result.n_test) == (200, 300)
    assert set(result.per_class["forest"]) == {"no"}
    assert 0.3 < result.mean["accuracy"] < 0.7
    assert trts(real, test, "outcome", n_bootstrap=0).score == pytest.approx(tstr(real, test, "outcome").score)


def test_the_real_table_says_what_the_columns_are(rng):
    real = _patients(rng, 200)
    stored = real.assign(age=real["age"].astype(object), outcome=real["outcome"].map({"no": 0.0, "yes": 1.0}))
    integers = real.assign(outcome=real["outcome"].map({"no": 0, "yes": 1}))
    labels = trts(integers, stored, "outcome", learners=["linear"]).per_class["linear"]
    assert sorted(map(repr, labels)) == ["0", "1"]
    with pytest.raises(SchemaMismatchError, match="'age' of test holds values that are not numbers"):
        trts(real, real.assign(age="old"), "outcome")


def test_rows_of_a_lost_class_are_a_gain(rng):
    real, test, more = (_patients(rng, n, labels=("low", "middle", "high")) for n in (150, 300, 200))
    few = real[real["outcome"] != "high"]
    result = augmentation_gain(few, more[more["outcome"] == "high"], test, "outcome")
    assert result.score == pytest.approx(result.augmented.score - result.real.score)
    low, high = result.score_interval
    assert 0.15 < low < result.score < high
    assert (result.real.n_train, result.augmented.n_train) == (len(few), len(few) + (more["outcome"] == "high").sum())
    assert result.real.per_class["linear"]["high"]["recall"] == 0
    assert result.augmented.per_class["linear"]["high"]["recall"] > 0.4
    assert result.real == tstr(few, test, "outcome")


def test_rows_without_a_rule_are_a_loss_and_more_of_the_same_is_neither(rng):
    x = rng.normal(size=900)
    table = pd.DataFrame({"x": x, "y": 2 * x + rng.normal(size=900)})
    train, test, same = table[:300], table[300:600], table[600:]
    shuffled = same.assign(y=rng.permutation(same["y"]))
    loss = augmentation_gain(train, shuffled, test, "y", learners=["linear"])
    assert loss.score_interval[1] < 0 < loss.gain_intervals["rmse"][0]
    none = augmentation_gain(train, same, test, "y", learners=["linear"])
    low, high = none.score_interval
    assert low < 0 < high
    # Paired: the interval of the difference is much narrower than either figure's own.
    assert high - low < np.ptp(none.real.score_interval) / 4


def test_the_gain_is_paired_whatever_the_random_state(rng):
    train, test = _patients(rng, 100), _patients(rng, 80)
    for random_state in (0, np.random.RandomState(3), None):
        result = augmentation_gain(train, train, test, "outcome", learners=["linear"], random_state=random_state)
        assert np.ptp(result.score_interval) < np.ptp(result.real.score_interval)


def test_xgboost_is_imported_late():
    code = "import sys, skgensynth.metrics; print('xgboost' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "False"
