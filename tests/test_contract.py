"""What every synthesizer must honour beyond the suites of scikit-learn and imbalanced-learn."""

import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from common.scripted import SCRIPTED
from common.synthesizers import SYNTHESIZERS, expected_failures, keeping_rows
from common.tables import mixed_table, number_table
from imblearn.pipeline import make_pipeline
from imblearn.utils import estimator_checks as imblearn_checks
from pandas.testing import assert_frame_equal, assert_series_equal
from safetensors import safe_open
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgensynth import BaseSynthesizer
from skgensynth.disco.feedback import discriminators, stage, trees
from skgensynth.exceptions import ConditionError, ModelNotFoundError, SchemaError
from skgensynth.llm import resolve
from skgensynth.mallm import fitting as fitting_module
from skgensynth.prompted import base as prompted_module


@pytest.fixture(autouse=True, scope="module")
def scripted_model():
    """A language model that goes by a name, as those do that can be saved."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (prompted_module, fitting_module):
            patch.setattr(module, "resolve", lambda llm: SCRIPTED if llm == "scripted" else resolve(llm))
        yield


BY_NAME = {type(synthesizer).__name__: synthesizer for synthesizer in SYNTHESIZERS}


@pytest.fixture(scope="module", params=list(BY_NAME))
def unfitted(request):
    return BY_NAME[request.param]


@pytest.fixture
def synthesizer(unfitted):
    return clone(unfitted)


@pytest.fixture(scope="module")
def fitted(unfitted):
    """A synthesizer fitted on the mixed table; not to be changed."""
    return clone(unfitted).fit(*mixed_table())


# The suites ----------------------------------------------------------------------------------------------------------


@parametrize_with_checks(SYNTHESIZERS, expected_failed_checks=expected_failures)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


# What imbalanced-learn's parametrize_with_checks runs, as a list: pytest no longer takes its generator.
IMBLEARN_CHECKS = [
    case
    for synthesizer in SYNTHESIZERS
    for case in imblearn_checks.estimator_checks_generator(
        synthesizer, expected_failed_checks=expected_failures(synthesizer), mark="xfail"
    )
]


@pytest.mark.parametrize(
    ("estimator", "check"), IMBLEARN_CHECKS, ids=lambda case: getattr(getattr(case, "func", None), "__name__", "")
)
def test_passes_the_checks_of_imbalanced_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", ["check_dataframe_column_names_consistency", "check_param_validation"])
def test_passes_the_checks_that_no_suite_runs(unfitted, check):
    getattr(imblearn_checks, check)(type(unfitted).__name__, unfitted)


# What goes in comes back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [1, 2, 137, np.int64(3)])
def test_gives_exactly_the_rows_asked_for(fitted, n_samples):
    X, y = fitted.sample(n_samples)
    assert len(X) == len(y) == n_samples


def test_one_row_is_the_default(fitted):
    X, y = fitted.sample()
    assert len(X) == len(y) == 1


def test_frames_keep_names_order_dtypes_and_levels(fitted):
    X, y = mixed_table()
    X_new, y_new = fitted.sample(300)
    assert_series_equal(X_new.dtypes, X.dtypes)
    assert list(X_new["size"].cat.categories) == ["S", "M", "L", "XL"]
    assert X_new.index.equals(pd.RangeIndex(300))
    assert isinstance(y_new, pd.Series)
    assert (y_new.name, y_new.dtype) == ("outcome", y.dtype)
    assert set(y_new) <= {"alive", "died"}


def test_values_stay_among_those_that_were_seen(fitted):
    X, _ = mixed_table()
    X_new, _ = fitted.sample(300)
    for name in ("age", "bmi", "visits", "seen", "stay"):
        assert X_new[name].dropna().between(X[name].min(), X[name].max()).all()
    assert set(X_new["code"]) <= {"007", "08", "9"}
    np.testing.assert_allclose(X_new["bmi"], X_new["bmi"].round(1))


def test_missing_values_are_learned_and_none_are_invented(fitted):
    X, _ = mixed_table()
    X_new, _ = fitted.sample(500)
    had = X.isna().any()
    assert X_new.loc[:, had].isna().any().all()
    assert not X_new.loc[:, ~had].isna().any().any()


def as_array(X, y):
    return X, y


def as_lists(X, y):
    return X.tolist(), y.tolist()


def as_float32(X, y):
    return X.astype(np.float32), y.astype(np.int32)


def as_objects(X, y):
    return X.round(1).astype(str).astype(object), y.astype(str).astype(object)


def as_frame_and_list(X, y):
    return pd.DataFrame(X, columns=["a", "b", "c"]), y.tolist()


def as_numbered_frame(X, y):
    return pd.DataFrame(X), pd.Series(y)


def as_frames(X, y):
    return pd.DataFrame(X, columns=["a", "b", "c"]), pd.DataFrame({"y": y})


FORMS = [as_array, as_lists, as_float32, as_objects, as_frame_and_list, as_numbered_frame, as_frames]


def assert_alike(new, old):
    """The same container with the same names and dtypes."""
    assert type(new) is type(old)
    if isinstance(old, pd.DataFrame):
        assert_series_equal(new.dtypes, old.dtypes)
        assert new.columns.equals(old.columns)
    elif isinstance(old, list):
        assert type(new[0]) is type(old[0])
    else:
        assert new.dtype == old.dtype
        assert new.ndim == old.ndim


@pytest.mark.parametrize("form", FORMS)
def test_the_container_that_went_in_comes_back(synthesizer, form):
    X, y = form(*number_table(40))
    X_new, y_new = synthesizer.fit(X, y).sample(7)
    assert_alike(X_new, X)
    assert_alike(y_new, y)
    assert np.shape(X_new) == (7, 3)
    assert np.shape(y_new) == (7, *np.shape(y)[1:])


@pytest.mark.parametrize("form", FORMS)
def test_resampling_gives_the_container_that_went_in(synthesizer, form):
    X, y = form(*number_table(40))
    X_all, y_all = synthesizer.fit_resample(X, y)
    assert_alike(X_all, X)
    assert_alike(y_all, y)
    counts = Counter(np.ravel(y_all).tolist())
    assert len(set(counts.values())) == 1


def test_without_a_target_only_features_come_back(synthesizer):
    X, _ = mixed_table(60)
    X_new = synthesizer.fit(X).sample(4)
    assert isinstance(X_new, pd.DataFrame)
    assert X_new.shape == (4, X.shape[1])


def test_a_target_of_numbers_comes_back_as_numbers(synthesizer):
    X, _ = number_table(60)
    y = 10 * X[:, 0] + X[:, 1]
    _, y_new = synthesizer.fit(X, y).sample(50)
    assert y_new.dtype == y.dtype
    assert len(set(y_new)) > 10
    assert y_new.min() >= y.min()
    assert y_new.max() <= y.max()


def test_the_callers_table_is_not_changed(synthesizer):
    X, y = mixed_table(60)
    X_before, y_before = X.copy(), y.copy()
    synthesizer.fit_resample(X, y)
    assert_frame_equal(X, X_before)
    assert_series_equal(y, y_before)


# Seeds ---------------------------------------------------------------------------------------------------------------


def test_an_int_gives_the_same_rows_at_every_call(fitted):
    assert_frame_equal(fitted.sample(20)[0], fitted.sample(20)[0])
    assert_frame_equal(fitted.sample(20, random_state=7)[0], fitted.sample(20, random_state=7)[0])
    assert not fitted.sample(20)[0].equals(fitted.sample(20, random_state=7)[0])


def test_an_int_gives_the_same_model(synthesizer):
    X, y = mixed_table(60)
    first, again = clone(synthesizer).fit(X, y), clone(synthesizer).fit(X, y)
    assert_frame_equal(first.sample(20)[0], again.sample(20)[0])


def test_generators_and_random_states_move_on(fitted):
    for source in (np.random.default_rng(0), np.random.RandomState(0)):
        first, second = fitted.sample(20, random_state=source)[0], fitted.sample(20, random_state=source)[0]
        assert not first.equals(second)
    same = [fitted.sample(20, random_state=np.random.default_rng(0))[0] for _ in range(2)]
    assert_frame_equal(*same)


def test_none_gives_new_rows_at_every_call(synthesizer):
    synthesizer.set_params(random_state=None).fit(*number_table(40))
    assert not np.array_equal(synthesizer.sample(20)[0], synthesizer.sample(20)[0])


def test_the_global_generator_is_left_alone(synthesizer):
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    synthesizer.set_params(random_state=None).fit(*number_table(40)).sample(3)
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


# Conditions ----------------------------------------------------------------------------------------------------------


def test_rows_meet_conditions_on_any_columns(fitted):
    conditions = {"age": (65, None), "sex": "F", "code": {"007", "9"}, "bmi": None, "outcome": "died"}
    X, y = fitted.sample(40, conditions=conditions)
    assert len(X) == 40
    assert (X["age"] >= 65).all()
    assert (X["sex"] == "F").all()
    assert set(X["code"]) <= {"007", "9"}
    assert X["bmi"].isna().all()
    assert (y == "died").all()


def test_nameless_columns_go_by_their_position(synthesizer):
    X, y = number_table(60)
    X_new, y_new = synthesizer.fit(X, y).sample(30, conditions={"0": (0.5, None), "target": 1})
    assert (X_new[:, 0] >= 0.5).all()
    assert (y_new == 1).all()


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ({"agee": 65}, "agee"),
        ({"age": (200, None)}, "age"),
        ({"sex": "X"}, "sex"),
        ({"age": None}, "age"),
        ({"size": "XL"}, "size"),
        ({"outcome": "unknown"}, "outcome"),
        (["age"], "dict"),
    ],
)
def test_impossible_conditions_are_refused_by_name(fitted, conditions, named):
    with pytest.raises(ConditionError, match=named):
        fitted.sample(3, conditions=conditions)


# Bad input -----------------------------------------------------------------------------------------------------------


def test_an_unfitted_synthesizer_says_so(synthesizer, tmp_path):
    with pytest.raises(NotFittedError):
        synthesizer.sample(3)
    with pytest.raises(NotFittedError):
        synthesizer.save(tmp_path)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "a", None, [3]])
def test_n_samples_must_be_a_positive_integer(fitted, n_samples):
    with pytest.raises(ValueError, match="n_samples"):
        fitted.sample(n_samples)


@pytest.mark.parametrize("random_state", [-1, "a", 1.5])
def test_seeds_are_checked(fitted, random_state):
    with pytest.raises(ValueError, match="random_state"):
        fitted.sample(1, random_state=random_state)


GOOD = pd.DataFrame({"a": [1.5, 2.5, 3.5, 4.5], "b": list("xyxy")})
BAD_TABLES = {
    "no rows": (GOOD.iloc[:0], None, "0 sample"),
    "no columns": (GOOD[[]], None, "0 feature"),
    "one dimension": (np.arange(5.0), None, "2D"),
    "duplicate names": (GOOD.set_axis(["a", "a"], axis=1), None, "a"),
    "names of two types": (GOOD.set_axis(["a", 1], axis=1), None, "names"),
    "infinite values": (GOOD.assign(a=[1.5, np.inf, 3.5, 4.5]), None, "'a'.*infinite"),
    "sparse": (csr_array(np.eye(4)), None, "[Ss]parse"),
    "complex": (np.eye(4) * 1j, None, "Complex"),
    "rows of different lengths": ([[1, 2], [3]], None, "length"),
    "missing target": (GOOD, [np.nan] * 4, "target"),
    "partly missing target": (GOOD, ["x", None, "y", "x"], "target"),
    "short target": (GOOD, [0, 1], "inconsistent"),
    "two targets": (GOOD, np.zeros((4, 2)), "y"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables_are_refused_and_leave_nothing_behind(synthesizer, case):
    X, y, message = BAD_TABLES[case]
    with pytest.raises(SchemaError, match=message):
        synthesizer.fit(X, y)
    with pytest.raises(NotFittedError):
        synthesizer.sample()


@pytest.mark.parametrize("identifiers", ["regenerate", "drop"])
def test_identifiers_are_never_copied(synthesizer, identifiers):
    X, y = mixed_table(60)
    X.insert(0, "patient_id", [f"P{1000 + 7 * row}" for row in range(60)])
    synthesizer.set_params(identifiers=identifiers)
    with pytest.warns(UserWarning, match="patient_id"):
        X_new, _ = synthesizer.fit(X, y).sample(30)
    assert ("patient_id" in X_new) == (identifiers == "regenerate")
    if identifiers == "regenerate":
        assert not set(X_new["patient_id"]) & set(X["patient_id"])


def test_identifiers_can_be_refused(synthesizer):
    X, y = mixed_table(60)
    X["patient_id"] = [f"P{1000 + 7 * row}" for row in range(60)]
    with pytest.raises(SchemaError, match="patient_id"):
        synthesizer.set_params(identifiers="refuse").fit(X, y)


@pytest.mark.parametrize(
    "parameters",
    [{"identifiers": "keep"}, {"copies": "maybe"}, {"verbose": -1}, {"random_state": "a"}, {"column_kinds": [1]}],
)
def test_parameters_are_checked_at_fit(synthesizer, parameters):
    synthesizer.set_params(**parameters)
    with pytest.raises(ValueError, match=next(iter(parameters))):
        synthesizer.fit(GOOD)


# Small tables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"a": [1.5], "b": ["x"]}),
        pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "x"]}),
        pd.DataFrame({"a": [3, 3, 3]}),
        pd.DataFrame({"a": list("xyxyxyzz")}),
        pd.DataFrame({"a": np.linspace(0, 1, 37)}),
        pd.DataFrame({"a": [np.nan] * 5, "b": [1, 2, 1, 2, 1]}),
    ],
    ids=["one row", "two rows", "constant", "one category", "one number", "all missing"],
)
def test_tables_that_can_hardly_be_smaller_work(synthesizer, X):
    X_new = synthesizer.fit(X).sample(5)
    assert_series_equal(X_new.dtypes, X.dtypes)
    assert len(X_new) == 5


def test_a_single_class_can_be_learned_but_not_balanced(synthesizer):
    X, _ = number_table(30)
    y = np.ones(30, dtype=int)
    _, y_new = synthesizer.fit(X, y).sample(10)
    assert (y_new == 1).all()
    with pytest.raises(ValueError, match="more than 1 class"):
        synthesizer.fit_resample(X, y)


# Resampling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "alive", "died"),
    [
        ("auto", 91, 91),
        ("minority", 91, 91),
        ("not majority", 91, 91),
        ("not minority", 91, 29),
        ("all", 91, 91),
        (0.5, 91, 45),
        ({"died": 40}, 91, 40),
        (lambda y: {"died": 2 * (y == "died").sum()}, 91, 58),
    ],
)
def test_the_sampling_strategy_means_what_it_does_everywhere(synthesizer, strategy, alive, died):
    X, y = mixed_table()
    assert Counter(y) == {"alive": 91, "died": 29}
    X_all, y_all = synthesizer.set_params(sampling_strategy=strategy).fit_resample(X, y)
    assert Counter(y_all) == {"alive": alive, "died": died}
    assert_frame_equal(X_all.iloc[:120], X)
    assert_series_equal(y_all.iloc[:120], y)
    assert X_all.index.equals(pd.RangeIndex(alive + died))
    assert synthesizer.sampling_strategy_.keys() <= {"alive", "died"}


def test_a_resampler_can_sample_afterwards(synthesizer):
    X, y = mixed_table(60)
    synthesizer.fit_resample(X, y)
    X_new, y_new = synthesizer.sample(5)
    assert_alike(X_new, X)
    assert_alike(y_new, y)


def test_a_target_of_numbers_cannot_be_balanced(synthesizer):
    X, _ = number_table(30)
    with pytest.raises(ValueError, match=r"continuous.*use fit and sample"):
        synthesizer.fit_resample(X, X[:, 0])
    with pytest.raises(ValueError, match="requires y"):
        synthesizer.fit_resample(X, None)


# Copies --------------------------------------------------------------------------------------------------------------


def rows_as_text(X, y):
    return {str(row) for row in X.assign(outcome=y).itertuples(index=False)}


def test_no_training_row_comes_back(fitted):
    assert not rows_as_text(*fitted.sample(600)) & rows_as_text(*mixed_table())


# State ---------------------------------------------------------------------------------------------------------------


def test_fit_changes_no_parameter_and_clone_forgets(synthesizer):
    before = synthesizer.get_params()
    fitted = synthesizer.fit(*number_table(30))
    assert fitted is synthesizer
    assert synthesizer.get_params() == before
    with pytest.raises(NotFittedError):
        clone(synthesizer).sample()


def test_a_second_fit_forgets_the_first(synthesizer):
    X, y = mixed_table(60)
    synthesizer.fit_resample(X, y)
    array = synthesizer.fit(number_table(30)[0]).sample(2)
    assert isinstance(array, np.ndarray)
    assert not hasattr(synthesizer, "feature_names_in_")
    assert not hasattr(synthesizer, "sampling_strategy_")


def test_features_are_recorded(fitted):
    X, _ = mixed_table()
    assert list(fitted.feature_names_in_) == list(X.columns)
    assert fitted.n_features_in_ == X.shape[1]


def test_tags(synthesizer):
    tags = get_tags(synthesizer)
    assert tags.estimator_type == "sampler"
    assert not tags.target_tags.required
    assert not tags.input_tags.sparse
    assert tags.input_tags.string
    assert tags.input_tags.allow_nan
    assert not hasattr(synthesizer, "transform")


def test_repr(synthesizer, fitted):
    name = type(synthesizer).__name__
    assert name in repr(synthesizer)
    for shown in (synthesizer, fitted):
        assert name in shown._repr_html_()


def shapes_in(value, seen=None):
    """Shapes of all arrays and tensors somewhere inside a state."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if hasattr(value, "shape"):
        yield tuple(value.shape)
    elif isinstance(value, dict | list | tuple | set):
        for item in value.values() if isinstance(value, dict) else value:
            yield from shapes_in(item, seen)
    elif hasattr(value, "__dict__"):
        yield from shapes_in(vars(value), seen)


