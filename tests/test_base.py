"""The base's own machinery, with candidates that are scripted."""

import copy
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from common.tables import mixed_table, number_table
from common.toy import MarginalsSynthesizer
from sklearn.exceptions import NotFittedError

from skgensynth.constraints import parse_constraint
from skgensynth.exceptions import IdentifierWarning, SamplingError, SchemaError
from skgensynth.laws import Laws
from skgensynth.sampling import SamplingSummary

RECORDS = pd.DataFrame(
    {
        "age": [51, 62, 73, 44, 85, 56, 67, 78, 49, 40],
        "bmi": [21.1, 25.2, 30.3, 24.4, 28.5, 33.6, 22.7, 26.8, 31.9, 23.0],
        "sex": list("FMFMFMFMFM"),
    }
)


class Scripted(MarginalsSynthesizer):
    """Its candidates come from a function of n and the conditions."""

    def script(self, function):
        self._function = function
        return self

    def _sample_model(self, n, conditions, rng):
        return self._function(n, conditions, rng)


def repeating(*rows):
    """Candidates that go round and round a few encoded rows."""

    def function(n, conditions, rng):
        return np.array([rows[index % len(rows)] for index in range(n)], dtype=float)

    return function


def test_training_rows_are_drawn_again():
    synthesizer = Scripted(random_state=0).fit(RECORDS)
    copied = synthesizer._training_values[3]
    fresh = np.add(copied, [1, 0, 0])
    X = synthesizer.script(repeating(copied, fresh)).sample(20)
    assert len(X) == 20
    assert set(X["age"]) == {45}


def test_a_copy_that_only_rounding_makes_is_a_copy_too():
    synthesizer = Scripted(random_state=0).fit(RECORDS)
    copied = synthesizer._training_values[3]
    almost = np.add(copied, [0.2, 0.01, 0])
    X = synthesizer.script(repeating(almost, np.add(copied, [2, 0, 0]))).sample(20)
    assert set(X["age"]) == {46}


def test_a_model_that_only_copies_ends_in_an_error_that_says_so():
    synthesizer = Scripted(random_state=0).fit(RECORDS)
    synthesizer.script(repeating(*synthesizer._training_values))
    with pytest.raises(SamplingError, match="exact copy of a training row") as caught:
        synthesizer.sample(5)
    assert caught.value.partial is None
    assert caught.value.n_requested == 5
    assert caught.value.examples[0].keys() == {"age", "bmi", "sex"}
    assert len(synthesizer.set_params(copies="allow").sample(5)) == 5


def test_copies_pass_once_the_training_rows_are_gone():
    synthesizer = Scripted(random_state=0).fit(RECORDS)
    synthesizer.script(repeating(*synthesizer._training_values))
    assert len(copy.deepcopy(synthesizer).sample(5)) == 5


def test_the_rows_already_made_come_with_the_error_as_the_users_table():
    synthesizer = Scripted(random_state=0, copies="allow").fit(RECORDS, RECORDS["sex"].rename("sex2"))
    good = synthesizer._training_values[0]
    calls = []

    def dries_up(n, conditions, rng):
        calls.append(n)
        return np.tile(good if len(calls) == 1 else good * np.nan, (n, 1))

    with pytest.raises(SamplingError) as caught:
        synthesizer.script(dries_up).sample(5000)
    X, y = caught.value.partial
    assert len(X) == len(y) == 4096
    assert list(X.columns) == list(RECORDS.columns)
    assert caught.value.examples[0]["age"] == "missing"


def test_values_foreign_to_the_table_are_rejected():
    synthesizer = Scripted(random_state=0, copies="allow").fit(RECORDS)
    good = synthesizer._training_values[0]
    foreign = [[*good[:2], 2], [*good[:2], 0.5], [*good[:2], -1], [*good[:2], np.nan], [np.nan, *good[1:]]]
    X = synthesizer.script(repeating(good, *foreign)).sample(10)
    assert set(X["sex"]) == {"F"}
    assert X["age"].notna().all()
    with pytest.raises(SamplingError, match="column 'sex'") as caught:
        synthesizer.script(repeating(*foreign[:4])).sample(10)
    assert {example["sex"] for example in caught.value.examples} == {
        "no level (2)",
        "no level (0.5)",
        "no level (-1)",
        "missing",
    }


def test_numbers_are_moved_into_the_range_that_was_seen():
    synthesizer = Scripted(random_state=0).fit(RECORDS)
    good = synthesizer._training_values[0]
    X = synthesizer.script(repeating([1e9, *good[1:]])).sample(3)
    assert set(X["age"]) == {85}


def test_rows_that_miss_the_conditions_are_rejected():
    synthesizer = Scripted(random_state=0, copies="allow").fit(RECORDS)
    synthesizer.script(repeating(*synthesizer._training_values))
    X = synthesizer.sample(30, conditions={"age": (70, None)})
    assert set(X["age"]) == {73, 85, 78}
    with pytest.raises(SamplingError, match="conditions are not met"):
        synthesizer.script(repeating(synthesizer._training_values[0])).sample(3, conditions={"age": (70, None)})


