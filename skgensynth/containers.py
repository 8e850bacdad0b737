"""The user's containers: frames, arrays and lists taken apart into columns, and put together again."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from skgensynth.exceptions import SchemaError
from skgensynth.jsonable import dtype_from_json, dtype_to_json, value_from_json, value_to_json
from skgensynth.storage import Values

__all__ = ["Container", "Table", "Target", "read_table", "read_target"]


@dataclass(frozen=True)
class Container:
    """What a container was, without its values.

    Attributes
    ----------
    sort : {"frame", "array", "list", "series"}
        What it was.
    labels : pandas.Index
        Names of the columns; places where there are no names.
    dtype : dtype or None
        Dtype of an array.
    """

    sort: str
    labels: pd.Index
    dtype: Any = None

    def rebuild(self, columns: list[Values], n_rows: int, kept: list[int]) -> Any:
        """Make a table of the columns at the given places."""
        if self.sort == "frame":
            frame = pd.DataFrame(
                {j: _series(values) for j, values in enumerate(columns)}, index=pd.RangeIndex(n_rows), copy=False
            )
            frame.columns = self.labels.take(kept) if len(kept) < len(self.labels) else self.labels
            return frame
        dtype = self.dtype
        if dtype.kind == "U":  # new identifiers may be longer
            dtype = np.result_type(dtype, *(values.dtype for values in columns))
        out = np.empty((n_rows, len(columns)), dtype=dtype)
        for j, values in enumerate(columns):
            out[:, j] = values
        return out.tolist() if self.sort == "list" else out

    def rebuild_target(self, values: Values) -> Any:
        """Make a target."""
        if self.sort == "series":
            return _series(values).rename(self.labels[0])
        if self.sort == "frame":
            return self.rebuild([values], len(values), [0])
        return values.tolist() if self.sort == "list" else values

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "sort": self.sort,
            "labels": [value_to_json(label) for label in self.labels],
            "labels_dtype": dtype_to_json(self.labels.dtype),
            "labels_name": value_to_json(self.labels.name),
            "range": isinstance(self.labels, pd.RangeIndex),
            "dtype": None if self.dtype is None else dtype_to_json(self.dtype),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Container:
        """Reverse to_dict."""
        labels = pd.Index(
            [value_from_json(label) for label in state["labels"]],
            dtype=dtype_from_json(state["labels_dtype"]),
            name=value_from_json(state["labels_name"]),
        )
        if state["range"]:
            labels = pd.RangeIndex.from_range(range(len(labels)), name=labels.name)
        return cls(state["sort"], labels, None if state["dtype"] is None else dtype_from_json(state["dtype"]))


@dataclass(frozen=True)
class Table:
    """A table taken apart."""

    form: Container
    names: list[str]
    values: list[Values]
    n_rows: int


@dataclass(frozen=True)
class Target:
    """A target taken apart."""

    form: Container
    name: str
    label: Hashable
    values: Values


def read_table(X: Any) -> Table:
    """Take a table apart.

    Parameters
    ----------
    X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
        The table.

    Returns
    -------
    Table
        Its columns.

    Raises
    ------
    SchemaError
        If it has no rows or columns, names that are not unique or not all strings or all integers, or is not a table.
    """
    if isinstance(X, pd.DataFrame):
        _check_shape(X.shape)
        labels = _check_labels(X.columns)
        values = [_values(X.iloc[:, j]) for j in range(X.shape[1])]
        return Table(Container("frame", labels), [str(label) for label in labels], values, len(X))
    if sparse.issparse(X):
        raise SchemaError("X is a sparse matrix, but dense data is required; make it dense with X.toarray()")
    if hasattr(X, "__dataframe__"):
        raise SchemaError(f"X is a {type(X).__module__.split('.')[0]} frame; make it a pandas one with X.to_pandas()")
    if isinstance(X, np.ma.MaskedArray):
        raise SchemaError("X is a masked array; fill it with X.filled(numpy.nan)")
    sort = "list" if isinstance(X, (list, tuple)) and not _has_arrays(X) else "array"
    array = _objects_from_rows(X) if sort == "list" else np.asarray(X)
    if array.ndim != 2:
        raise SchemaError(
            f"Expected 2D array, got {array.ndim}D array instead: X must have rows and columns. Reshape your data with "
            "X.reshape(-1, 1) if it has a single column, or X.reshape(1, -1) if it is a single row."
        )
    _check_shape(array.shape)
    labels = pd.RangeIndex(array.shape[1])
    names = [str(label) for label in labels]
    return Table(Container(sort, labels, array.dtype), names, list(array.T), len(array))


def read_target(y: Any, table: Table) -> Target:
    """Take a target apart.

    Parameters
    ----------
    y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,)
        The target.
    table : Table
        The table it belongs to.

    Returns
    -------
    Target
        Its name is "target" where it has none or shares it with a column of the table.

    Raises
    ------
    SchemaError
        If it is not one column, or not as long as the table.
    """
    label: Hashable = None
    dtype = None
    if sparse.issparse(y):
        raise SchemaError("y is sparse, but dense data is required")
    if isinstance(y, pd.DataFrame):
        if y.shape[1] != 1:
            raise SchemaError(f"y has {y.shape[1]} columns; one target is supported: leave the others in X")
        sort, label, values = "frame", y.columns[0], _values(y.iloc[:, 0])
    elif isinstance(y, pd.Series):
        sort, label, values = "series", y.name, _values(y)
    elif isinstance(y, (list, tuple)):
        if any(isinstance(value, list) for value in y):
            raise SchemaError(
                "y is a list of lists; give a list with one value for each row, or an array of one column"
            )
        sort, values = "list", _objects_from_row(y)
    else:
        sort, values = "array", np.asarray(y)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise SchemaError(f"y must have one dimension, but its shape is {values.shape}")
        dtype = values.dtype
    if len(values) != table.n_rows:
        raise SchemaError(
            f"Found input variables with inconsistent numbers of samples: X has {table.n_rows}, y {len(values)}"
        )
    labels = y.columns if isinstance(y, pd.DataFrame) else pd.Index([label], dtype=object)
    name = "target" if label is None or str(label) in table.names else str(label)
    while name in table.names:
        name += "_"
    return Target(Container(sort, labels, dtype), name, label, values)


def _check_shape(shape: tuple[int, ...]) -> None:
    """Refuse tables without rows or columns, in scikit-learn's words."""
    for size, what in zip(shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise SchemaError(f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is required.")


def _check_labels(labels: pd.Index) -> pd.Index:
    """Refuse names that do not tell columns apart."""
    if isinstance(labels, pd.MultiIndex):
        raise SchemaError("X has column names of several levels; join them into one, as in map('_'.join, X.columns)")
    integers = all(isinstance(label, (int, np.integer)) and not isinstance(label, bool) for label in labels)
    if not integers and not all(isinstance(label, str) for label in labels):
        kinds = sorted({type(label).__name__ for label in labels})
        raise SchemaError(
            f"column names must be all strings or all integers, but they are {', '.join(kinds)}; "
            "convert them with X.columns = X.columns.astype(str)"
        )
    repeated = labels[labels.duplicated()].unique()
    if len(repeated):
        raise SchemaError(f"column names must be unique, but these are repeated: {', '.join(map(str, repeated))}")
    return labels


def _values(series: pd.Series) -> Values:
    """Values of a series: a numpy array for numpy dtypes, else an extension array."""
    return series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array


def _series(values: Values) -> pd.Series:
    """A series of exactly the dtype of its values."""
    return pd.Series(values, dtype=values.dtype, copy=False)


def _has_arrays(rows: Any) -> bool:
    """Whether a list holds arrays rather than lists."""
    return len(rows) > 0 and not isinstance(rows[0], (list, tuple, str, int, float))


def _objects_from_row(row: Any) -> np.ndarray:
    """A 1-D object array of a list's items."""
    out = np.empty(len(row), dtype=object)
    for j, item in enumerate(row):
        out[j] = item
    return out


def _objects_from_rows(rows: Any) -> np.ndarray:
    """A 2-D object array of a list of rows; of fewer dimensions where the items are not rows."""
    if not all(isinstance(row, (list, tuple)) for row in rows):
        return _objects_from_row(rows)
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise SchemaError(f"rows of X have different lengths: {', '.join(map(str, sorted(widths)))} values")
    out = np.empty((len(rows), *widths), dtype=object)
    for i, row in enumerate(rows):
        out[i, :] = _objects_from_row(row)
    return out