def test_pickles_leave_the_training_rows_out(fitted):
    n_rows = len(fitted._training_values)
    copy = pickle.loads(pickle.dumps(fitted))
    assert not hasattr(copy, "_training_values")
    assert not [shape for shape in shapes_in(vars(copy)) if len(shape) == 2 and shape[0] == n_rows]
    assert fitted._training_values is not None


def test_a_pickled_synthesizer_samples_the_same_rows(unfitted):
    fitted = keeping_rows(unfitted).fit(*mixed_table(60))
    copy = pickle.loads(pickle.dumps(fitted))
    assert_frame_equal(copy.sample(50)[0], fitted.sample(50)[0])


def test_a_loaded_synthesizer_samples_the_same_rows(unfitted, tmp_path):
    fitted = keeping_rows(unfitted).fit(*mixed_table(60))
    fitted.save(tmp_path / "deep" / "model")
    for cls in (type(unfitted), BaseSynthesizer):
        loaded = cls.load(tmp_path / "deep" / "model")
        assert type(loaded) is type(unfitted)
        assert loaded.get_params() == fitted.get_params()
        assert_frame_equal(loaded.sample(50)[0], fitted.sample(50)[0])
        assert_series_equal(loaded.sample(50)[1], fitted.sample(50)[1])
        conditions = {"outcome": "died", "age": (50, None)}
        assert_frame_equal(loaded.sample(9, conditions=conditions)[0], fitted.sample(9, conditions=conditions)[0])
        assert list(loaded.feature_names_in_) == list(fitted.feature_names_in_)
        assert loaded.n_features_in_ == fitted.n_features_in_


