import datetime as dt
import json
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skgensynth.exceptions import IdentifierWarning, SchemaError, SchemaMismatchError
from skgensynth.schema import TableSchema

N = 60
START = pd.Timestamp("2020-01-01")


def integers(low, high, dtype="int64"):
    return lambda rng: pd.Series(rng.integers(low, high, N), dtype=dtype)


def floats(scale=1.0, decimals=None, dtype="float64"):
    def make(rng):
        values = rng.normal(size=N) * scale
        return pd.Series(values if decimals is None else values.round(decimals), dtype=dtype)

    return make


def choices(values, dtype):
    return lambda rng: pd.Series([values[place] for place in rng.integers(0, len(values), N)], dtype=dtype)


def times(step, dtype):
    return lambda rng: pd.Series(START + pd.to_timedelta(rng.integers(0, 900, N) * pd.Timedelta(step))).astype(dtype)


def zoned(freq, zone, unit="ns"):
    return lambda rng: pd.Series(pd.date_range("2020-01-01", periods=N, freq=freq, tz=zone).as_unit(unit))


def objects(make):
    return lambda rng: pd.Series([make(int(value)) for value in rng.integers(0, 1000, N)], dtype=object)


COMPLETE = {
    "int8": integers(-100, 100, "int8"),
    "uint8": integers(0, 255, "uint8"),
    "int32": integers(-(2**31), 2**31 - 1, "int32"),
    "int64 beyond 2**53": integers(2**60, 2**60 + 1000),
    "int64 around zero beyond 2**53": lambda rng: pd.Series(np.array([-(2**62), 2**62] * (N // 2))),
    "uint64": lambda rng: pd.Series(np.uint64(2**64 - 1) - rng.integers(0, 99, N).astype(np.uint64)),
    "bool": choices([True, False], "bool"),
    "few ints": integers(0, 4),
}
WITH_MISSING = {
    "float": floats(),
    "two decimals": floats(decimals=2),
    "whole floats": floats(scale=100, decimals=0),
    "float32": floats(dtype="float32"),
    "float32 with decimals": floats(decimals=2, dtype="float32"),
    "few float32": choices([0.1, 0.7, 1.3], "float32"),
    "float16": floats(dtype="float16"),
    "huge": floats(scale=1e300),
    "tiny": floats(scale=1e-310),
    "negative zero": choices([-0.0, 0.5, 1.5, 2.123], "float64"),
    "object strings": choices(["007", "7", "b", ""], object),
    "inferred strings": lambda rng: pd.Series(rng.choice(["007", "7", "b"], N).tolist()),
    "string": choices(["007", "7"], "string"),
    "category": choices(["a", "b"], pd.CategoricalDtype(["b", "z", "a"])),
    "ordered category": choices(["a", "b"], pd.CategoricalDtype(["b", "z", "a"], ordered=True)),
    "category of ints": choices([3, 1], pd.CategoricalDtype([3, 1, 2])),
    "category of times": choices([START], pd.CategoricalDtype([START, START + pd.Timedelta(1, "D")])),
    "cut": lambda rng: pd.Series(pd.cut(rng.random(N), [0, 0.2, 0.5, 1])),
    "interval": lambda rng: pd.Series(pd.cut(rng.random(N), [0, 0.2, 1])).astype("interval[float64, right]"),
    "Int64": integers(0, 1000, "Int64"),
    "Int8, few": integers(0, 3, "Int8"),
    "UInt64 beyond 2**53": lambda rng: pd.Series(rng.integers(2**60, 2**60 + 999, N), dtype="UInt64"),
    "Float64": floats(dtype="Float64"),
    "Float32 with decimals": floats(decimals=1, dtype="Float32"),
    "few Float32": choices([0.1, 0.7, 1.3], "Float32"),
    "boolean": choices([True, False], "boolean"),
    "days": times("1D", "datetime64[ns]"),
    "seconds": times("1s", "datetime64[s]"),
    "milliseconds": times("17ms", "datetime64[ms]"),
    "microseconds": times("17us", "datetime64[us]"),
    "nanoseconds": times("123456789ns", "datetime64[ns]"),
    "before 1970": lambda rng: pd.Series(pd.Timestamp("1850-03-01") + pd.to_timedelta(rng.integers(0, 9999, N), "D")),
    "midnights with summer time": zoned("17D", "Europe/Berlin"),
    "hours over summer time": zoned("7h", "America/New_York", "ms"),
    "both hours 2 of October": lambda rng: pd.Series(
        pd.date_range("2020-10-24 22:00", periods=N, freq="h", tz="UTC").tz_convert("Europe/Berlin")
    ),
    "fixed offset": zoned("17D", dt.timezone(dt.timedelta(hours=5, minutes=30))),
    "one moment": lambda rng: pd.Series([START.tz_localize("UTC")] * N),
    "timedelta": lambda rng: pd.Series(pd.to_timedelta(rng.integers(-(10**6), 10**6, N), "s")),
    "period": lambda rng: pd.Series(pd.period_range("1960-01", periods=N, freq="M")),
    "constant": choices([0.123456], "float64"),
    "constant string": choices(["x"], object),
    "object ints": objects(int),
    "object floats": objects(lambda value: value / 8),
    "ints and floats": objects(lambda value: value if value % 2 else value + 0.5),
    "object bools": objects(lambda value: value % 2 == 0),
    "object uint64": objects(lambda value: 2**64 - 1 - value),
    "decimals": objects(lambda value: Decimal(value).scaleb(-2)),
    "dates": objects(lambda value: dt.date(2020, 1, 1) + dt.timedelta(value)),
    "datetimes": objects(lambda value: dt.datetime(2020, 1, 1, 8, 30) + dt.timedelta(value)),
    "timestamps": objects(lambda value: pd.Timestamp("2020-01-01", tz="UTC") + pd.Timedelta(value, "D")),
    "timestamps of two zones": objects(lambda value: pd.Timestamp("2020-01-01", tz=("UTC", "Asia/Tokyo")[value % 2])),
    "durations": objects(lambda value: dt.timedelta(value, 5)),
    "mixed types": objects(lambda value: (1, "1", True, 2.5, 1.0)[value % 5]),
    "bytes": objects(lambda value: bytes([value % 5])),
    "clock times": objects(lambda value: dt.time(value % 5)),
    "tuples": objects(lambda value: (value % 3, "a")),
    "integers beyond 64 bits": objects(lambda value: 2**80 + value % 3),
    "missing floats": lambda rng: pd.Series([np.nan] * N),
    "missing objects": lambda rng: pd.Series([None] * N, dtype=object),
    "missing category": lambda rng: pd.Series([None] * N, dtype=pd.CategoricalDtype(["q"])),
    "missing times": lambda rng: pd.Series([pd.NaT] * N),
    "missing Int64": lambda rng: pd.Series([pd.NA] * N, dtype="Int64"),
}


def with_missing(series):
    series = series.copy()
    if series.dtype == object:
        series = pd.Series([None if place % 7 == 3 else value for place, value in enumerate(series)], dtype=object)
    else:
        series[series.index % 7 == 3] = pd.NaT if series.dtype.kind in "mM" else None
    return series


def assert_round_trip(table):
    schema = TableSchema.infer(table)
    encoded = schema.encode(table)
    rng = np.random.default_rng(0)
    pd.testing.assert_frame_equal(schema.decode(encoded, rng), table, check_exact=True)
    pd.testing.assert_frame_equal(schema.decode(schema.snap(encoded), rng), table, check_exact=True)
    reborn = TableSchema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False)))
    assert reborn == schema
    pd.testing.assert_frame_equal(reborn.decode(reborn.encode(table), rng), table, check_exact=True)
    return schema, encoded


