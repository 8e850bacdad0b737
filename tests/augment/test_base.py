import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from common.augmented import TOY, kept_rows
from common.keeper import RowKeeper
from common.tables import mixed_table, number_table
from common.toy import MarginalsSynthesizer
from imblearn.over_sampling import SMOTE
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgensynth import AugmentedClassifier, AugmentedRegressor, DiscoTabSynthesizer

MODELS = [
    AugmentedClassifier(LogisticRegression(), TOY),
    AugmentedClassifier(DecisionTreeClassifier(random_state=0), TOY, where="all", ratio=0.2),
    AugmentedRegressor(Ridge(), TOY, ratio=0.2),
]
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "the synthesizer learns each row once, whatever its weight",
}


# The suite -----------------------------------------------------------------------------------------------------------


@parametrize_with_checks(MODELS, expected_failed_checks=lambda model: EXPECTED_FAILURES)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", ["check_dataframe_column_names_consistency", "check_param_validation"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_passes_the_checks_that_no_suite_runs(model, check):
    getattr(estimator_checks, check)(type(model).__name__, model)


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
    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["code", "sex", "size"]))
    model = AugmentedClassifier(make_pipeline(columns, LogisticRegression()), TOY).fit(X, y)
    assert model.n_synthetic_ == 62
    assert model.predict_proba(X).shape == (120, 2)
    assert list(model.feature_names_in_) == list(X.columns)


def test_the_real_rows_of_a_fold_are_its_training_rows():
    X, y = mixed_table()
    folds = cross_validate(
        AugmentedClassifier(RowKeeper(), TOY), X, y, cv=3, return_estimator=True, return_indices=True
    )
    for model, train in zip(folds["estimator"], folds["indices"]["train"], strict=True):
        rows = model.estimator_.X_
        assert_frame_equal(rows.iloc[: len(train)], X.iloc[train].reset_index(drop=True))
        assert model.n_synthetic_ == len(rows) - len(train) > 0


# Weights -------------------------------------------------------------------------------------------------------------


def test_without_weights_the_estimator_gets_none():
    assert kept_rows(*number_table(50))[2] is None
    AugmentedClassifier(KNeighborsClassifier(), TOY).fit(*number_table(50))


def test_rows_without_weight_are_left_out_of_the_synthesizers_training_too():
    X, y = mixed_table()
    weights = np.ones(120)
    weights[::4] = 0
    X.loc[weights == 0, "age"] = 150
    model = AugmentedClassifier(RowKeeper(), TOY).fit(X, y, weights)
    assert_frame_equal(model.estimator_.X_.iloc[:90], X[weights > 0].reset_index(drop=True))
    assert model.estimator_.X_["age"].max() < 90
    again = AugmentedClassifier(RowKeeper(), TOY).fit(X[weights > 0], y[weights > 0])
    assert_frame_equal(model.estimator_.X_, again.estimator_.X_)


def test_weights_may_go_by_the_name_of_a_step():
    X, y = number_table(60)
    model = AugmentedClassifier(make_pipeline(StandardScaler(), RowKeeper()), TOY)
    model.fit(X, y, rowkeeper__sample_weight=np.full(60, 2.0), rowkeeper__note="as it is")
    np.testing.assert_array_equal(model.estimator_[-1].sample_weight_, np.full(60 + model.n_synthetic_, 2.0))
    assert model.estimator_[-1].note_ == "as it is"


def test_other_parameters_cannot_be_given_by_row():
    X, y = number_table(60)
    for note in (np.zeros(60), [0] * 60, pd.Series(np.zeros(60))):
        with pytest.raises(ValueError, match=r"fit parameter 'note' of AugmentedClassifier.*only sample_weight"):
            AugmentedClassifier(RowKeeper(), TOY).fit(X, y, note=note)


def test_an_estimator_without_weights_says_so():
    with pytest.raises(TypeError, match="sample_weight"):
        AugmentedClassifier(KNeighborsClassifier(), TOY).fit(*number_table(60), np.ones(60))


