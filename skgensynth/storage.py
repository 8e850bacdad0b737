"""How a column is stored in the user's table: dtype, Python type, missing marker, origin and unit of its values.

Values travel through three forms: the *outer* form is the user's; the *inner* form is a NumPy or pandas array whose
dtype has the values' meaning (an object column of dates becomes a datetime array); the *encoded* form is float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.jsonable import dtype_from_json, dtype_to_json

__all__ = ["Storage", "Values", "describe", "family_of"]

Values = Any  # a 1-D numpy array or a pandas ExtensionArray

MAX_DECIMALS = 9  # ours: more of them are noise, not a way of writing numbers
EXACT = 2**53  # whole numbers up to here are exact in float64
WHOLE = ("integer", "datetime", "timedelta", "period")
_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "D": 86400 * 10**9}
_NATURAL_TICKS = tuple(_NANOSECONDS[unit] for unit in ("D", "h", "m", "s", "ms", "us", "ns"))
_KIND_FAMILIES = {"i": "integer", "u": "integer", "f": "float", "b": "boolean", "M": "datetime", "m": "timedelta"}
# What pandas finds in an object column -> the Python type it is restored as.
_PYTHON_TYPES = {
    "string": "str",
    "integer": "int",
    "floating": "float",
    "mixed-integer-float": "number",
    "boolean": "bool",
    "decimal": "Decimal",
    "date": "date",
    "datetime": "datetime",
    "datetime64": "datetime",
    "timedelta": "timedelta",
    "timedelta64": "timedelta",
}


def family_of(dtype: Any) -> str:
    """What values of an inner dtype mean: "integer", "float", "boolean", "datetime", "string", "category", ..."""
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.StringDtype):
        return "string"
    if isinstance(dtype, pd.PeriodDtype):
        return "period"
    return _KIND_FAMILIES.get(dtype.kind, "other")


@dataclass(frozen=True)
class Storage:
    """What is needed to store a column's values as they were stored in the user's table."""

    dtype: Any  # outer dtype
    inner: Any  # inner dtype
    python: str | None = (
        None  # type of the values in an object column; "arrow", "fixed", "swapped" for dtypes of those sorts
    )
    marker: str = "None"  # what stands for a missing value in an object column
    origin: int = 0  # whole values: the one encoded as 0, in the inner dtype's unit
    tick: int = 1  # whole values: inner units for one encoded unit
    wall: bool = False  # datetimes with a zone: encoded in local time
    decimals: int | None = None  # floats: decimals of the grid

    @property
    def family(self) -> str:
        """What the values mean."""
        return "string" if self.python in ("str", "fixed") else family_of(self.inner)

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers of some unit."""
        return self.family in WHOLE

    @property
    def resolution(self) -> float | None:
        """Grid step of the encoded values."""
        if self.whole:
            return 1.0
        return None if self.decimals is None else 10.0**-self.decimals

    @property
    def holds_missing(self) -> bool:
        """Whether the outer dtype has a missing value."""
        if isinstance(self.dtype, pd.IntervalDtype):
            return self.dtype.subtype.kind not in "iu"
        return not (isinstance(self.dtype, np.dtype) and self.dtype.kind in "iubUS")

    def unwrap(self, values: Values) -> Values:
        """Outer to inner form."""
        return _unwrap(values, self.python, self.inner)

    def wrap(self, values: Values) -> Values:
        """Inner to outer form."""
        if self.python is None:
            return values
        if self.python == "fixed":
            out = np.asarray(values).astype(str)
            return out.astype(np.result_type(self.dtype, out.dtype))  # new identifiers may be longer
        if self.python == "swapped":
            return values.astype(self.dtype)
        if self.python == "arrow":
            return pd.Series(values).astype(self.dtype).array
        missing = np.asarray(pd.isna(values))
        out = np.empty(len(values), dtype=object)
        out[~missing] = _to_python(values[~missing], self.python, self.decimals)
        out[missing] = {"None": None, "nan": float("nan"), "NA": pd.NA, "NaT": pd.NaT}[self.marker]
        return out

    # -- whole numbers ---------------------------------------------------------------------------------------------

    def to_whole(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """Whole units of inner values, and where they are missing."""
        missing = np.asarray(pd.isna(values))
        family = self.family
        if family == "integer":
            if isinstance(values, np.ndarray):
                return values, missing
            return values.to_numpy(dtype=values.dtype.numpy_dtype, na_value=0), missing
        if family == "period":
            return pd.PeriodIndex(values).asi8, missing
        if isinstance(self.inner, pd.DatetimeTZDtype):
            index = pd.DatetimeIndex(values)
            values = (index if self.wall else index.tz_convert("UTC")).tz_localize(None).to_numpy()
            values = values.astype(f"M8[{self.inner.unit}]")
        return values.view(np.int64), missing

    def from_whole(self, units: np.ndarray, missing: np.ndarray) -> Values:
        """Inner values of whole units."""
        family, inner = self.family, self.inner
        if family == "integer":
            if isinstance(inner, np.dtype):
                return units.astype(inner)
            return pd.arrays.IntegerArray(units.astype(inner.numpy_dtype), missing)
        if family == "period":
            periods: Any = pd.PeriodIndex  # pandas' stubs, where they are installed, lack from_ordinals
            return periods.from_ordinals(_with_nat(units, missing, np.dtype(np.int64)), freq=inner.freq).array
        if isinstance(inner, pd.DatetimeTZDtype):
            times = pd.DatetimeIndex(_with_nat(units, missing, np.dtype(f"M8[{inner.unit}]")))
            if self.wall:
                standard = np.zeros(len(units), dtype=bool)  # of two equal wall times, the one in standard time
                return times.tz_localize(inner.tz, ambiguous=standard, nonexistent="shift_forward").array
            return times.tz_localize("UTC").tz_convert(inner.tz).array
        return _with_nat(units, missing, inner)

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest whole unit that the inner dtype can hold."""
        if self.family == "integer":
            info = np.iinfo(self.inner if isinstance(self.inner, np.dtype) else self.inner.numpy_dtype)
            return int(info.min), int(info.max)
        return -(2**63) + 1, 2**63 - 1  # the smallest int64 means "not a time"

    # -- encoded values --------------------------------------------------------------------------------------------

    def encode(self, values: Values) -> np.ndarray:
        """Inner numbers or times to float64, NaN where missing."""
        if self.whole and family_of(values.dtype) in WHOLE:
            units, missing = self.to_whole(values)
            out = _difference(units, self.origin, self.tick)
            out[missing] = np.nan
            return out
        if isinstance(values, np.ndarray):
            out = values.astype(np.float64)
        else:
            out = values.to_numpy(dtype=np.float64, na_value=np.nan)
        if self.whole:
            return out - self.origin
        numpy_dtype = getattr(values.dtype, "numpy_dtype", values.dtype)
        if self.decimals is not None and numpy_dtype.kind == "f" and numpy_dtype.itemsize < 8:
            # 0.1 in float32 is 0.10000000149 in float64: back to the number that was meant, where that loses nothing
            rounded = np.round(out, self.decimals)
            out = np.where(rounded.astype(numpy_dtype).astype(np.float64) == out, rounded, out)
        return out

    def decode(self, encoded: np.ndarray) -> Values:
        """float64 to inner numbers or times, on the column's grid."""
        missing = np.isnan(encoded)
        if self.whole:
            return self.from_whole(_sum(np.where(missing, 0.0, encoded), self.origin, self.tick, self.limits), missing)
        rounded = self.round(encoded)
        if isinstance(self.inner, np.dtype):
            return rounded.astype(self.inner)
        return pd.arrays.FloatingArray(rounded.astype(self.inner.numpy_dtype), missing)

    def round(self, encoded: np.ndarray) -> np.ndarray:
        """Encoded values moved to the nearest point of the grid."""
        if self.whole:
            return np.rint(encoded) + 0.0  # + 0.0 turns -0.0 into 0.0
        return encoded if self.decimals is None else np.round(encoded, self.decimals) + 0.0

    def fitted_to(self, values: Values) -> Storage:
        """A storage with origin, tick and decimals chosen so that the inner values are exact in float64."""
        if self.family == "float":
            return replace(self, decimals=_count_decimals(values))
        if not self.whole:
            return self
        best = self._with_unit(values)
        if isinstance(self.inner, pd.DatetimeTZDtype):
            local = replace(self, wall=True)._with_unit(values)
            # Midnights of a zone with summer time are whole days only in local time.
            if local.tick > best.tick and bool(np.all(local.decode(local.encode(values)) == values)):
                return local
        return best

    def _with_unit(self, values: Values) -> Storage:
        """Origin and tick of the values, all of them present."""
        units, _ = self.to_whole(values)
        low, high = int(units.min()), int(units.max())
        if self.family == "integer":
            return self if max(-low, high) <= EXACT else replace(self, origin=low)
        if self.family == "period":
            return replace(self, origin=low)
        unit = self.inner.unit if isinstance(self.inner, pd.DatetimeTZDtype) else np.datetime_data(self.inner)[0]
        scale = _NANOSECONDS.get(unit)
        if scale is None:  # months, years, or finer than nanoseconds
            return replace(self, origin=low)
        steps = [tick // scale for tick in _NATURAL_TICKS if tick >= scale]
        tick = next(step for step in steps if not np.any((units - low) % step))
        return replace(self, origin=low, tick=tick)

    # -- JSON ------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        state = {name: getattr(self, name) for name in ("python", "marker", "origin", "tick", "wall", "decimals")}
        return {"dtype": dtype_to_json(self.dtype), "inner": dtype_to_json(self.inner), **state}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Storage:
        """Reverse to_dict."""
        return cls(**{**state, "dtype": dtype_from_json(state["dtype"]), "inner": dtype_from_json(state["inner"])})


def describe(values: Values) -> tuple[Storage, Values]:
    """Find how outer values are stored; return that and their inner form."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind == "U":
        storage = Storage(dtype, np.dtype(object), "fixed")
    elif isinstance(dtype, np.dtype) and dtype.kind == "O":
        storage = _describe_objects(values)
    elif isinstance(dtype, np.dtype) and not dtype.isnative:
        storage = Storage(dtype, dtype.newbyteorder("="), "swapped")
    elif isinstance(dtype, pd.ArrowDtype):
        storage = Storage(dtype, _without_arrow(dtype), "arrow")
    else:
        storage = Storage(dtype, dtype)
    return storage, storage.unwrap(values)


def _without_arrow(dtype: Any) -> Any:
    """Dtype that holds the values of a `pandas.ArrowDtype` without Arrow."""
    kind = dtype.kind
    if kind in "iufb":
        name = np.dtype(dtype.numpy_dtype).name
        return pd.api.types.pandas_dtype({"b": "boolean", "u": name.replace("ui", "UI")}.get(kind, name.capitalize()))
    if kind in "mM":
        unit: Any = getattr(dtype.pyarrow_dtype, "unit", "s")  # a date has none
        zone = getattr(dtype.pyarrow_dtype, "tz", None)
        return np.dtype(f"{kind}8[{unit}]") if zone is None else pd.DatetimeTZDtype(unit, zone)
    return pd.StringDtype("python") if dtype.type is str else np.dtype(object)


def _describe_objects(values: np.ndarray) -> Storage:
    """Storage of an object array: by its Python types, where they have a meaning in common."""
    dtype = np.dtype(object)
    missing = np.asarray(pd.isna(values))
    marker = _marker_of(values[missing][0]) if missing.any() else "None"
    present = values[~missing]
    python = _PYTHON_TYPES.get(pd.api.types.infer_dtype(present, skipna=False)) if len(present) else None
    if python == "datetime" and all(isinstance(value, pd.Timestamp) for value in present):
        python = "Timestamp"
    if python == "timedelta" and all(isinstance(value, pd.Timedelta) for value in present):
        python = "Timedelta"
    if python == "number" and any(isinstance(value, float) and value.is_integer() for value in present):
        python = "float"  # 2.0 among whole numbers: floats, some of them written short
    inner = {"float": "f8", "number": "f8", "Decimal": "f8", "date": "M8[s]", "timedelta": "m8[us]"}
    if python == "int":
        wide = max(present) > 2**63 - 1
        if min(present) < (0 if wide else -(2**63)) or max(present) > 2**64 - 1:
            return Storage(dtype, dtype, marker=marker)  # larger than any integer dtype: plain objects
        return Storage(dtype, pd.UInt64Dtype() if wide else pd.Int64Dtype(), python, marker)
    if python == "bool":
        return Storage(dtype, pd.BooleanDtype(), python, marker)
    if python in ("Timestamp", "Timedelta", "datetime"):
        try:
            found = pd.array(list(present)).dtype
        except (ValueError, TypeError):
            return Storage(dtype, dtype, marker=marker)
        if family_of(found) not in ("datetime", "timedelta"):  # several time zones
            return Storage(dtype, dtype, marker=marker)
        return Storage(dtype, found, python, marker)
    return Storage(dtype, np.dtype(inner.get(str(python), "O")), python, marker)


def _marker_of(value: Any) -> str:
    """Name of a missing value."""
    if value is None:
        return "None"
    return "NA" if value is pd.NA else "NaT" if value is pd.NaT else "nan"


def _unwrap(values: Values, python: str | None, inner: Any) -> Values:
    """Outer to inner form."""
    if python is None or python == "str":
        return values
    if python == "fixed":
        return values.astype(object)
    if python == "swapped":
        return values.astype(inner)
    if python == "arrow":
        return _plain(pd.Series(values).astype(inner))
    missing = np.asarray(pd.isna(values))
    if isinstance(inner, np.dtype) and inner.kind == "f":
        out = np.full(len(values), np.nan)
        out[~missing] = values[~missing].astype(np.float64)
        return out
    filled = values.copy()
    filled[missing] = pd.NaT if family_of(inner) in ("datetime", "timedelta") else pd.NA
    return _plain(pd.Series(filled, dtype=inner))


def _plain(series: pd.Series) -> Values:
    """Values of a series: a numpy array for numpy dtypes, else the extension array."""
    return series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array


def _to_python(values: Values, python: str, decimals: int | None) -> list[Any] | np.ndarray:
    """Inner values, none missing, as Python objects of a type."""
    if python == "str":
        return np.asarray(values, dtype=object)
    if python in ("int", "float", "bool"):
        return np.asarray(values).tolist()
    if python == "number":
        return [int(value) if value.is_integer() else value for value in values.tolist()]
    if python == "Decimal":
        places = None if decimals is None else Decimal(1).scaleb(-decimals)
        return [Decimal(repr(v)) if places is None else Decimal(repr(v)).quantize(places) for v in values.tolist()]
    if python == "date":
        return [stamp.date() for stamp in pd.DatetimeIndex(values)]
    if python == "datetime":
        return [stamp.to_pydatetime() for stamp in pd.DatetimeIndex(values)]
    if python == "timedelta":
        return [delta.to_pytimedelta() for delta in pd.TimedeltaIndex(values)]
    return list(pd.DatetimeIndex(values) if python == "Timestamp" else pd.TimedeltaIndex(values))


def _with_nat(units: np.ndarray, missing: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Whole units as datetimes or timedeltas."""
    return np.where(missing, np.iinfo(np.int64).min, units).view(dtype)


def _difference(units: np.ndarray, origin: int, tick: int) -> np.ndarray:
    """(units - origin) / tick as float64, exact where the result is below 2**53."""
    if origin == 0 and tick == 1:
        return units.astype(np.float64)
    if len(units) == 0:
        return np.empty(0)
    if int(units.max()) - origin < 2**63 and int(units.min()) - origin >= -(2**63):
        # The difference fits int64, so arithmetic modulo 2**64 gives it even where the units or the origin do not.
        difference = units.astype(np.int64) - np.array(origin % 2**64, dtype=np.uint64).astype(np.int64)
        quotient, rest = np.divmod(difference, tick)
        return quotient.astype(np.float64) + rest / tick
    return ((units.astype(object) - origin) / tick).astype(np.float64)


def _sum(encoded: np.ndarray, origin: int, tick: int, limits: tuple[int, int]) -> np.ndarray:
    """Origin + tick * encoded, rounded to whole units and kept within the limits."""
    steps = np.rint(encoded)
    low, high = limits
    largest = float(np.max(np.abs(steps), initial=0.0))
    if largest * tick + abs(origin) < 2**62:
        return np.clip(steps.astype(np.int64) * tick + origin, max(low, -(2**63)), min(high, 2**63 - 1))
    whole = [min(max(int(step) * tick + origin, low), high) for step in steps.tolist()]
    return np.array(whole, dtype=np.uint64 if high >= 2**63 else np.int64)


def _count_decimals(values: Values) -> int | None:
    """Decimals that all values, none missing, are written with; None where they fill the precision of their dtype."""
    dtype = getattr(values.dtype, "numpy_dtype", values.dtype)
    numbers = np.asarray(values, dtype=np.float64)
    exact = EXACT if dtype.itemsize >= 8 else 2 ** (np.finfo(dtype).nmant + 1)
    largest = float(np.max(np.abs(numbers)))
    for decimals in range(MAX_DECIMALS + 1):
        if largest * 10.0**decimals > exact:
            return None
        for part in (numbers[:1000], numbers):  # most columns of measurements show on few rows that they need more
            if np.any(np.round(part, decimals).astype(dtype).astype(np.float64) != part):
                break
        else:
            return decimals
    return None