def types_of(series):
    return [type(value) for value in series]


@pytest.mark.parametrize("kind", [*COMPLETE, *WITH_MISSING])
def test_complete_column_comes_back(kind):
    series = {**COMPLETE, **WITH_MISSING}[kind](np.random.default_rng(0))
    schema, encoded = assert_round_trip(series.to_frame("x"))
    if series.notna().all():
        assert not schema.columns[0].has_missing
    if series.dtype == object:
        decoded = schema.decode(encoded, np.random.default_rng(0))["x"]
        assert types_of(decoded) == types_of(series)


@pytest.mark.parametrize("kind", list(WITH_MISSING))
def test_column_with_missing_values_comes_back(kind):
    series = with_missing(WITH_MISSING[kind](np.random.default_rng(0)))
    schema, encoded = assert_round_trip(series.to_frame("x"))
    assert schema.columns[0].has_missing
    np.testing.assert_array_equal(np.isnan(encoded[:, 0]), series.isna())
    if series.dtype == object:
        assert types_of(schema.decode(encoded, np.random.default_rng(0))["x"]) == types_of(series)


@pytest.mark.parametrize(
    "dtype", ["int64[pyarrow]", "uint8[pyarrow]", "double[pyarrow]", "bool[pyarrow]", "date32[day][pyarrow]",
              "timestamp[us][pyarrow]", "timestamp[ns, tz=UTC][pyarrow]", "duration[s][pyarrow]", "string"]
)  # fmt: skip
@pytest.mark.parametrize("missing", [False, True])
def test_arrow_column_comes_back(dtype, missing):
    numbers = np.random.default_rng(0).integers(0, 2 if "bool" in dtype else 100, N)
    series = pd.Series(numbers)
    if "date" in dtype or "timestamp" in dtype:
        series = START + pd.to_timedelta(series, unit="D")
        series = series.dt.tz_localize("UTC") if "UTC" in dtype else series
    elif "duration" in dtype:
        series = pd.to_timedelta(series, unit="s")
    elif dtype == "string":
        series, dtype = (series % 3).astype(str), pd.ArrowDtype(pyarrow.string())
    series = series.astype(dtype)
    assert_round_trip((with_missing(series) if missing else series).to_frame("x"))


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([Decimal("1.50"), Decimal("2.25")] * 10, dtype=pd.ArrowDtype(pyarrow.decimal128(12, 3))),
        pd.Series(["a", "b"] * 10, dtype=pd.ArrowDtype(pyarrow.dictionary(pyarrow.int32(), pyarrow.string()))),
        pd.Series(pd.arrays.IntervalArray.from_breaks(range(5))).repeat(5).reset_index(drop=True),
    ],
    ids=["decimal", "dictionary", "interval"],
)
def test_dtypes_with_parameters_come_back(series):
    assert_round_trip(series.to_frame("x"))


