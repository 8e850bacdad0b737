from collections import Counter

import numpy as np
import pytest
from common.augmented import TOY, kept_rows
from common.keeper import RowKeeper
from common.tables import mixed_table, number_table
from imblearn.pipeline import make_pipeline as make_sampling_pipeline
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from skgensynth import AugmentedClassifier, AugmentedRegressor
from skgensynth.exceptions import SchemaError


@pytest.mark.parametrize(
    ("ratio", "sizes"),
    [
        (1.0, {"a": 40, "b": 40, "c": 40}),
        (0.5, {"a": 40, "b": 25, "c": 20}),
        (0.51, {"a": 40, "b": 25, "c": 20}),
        (0.1, {"a": 40, "b": 25, "c": 7}),
    ],
)
def test_smaller_classes_are_filled_up_to_a_share_of_the_largest(ratio, sizes):
    X, _ = number_table(72)
    y = np.repeat(["a", "b", "c"], [40, 25, 7])
    model = AugmentedClassifier(RowKeeper(), TOY, ratio=ratio).fit(X, y)
    assert Counter(model.estimator_.y_) == sizes
    assert model.n_synthetic_ == sum(sizes.values()) - 72


@pytest.mark.parametrize(("ratio", "n_synthetic"), [(1.0, 72), (2.5, 180), (30, 2160), (0.001, 0)])
def test_all_classes_get_ratio_rows_for_each_real_row_and_keep_their_shares(ratio, n_synthetic):
    X, _ = number_table(72)
    y = np.repeat(["a", "b", "c"], [40, 25, 7])
    model = AugmentedClassifier(RowKeeper(), TOY, where="all", ratio=ratio).fit(X, y)
    assert model.n_synthetic_ == len(model.estimator_.y_) - 72 == n_synthetic
    new = Counter(model.estimator_.y_[72:])
    for label, count in Counter(y).items():
        expected = ratio * count
        assert abs(new[label] - expected) <= 4 * np.sqrt(expected) + 1


def test_does_what_a_synthesizer_does_in_imbalanced_learns_pipeline():
    X, y = mixed_table()
    pipeline = make_sampling_pipeline(clone(TOY).set_params(sampling_strategy=0.6), RowKeeper()).fit(X, y)
    X_all, y_all, _ = kept_rows(X, y, ratio=0.6)
    assert_frame_equal(X_all, pipeline[-1].X_)
    assert_series_equal(y_all, pipeline[-1].y_)


def test_classes_stay_classes_even_if_they_are_many_numbers():
    X, _ = number_table(60)
    y = np.repeat(np.arange(30), 2) * 1.0
    _, y_all, _ = kept_rows(X, y, where="all", ratio=5)
    assert set(y_all[60:]) == set(np.arange(30.0))
    y[:30] = 0
    assert Counter(kept_rows(X, y)[1]) == dict.fromkeys(np.unique(y), 30)


def test_synthetic_rows_weigh_as_the_real_rows_of_their_class():
    X, y = number_table(100)
    n_rare = int(y.sum())
    weights = np.where(y == 1, 3.0, 1.0)
    weights[np.flatnonzero(y == 1)[:2]] = [2.0, 4.0]
    _, y_all, extended = kept_rows(X, y, weights)
    np.testing.assert_array_equal(extended[:100], weights)
    np.testing.assert_array_equal(extended[100:], np.full(100 - 2 * n_rare, 3.0))
    _, y_all, extended = kept_rows(X, y, weights, where="all")
    np.testing.assert_array_equal(extended[100:], np.where(y_all[100:] == 1, 3.0, 1.0))


def test_predictions_are_the_estimators():
    X, y = mixed_table()
    X = X[["age", "bmi"]].fillna(0)
    model = AugmentedClassifier(LogisticRegression(max_iter=1000), TOY).fit(X, y)
    for method in ("predict", "predict_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(model, method)(X), getattr(model.estimator_, method)(X))
    assert list(model.classes_) == ["alive", "died"]


def test_methods_are_there_if_the_estimator_has_them():
    X, y = number_table(60)
    for model in (AugmentedClassifier(LinearSVC(), TOY), AugmentedClassifier(LinearSVC(), TOY).fit(X, y)):
        assert hasattr(model, "decision_function")
        assert not hasattr(model, "predict_proba")
    assert hasattr(AugmentedClassifier(), "predict_proba")
    assert not hasattr(AugmentedRegressor(), "predict_proba")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"where": "majority"}, "'where' parameter of AugmentedClassifier must be a str among"),
        ({"ratio": 1.5}, "'ratio' parameter of AugmentedClassifier.*at most 1 with where='minority'.*Got 1.5"),
    ],
)
def test_parameters_of_the_classifier_are_checked_at_fit(parameters, message):
    with pytest.raises(ValueError, match=message):
        AugmentedClassifier(LogisticRegression(), TOY, **parameters).fit(*number_table(40))


def test_one_class_is_refused():
    model = AugmentedClassifier(LogisticRegression(), TOY)
    with pytest.raises(SchemaError, match=r"y has one class only, .*AugmentedClassifier needs two or more"):
        model.fit(number_table(40)[0], np.ones(40))
    with pytest.raises(NotFittedError):
        model.predict(number_table(40)[0])


def test_numbers_are_no_classes():
    X, _ = number_table(40)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        AugmentedClassifier(LogisticRegression(), TOY).fit(X, X[:, 0])