def test_metadata_is_routed_to_the_estimator():
    X, y = number_table(60)
    weights = np.linspace(1, 2, 60)
    with config_context(enable_metadata_routing=True):
        model = AugmentedClassifier(RowKeeper().set_fit_request(sample_weight="importance", note=True), TOY)
        fitted = model.fit(X, y, importance=weights, note="as it is").estimator_
        np.testing.assert_array_equal(fitted.sample_weight_[:60], weights)
        assert fitted.note_ == "as it is"
        folds = cross_validate(model, X, y, cv=2, params={"importance": weights}, return_estimator=True)
        assert folds["estimator"][0].estimator_.sample_weight_.min() >= 1
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            AugmentedClassifier(RowKeeper(), TOY).fit(X, y, sample_weight=weights)


def test_score_is_the_estimators():
    X, y = number_table(60)
    weights = np.where(y == 1, 5.0, 1.0)
    model = AugmentedClassifier(LogisticRegression(), TOY).fit(X, y)
    assert model.score(X, y) == model.estimator_.score(X, y)
    weighted = model.score(X, y, sample_weight=weights)
    assert weighted == model.estimator_.score(X, y, weights) != model.score(X, y)
    with config_context(enable_metadata_routing=True):
        asks = AugmentedClassifier(LogisticRegression().set_score_request(sample_weight=True), TOY).fit(X, y)
        assert asks.score(X, y, sample_weight=weights) == weighted


# Delegation ----------------------------------------------------------------------------------------------------------


def test_tags_are_the_estimators():
    assert get_tags(AugmentedClassifier()).input_tags.allow_nan
    assert not get_tags(AugmentedClassifier(LogisticRegression())).input_tags.allow_nan
    assert not get_tags(AugmentedRegressor(Ridge())).input_tags.sparse
    assert get_tags(AugmentedRegressor(Ridge())).estimator_type == "regressor"


def test_defaults_need_no_choice():
    X, y = number_table(24, n_columns=1)
    model = AugmentedClassifier(random_state=0).fit(X, y)
    assert isinstance(model.estimator_, RandomForestClassifier)
    assert isinstance(model.synthesizer_, DiscoTabSynthesizer)
    assert isinstance(AugmentedRegressor(synthesizer=TOY).fit(X, X[:, 0]).estimator_, RandomForestRegressor)


# Seeds and copies ----------------------------------------------------------------------------------------------------


def test_random_state_seeds_both_parts():
    X, y = number_table(60)
    parts = RandomForestClassifier(n_estimators=3), MarginalsSynthesizer()
    first, again, other = (AugmentedClassifier(*parts, random_state=seed).fit(X, y) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))
    assert first.estimator_.random_state != other.estimator_.random_state
    assert parts[1].random_state is None


def test_without_random_state_the_parts_keep_theirs():
    X, y = number_table(60)
    model = AugmentedClassifier(RandomForestClassifier(n_estimators=3, random_state=5), TOY).fit(X, y)
    assert (model.estimator_.random_state, model.synthesizer_.random_state) == (5, 0)


def test_fit_leaves_its_parts_and_the_table_alone():
    X, y = mixed_table()
    X_before, y_before = X.copy(), y.copy()
    estimator, synthesizer = RowKeeper(), clone(TOY)
    before = synthesizer.get_params()
    AugmentedClassifier(estimator, synthesizer).fit(X, y)
    assert synthesizer.get_params() == before
    assert not hasattr(estimator, "X_")
    with pytest.raises(NotFittedError):
        synthesizer.sample()
    assert_frame_equal(X, X_before)
    assert_series_equal(y, y_before)


