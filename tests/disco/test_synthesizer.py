from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgensynth import DiscoTabSynthesizer, score_privacy, score_utility


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return train_test_split(X.iloc[:, :8], y, test_size=0.3, random_state=0, stratify=y)


@pytest.fixture(scope="module")
def fitted(cancer):
    X, _, y, _ = cancer
    return DiscoTabSynthesizer(random_state=0).fit(X, y)


def test_synthetic_rows_train_a_classifier_almost_as_well_as_real_ones(fitted, cancer):
    X, X_test, y, y_test = cancer
    X_new, y_new = fitted.sample(2000)

    def score(features, labels):
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(features, labels).score(X_test, y_test)

    assert score(X_new, y_new) > score(X, y) - 0.04
    assert y_new.mean() == pytest.approx(y.mean(), abs=0.04)


def test_no_row_is_a_copy(fitted, cancer):
    X, _, y, _ = cancer
    X_new, y_new = fitted.sample(5000)

    both = pd.concat([X.assign(y=y), X_new.assign(y=y_new)])

    assert not both.duplicated().iloc[len(X) :].any()


def test_threads_do_not_change_the_rows(cancer):
    X, _, y, _ = cancer
    first, second = (DiscoTabSynthesizer(n_epochs=2, n_jobs=n, random_state=0).fit(X, y).sample(20)[0] for n in (1, 2))

    pd.testing.assert_frame_equal(first, second)


def test_search_over_settings_with_both_scores_in_two_processes(cancer):
    X, _, y, _ = cancer
    search = GridSearchCV(
        DiscoTabSynthesizer(random_state=0),
        {"n_epochs": [1, 30]},
        scoring={"utility": score_utility, "privacy": score_privacy},
        refit="utility",
        cv=2,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)

    assert search.best_params_ == {"n_epochs": 30}
    assert (search.cv_results_["mean_test_privacy"] <= 1).all()
    assert (search.cv_results_["mean_test_privacy"] > 0.8).all()


def test_results_of_a_search_do_not_depend_on_the_number_of_processes(cancer):
    X, _, y, _ = cancer
    synthesizer = DiscoTabSynthesizer(n_epochs=2, random_state=0)
    one, two = (
        cross_validate(synthesizer, X, y, scoring=score_privacy, cv=2, n_jobs=n, error_score="raise")["test_score"]
        for n in (1, 2)
    )

    assert np.array_equal(one, two)


def test_settings_reach_the_policy(cancer):
    X, _, y, _ = cancer
    synthesizer = DiscoTabSynthesizer(
        n_epochs=3, batch_size=64, learning_rate=1e-3, policy_params={"n_members": 2}, random_state=0
    ).fit(X, y)

    assert len(synthesizer.history_) == 3
    assert synthesizer.policy_.network_.settings.n_members == 2
    assert (synthesizer.policy_.batch_size, synthesizer.policy_.learning_rate) == (64, 1e-3)


@pytest.mark.data
def test_heart_failure_keeps_signal_and_secrets(data_folder):
    table = pd.read_csv(data_folder / "heart_failure_clinical_records.csv")
    train, test = train_test_split(table, test_size=0.3, random_state=0, stratify=table["DEATH_EVENT"])
    y, y_test = train.pop("DEATH_EVENT"), test.pop("DEATH_EVENT")

    synthesizer = DiscoTabSynthesizer(random_state=0).fit(train, y)

    assert score_utility(synthesizer, test, y_test) > 0.65
    assert score_privacy(synthesizer, test, y_test) > 0.8
