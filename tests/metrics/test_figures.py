import numpy as np
import pytest
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

from skgensynth.metrics.figures import (
    class_figures,
    classification_figures,
    interval,
    regression_figures,
    sample_weights,
)


def _predictions(rng, n, n_classes):
    """Classes of unequal size, rounded scores so that there are ties."""
    y = rng.choice(n_classes, n, p=np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum())
    scores = (rng.random((n, n_classes)) + 0.7 * np.eye(n_classes)[y]).round(1)
    return y, scores.argmax(axis=1), scores


@pytest.mark.parametrize("n_classes", [2, 4])
def test_every_sample_has_the_figures_of_scikit_learn_on_its_rows(rng, n_classes):
    y, predicted, scores = _predictions(rng, 90, n_classes)
    weights = np.stack([np.ones(90, int), *rng.integers(0, 4, (5, 90))])
    figures = classification_figures(y, predicted, scores, weights)
    by_class = class_figures(y, predicted, n_classes, weights)
    for sample, counts in enumerate(weights):
        true, said, score = (np.repeat(values, counts, axis=0) for values in (y, predicted, scores))
        labels = np.unique(true)
        expected = {
            "macro_f1": f1_score(true, said, labels=labels, average="macro", zero_division=0),
            "weighted_f1": f1_score(true, said, labels=labels, average="weighted", zero_division=0),
            "auc": np.mean([roc_auc_score(true == label, score[:, label]) for label in labels]),
            "accuracy": accuracy_score(true, said),
            "balanced_accuracy": balanced_accuracy_score(true, said),
        }
        assert {name: values[sample] for name, values in figures.items()} == pytest.approx(expected)
        everything = {"labels": range(n_classes), "average": None, "zero_division": 0}
        np.testing.assert_allclose(by_class["recall"][sample], recall_score(true, said, **everything))
        np.testing.assert_allclose(by_class["precision"][sample], precision_score(true, said, **everything))
        np.testing.assert_allclose(by_class["support"][sample], np.bincount(true, minlength=n_classes))


def test_regression_has_the_figures_of_scikit_learn(rng):
    y = rng.normal(1e9, 5, 60)
    predicted = y + rng.normal(0, 2, 60)
    weights = np.stack([np.ones(60, int), *rng.integers(0, 4, (5, 60))])
    figures = regression_figures(y, predicted, weights)
    for sample, counts in enumerate(weights):
        true, said = np.repeat(y, counts), np.repeat(predicted, counts)
        assert figures["r2"][sample] == pytest.approx(r2_score(true, said))
        assert figures["rmse"][sample] == pytest.approx(np.sqrt(mean_squared_error(true, said)))


def test_a_constant_target_follows_the_convention_of_scikit_learn():
    y, weights = np.full(7, 0.1), np.ones((1, 7))
    assert regression_figures(y, y, weights)["r2"] == 1
    assert regression_figures(y, y + 1, weights)["r2"] == 0


def test_what_is_undefined_is_nan():
    y, weights = np.array([0, 0, 1]), np.array([[1.0, 1.0, 1.0], [2.0, 1.0, 0.0]])
    scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    figures = classification_figures(y, np.array([0, 0, 1]), scores, weights)
    np.testing.assert_array_equal(figures["auc"], [1, np.nan])
    np.testing.assert_array_equal(figures["macro_f1"], [1, 1])
    assert np.isnan(classification_figures(y, y, np.full((3, 2), np.nan), weights)["auc"]).all()
    broken = regression_figures(np.arange(3.0), np.array([0, np.inf, np.nan]), weights)
    assert np.isnan(broken["r2"]).all()
    assert np.isnan(broken["rmse"]).all()


def test_scores_at_infinity_are_ordered_like_any_other():
    y, weights = np.array([0, 1, 1]), np.ones((1, 3))
    scores = np.column_stack([[np.inf, -np.inf, -np.inf], [-np.inf, np.inf, np.inf]])
    assert classification_figures(y, y, scores, weights)["auc"] == 1


def test_weights_are_draws_with_replacement_after_the_rows_as_they_are(monkeypatch):
    monkeypatch.setattr("skgensynth.metrics.figures._MAX_CELLS", 100)
    chunks = list(sample_weights(20, 43, seed=1))
    weights = np.concatenate(chunks)
    assert max(len(chunk) for chunk in chunks) == 5
    assert weights.shape == (44, 20)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 20).all()
    assert weights[1:].var() == pytest.approx(1, abs=0.2)  # a binomial of 20 draws at 1 / 20
    np.testing.assert_array_equal(weights, np.concatenate(list(sample_weights(20, 43, seed=1))))
    assert len(list(sample_weights(20, 0, seed=1))) == 1


def test_an_interval_holds_the_middle_of_what_is_defined():
    values = np.concatenate([np.arange(1001.0), [np.nan, -np.inf]])
    assert interval(values) == pytest.approx((25, 975))
    assert np.isnan(interval(np.array([np.nan]))).all()
    assert np.isnan(interval(np.array([]))).all()


def test_intervals_cover_the_figure_of_the_source():
    """A classifier that is right on 80 % of all rows, tested on 100 tables of 80 rows."""
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(100):
        y = rng.integers(0, 2, 80)
        predicted = np.where(rng.random(80) < 0.8, y, 1 - y)
        samples = [
            classification_figures(y, predicted, np.eye(2)[predicted], weights)["accuracy"]
            for weights in sample_weights(80, 200, seed)
        ]
        low, high = interval(np.concatenate(samples)[1:])
        covered += low <= 0.8 <= high
    assert 87 <= covered <= 99
