"""Tables of mixed types as float matrices: what all metrics compute on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from skgensynth.exceptions import SchemaError, SchemaMismatchError

_NUMBER_LIKE = ("integer", "floating", "mixed-integer-float", "decimal")


class EncodedTables(NamedTuple):
    """Matrices of the same columns; NaN is a missing value, a category is a code that all matrices share."""

    values: list[np.ndarray]  # float64, one of shape (n_rows, n_columns) for each table
    is_number: np.ndarray  # bool, shape (n_columns,)
    columns: list  # labels, in the order of the first table


def encode_tables(tables: dict[str, pd.DataFrame], *, categorical: Sequence = ()) -> EncodedTables:
    """Encode tables with the same columns side by side; the first one says which columns are numbers."""
    (first_name, first), *others = tables.items()
    for name, table in tables.items():
        _check_table(table, name)
    for name, table in others:
        _check_same_columns(first, first_name, table, name)
    columns = list(first.columns)
    is_number = np.array([column not in categorical and is_number_column(first[column]) for column in columns], bool)
    values = [np.empty((len(table), len(columns))) for table in tables.values()]
    for j, column in enumerate(columns):
        if is_number[j]:
            encoded = [_as_numbers(table[column], name) for name, table in tables.items()]
        else:
            encoded = _as_codes([table[column] for table in tables.values()])
        for matrix, column_values in zip(values, encoded, strict=True):
            matrix[:, j] = column_values
    return EncodedTables(values, is_number, columns)


def is_number_column(series: pd.Series) -> bool:
    """Whether differences between values mean something: numbers, dates and durations, but not booleans."""
    dtype = series.dtype
    if types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return False
    if types.is_numeric_dtype(dtype) or types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return True
    return types.is_object_dtype(dtype) and types.infer_dtype(series, skipna=True) in _NUMBER_LIKE


def check_finite(tables: EncodedTables, names: Sequence[str]) -> None:
    """Refuse infinite numbers: they have no distance."""
    for values, name in zip(tables.values, names, strict=True):
        infinite = np.isinf(values).any(axis=0)
        if infinite.any():
            column = tables.columns[int(infinite.argmax())]
            raise SchemaError(f"Column {column!r} of {name} holds infinite values: replace them or make them missing.")


def _check_table(table, name):
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} must be a pandas DataFrame, got {type(table).__name__}.")
    if table.shape[0] == 0 or table.shape[1] == 0:
        raise ValueError(f"{name} has shape {table.shape}: at least one row and one column are needed.")
    if not table.columns.is_unique:
        duplicated = table.columns[table.columns.duplicated()][0]
        raise ValueError(f"{name} has more than one column {duplicated!r}: column names must be unique.")


def _check_same_columns(first, first_name, other, other_name):
    for has, has_name, lacks, lacks_name in (
        (first, first_name, other, other_name),
        (other, other_name, first, first_name),
    ):
        absent = [column for column in has.columns if column not in lacks.columns]
        if absent:
            raise SchemaMismatchError(
                f"Column {absent[0]!r} of {has_name} is not in {lacks_name}: pass tables with the same columns."
            )


def _as_numbers(series, table_name):
    """Floats of one column; dates and durations in seconds."""
    if types.is_datetime64_any_dtype(series.dtype):
        stamps = pd.to_datetime(series, utc=True)
        return ((stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy(dtype=float)
    if types.is_timedelta64_dtype(series.dtype):
        return (series / pd.Timedelta(seconds=1)).to_numpy(dtype=float)
    if series.dtype.kind in "biuf":
        return series.to_numpy(dtype=float, na_value=np.nan)
    try:
        return pd.to_numeric(series.astype(object)).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise SchemaMismatchError(
            f"Column {series.name!r} of {table_name} holds values that are not numbers, unlike the table it is "
            f"compared with: {error}."
        ) from error


def _as_codes(series):
    """Codes of one categorical column, shared by all tables."""
    objects = [part.astype(object).to_numpy() for part in series]
    codes = pd.factorize(np.concatenate(objects))[0].astype(float)
    codes[codes < 0] = np.nan
    return np.split(codes, np.cumsum([len(part) for part in objects])[:-1])
