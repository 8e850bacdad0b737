"""A synthesizer as a step between preparation and classifier, in imbalanced-learn's pipeline."""

import joblib
import numpy as np
import pandas as pd
import pytest
from common.keeper import RowKeeper
from common.tables import mixed_table
from imblearn.pipeline import Pipeline
from pandas.testing import assert_frame_equal
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skgensynth import DiscoTabSynthesizer
from skgensynth.exceptions import SchemaError

FOLDS = StratifiedKFold(2, shuffle=True, random_state=0)
RUNS = [("sequential", 1), ("threading", 2), ("loky", 2)]


def prepared(output, classifier, sparse=False):
    """Columns of every sort made numbers, then synthetic rows, then a classifier."""
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "bmi"]),
        (OneHotEncoder(sparse_output=sparse), ["code", "sex"]),
        ("passthrough", ["smoker"]),
        sparse_threshold=1.0,
    ).set_output(transform=output)
    policy_params = {"n_members": 2, "width": 8, "target_temperature": 1.0, "n_target_trees": 0}
    disco = DiscoTabSynthesizer(
        n_epochs=1, batch_size=8, learning_rate=0.1, policy_params=policy_params, feedback=None, random_state=0
    )
    return Pipeline([("columns", columns), ("disco", disco), ("classifier", classifier)])


def rows_of_folds(model, X, y, backend, n_jobs):
    """What the classifier is fitted on in each fold."""
    with joblib.parallel_backend(backend):
        folds = cross_validate(model, X, y, cv=FOLDS, n_jobs=n_jobs, return_estimator=True, error_score="raise")
    return [fitted[-1] for fitted in folds["estimator"]]


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_folds_get_the_same_rows_wherever_they_run(output):
    X, y = mixed_table()
    model = prepared(output, RowKeeper())
    alone, *others = (rows_of_folds(model, X, y, *run) for run in RUNS)
    for rows in alone:
        assert isinstance(rows.X_, pd.DataFrame if output == "pandas" else np.ndarray)
        assert (rows.y_ == "died").sum() == (rows.y_ == "alive").sum()
    for folds in others:
        for one, other in zip(alone, folds, strict=True):
            assert_frame_equal(pd.DataFrame(one.X_), pd.DataFrame(other.X_))
            assert one.y_.tolist() == other.y_.tolist()


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_synthetic_rows_look_like_prepared_ones(output):
    X, y = mixed_table()
    model = prepared(output, RowKeeper()).fit(X, y)
    real, rows = pd.DataFrame(model[0].transform(X)), pd.DataFrame(model[-1].X_)
    assert_frame_equal(rows.iloc[:120], real.reset_index(drop=True))
    new = rows.iloc[120:].to_numpy(dtype=float)
    assert len(new) == 62
    np.testing.assert_array_equal(np.isin(new[:, 2:], [0, 1]), True)
    assert (new[:, :2].min(axis=0) >= real.iloc[:, :2].min()).all()
    assert (new[:, :2].max(axis=0) <= real.iloc[:, :2].max()).all()


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_a_search_over_the_step_gives_the_same_wherever_it_runs(output):
    X, y = mixed_table()
    scores = []
    for backend, n_jobs in RUNS:
        search = GridSearchCV(
            prepared(output, LogisticRegression()),
            {"disco__n_epochs": [1, 2]},
            scoring="neg_log_loss",
            cv=FOLDS,
            refit=False,
            error_score="raise",
            n_jobs=n_jobs,
        )
        with joblib.parallel_backend(backend):
            scores.append(search.fit(X, y).cv_results_["mean_test_score"])
    assert scores[0][0] != scores[0][1]
    np.testing.assert_array_equal(scores[1], scores[0])
    np.testing.assert_array_equal(scores[2], scores[0])


def test_test_folds_are_predicted_as_they_are():
    X, y = mixed_table()
    model = prepared("default", LogisticRegression()).fit(X, y)
    assert model.predict(X).shape == (120,)
    np.testing.assert_array_equal(model.predict(X), model[-1].predict(model[0].transform(X)))


def test_sparse_output_is_refused_with_advice():
    X, y = mixed_table()
    with pytest.raises(SchemaError, match="X is a sparse matrix, but dense data is required"):
        prepared("default", LogisticRegression(), sparse=True).fit(X, y)
