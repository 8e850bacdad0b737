"""From a column's values to its description."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.columns import Column
from skgensynth.exceptions import SchemaError
from skgensynth.identifiers import learn_identifier, looks_like_identifier
from skgensynth.jsonable import value_to_json
from skgensynth.storage import Storage, Values, describe, family_of

__all__ = ["infer_column"]

FEW_LEVELS = 10  # ours: numbers with at most so many values, each in ROWS_PER_LEVEL rows, are categories
ROWS_PER_LEVEL = 5  # ours
FEW_DECIMALS = 2  # ours: numbers with more decimals are measurements, however few values there are
FEW_CLASSES = 20  # ours: a target of whole numbers with at most so many values, each in two rows, is a class


def infer_column(name: str, label: Hashable, role: str, values: Values, kind: str | None) -> Column:
    """Describe a column.

    Parameters
    ----------
    name : str
        Its unique name.
    label : hashable
        Its name in the user's table.
    role : {"feature", "target"}
        Where it stands.
    values : ndarray or ExtensionArray of shape (n,)
        Its values as in the user's table.
    kind : {"categorical", "continuous", "identifier"} or None
        Its kind; None to find out.

    Returns
    -------
    Column
        A column with no value at all is categorical.

    Raises
    ------
    SchemaError
        If values are infinite, complex, sparse or of a type that is not supported, or if the kind does not suit them.
    """
    try:
        storage, inner = _describe(name, values)
        missing = np.asarray(pd.isna(inner))
        present = inner[~missing]
        if storage.family == "float" and np.isinf(np.asarray(present, dtype=np.float64)).any():
            raise SchemaError(f"column {name!r} contains infinite values; replace them by numbers or missing values")
        kind = _kind_of(name, role, storage, present, kind)
        column = Column(name, role, kind, (), (), math.nan, math.nan, None, bool(missing.any()), label, storage)
        if kind == "identifier":
            return replace(column, identifier=learn_identifier(storage, present))
        if kind == "categorical":
            return _with_levels(column, inner, present)
        storage = storage.fitted_to(present)
        column = replace(column, storage=storage, resolution=storage.resolution)
        encoded = storage.encode(present)
        return replace(column, minimum=float(encoded.min()) + 0.0, maximum=float(encoded.max()) + 0.0)
    except TypeError as error:  # unhashable or unordered objects
        raise SchemaError(f"column {name!r} cannot be used: {error}") from error


def _describe(name: str, values: Values) -> tuple[Storage, Values]:
    """Storage and inner values, of dtypes that can be learned."""
    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        raise SchemaError(f"column {name!r} is sparse; make it dense with .sparse.to_dense()")
    if dtype.kind == "c":
        raise SchemaError(f"Complex data not supported: column {name!r}; give the real and imaginary parts")
    if dtype.kind == "V":
        raise SchemaError(f"column {name!r} has the structured dtype {dtype}; give each field as a column")
    return describe(values)


def _kind_of(name: str, role: str, storage: Storage, present: Values, kind: str | None) -> str:
    """The kind asked for, if the values suit it, or the one found."""
    numeric = storage.whole or storage.family == "float"
    if len(present) == 0:
        return "categorical"
    if kind == "continuous" and not numeric:
        raise SchemaError(f"column {name!r} holds {storage.family} values and cannot be continuous; it has no numbers")
    if kind == "identifier" and storage.family not in ("integer", "string"):
        raise SchemaError(
            f"column {name!r} holds {storage.family} values; only whole numbers and strings identify rows"
        )
    if kind is not None:
        return kind
    if role == "feature" and looks_like_identifier(name, storage, present):
        return "identifier"
    return "continuous" if numeric and not _is_few(role, storage, present) else "categorical"


def _is_few(role: str, storage: Storage, present: Values) -> bool:
    """Whether numbers have so few values that they are categories."""
    n_rows, n_distinct = len(present), len(pd.unique(present))
    if n_distinct == 1:
        return True
    if storage.family not in ("integer", "float"):
        return False
    decimals = 0 if storage.whole else storage.fitted_to(present).decimals
    if role == "target":
        return decimals == 0 and n_distinct <= min(FEW_CLASSES, n_rows / 2)
    few = (n_distinct == 2 and n_rows >= 4) or n_distinct <= min(FEW_LEVELS, n_rows / ROWS_PER_LEVEL)
    return few and decimals is not None and decimals <= FEW_DECIMALS


def _with_levels(column: Column, inner: Values, present: Values) -> Column:
    """The column with its levels, and how many rows have each."""
    try:
        levels = _levels(column.storage, present)
        for level in levels:
            value_to_json(level)
    except TypeError as error:
        raise SchemaError(f"column {column.name!r} cannot be used: {error}; make its values strings") from error
    column = replace(column, levels=levels)
    codes = column._codes(inner)
    counts = np.bincount(codes[~np.isnan(codes)].astype(np.intp), minlength=len(levels))
    return replace(column, counts=tuple(counts.tolist()))


def _levels(storage: Storage, present: Values) -> tuple[Any, ...]:
    """Distinct values in order, as Python values."""
    if storage.family == "category":
        return tuple(_python_value(level) for level in storage.inner.categories)
    if storage.family == "other" and present.dtype == object:
        distinct = {(type(value).__name__, value): None for value in map(_python_value, present)}
        try:
            return tuple(value for _, value in sorted(distinct))
        except TypeError:  # values of one type without an order
            return tuple(value for _, value in distinct)
    uniques = pd.unique(present)
    values: list[Any]
    if family_of(uniques.dtype) in ("datetime", "timedelta"):
        values = list(pd.Index(uniques))
    else:
        values = [_python_value(value) for value in uniques]
    return tuple(sorted(values))


def _python_value(value: Any) -> Any:
    """A numpy scalar as a Python value; a narrow float as the number that is written for it."""
    if isinstance(value, (np.float32, np.float16)):
        return float(str(value))
    return value.item() if isinstance(value, np.generic) else value