def test_whole_table_comes_back_with_its_target():
    rng = np.random.default_rng(1)
    makers = {**COMPLETE, **{f"{name} with missing": make for name, make in WITH_MISSING.items()}}
    table = pd.DataFrame(
        {name: with_missing(make(rng)) if "with missing" in name else make(rng) for name, make in makers.items()}
    )
    y = pd.Series(rng.choice(["yes", "no"], N), name="dead", dtype="category")
    schema = TableSchema.infer(table, y)
    X, target = schema.decode(schema.encode(table, y), rng)
    pd.testing.assert_frame_equal(X, table, check_exact=True)
    pd.testing.assert_series_equal(target, y)
    assert schema.target.name == "dead"
    assert schema.target_index == len(schema.modelled) - 1
    assert pickle.loads(pickle.dumps(schema)) == schema


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=30), st.sampled_from(["float64", "Float64"]))
def test_any_floats_come_back(values, dtype):
    assert_round_trip(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))


@settings(max_examples=40, deadline=None)
@given(st.integers(-(2**63), 2**63 - 1), st.lists(st.integers(0, 2**53), min_size=1, max_size=30))
def test_any_integers_come_back(low, steps):
    values = [min(low + step, 2**63 - 1) for step in steps]
    assert_round_trip(pd.DataFrame({"x": pd.Series(values, dtype="int64")}))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=3), min_size=1, max_size=15))
