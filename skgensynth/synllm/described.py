"""A table's schema from a description of its columns, without rows."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.exceptions import SchemaError
from skgensynth.schema import TableSchema

__all__ = ["describe_table"]

_KEYS = ("range", "values", "decimals", "missing")


def describe_table(columns: Mapping[Any, Any], target: Any = None) -> TableSchema:
    """Make the schema of a table from what its columns may be.

    Parameters
    ----------
    columns : mapping of name to description
        A tuple ``(low, high)`` is a range: whole numbers for two ints; numbers with the decimals of the bounds for
        floats; days, or times, for dates and timestamps. A list or set holds the values of a category. A dict says
        more: ``{"range": (15.0, 60.0), "decimals": 2, "missing": True}`` or ``{"values": ["F", "M"], "missing":
        True}``.
    target : hashable, default=None
        Name of the target among them.

    Returns
    -------
    TableSchema
        Of a frame, and of a series for the target. How often a level occurs is not known: each counts at least once.

    Raises
    ------
    SchemaError
        If a description cannot be used; names the column.

    Examples
    --------
    >>> from skgensynth.synllm.described import describe_table
    >>> schema = describe_table({"age": (18, 90), "bmi": (15.0, 60.0), "sex": ["F", "M"]}, target="sex")
    >>> [column.kind for column in schema.columns]
    ['continuous', 'continuous', 'categorical']
    """
    if not isinstance(columns, Mapping) or not columns:
        raise SchemaError("the columns are described by a dict such as {'age': (18, 90), 'sex': ['F', 'M']}")
    if target is not None and target not in columns:
        raise SchemaError(f"target={target!r} is not described; columns are {', '.join(map(str, columns))}")
    values: dict[Any, pd.Series] = {}
    kinds: dict[Any, str] = {}
    for name, description in columns.items():
        values[name], kinds[name] = _values(name, description)
    n_rows = max(map(len, values.values()))
    table = pd.DataFrame({name: _filled(part, n_rows) for name, part in values.items()})
    y = None if target is None else table.pop(target)
    return TableSchema.infer(table, y, column_kinds=kinds)


def _values(name: Any, description: Any) -> tuple[pd.Series, str]:
    """Values that show what a column may be, and its kind."""
    if isinstance(description, tuple):
        description = {"range": description}
    elif not isinstance(description, Mapping):
        description = {"values": description}
    unknown = [key for key in description if key not in _KEYS]
    if unknown or ("range" in description) == ("values" in description):
        wrong = f"has {unknown[0]!r}" if unknown else "needs either 'range' or 'values'"
        raise SchemaError(f"the description of column {name!r} {wrong}; it is a dict of {', '.join(_KEYS)}")
    missing = [None] if description.get("missing") else []
    if "range" in description:
        return _range(name, description["range"], description.get("decimals"), missing), "continuous"
    if "decimals" in description:
        raise SchemaError(f"the description of column {name!r} has decimals, which go with a range")
    return _levels(name, description["values"], missing), "categorical"


def _levels(name: Any, values: Any, missing: list[None]) -> pd.Series:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise SchemaError(
            f"column {name!r} is described by {values!r}; give a (low, high) range or a list of its values"
        )
    levels = sorted(values, key=repr) if isinstance(values, (set, frozenset)) else list(values)
    if not levels or any(pd.api.types.is_scalar(level) and pd.isna(level) for level in levels):
        raise SchemaError(f"column {name!r} needs values that are not missing; say 'missing': True for missing ones")
    series = pd.Series(levels)
    if not missing:
        return series
    dtype: Any = {"i": "Int64", "b": "boolean"}.get(series.dtype.kind, series.dtype)
    return pd.concat([series.astype(dtype), pd.Series(missing, dtype=dtype)], ignore_index=True)


def _range(name: Any, bounds: Any, decimals: Any, missing: list[None]) -> pd.Series:
    """Both ends of a range, and where it has decimals a number that needs all of them."""
    if not isinstance(bounds, tuple) or len(bounds) != 2 or any(_sort(bound) is None for bound in bounds):
        raise SchemaError(f"the range of column {name!r} must be (low, high) of numbers or times; got {bounds!r}")
    low, high = bounds
    if "time" in (_sort(low), _sort(high)) and _sort(low) != _sort(high):
        raise SchemaError(f"the range of column {name!r} mixes numbers and times: {bounds!r}")
    try:
        rises = low <= high
    except TypeError as error:  # such as a date and a duration
        raise SchemaError(f"the ends of the range of column {name!r} do not go together: {error}") from error
    if not rises:
        raise SchemaError(f"the range of column {name!r} must rise; got {bounds!r}")
    if _sort(low) == "time":
        return pd.Series([*bounds, *missing])
    if _sort(low) == _sort(high) == "whole" and decimals is None:
        if max(abs(low), abs(high)) > np.iinfo(np.int64).max:
            raise SchemaError(f"the range of column {name!r} passes 64 bits; give floats")
        return pd.Series([*bounds, *missing], dtype="Int64" if missing else "int64")
    decimals = max(map(_decimals, bounds)) if decimals is None else decimals
    if not isinstance(decimals, (int, np.integer)) or not 0 <= decimals <= 9:
        raise SchemaError(f"decimals of column {name!r} must be a whole number from 0 to 9; got {decimals!r}")
    low, high = (round(float(bound), int(decimals)) for bound in bounds)
    finest = [number for number in (round(low + 10.0**-decimals, int(decimals)),) if number <= high]
    return pd.Series([low, high, *finest, *([np.nan] if missing else [])])


def _sort(bound: Any) -> str | None:
    if isinstance(bound, (bool, np.bool_)):
        return None
    if isinstance(bound, (int, np.integer)):
        return "whole"
    if isinstance(bound, (float, np.floating)):
        return "decimal" if np.isfinite(bound) else None
    times: Any = (datetime.date, datetime.timedelta, pd.Period, np.datetime64, np.timedelta64)
    return "time" if isinstance(bound, times) and not pd.isna(bound) else None


def _decimals(bound: Any) -> int:
    """Decimals that a number is written with."""
    exponent = Decimal(str(bound)).as_tuple().exponent
    return min(max(-int(exponent), 0), 9)


def _filled(values: pd.Series, n_rows: int) -> pd.Series:
    """Values repeated to a length."""
    return values.iloc[np.arange(n_rows) % len(values)].reset_index(drop=True)
