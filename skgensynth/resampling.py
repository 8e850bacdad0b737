"""What `fit_resample` needs beside a synthesizer: classes from any form of y, and new rows below old ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from imblearn.utils import check_target_type
from sklearn.utils.multiclass import check_classification_targets

from skgensynth.exceptions import SchemaError

__all__ = ["append_rows", "check_classes", "densify", "take_columns", "to_indicators"]


def check_classes(y: Any) -> tuple[np.ndarray, bool]:
    """Check that a target holds classes.

    Parameters
    ----------
    y : array-like of shape (n_rows,), (n_rows, 1) or, as one indicator column per class, (n_rows, n_classes)
        The target.

    Returns
    -------
    labels : ndarray of shape (n_rows,)
        Classes; positions of the indicator columns where `one_hot`.
    one_hot : bool
        Whether `y` has one indicator column per class.

    Raises
    ------
    ValueError
        If there is no target, or it has missing values, is continuous or has several labels per row.
    """
    if y is None:
        raise ValueError("fit_resample requires y to be passed, but the target y is None: use fit and sample without.")
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        y = np.asarray(y)
    if n_missing := int(pd.isna(np.asarray(y, dtype=object)).sum()):
        raise SchemaError(f"y has {n_missing} missing values (NaN) in {len(y)} rows; leave those rows out")
    try:
        check_classification_targets(y)
    except ValueError as error:
        if "Unknown label type" not in str(error):
            raise
        raise ValueError(
            f"{error} fit_resample balances classes; for a target of numbers use fit and sample, or bin it first."
        ) from error
    labels, one_hot = check_target_type(y, indicate_one_vs_all=True)
    if one_hot and (n_none := int((np.asarray(y).sum(axis=1) == 0).sum())):
        raise SchemaError(f"y has {n_none} rows without any class in {len(y)} rows; leave those rows out")
    return labels, one_hot


def to_indicators(labels: Any, like: Any) -> Any:
    """Turn positions of classes back into the indicator columns they were.

    Parameters
    ----------
    labels : array-like of int, shape (n_rows,)
        Positions of the indicator columns.
    like : array-like of shape (any, n_classes)
        The original indicators, whose container and dtype are taken.
    """
    indicators = np.eye(np.shape(like)[1])[labels]
    if isinstance(like, pd.DataFrame):
        return pd.DataFrame(indicators, columns=like.columns).astype(like.dtypes)
    indicators = indicators.astype(np.asarray(like).dtype)
    return indicators.tolist() if isinstance(like, list) else indicators


def densify(X: Any) -> Any:
    """Give a frame with its sparse columns made dense; anything else as it is."""
    if not isinstance(X, pd.DataFrame) or not any(isinstance(dtype, pd.SparseDtype) for dtype in X.dtypes):
        return X
    dense = [dtype.subtype if isinstance(dtype, pd.SparseDtype) else dtype for dtype in X.dtypes]
    columns = [X.iloc[:, index].astype(dtype) for index, dtype in enumerate(dense)]
    return pd.concat(columns, axis=1)


def append_rows(old: Any, new: Any) -> Any:
    """Put new rows below old ones, in the old rows' container and dtypes; frames and series get an index from 0."""
    if isinstance(old, pd.DataFrame | pd.Series):
        dtypes = old.dtypes if isinstance(old, pd.DataFrame) else old.dtype
        return pd.concat([old, new.astype(dtypes)], ignore_index=True)
    if isinstance(old, list | tuple):
        return [*old, *new]
    old = np.asarray(old)
    return np.concatenate([old, np.asarray(new).reshape(-1, *old.shape[1:])])


def take_columns(X: Any, positions: Sequence[int]) -> Any:
    """Give the columns at some positions, in the container of `X`."""
    if isinstance(X, pd.DataFrame):
        return X.iloc[:, list(positions)]
    if isinstance(X, list | tuple):
        return [[row[position] for position in positions] for row in X]
    return np.asarray(X)[:, positions]