def test_any_objects_come_back(values):
    series = pd.Series(values, dtype=object)
    schema, encoded = assert_round_trip(series.to_frame("x"))
    assert types_of(schema.decode(encoded, np.random.default_rng(0))["x"]) == types_of(series)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)), min_size=1, max_size=15),
    st.sampled_from(["datetime64[us]", "datetime64[us, Europe/Berlin]", "datetime64[us, UTC]"]),
)
def test_any_times_come_back(values, dtype):
    assert_round_trip(pd.Series(pd.DatetimeIndex(values, tz="UTC").as_unit("us"), name="x").pipe(
        lambda s: s.dt.tz_localize(None) if dtype == "datetime64[us]" else s.astype(dtype)
    ).to_frame())  # fmt: skip


# -- containers --------------------------------------------------------------------------------------------------------

ARRAYS = {
    "float64": lambda rng: rng.normal(size=(30, 3)),
    "float32": lambda rng: rng.normal(size=(30, 3)).astype(np.float32),
    "int16": lambda rng: rng.integers(-999, 999, (30, 3)).astype(np.int16),
    "bool": lambda rng: rng.random((30, 3)) < 0.5,
    "big endian": lambda rng: rng.normal(size=(30, 3)).astype(">f8"),
    "strings": lambda rng: rng.choice(["a", "bcd", "007"], (30, 3)),
    "bytes": lambda rng: rng.choice([b"a", b"bcd"], (30, 3)),
    "months": lambda rng: rng.integers(0, 999, (30, 3)).astype("M8[M]"),
    "days": lambda rng: rng.integers(0, 999, (30, 3)).astype("M8[D]"),
    "one day": lambda rng: np.full((30, 1), "2020-01-01", dtype="M8[D]"),
    "hours": lambda rng: rng.integers(0, 999, (30, 3)).astype("m8[h]"),
    "objects": lambda rng: np.array([[1, "a", 2.5], [2, None, 3.5], [3, "b", None]] * 10, dtype=object),
    "one row": lambda rng: rng.normal(size=(1, 3)),
    "one column": lambda rng: rng.normal(size=(30, 1)),
    "with missing": lambda rng: np.where(rng.random((30, 3)) < 0.3, np.nan, rng.normal(size=(30, 3))),
}


@pytest.mark.parametrize("kind", list(ARRAYS))
def test_arrays_come_back(kind):
    X = ARRAYS[kind](np.random.default_rng(0))
    schema = TableSchema.infer(X)
    decoded = schema.decode(schema.encode(X), np.random.default_rng(0))
    assert type(decoded) is np.ndarray
    assert decoded.dtype == X.dtype
    np.testing.assert_array_equal(decoded, X)
    reborn = TableSchema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(reborn.decode(reborn.encode(X), np.random.default_rng(0)), X)
    assert [column.name for column in schema.columns] == [str(place) for place in range(X.shape[1])]


