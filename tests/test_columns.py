import datetime as dt

import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import SchemaError, SchemaMismatchError
from skgensynth.schema import TableSchema

RNG = np.random.default_rng(0)


def column_of(values, dtype=None, kind=None):
    table = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    return TableSchema.infer(table, column_kinds={"x": kind} if kind else None).columns[0]


@pytest.mark.parametrize(
    ("values", "dtype", "code", "text"),
    [
        (range(40, 99, 3), "int64", 75.0, "75"),
        (range(2**60, 2**60 + 90, 3), "int64", 3.0, str(2**60 + 3)),
        ([1.25, 2.5, 3.75], "float64", 3.5, "3.50"),
        ([1.25, 2.5, 3.75], "float64", -0.001, "0.00"),
        ([10.0, 20.0, 35.0], "float64", 20.0, "20"),
        (list(RNG.normal(size=9)), "float64", 1 / 3, "0.333333"),
        (["2020-01-31", "2020-02-03", "2021-01-01"], "datetime64[ns]", 1.0, "2020-02-01"),
        (["2020-01-31 10:30", "2020-02-03", "2021-01-01"], "datetime64[s]", 1.0, "2020-01-31 10:31:00"),
        ([pd.Timedelta(1, "h"), pd.Timedelta(30, "h")], "timedelta64[s]", 2.0, "0 days 03:00:00"),
        (["F", "M", "F"], object, 1.0, "M"),
        ([True, False, True], "bool", 0.0, "False"),
        ([0.0, 1.0] * 9, "float64", 1.0, "1"),
        ([0.25, 1.5] * 9, "float64", 0.0, "0.25"),
        ([0.1, 0.7] * 9, "float32", 0.0, "0.1"),
    ],
)
def test_format(values, dtype, code, text):
    assert column_of(list(values), dtype).format(code) == text


def test_texts_tell_levels_apart():
    column = column_of([1, "1", True, "True", "", "a"] * 4, object)
    assert column.levels == (True, 1, "", "1", "True", "a")
    assert column.texts == ("True", "1", "''", "'1'", "'True'", "a")


@pytest.mark.parametrize(
    ("values", "dtype", "resolution", "minimum", "maximum"),
    [
        (range(40, 99, 3), "int64", 1.0, 40.0, 97.0),
        ([1.25, 2.5, 3.7], "float64", 0.01, 1.25, 3.7),
        ([1.25, 2.5, 3.7], "float32", 0.01, 1.25, 3.7),
        ([1e-12, 2.5, 3.7], "float64", None, 1e-12, 3.7),
        ([1e300, 2.5, 3.7], "float64", None, 2.5, 1e300),
        (["2020-01-31", "2020-02-03", "2020-03-01"], "datetime64[ns]", 1.0, 0.0, 30.0),
    ],
)
def test_continuous_columns_have_range_and_grid(values, dtype, resolution, minimum, maximum):
    column = column_of(list(values), dtype)
    assert (column.kind, column.levels, column.resolution) == ("continuous", (), resolution)
    assert (column.minimum, column.maximum) == (minimum, maximum)


def test_levels_are_ordered_and_counted():
    column = column_of(["b", "a", "b", None], pd.CategoricalDtype(["c", "b", "a"]))
    assert (column.levels, column.counts, column.has_missing) == (("c", "b", "a"), (0, 2, 1), True)
    assert np.isnan([column.minimum, column.maximum]).all()
    assert column.resolution is None
    assert column_of([3, 1, 1] * 5, "int64").levels == (1, 3)
    assert column_of([0.7, 0.1] * 5, "float32").levels == (0.1, 0.7)
    assert column_of([None] * 5, object).levels == ()


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([0, 1] * 2, "int64", "categorical"),
        ([0, 1], "int64", "continuous"),
        ([1, 2, 3] * 5, "int64", "categorical"),
        ([1, 2, 3] * 4, "int64", "continuous"),
        (list(range(10)) * 5, "int64", "categorical"),
        (list(range(11)) * 9, "int64", "continuous"),
        ([0.5, 1.25] * 9, "float64", "categorical"),
        ([0.512, 1.25] * 9, "float64", "continuous"),
        ([0.512] * 9, "float64", "categorical"),
        (["007", "7"] * 9, object, "categorical"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"] * 9), None, "continuous"),
        ([np.nan] * 9, "float64", "categorical"),
    ],
)
def test_kinds_are_found(values, dtype, kind):
    assert column_of(values, dtype).kind == kind


