import pickle
from collections import Counter

import joblib
import numpy as np
import pandas as pd
import pytest
from common.keeper import RowKeeper
from common.tables import mixed_table, number_table
from common.toy import MarginalsSynthesizer
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_sampling_pipeline
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgensynth import AugmentedClassifier, AugmentedRegressor, DiscoTabSynthesizer
from skgensynth.exceptions import SchemaError

TOY = MarginalsSynthesizer(random_state=0)
MODELS = [
    AugmentedClassifier(LogisticRegression(), TOY),
    AugmentedClassifier(DecisionTreeClassifier(random_state=0), TOY, where="all", ratio=0.2),
    AugmentedRegressor(Ridge(), TOY, ratio=0.2),
]
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "the synthesizer learns each row once, whatever its weight",
}


def kept_rows(X, y, weights=None, **parameters):
    """What the estimator of an augmented classifier is fitted on."""
    model = AugmentedClassifier(RowKeeper(), TOY, **parameters).fit(X, y, weights)
    return model.estimator_.X_, model.estimator_.y_, model.estimator_.sample_weight_


# The suite -----------------------------------------------------------------------------------------------------------


@parametrize_with_checks(MODELS, expected_failed_checks=lambda model: EXPECTED_FAILURES, xfail_strict=True)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", ["check_dataframe_column_names_consistency", "check_param_validation"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_passes_the_checks_that_no_suite_runs(model, check):
    getattr(estimator_checks, check)(type(model).__name__, model)


# How many rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "ratio", "sizes"),
    [
        ("minority", 1.0, {"a": 40, "b": 40, "c": 40}),
        ("minority", 0.5, {"a": 40, "b": 25, "c": 20}),
        ("minority", 0.1, {"a": 40, "b": 25, "c": 7}),
        ("all", 1.0, {"a": 80, "b": 50, "c": 14}),
        ("all", 2.5, {"a": 140, "b": 87, "c": 25}),
        ("all", 0.001, {"a": 40, "b": 25, "c": 7}),
    ],
)
def test_classes_get_the_rows_that_where_and_ratio_ask_for(where, ratio, sizes):
    X, _ = number_table(72)
    y = np.repeat(["a", "b", "c"], [40, 25, 7])
    model = AugmentedClassifier(RowKeeper(), TOY, where=where, ratio=ratio).fit(X, y)
    assert Counter(model.estimator_.y_) == sizes
    assert model.n_synthetic_ == sum(sizes.values()) - 72


def test_does_what_a_synthesizer_does_in_imbalanced_learns_pipeline():
    X, y = mixed_table()
    pipeline = make_sampling_pipeline(clone(TOY).set_params(sampling_strategy=0.6), RowKeeper()).fit(X, y)
    X_all, y_all, _ = kept_rows(X, y, ratio=0.6)
    assert_frame_equal(X_all, pipeline[-1].X_)
    assert_series_equal(y_all, pipeline[-1].y_)


def test_classes_stay_classes_even_if_they_are_many_numbers():
    X, _ = number_table(60)
    y = np.repeat(np.arange(30), 2) * 1.0
    _, y_all, _ = kept_rows(X, y, where="all", ratio=2)
    assert Counter(y_all) == dict.fromkeys(np.arange(30.0), 6)


def test_a_regressor_gets_ratio_rows_for_each_real_row():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    for ratio, n_synthetic in ((0.5, 221), (2, 884), (0.001, 0)):
        assert AugmentedRegressor(Ridge(), TOY, ratio=ratio).fit(X, y).n_synthetic_ == n_synthetic


# What the estimator gets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y_dtype", ["category", "string", "object", "Int64", "boolean", "int8", bool])
def test_frames_keep_their_dtypes_and_levels(y_dtype):
    X, y = mixed_table()
    X.index = X.index[::-1] + 5
    y = (y if y_dtype in ("category", "string", "object") else y == "died").astype(y_dtype)
    X_all, y_all, _ = kept_rows(X, y)
    assert len(X_all) == len(y_all) == 182
    assert_frame_equal(X_all.iloc[:120], X.reset_index(drop=True))
    assert_series_equal(y_all.iloc[:120], y.reset_index(drop=True))
    assert list(X_all["size"].cat.categories) == ["S", "M", "L", "XL"]
    assert X_all["size"].cat.ordered
    assert X_all["visits"].isna().sum() > X["visits"].isna().sum()


def test_a_regressors_frame_and_target_keep_their_dtypes():
    X, _ = mixed_table()
    y = X.pop("age")
    estimator = RowKeeper()
    fitted = AugmentedRegressor(estimator, TOY).fit(X, y).estimator_
    assert_series_equal(fitted.X_.dtypes, X.dtypes)
    assert (fitted.y_.name, fitted.y_.dtype, len(fitted.y_)) == ("age", np.int16, 240)
    assert fitted.y_.between(y.min(), y.max()).all()
    assert not hasattr(estimator, "X_")


def test_arrays_and_lists_stay_what_they_are():
    X, y = number_table(40)
    X_all, y_all, _ = kept_rows(X.astype(np.float32), y.astype(np.int8))
    assert (X_all.dtype, y_all.dtype) == (np.float32, np.int8)
    X_all, y_all, _ = kept_rows(X.tolist(), y.tolist())
    assert isinstance(X_all, list)
    assert isinstance(y_all, list)
    assert X_all[:40] == X.tolist()


def test_a_target_of_one_column_is_taken_with_the_usual_warning():
    X, y = mixed_table()
    with pytest.warns(UserWarning, match="column-vector y"):
        _, y_all, _ = kept_rows(X, y.astype("category").to_frame())
    assert_series_equal(y_all, kept_rows(X, y.astype("category"))[1])


def test_a_pipeline_prepares_mixed_columns():
    X, y = mixed_table()
    numbers, strings = make_column_selector(dtype_include="number"), make_column_selector(dtype_include=["object", "str"])
    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["code", "sex", "size"]))
    assert numbers(X)
    assert strings(X)
    model = AugmentedClassifier(make_pipeline(columns, LogisticRegression()), TOY).fit(X, y)
    assert model.n_synthetic_ == 62
    assert model.predict_proba(X).shape == (120, 2)
    assert list(model.feature_names_in_) == list(X.columns)