def test_lists_come_back():
    X = [[1, "a", 2.5, None], [2, "b", None, True], [9, "a", 0.5, False]] * 5
    y = ["yes", "no", "no"] * 5
    schema = TableSchema.infer(X, y)
    decoded = schema.decode(schema.encode(X, y), np.random.default_rng(0))
    assert decoded == (X, y)
    assert [[type(value) for value in row] for row in decoded[0]] == [[type(value) for value in row] for row in X]
    assert type(decoded[1]) is list


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (np.array([0, 1] * 15), "categorical"),
        (np.array([0.0, 1.0] * 15), "categorical"),
        (np.arange(30) % 15, "categorical"),
        (np.array(["a", "b"] * 15), "categorical"),
        (np.array(["a", "b"] * 15, dtype=object), "categorical"),
        (np.array([True, False] * 15), "categorical"),
        (np.linspace(0, 1, 30), "continuous"),
        (np.linspace(0, 1, 30).astype(np.float32), "continuous"),
        (np.array([0.5, 1.5] * 15), "continuous"),
        (np.arange(30), "continuous"),
        (np.zeros(30, dtype=int), "categorical"),
    ],
)
def test_target_array_comes_back_as_class_or_number(y, kind):
    X = np.random.default_rng(0).normal(size=(30, 2))
    schema = TableSchema.infer(X, y)
    assert (schema.target.kind, schema.target.role, schema.target.name) == (kind, "target", "target")
    decoded = schema.decode(schema.encode(X, y), np.random.default_rng(0))[1]
    assert decoded.dtype == y.dtype
    np.testing.assert_array_equal(decoded, y)


def test_target_frame_and_nameless_series_come_back():
    X = pd.DataFrame({"0": [1.5, 2.5, 3.5] * 5})
    for y in (pd.DataFrame({0: [1, 2, 1] * 5}), pd.Series([1, 2, 1] * 5), pd.Series([1, 2, 1] * 5, name=0)):
        schema = TableSchema.infer(X, y)
        assert [column.name for column in schema.columns] == ["0", "target"]
        schema = TableSchema.from_dict(json.loads(json.dumps(schema.to_dict())))
        decoded = schema.decode(schema.encode(X, y), np.random.default_rng(0))[1]
        if isinstance(y, pd.DataFrame):
            pd.testing.assert_frame_equal(decoded, y)
        else:
            pd.testing.assert_series_equal(decoded, y)


@pytest.mark.parametrize("names", [[0, 1], [7, 3], pd.Index(["a", "b"], name="columns"), ["a b", "c,d"]])
def test_column_names_come_back(names):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=names, index=range(5, 25))
    schema = TableSchema.from_dict(json.loads(json.dumps(TableSchema.infer(X).to_dict())))
    decoded = schema.decode(schema.encode(X), np.random.default_rng(0))
    pd.testing.assert_frame_equal(decoded, X.reset_index(drop=True))
    assert decoded.columns.tolist() == list(names)


def test_frame_is_matched_by_name_and_left_unchanged():
    X = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": ["x", "y", "x"]})
    before = X.copy(deep=True)
    schema = TableSchema.infer(X)
    np.testing.assert_array_equal(schema.encode(X[["b", "a"]]), schema.encode(X))
    pd.testing.assert_frame_equal(X, before)


# -- kinds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("categorical", [["b"], [1], [-2], [False, True, False], np.array([False, True, False])])
def test_categorical_features_by_name_place_or_mask(categorical):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=["a", "b", "c"])
    schema = TableSchema.infer(X, categorical_features=categorical)
    assert [column.kind for column in schema.columns] == ["continuous", "categorical", "continuous"]
    pd.testing.assert_frame_equal(schema.decode(schema.encode(X), np.random.default_rng(0)), X, check_exact=True)


def test_column_kinds_win():
    X = pd.DataFrame({"a": [0, 1] * 15, "b": list(range(30))})
    schema = TableSchema.infer(
        X,
        np.arange(30.0),
        categorical_features=["a"],
        column_kinds={"a": "continuous", "b": "continuous", "target": "categorical"},
    )
    assert [column.kind for column in schema.columns] == ["continuous", "continuous", "categorical"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"categorical_features": ["z"]}, "categorical_features.*'z'.*columns are a, b"),
        ({"categorical_features": [5]}, "categorical_features.*5"),
        ({"categorical_features": [True]}, "mask of length 1.*2 columns"),
        ({"column_kinds": {"z": "continuous"}}, "column_kinds.*'z'"),
        ({"column_kinds": {"a": "number"}}, "'a'.*'number'.*categorical, continuous, identifier"),
        ({"column_kinds": {"b": "continuous"}}, "'b'.*cannot be continuous"),
        ({"column_kinds": {"a": "identifier"}}, "'a'.*only whole numbers and strings"),
        ({"identifiers": "keep"}, "identifiers.*regenerate.*'keep'"),
    ],
)
def test_bad_parameters_are_named(options, match):
    with pytest.raises(SchemaError, match=match):
        TableSchema.infer(pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": ["x", "y", "x"]}), **options)


# -- identifiers -------------------------------------------------------------------------------------------------------


def patients():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"row": range(100, 140), "age": rng.integers(20, 90, 40), "code": [f"P{i:03d}" for i in range(40)]}
    )


