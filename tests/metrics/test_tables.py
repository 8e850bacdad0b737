from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from common.tables import mixed_table

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import (
    association_difference,
    category_coverage,
    class_gaps,
    detection_auc,
    jensen_shannon,
    manifold_overlap,
    range_coverage,
    wasserstein,
)
from skgensynth.metrics._tables import encode_tables


def _detection_auc(real, synthetic):
    return detection_auc(real, synthetic, learner="linear", n_splits=2, random_state=0)


METRICS = [
    jensen_shannon,
    wasserstein,
    association_difference,
    category_coverage,
    range_coverage,
    _detection_auc,
    manifold_overlap,
]


@pytest.mark.parametrize("metric", METRICS)
def test_bad_tables_are_refused_by_name(metric):
    frame = pd.DataFrame({"age": [1.5, 2.5], "sex": ["F", "M"]})
    with pytest.raises(SchemaMismatchError, match="'sex' of real is not in synthetic"):
        metric(frame, frame[["age"]])
    with pytest.raises(SchemaMismatchError, match="'extra' of synthetic is not in real"):
        metric(frame, frame.assign(extra=1))
    with pytest.raises(SchemaMismatchError, match="'age' of synthetic holds values that are not numbers"):
        metric(frame, frame.assign(age=["old", "young"]))
    with pytest.raises(ValueError, match=r"synthetic has shape \(0, 2\)"):
        metric(frame, frame[:0])
    with pytest.raises(TypeError, match="real must be a pandas DataFrame, got ndarray"):
        metric(frame.to_numpy(), frame)
    with pytest.raises(ValueError, match="more than one column 'age'"):
        metric(frame[["age", "age"]], frame[["age", "age"]])


def _hard_table(seed):
    """Every dtype, missing values, constant and empty columns, and names that are no strings."""
    X, y = mixed_table(60, seed=seed)
    return X.assign(outcome=y, constant=7, empty=np.nan, nothing=pd.Series([None] * 60, dtype=object)).rename(
        columns={"age": 0, "bmi": ("lab", 1)}
    )


@pytest.mark.parametrize("metric", [*METRICS, lambda real, synthetic: class_gaps(real, synthetic, "outcome")])
def test_any_table_can_be_measured(metric):
    real, synthetic = _hard_table(0), _hard_table(1)
    before = real.copy(deep=True)
    result = metric(real, synthetic)
    for name, value in vars(result).items():
        if isinstance(value, float) and "rare" not in name:
            assert np.isfinite(value)
    pd.testing.assert_frame_equal(real, before)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("column", ["code", "bmi", "smoker", "seen"])
def test_one_column_is_enough(metric, column):
    real, synthetic = (mixed_table(40, seed=seed)[0][[column]] for seed in (0, 1))
    metric(real, synthetic)


NUMBERS = {
    "int8": ([3, -1], [3, -1]),
    "uint64": ([2**64 - 1, 0], [2.0**64, 0]),
    "bool": ([True, False], [1, 0]),
    "float32": ([0.1, None], [np.float32(0.1), np.nan]),
    "float64": ([-0.5, np.nan], [-0.5, np.nan]),
    "Int64": ([2**53 + 1, None], [2.0**53, np.nan]),
    "Float32": ([0.1, None], [np.float32(0.1), np.nan]),
    "boolean": ([True, None], [1, np.nan]),
    "int64[pyarrow]": ([7, None], [7, np.nan]),
    "bool[pyarrow]": ([None, False], [np.nan, 0]),
    "Sparse[float64]": ([0.0, np.nan], [0, np.nan]),
    "object": ([Decimal("1.5"), None], [1.5, np.nan]),
    "category": ([2, None], [2, np.nan]),
    "datetime64[s]": (["1970-01-02", None], [86400, np.nan]),
    "datetime64[us, Europe/Berlin]": (["1970-01-02", None], [82800, np.nan]),
    "timedelta64[ns]": ([1500, None], [1.5e-6, np.nan]),
}


@pytest.mark.parametrize("dtype", NUMBERS)
def test_numbers_and_times_of_every_dtype_are_floats(dtype):
    values, expected = NUMBERS[dtype]
    table = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    # The first table says that the column holds numbers, whatever the others store them as.
    encoded = encode_tables({"real": pd.DataFrame({"x": [0.5]}), "synthetic": table})
    np.testing.assert_array_equal(encoded.values[1][:, 0], np.asarray(expected, dtype=float))
    assert encoded.values[1].dtype == np.float64


def test_complex_numbers_are_refused():
    with pytest.raises(SchemaMismatchError, match="'x' of synthetic holds values that are not numbers"):
        encode_tables({"real": pd.DataFrame({"x": [0.5]}), "synthetic": pd.DataFrame({"x": [1j]})})