def test_a_saved_synthesizer_is_json_and_safetensors_without_training_rows(fitted, tmp_path):
    fitted.save(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors"}
    n_rows = len(fitted._training_values)
    for path in files:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="numpy") as tensors:
                shapes = [tensors.get_slice(name).get_shape() for name in tensors.keys()]  # noqa: SIM118
            assert not [shape for shape in shapes if len(shape) == 2 and shape[0] == n_rows]


def test_saving_again_replaces_the_model(synthesizer, tmp_path):
    synthesizer = keeping_rows(synthesizer)
    synthesizer.fit(*mixed_table(60)).save(tmp_path)
    synthesizer.fit(*number_table(30)).save(tmp_path)
    assert type(synthesizer).load(tmp_path).sample(3)[0].shape == (3, 3)


def test_loading_from_nowhere_says_so(synthesizer, tmp_path):
    with pytest.raises(ModelNotFoundError, match="absent"):
        type(synthesizer).load(tmp_path / "absent")


# Neighbours ----------------------------------------------------------------------------------------------------------


def test_works_in_imbalanced_learns_pipeline(synthesizer):
    X, y = number_table(60)
    pipeline = make_pipeline(synthesizer, DecisionTreeClassifier(random_state=0))
    assert set(pipeline.fit(X, y).predict(X)) <= {0, 1}
    assert np.isfinite(cross_val_score(pipeline, X, y, cv=2, error_score="raise")).all()