def test_identifiers_are_made_anew():
    X = patients()
    with pytest.warns(IdentifierWarning, match="'row', 'code'"):
        schema = TableSchema.infer(X)
    assert [column.name for column in schema.modelled] == ["age"]
    decoded = schema.decode(schema.encode(X), np.random.default_rng(0))
    assert decoded.dtypes.equals(X.dtypes)
    assert list(decoded) == list(X)
    for name in ("row", "code"):
        assert decoded[name].is_unique
        assert not set(decoded[name]) & set(X[name])
    assert schema == TableSchema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(schema.encode(decoded), schema.encode(X[["age"]]))


def test_identifiers_are_dropped():
    X = patients()
    with pytest.warns(IdentifierWarning, match="left out"):
        schema = TableSchema.infer(X, identifiers="drop")
    decoded = schema.decode(schema.encode(X), np.random.default_rng(0))
    pd.testing.assert_frame_equal(decoded, X[["age"]])
    with pytest.warns(IdentifierWarning):
        schema = TableSchema.infer(X.to_numpy(), identifiers="drop")
    decoded = schema.decode(schema.encode(X.to_numpy()), np.random.default_rng(0))
    assert decoded.tolist() == X[["age"]].to_numpy().tolist()
    np.testing.assert_array_equal(schema.encode(decoded), schema.encode(X.to_numpy()))


def test_identifiers_are_refused():
    with pytest.raises(SchemaError, match="'row', 'code'"):
        TableSchema.infer(patients(), identifiers="refuse")


def test_declared_identifiers_need_no_warning(recwarn):
    schema = TableSchema.infer(patients(), column_kinds={"row": "identifier", "code": "identifier"})
    assert len(schema.modelled) == 1
    assert not recwarn.list


def test_table_of_identifiers_alone_is_refused():
    with pytest.warns(IdentifierWarning), pytest.raises(SchemaError, match="column_kinds"):
        TableSchema.infer(pd.DataFrame({"id": range(30)}))


# -- bad tables --------------------------------------------------------------------------------------------------------

GOOD = [[1.5, 2.5], [3.5, 4.5], [5.5, 1.5]]