@pytest.mark.parametrize(
    ("values", "dtype", "others"),
    [
        ([1, 2, 5], "int64", pd.Series([2.0, np.nan])),
        ([1, 2, 5], "int64", pd.Series([2, None], dtype="Int64")),
        ([1, 2, 5], "int64", pd.Series([2, None], dtype=object)),
        ([0, 1] * 9, "int64", pd.Series([1.0, np.nan])),
        ([0, 1] * 9, "int64", pd.Series([True, None], dtype="boolean")),
        ([0.1, 0.7] * 9, "float32", pd.Series([0.7, np.nan])),
        ([0.1, 0.7] * 9, "Float32", pd.Series([0.7, None], dtype="Float64")),
        (["a", "b"] * 9, object, pd.Series(["b", None], dtype="string")),
        (["a", "b"] * 9, "string", pd.Series(["b", None], dtype="category")),
        (["a", "b"] * 9, "category", pd.Series(["b", None], dtype=object)),
        (["a", "b"] * 9, pd.CategoricalDtype(["z", "b", "a"]), pd.Series(["b", None], dtype="category")),
        ([1, "a"] * 9, object, pd.Series(["a", None], dtype="string")),
        (["2020-01-31", "2020-02-03"], "datetime64[ns]", pd.Series(["2020-02-03", None], dtype="datetime64[s]")),
        (["2020-01-31", "2020-02-03"], "datetime64[ns]", pd.Series([dt.datetime(2020, 2, 3), None], dtype=object)),
    ],
)
def test_same_values_in_other_dtypes_have_the_same_codes(values, dtype, others):
    column = column_of(values, dtype)
    expected = column.encode(column_of_values(pd.Series(values, dtype=dtype)))[1]
    np.testing.assert_array_equal(column.encode(column_of_values(others)), [expected, np.nan])


def column_of_values(series):
    return series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array


def test_missing_values_encode_as_nan_in_every_dtype():
    for values, dtype in [([1, 2, 5], "int64"), (["a", "b"], object), (["2020-01-31", "2020-02-03"], "datetime64[ns]")]:
        assert np.isnan(column_of(values, dtype).encode(np.array([None, np.nan], dtype=object))).all()


def test_times_need_the_same_sort_of_zone():
    naive, zoned = pd.date_range("2020-01-01", periods=5, freq="3D"), pd.date_range("2020-01-01", periods=5, tz="UTC")
    for known, other in [(naive, zoned), (zoned, naive)]:
        with pytest.raises(SchemaMismatchError, match="'x'"):
            column_of(known).encode(column_of_values(pd.Series(other)))
    tokyo = column_of(zoned).encode(column_of_values(pd.Series(zoned.tz_convert("Asia/Tokyo"))))
    np.testing.assert_array_equal(tokyo, range(5))


@pytest.mark.parametrize(("values", "dtype"), [([1, 2, 5], "int64"), ([True, False], "bool"), ([1, 2] * 9, "uint8")])
def test_missing_needs_a_dtype_that_has_it(values, dtype):
    with pytest.raises(SchemaError, match=f"'x' of dtype {dtype}"):
        column_of(values, dtype).decode(np.array([np.nan]))