def synthetic_mean_is_near(estimator, X, y=None):
    X_new, _ = estimator.sample(50)
    return -abs(X_new[:, 0].mean() - X[:, 0].mean())


def test_works_in_a_grid_search(synthesizer):
    X, y = number_table(60)
    grid = {"copies": ["refuse", "allow"]}
    search = GridSearchCV(synthesizer, grid, scoring=synthetic_mean_is_near, cv=2, error_score="raise")
    search.fit(X, y)
    assert search.best_params_["copies"] in grid["copies"]
    assert len(search.best_estimator_.sample(3)[0]) == 3


# Noise ---------------------------------------------------------------------------------------------------------------


def test_silent_unless_asked(synthesizer, capfd):
    synthesizer.fit(*number_table(40)).sample(10)
    quiet = capfd.readouterr()
    assert quiet.out == quiet.err == ""
    synthesizer.set_params(verbose=1).sample(10)
    assert "rows/s" in capfd.readouterr().err


# With a second stage -------------------------------------------------------------------------------------------------

ESSENTIALS = [
    "check_estimators_overwrite_params",
    "check_dict_unchanged",
    "check_estimators_pickle",
    "check_fit2d_1feature",
    "check_n_features_in",
    "check_readonly_memmap_input",
]


@pytest.fixture(scope="module")
def two_stages():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discriminators, "FIRST_STEPS", 4)
        patch.setattr(discriminators, "NEXT_STEPS", 1)
        patch.setattr(trees, "N_TREES", 5)
        patch.setattr(stage, "COMPACT", replace(stage.COMPACT, pool=(64, 4096)))
        once = {"n_cycles": 1, "n_batches": 1, "n_passes": 1, "batch_size": 6}
        yield clone(BY_NAME["DiscoTabSynthesizer"]).set_params(feedback="hierarchical", feedback_params=once)


@pytest.mark.parametrize("check", ESSENTIALS)
def test_a_second_stage_passes_the_checks_of_scikit_learn(two_stages, check):
    getattr(estimator_checks, check)("DiscoTabSynthesizer", clone(two_stages))


@pytest.mark.parametrize("check", ["check_samplers_fit", "check_samplers_fit_resample"])
def test_a_second_stage_passes_the_checks_of_imbalanced_learn(two_stages, check):
    getattr(imblearn_checks, check)("DiscoTabSynthesizer", clone(two_stages))


def test_a_second_stage_keeps_what_the_table_is(two_stages, tmp_path):
    X, y = mixed_table()
    fitted = clone(two_stages).set_params(copies="allow").fit(X, y)
    fitted.save(tmp_path)
    for one in (fitted, pickle.loads(pickle.dumps(fitted)), BaseSynthesizer.load(tmp_path)):
        X_new, y_new = one.sample(40, conditions={"age": (50, None)})
        assert_series_equal(X_new.dtypes, X.dtypes)
        assert (X_new["age"] >= 50).all()
        assert_frame_equal(X_new, fitted.sample(40, conditions={"age": (50, None)})[0])
        assert_series_equal(y_new, fitted.sample(40, conditions={"age": (50, None)})[1])
