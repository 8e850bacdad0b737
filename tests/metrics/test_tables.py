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