def test_pickles_predict_the_same_and_hold_no_rows_of_the_synthesizer():
    X, y = number_table(60)
    model = AugmentedClassifier(LogisticRegression(), TOY).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert not hasattr(copy.synthesizer_, "_training_values")
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def test_searches_give_the_same_wherever_they_run():
    X, y = (rows[::3] for rows in load_iris(return_X_y=True))
    policy_params = {"n_members": 2, "width": 8, "target_temperature": 1.0, "n_target_trees": 0}
    synthesizer = DiscoTabSynthesizer(learning_rate=0.1, batch_size=8, policy_params=policy_params, feedback=None)
    model = AugmentedClassifier(LogisticRegression(max_iter=1000), synthesizer, where="all", random_state=0)
    grid = {"synthesizer__n_epochs": [1, 8], "estimator__C": [0.1, 1.0]}
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    scores = []
    for backend, n_jobs in (("sequential", 1), ("threading", 2), ("loky", 2)):
        search = GridSearchCV(
            model, grid, scoring="neg_log_loss", cv=folds, refit=False, error_score="raise", n_jobs=n_jobs
        )
        with joblib.parallel_backend(backend):
            scores.append(search.fit(X, y).cv_results_["mean_test_score"])
    assert len(set(scores[0])) == 4
    np.testing.assert_array_equal(scores[1], scores[0])
    np.testing.assert_array_equal(scores[2], scores[0])


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_cross_validation_gives_the_same_wherever_it_runs(backend):
    X, y = number_table(90)
    model = AugmentedClassifier(LogisticRegression(), TOY)
    alone = cross_val_score(model, X, y, cv=3, scoring="neg_log_loss", error_score="raise")
    with joblib.parallel_backend(backend):
        scores = cross_val_score(model, X, y, cv=3, scoring="neg_log_loss", error_score="raise", n_jobs=2)
    np.testing.assert_array_equal(scores, alone)


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ratio": 0}, "'ratio' parameter of AugmentedClassifier must be a float in the range"),
        ({"ratio": -1.0}, "'ratio' parameter"),
        ({"ratio": np.nan}, "'ratio' parameter"),
        ({"estimator": StandardScaler()}, "'estimator' parameter.*implementing 'fit' and 'predict'.*"),
        ({"estimator": "forest"}, "'estimator' parameter"),
        ({"synthesizer": SMOTE()}, "'synthesizer' parameter.*BaseSynthesizer"),
        ({"synthesizer": KMeans()}, "'synthesizer' parameter"),
        ({"random_state": "a"}, "'random_state' parameter"),
    ],
)
def test_parameters_are_checked_at_fit(parameters, message):
    model = AugmentedClassifier(**{"estimator": LogisticRegression(), "synthesizer": TOY, **parameters})
    with pytest.raises(ValueError, match=message):
        model.fit(*number_table(40))


X_GOOD, Y_GOOD = number_table(40)
BAD_TABLES = {
    "missing target": (X_GOOD, np.where(Y_GOOD == 1, None, "a"), "y has .* missing values"),
    "infinite target": (X_GOOD, np.where(Y_GOOD == 1, np.inf, 0.0), "y contains infinity"),
    "two targets": (X_GOOD, np.column_stack([Y_GOOD, 1 - Y_GOOD]), "y must have one dimension"),
    "short target": (X_GOOD, Y_GOOD[:-1], "inconsistent"),
    "sparse table": (csr_array(X_GOOD), Y_GOOD, "sparse"),
    "one dimension": (X_GOOD[:, 0], Y_GOOD, "2D"),
    "infinite values": (np.where(X_GOOD > 1, np.inf, X_GOOD), Y_GOOD, "column '0'.*infinite"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables_are_refused(case):
    X, y, message = BAD_TABLES[case]
    model = AugmentedClassifier(LogisticRegression(), TOY)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X_GOOD)


@pytest.mark.filterwarnings("ignore::skgensynth.exceptions.IdentifierWarning")
@pytest.mark.parametrize("cls", [AugmentedClassifier, AugmentedRegressor])
def test_a_synthesizer_that_drops_columns_is_refused(cls):
    X = pd.DataFrame({"id": [f"P{1000 + 7 * row}" for row in range(40)], "a": X_GOOD[:, 0]})
    model = cls(RowKeeper(), clone(TOY).set_params(identifiers="drop"))
    with pytest.raises(ValueError, match=r"'synthesizer' parameter has identifiers='drop'.*lack 'id'"):
        model.fit(X, Y_GOOD)
    model.set_params(synthesizer__identifiers="regenerate").fit(X, Y_GOOD)
    assert list(model.estimator_.X_.columns) == ["id", "a"]
    model.set_params(synthesizer__identifiers="drop").fit(X[["a"]], Y_GOOD)