@pytest.mark.parametrize(
    ("X", "match"),
    [
        (np.empty((0, 3)), r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"),
        (np.empty((3, 0)), r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required"),
        (pd.DataFrame({"a": []}), r"0 sample\(s\)"),
        (pd.DataFrame(index=range(3)), r"0 feature\(s\)"),
        ([], "2D array"),
        ([1, 2], "2D array.*Reshape your data"),
        (np.arange(3.0), "2D array.*Reshape your data"),
        (3, "2D array"),
        (np.ones((2, 2, 2)), "2D array"),
        ([[1, 2], [3]], "different lengths: 1, 2"),
        (sparse.csr_array(np.eye(3)), "sparse"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}), "'a' is sparse"),
        (np.ma.masked_array(GOOD), "masked"),
        (pd.DataFrame(GOOD, columns=["a", "a"]), "repeated: a"),
        (pd.DataFrame(GOOD, columns=["a", 1]), "all strings or all integers.*int, str"),
        (pd.DataFrame(GOOD, columns=[0.5, 1.5]), "all strings or all integers.*float"),
        (pd.DataFrame(GOOD, columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), "several levels"),
        ([[1.5, np.inf], [2.5, 1.5]], "'1'.*infinite"),
        (pd.DataFrame({"a": [1.5, -np.inf]}), "'a'.*infinite"),
        (pd.DataFrame({"a": [1.5, np.inf]}, dtype="Float64"), "'a'.*infinite"),
        (np.array([[1j], [2j]]), "Complex data not supported.*'0'"),
        (pd.DataFrame({"a": [[1], [2]]}), "'a' cannot be used"),
        (pd.DataFrame({"a": [object(), object()]}), "'a' cannot be used.*object"),
    ],
)
def test_bad_tables_are_refused(X, match):
    with pytest.raises(SchemaError, match=match):
        TableSchema.infer(X)


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([1, 0], "inconsistent numbers of samples: X has 3, y 2"),
        ([[1, 0], [1, 0], [0, 0]], "y is a list of lists"),
        (np.ones((3, 2)), "one dimension"),
        (pd.DataFrame({"a": [1, 2, 1], "b": [1, 2, 3]}), "2 columns"),
        ([1, None, 0], "'target' has 1 missing values"),
        (pd.Series([np.nan, np.nan, np.nan], name="dead"), "'dead' has 3 missing values"),
        ([1.5, np.inf, 2.5], "'target'.*infinite"),
        (sparse.csr_array([[1], [0], [1]]), "sparse"),
    ],
)
def test_bad_targets_are_refused(y, match):
    with pytest.raises(SchemaError, match=match):
        TableSchema.infer(GOOD, y)


def test_target_cannot_be_an_identifier():
    with pytest.raises(SchemaError, match="'target' cannot be an identifier"):
        TableSchema.infer(GOOD, [1, 2, 3], column_kinds={"target": "identifier"})


def test_other_tables_are_refused():
    X = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": ["x", "y", "x"]})
    y = [1.5, 2.5, 3.5]
    schema = TableSchema.infer(X, y)
    for other, target, match in [
        (X[["a"]], y, "lacks b"),
        (X.assign(c=1), y, "unknown c"),
        (X.to_numpy()[:, :1], y, "1 columns, but 2 were learned"),
        (X, None, "needs its target"),
        (X.assign(a=["p", "q", "r"]), y, "'a' was learned as float values"),
        (X.assign(b=[START] * 3), y, "'b' was learned as string values"),
    ]:
        with pytest.raises(SchemaMismatchError, match=match):
            schema.encode(other, target)
    with pytest.raises(SchemaMismatchError, match="without a target"):
        TableSchema.infer(X).encode(X, y)
    with pytest.raises(SchemaError, match=r"'b' holds 'z'.*the values x, y"):
        schema.encode(X.assign(b=["x", "z", "x"]), y)
    with pytest.raises(SchemaError, match=r"'a'.*infinite"):
        schema.encode(X.assign(a=[1.0, np.inf, 2.0]), y)
    with pytest.raises(SchemaMismatchError, match=r"3 columns.*\(3, 2\)"):
        schema.decode(np.zeros((3, 2)), np.random.default_rng(0))


def test_snap_moves_numbers_to_grid_and_range():
    X = pd.DataFrame({"a": [1.25, 2.5, 3.75] * 5, "b": ["x", "y", "x"] * 5, "c": [10, 50, 90] * 5})
    schema = TableSchema.infer(X, column_kinds={"a": "continuous", "c": "continuous"})
    values = np.array([[1.0, 1.0, 10.6], [2.512, np.nan, 99.0], [np.nan, 0.0, -5.0]])
    before = values.copy()
    expected = [[1.25, 1.0, 11.0], [2.51, np.nan, 90.0], [np.nan, 0.0, 10.0]]
    np.testing.assert_array_equal(schema.snap(values), expected)
    np.testing.assert_array_equal(values, before)