def test_decode_moves_to_the_grid_and_keeps_to_the_dtype():
    column = column_of([0, 100, 250], "uint8")
    np.testing.assert_array_equal(column.decode(np.array([99.6, 300.0, -4.0])), np.array([100, 255, 0], dtype="uint8"))
    column = column_of([0, 2**63, 2**64 - 1], "uint64")
    np.testing.assert_array_equal(column.decode(np.array([1e30, -1.0])), np.array([2**64 - 1, 0], dtype="uint64"))


def test_nonexistent_local_times_are_moved_on():
    days = pd.date_range("2018-09-01", periods=90, freq="D")
    days = days.delete(days.get_loc("2018-11-04"))  # this day had no midnight there
    column = column_of(days.tz_localize("America/Sao_Paulo"))
    assert column.storage.wall
    decoded = pd.DatetimeIndex(column.decode(np.arange(column.maximum + 1)))
    assert decoded[decoded.hour != 0].tolist() == [pd.Timestamp("2018-11-04 01:00", tz="America/Sao_Paulo")]


@pytest.mark.parametrize(
    ("values", "dtype", "written", "code"),
    [
        (["F", "M"] * 9, object, "M", 1.0),
        ([1, 2, 3] * 9, "int64", 2, 1.0),
        ([1, 2, 3] * 9, "int64", np.int64(2), 1.0),
        ([1, 2, 3] * 9, "int64", 2.0, 1.0),
        ([1, 2, 3] * 9, "int64", "2", 1.0),
        ([0.1, 0.7] * 9, "float32", 0.7, 1.0),
        ([0.1, 0.7] * 9, "float32", np.float32(0.7), 1.0),
        ([True, False], "bool", np.True_, 1.0),
        ([1, "1", True] * 9, object, "1", 2.0),
        ([1, "1", True] * 9, object, True, 0.0),
        (range(40, 99, 3), "int64", "64.5", 64.5),
        (range(2**60, 2**60 + 90, 3), "int64", 2**60 + 5, 5.0),
        (range(2**60, 2**60 + 90, 3), "int64", str(2**60 + 5), 5.0),
        (["2020-01-31", "2020-02-03", "2021-01-01"], "datetime64[s]", "2020-02-01 12:00", 1.5),
        (["2020-01-31", "2020-02-03", "2021-01-01"], "datetime64[s]", dt.date(2020, 2, 1), 1.0),
        (["2020-01-31 00:00:01", "2020-02-03", "2021-01-01"], "datetime64[s]", "2020-01-31 00:00:02.1", 1.5),
        (["2020-01-01", "2020-01-02"] * 9, "category", "2020-01-02", 1.0),
        (pd.period_range("2020-01", periods=5, freq="M"), None, "2020-03", 2.0),
        (pd.date_range("2020-03-01", periods=90, tz="Europe/Berlin"), None, "2020-04-01", 31.0),
    ],
)
def test_code_of_what_users_write(values, dtype, written, code):
    assert column_of(list(values) if isinstance(values, range) else values, dtype).code_of(written) == code


@pytest.mark.parametrize(
    ("values", "dtype", "written"),
    [
        (["F", "M"] * 9, object, "X"),
        (["F", "M"] * 9, object, ["F"]),
        (["007", "07"] * 9, object, 7),
        (range(40, 99, 3), "int64", "old"),
        (range(40, 99, 3), "int64", float("inf")),
        (["2020-01-31", "2020-02-03", "2021-01-01"], "datetime64[ns]", 3),
        (["2020-01-31", "2020-02-03", "2021-01-01"], "datetime64[ns]", "2020-02-01T00:00Z"),
    ],
)
def test_code_of_refuses_what_is_no_value(values, dtype, written):
    with pytest.raises(SchemaError, match="column 'x'"):
        column_of(list(values), dtype).code_of(written)


def test_long_lists_of_levels_are_cut():
    summary = column_of([f"level {number:02d}" for number in range(15)] * 3, object).summary()
    assert summary.startswith("the values level 00, level 01")
    assert summary.endswith("level 09 and 5 more")