def test_the_model_sees_the_conditions_and_encoded_rows():
    synthesizer = Scripted(random_state=0, copies="allow").fit(RECORDS)
    seen = []

    def function(n, conditions, rng):
        seen.append((n, dict(conditions.allowed)))
        return np.tile(synthesizer._training_values[1], (n, 1))

    synthesizer.script(function).sample(3, conditions={"sex": "M"})
    assert seen[0][0] == 3
    assert list(seen[0][1]) == [2]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_a_fit_that_fails_leaves_an_unfitted_synthesizer(error):
    class Failing(MarginalsSynthesizer):
        def _fit_model(self, values, rng):
            if hasattr(self, "fail"):
                raise error
            super()._fit_model(values, rng)

    synthesizer = Failing(random_state=0).fit(RECORDS)
    synthesizer.fail = True
    with pytest.raises(error):
        synthesizer.fit(RECORDS)
    with pytest.raises(NotFittedError):
        synthesizer.sample()
    assert not hasattr(synthesizer, "_training_values")


def test_an_interrupted_sample_leaves_the_synthesizer_fitted():
    def interrupted(n, conditions, rng):
        raise KeyboardInterrupt

    synthesizer = Scripted(random_state=0).fit(RECORDS)
    with pytest.raises(KeyboardInterrupt):
        synthesizer.script(interrupted).sample(3)
    assert len(MarginalsSynthesizer._sample_model(synthesizer, 3, _no_conditions(), np.random.default_rng(0))) == 3


def _no_conditions():
    from skgensynth.conditions import Conditions

    return Conditions()


# Laws and the summary of a draw --------------------------------------------------------------------------------------


class Lawful(Scripted):
    """Refuses rows that break the law that it was given."""

    def obey(self, sentence):
        self._sentence = sentence
        return self

    def _laws(self):
        return Laws([parse_constraint(self._sentence)], self.schema_)


def test_rows_that_break_a_law_are_drawn_again_and_the_summary_says_so():
    synthesizer = Lawful(random_state=0, copies="allow").fit(RECORDS).obey("age < 60")
    synthesizer.script(repeating(*synthesizer._training_values))

    X = synthesizer.sample(20)

    summary = synthesizer.sampling_summary_
    assert (X["age"] < 60).all()
    assert 0 < summary.yield_rate < 1
    assert summary.n_accepted >= 20
    assert summary.reasons == {"breaks 'age < 60'": summary.n_candidates - summary.n_accepted}


def test_a_law_that_no_row_keeps_ends_in_an_error_that_names_it():
    synthesizer = Lawful(random_state=0, copies="allow").fit(RECORDS).obey("age < 30")

    with pytest.raises(SamplingError, match="breaks 'age < 30'"):
        synthesizer.script(repeating(*synthesizer._training_values)).sample(5)


def test_without_laws_every_row_is_accepted_and_counted():
    synthesizer = Scripted(random_state=0, copies="allow").fit(RECORDS)

    synthesizer.script(repeating(*synthesizer._training_values)).sample(7)

    assert synthesizer.sampling_summary_ == SamplingSummary(7, 7, Counter())
    assert synthesizer.sampling_summary_.yield_rate == 1


def test_a_new_fit_forgets_the_last_draw():
    synthesizer = MarginalsSynthesizer(random_state=0).fit(RECORDS)
    synthesizer.sample(3)

    assert not hasattr(synthesizer.fit(RECORDS), "sampling_summary_")


# Resampling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(["a"] * 28 + ["b"] * 12, dtype="category"),
        pd.Series(["a"] * 28 + ["b"] * 12, dtype="string"),
        pd.Series([True] * 28 + [False] * 12),
        pd.Series([1] * 28 + [0] * 12, dtype="Int64"),
        pd.Series([1.0] * 28 + [0.0] * 12, name="class"),
        np.array([5] * 28 + [7] * 12, dtype=np.uint8),
        np.array(["a"] * 28 + ["b"] * 12),
        [True] * 28 + [False] * 12,
        ["a"] * 28 + ["b"] * 12,
        np.array([[1]] * 28 + [[0]] * 12),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', type(y[0]).__name__)}",
)
def test_classes_of_any_dtype_can_be_balanced(y):
    X, _ = number_table(40)
    _, y_all = MarginalsSynthesizer(random_state=0).fit_resample(X, y)
    assert type(y_all) is type(y)
    assert getattr(y_all, "dtype", None) == getattr(y, "dtype", None)
    assert set(Counter(np.ravel(y_all).tolist()).values()) == {28}
    assert np.ndim(y_all) == np.ndim(y)


def test_a_target_of_lists_is_refused_by_name():
    X, _ = number_table(40)
    with pytest.raises(SchemaError, match="y is a list of lists"):
        MarginalsSynthesizer().fit_resample(X, [["a"]] * 28 + [["b"]] * 12)


