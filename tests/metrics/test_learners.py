import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from skgensynth.metrics.learners import check_learners, classify, make_learners


class Silent(ClassifierMixin, BaseEstimator):
    """A classifier without any scores."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.where(X[:, 0] > 0, self.classes_[-1], self.classes_[0])


class Broken(Silent):
    """A classifier whose probabilities are no numbers."""

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


@pytest.fixture
def rings(rng):
    """Two classes that no line parts."""
    X = rng.normal(size=(600, 2))
    return X[:300], (np.hypot(*X[:300].T) > 1.2).astype(int), X[300:], (np.hypot(*X[300:].T) > 1.2).astype(int)


def _svm(task, X):
    return make_learners(["svm"], task, X, seed=0, n_jobs=1)["svm"]


def test_the_approximate_svm_is_about_as_good_as_the_exact_one(rings, monkeypatch):
    X, y, X_test, y_test = rings
    exact = _svm("classification", X)
    assert isinstance(exact, SVC)
    monkeypatch.setattr("skgensynth.metrics.learners._MAX_KERNEL_ROWS", 299)
    approximate = _svm("classification", X)
    assert [name for name, _ in approximate.steps] == ["nystroem", "linearsvc"]
    accuracies = [svm.fit(X, y).score(X_test, y_test) for svm in (exact, approximate)]
    assert min(accuracies) > 0.93
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.03)


@pytest.mark.parametrize("most", [5000, 299])
def test_the_svm_of_a_regression_does_not_care_for_the_unit(rings, monkeypatch, most):
    monkeypatch.setattr("skgensynth.metrics.learners._MAX_KERNEL_ROWS", most)
    X, _, X_test, _ = rings
    y, y_test = np.sin(2 * X[:, 0]), np.sin(2 * X_test[:, 0])
    scores = [_svm("regression", X).fit(X, unit * y).score(X_test, unit * y_test) for unit in (1e-3, 1.0, 1e6)]
    assert min(scores) > 0.95
    assert scores == pytest.approx([scores[0]] * 3, abs=1e-3)


def test_the_svm_gives_scores_for_every_class(rings):
    X, _, X_test, _ = rings
    y, y_test = np.digitize(X[:, 0], [-0.5, 0.5]), np.digitize(X_test[:, 0], [-0.5, 0.5])
    predicted, scores = classify(_svm("classification", X), X, y, X_test, 3)
    assert (predicted == y_test).mean() > 0.9
    assert (scores.argmax(axis=1) == predicted).all()


@pytest.mark.parametrize("learner", [KNeighborsClassifier(), Perceptron(), LogisticRegression()])
def test_scores_of_classes_that_were_not_trained_on_are_all_equal(rings, learner):
    X, y, X_test, _ = rings
    predicted, scores = classify(learner, X, 2 * y + 1, X_test, 5)
    assert set(predicted) <= {1, 3}
    assert (scores[:, [0, 2, 4]] == 0).all()
    assert np.corrcoef(scores[:, 1], scores[:, 3])[0, 1] == pytest.approx(-1)


def test_one_class_is_predicted_without_a_learner(rings):
    X, y, X_test, _ = rings
    predicted, scores = classify(LogisticRegression(), X, np.full_like(y, 2), X_test, 3)
    assert (predicted == 2).all()
    assert (scores == [0, 0, 1]).all()


@pytest.mark.parametrize("learner", [Silent(), Broken()])
def test_learners_without_scores_have_none(rings, learner):
    X, y, X_test, _ = rings
    predicted, scores = classify(learner, X, y, X_test, 2)
    assert set(predicted) == {0, 1}
    assert np.isnan(scores).all()


def test_estimators_are_cloned_and_seeded_where_they_are_not(rings):
    X, *_ = rings
    given = {
        "forest": RandomForestClassifier(),
        "seeded": RandomForestClassifier(random_state=3),
        "bags": make_pipeline(BaggingClassifier(DecisionTreeClassifier())),
        "neighbours": KNeighborsClassifier(),
    }
    made = make_learners(given, "classification", X, seed=11, n_jobs=1)
    assert list(made) == list(given)
    assert made["forest"].random_state == 11
    assert made["seeded"].random_state == 3
    parameters = made["bags"].get_params()
    assert parameters["baggingclassifier__random_state"] == 11
    assert parameters["baggingclassifier__estimator__random_state"] == 11
    assert given["forest"].random_state is None
    assert not hasattr(given["neighbours"], "classes_")


def test_unsuitable_learners_are_named():
    check_learners(["svm", "linear"], "regression")
    check_learners({"mine": SVR()}, "regression")
    with pytest.raises(ValueError, match=r"learners must be some of .*'svm'.*got \['mlp'\]"):
        check_learners(["mlp"], "classification")
    for bad in ([], "svm"):
        with pytest.raises(ValueError, match="learners must be some of"):
            check_learners(bad, "classification")
    with pytest.raises(ValueError, match="learners is empty"):
        check_learners({}, "classification")
    with pytest.raises(ValueError, match="'line' is a LinearRegression, which does no classification"):
        check_learners({"line": LinearRegression()}, "classification")
    with pytest.raises(ValueError, match="'trees' is a RandomForestClassifier, which does no regression"):
        check_learners({"near": KNeighborsRegressor(), "trees": RandomForestClassifier()}, "regression")
    for bad in (SVC, "svm"):
        with pytest.raises(TypeError, match="'mine' must be an estimator with fit and predict"):
            check_learners({"mine": bad}, "classification")
