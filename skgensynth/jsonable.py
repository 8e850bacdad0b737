"""Python values and dtypes of tables as JSON, and back."""

from __future__ import annotations

import base64
import datetime as dt
import importlib.util
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["dtype_from_json", "dtype_to_json", "value_from_json", "value_to_json"]


def value_to_json(value: Any) -> Any:
    """Turn one value of a table into JSON.

    Parameters
    ----------
    value : object
        A string, bool, number, date, time, timestamp, duration, period, interval, bytes, None, or a tuple of these.

    Returns
    -------
    object
        The value itself where JSON has it, else a dict with one key, the type's name.

    Raises
    ------
    TypeError
        If the value is of another type.
    """
    if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
        value = value.item()
    if value is None or type(value) in (str, bool, int) or (type(value) is float and math.isfinite(value)):
        return value
    for name, (kind, to_json, _) in _CODERS.items():
        if type(value) is kind:
            return {name: to_json(value)}
    raise TypeError(f"values of type {type(value).__name__} are not supported")


def value_from_json(state: Any) -> Any:
    """Turn what :func:`value_to_json` returned into the value again."""
    if not isinstance(state, dict):
        return state
    ((name, content),) = state.items()
    return _CODERS[name][2](content)


def _timestamp(content: list[Any]) -> pd.Timestamp:
    text, zone, unit = content
    stamp = pd.Timestamp(text)
    return (stamp if zone is None else stamp.tz_convert(zone)).as_unit(unit)


_CODERS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "float": (float, repr, float),
    "bytes": (bytes, lambda v: v.decode("latin-1"), lambda s: s.encode("latin-1")),
    "date": (dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "datetime": (dt.datetime, dt.datetime.isoformat, dt.datetime.fromisoformat),
    "time": (dt.time, dt.time.isoformat, dt.time.fromisoformat),
    "duration": (dt.timedelta, lambda v: [v.days, v.seconds, v.microseconds], lambda s: dt.timedelta(*s)),
    "decimal": (Decimal, str, Decimal),
    "timestamp": (pd.Timestamp, lambda v: [v.isoformat(), None if v.tz is None else str(v.tz), v.unit], _timestamp),
    "timedelta": (
        pd.Timedelta,
        lambda v: [int(v.asm8.astype(np.int64)), v.unit],
        lambda s: pd.Timedelta(np.timedelta64(s[0], s[1])).as_unit(s[1]),
    ),
    "period": (pd.Period, lambda v: [v.ordinal, v.freqstr], lambda s: pd.Period(ordinal=s[0], freq=s[1])),
    "interval": (
        pd.Interval,
        lambda v: [value_to_json(v.left), value_to_json(v.right), v.closed],
        lambda s: pd.Interval(value_from_json(s[0]), value_from_json(s[1]), s[2]),
    ),
    "tuple": (tuple, lambda v: [value_to_json(x) for x in v], lambda s: tuple(value_from_json(x) for x in s)),
}


def dtype_to_json(dtype: Any) -> Any:
    """Turn a NumPy or pandas dtype into JSON."""
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        return {
            "categories": [value_to_json(value) for value in categories],
            "dtype": dtype_to_json(categories.dtype),
            "ordered": bool(dtype.ordered),
        }
    if isinstance(dtype, pd.StringDtype):
        return {"string": dtype.storage, "missing": "NA" if dtype.na_value is pd.NA else "nan"}
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow

        # Names do not tell all of types with parameters, and that of a string means another dtype to pandas.
        schema = pyarrow.schema([("", dtype.pyarrow_dtype)])
        return {"arrow": base64.b64encode(schema.serialize()).decode("ascii")}
    return {"numpy": dtype.str} if isinstance(dtype, np.dtype) else {"pandas": str(dtype)}


def dtype_from_json(state: dict[str, Any]) -> Any:
    """Turn what :func:`dtype_to_json` returned into the dtype again."""
    if "categories" in state:
        values = [value_from_json(value) for value in state["categories"]]
        categories = pd.Index(values, dtype=dtype_from_json(state["dtype"]))
        return pd.CategoricalDtype(categories, ordered=state["ordered"])
    if "string" in state:
        # The same strings, kept in another way where pyarrow is not installed.
        storage = state["string"] if importlib.util.find_spec("pyarrow") else "python"
        return pd.StringDtype(storage, na_value=pd.NA if state["missing"] == "NA" else np.nan)
    if "arrow" in state:
        import pyarrow

        schema = pyarrow.ipc.read_schema(pyarrow.py_buffer(base64.b64decode(state["arrow"])))
        return pd.ArrowDtype(schema.types[0])
    return np.dtype(state["numpy"]) if "numpy" in state else pd.api.types.pandas_dtype(state["pandas"])