def test_identifiers_of_several_classes_are_all_different():
    X, _ = number_table(60)
    X = pd.DataFrame(X).rename(columns=str).assign(number=np.arange(1000, 1060))
    y = np.array(["a"] * 30 + ["b"] * 18 + ["c"] * 12)
    with pytest.warns(IdentifierWarning, match="'number'"):
        X_all, _ = MarginalsSynthesizer(random_state=0).fit_resample(X, y)
    assert len(X_all) == 90
    assert X_all["number"].is_unique


@pytest.mark.parametrize("frame", [False, True])
def test_indicator_columns_can_be_balanced(frame):
    X, _ = number_table(60)
    y = np.eye(3, dtype=np.int8)[np.arange(60) % 2 + (np.arange(60) > 50)]
    y = pd.DataFrame(y, columns=["a", "b", "c"]) if frame else y
    _, y_all = MarginalsSynthesizer(random_state=0).fit_resample(X, y)
    assert type(y_all) is type(y)
    assert len(set(np.asarray(y_all).sum(axis=0))) == 1
    assert (np.asarray(y_all).sum(axis=1) == 1).all()
    assert np.asarray(y_all).dtype == np.int8


def test_many_numbers_can_be_classes():
    X, _ = number_table(200)
    y = np.concatenate([np.repeat(np.arange(30), 6), np.arange(20)])
    synthesizer = MarginalsSynthesizer(random_state=0, column_kinds={"0": "continuous"})
    _, y_all = synthesizer.fit_resample(X, y)
    assert Counter(y_all.tolist()) == dict.fromkeys(range(30), 7)
    assert synthesizer.column_kinds == {"0": "continuous"}


def test_original_identifiers_stay_and_new_ones_are_made():
    X, y = mixed_table(60)
    X.insert(2, "patient_id", [f"P{1000 + 7 * row}" for row in range(60)])
    with pytest.warns(UserWarning, match="patient_id"):
        X_all, y_all = MarginalsSynthesizer(random_state=0).fit_resample(X, y)
    assert list(X_all.columns) == list(X.columns)
    assert list(X_all["patient_id"][:60]) == list(X["patient_id"])
    assert not set(X_all["patient_id"][60:]) & set(X["patient_id"])
    assert len(y_all) == len(X_all) > 60


@pytest.mark.parametrize("container", ["frame", "array", "list"])
def test_dropped_identifiers_are_dropped_from_the_original_rows_too(container):
    X, y = number_table(60)
    X = np.column_stack([X[:, 0].round(2), [f"P{1000 + 7 * row}" for row in range(60)], X[:, 1].round(2)]).astype(
        object
    )
    X[:, [0, 2]] = X[:, [0, 2]].astype(float)
    X = {"frame": pd.DataFrame(X), "array": X, "list": X.tolist()}[container]
    with pytest.warns(UserWarning, match="1"):
        X_all, y_all = MarginalsSynthesizer(random_state=0, identifiers="drop").fit_resample(X, y)
    assert type(X_all) is type(X)
    assert np.shape(X_all) == (len(y_all), 2)


def test_sparse_columns_of_a_frame_come_back_sparse():
    X, y = number_table(60)
    frame = pd.DataFrame(np.where(X > 0, X, 0), columns=["a", "b", "c"])
    sparse = frame.astype({"a": pd.SparseDtype(float, 0), "c": pd.SparseDtype(float, 0)})
    X_all, _ = MarginalsSynthesizer(random_state=0).fit_resample(sparse, y)
    pd.testing.assert_series_equal(X_all.dtypes, sparse.dtypes)


def test_resampled_and_sampled_rows_are_not_the_same():
    X, y = number_table(60)
    synthesizer = MarginalsSynthesizer(random_state=0)
    X_all, y_all = synthesizer.fit_resample(X, y)
    n_new = len(y_all) - 60
    X_new, _ = synthesizer.sample(n_new, conditions={"target": 1})
    assert not np.intersect1d(X_all[60:, 0], X_new[:, 0]).size


def test_the_order_of_classes_does_not_depend_on_their_type():
    X, _ = number_table(40)
    numbers = np.array([0] * 25 + [1] * 10 + [2] * 5)
    words = np.array(["a", "b", "c"])[numbers]
    first, _ = MarginalsSynthesizer(random_state=0).fit_resample(X, numbers)
    second, _ = MarginalsSynthesizer(random_state=0).fit_resample(X, words)
    np.testing.assert_array_equal(first, second)


# Progress ------------------------------------------------------------------------------------------------------------


def test_progress_names_the_class_and_counts_rows(capsys):
    MarginalsSynthesizer(random_state=0, verbose=1).fit(RECORDS).sample(40)
    shown = capsys.readouterr()
    assert "MarginalsSynthesizer sampling" in shown.err
    assert "40.0/40.0" in shown.err
    assert shown.out == ""


def test_saved_state_is_readable(tmp_path):
    MarginalsSynthesizer(random_state=3).fit(RECORDS).save(tmp_path)
    document = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert document["class"] == "MarginalsSynthesizer"
    assert document["params"]["random_state"] == 3
