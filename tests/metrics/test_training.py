import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import SchemaError, SchemaMismatchError
from skgensynth.metrics import infer_task
from skgensynth.metrics.training import Settings, encode_rows, train_and_test


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 2], "classification"),
        ([0.0, 1.0], "classification"),
        ([0.5, 1.0], "regression"),
        (range(21), "regression"),
        (pd.Series([1, 2, None], dtype="Int64"), "classification"),
        (pd.Series([1, 2]).astype("category"), "classification"),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), "regression"),
        (pd.Series([0.5, 2, None], dtype=object), "regression"),
    ],
)
def test_infer_task(y, task):
    assert infer_task(y) == task


def _frame(target, **columns):
    return pd.DataFrame({"x": np.arange(float(len(target))), "y": target, **columns})


def test_classes_are_codes_without_gaps_and_labels_are_those_of_the_real_table():
    real = _frame(np.array([0, 1, 1]))
    encoded = encode_rows({"test": real, "train": _frame([1.0, 5.0, 0.0])}, "y", "classification", ["linear"])
    assert encoded.classes == [0, 1, 5]
    assert all(isinstance(label, int) for label in encoded.classes[:2])
    np.testing.assert_array_equal(encoded.rows["test"][1], [0, 1, 1])
    np.testing.assert_array_equal(encoded.rows["train"][1], [1, 2, 0])
    np.testing.assert_array_equal(encoded.rows["train"][0], [[0], [1], [2]])


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_dates_become_seconds_from_their_mean(unit):
    days = pd.Series(pd.to_datetime(["2020-01-01", "2020-01-03"], utc=True)).dt.as_unit(unit)
    encoded = encode_rows({"test": _frame(days), "train": _frame(days)}, "y", "auto", ["linear"])
    assert encoded.task == "regression"
    np.testing.assert_array_equal(encoded.rows["test"][1], [-86400, 86400])


def test_rows_of_several_tables_are_trained_on_together():
    tables = {name: _frame(np.tile(["a", "b"], 10)) for name in ("test", "train", "synthetic")}
    encoded = encode_rows(tables, "y", "auto", ["linear"])
    outcome = train_and_test(encoded, ["train", "synthetic"], "test", Settings.make(["linear"], 7, 0, 1))
    assert (outcome.n_train, outcome.n_test) == (40, 20)
    assert {name: len(values) for name, values in outcome.samples["linear"].items()} == dict.fromkeys(
        ("macro_f1", "weighted_f1", "auc", "accuracy", "balanced_accuracy"), 8
    )
    assert set(outcome.per_class["linear"]) == {"a", "b"}


def test_bad_tables_are_named():
    frame = _frame([0.5, 1.5])

    def encode(**tables):
        encode_rows({"test": frame, **tables}, "y", "auto", ["linear"])

    with pytest.raises(TypeError, match="train must be a pandas DataFrame, got list"):
        encode(train=[1, 2])
    with pytest.raises(SchemaMismatchError, match="'y' is not a column of synthetic"):
        encode(train=frame, synthetic=frame[["x"]])
    with pytest.raises(ValueError, match="train has more than one column 'y'"):
        encode(train=frame[["x", "y", "y"]])
    with pytest.raises(SchemaError, match="'x' of train holds infinite values"):
        encode(train=frame.assign(x=[1, -np.inf]))
    with pytest.raises(ValueError, match="The target 'y' has missing values in train"):
        encode(train=frame.assign(y=[1, np.nan]))
    with pytest.raises(ValueError, match="n_bootstrap must be at least 0, got -1"):
        Settings.make(["linear"], -1, 0, 1)
