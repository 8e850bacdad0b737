import numpy as np
import pandas as pd
import pytest

from skgensynth.resampling import append_rows, check_classes, densify, take_columns, to_indicators


@pytest.mark.parametrize("y", [[0, 1, 1], np.array(["a", "b", "b"]), pd.Series([True, False, True]), [[0], [1], [1]]])
def test_labels_are_one_dimensional(y):
    labels, one_hot = check_classes(y)
    assert labels.shape == (3,)
    assert not one_hot


@pytest.mark.parametrize("form", [np.array, list, pd.DataFrame])
def test_indicators_go_there_and_back(form):
    y = form([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    labels, one_hot = check_classes(y)
    assert one_hot
    assert labels.tolist() == [1, 0, 2]
    back = to_indicators(labels, like=y)
    assert type(back) is type(y)
    np.testing.assert_array_equal(back, y)
    if not isinstance(y, list):
        assert np.asarray(back).dtype == np.asarray(y).dtype


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y"),
        ([0.5, 1.5, 2.25], "Unknown label type: continuous.*bin it"),
        ([[1, 1, 0], [0, 1, 0]], "Multilabel"),
        ([[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]], "1 rows without any class"),
        ([0.0, np.nan, 1.0], "1 missing values"),
        (["a", None, None], "2 missing values"),
    ],
)
def test_targets_without_classes_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_classes(y)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (pd.DataFrame({"a": [1, 2]}, index=[5, 9]), pd.DataFrame({"a": [3]})),
        (pd.Series([1, 2], index=[5, 9], name="y"), pd.Series([3], name="y")),
        ([1, 2], [3]),
        (np.array([1, 2], dtype=np.int8), np.array([3], dtype=np.int8)),
        (np.array([[1], [2]]), np.array([3])),
    ],
)
def test_new_rows_come_below_old_ones(old, new):
    rows = append_rows(old, new)
    assert type(rows) is type(old)
    assert np.ravel(rows).tolist() == [1, 2, 3]
    assert getattr(rows, "dtype", None) == getattr(old, "dtype", None)
    assert np.ndim(rows) == np.ndim(old)
    if hasattr(rows, "index") and not isinstance(rows, list):
        assert rows.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize("form", [np.array, list, pd.DataFrame])
def test_columns_are_taken_in_the_container(form):
    X = form([[1, 2, 3], [4, 5, 6]])
    kept = take_columns(X, [0, 2])
    assert type(kept) is type(X)
    assert np.asarray(kept).tolist() == [[1, 3], [4, 6]]


def test_only_sparse_columns_are_made_dense():
    frame = pd.DataFrame({"a": pd.arrays.SparseArray([0, 1]), "b": ["x", "y"]})
    dense = densify(frame)
    assert dense["a"].dtype == np.dtype("int64")
    assert dense["b"].dtype == frame["b"].dtype
    plain = pd.DataFrame({"a": [1]})
    assert densify(plain) is plain
    assert densify([[1]]) == [[1]]
