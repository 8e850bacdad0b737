from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from common.tables import mixed_table

from skgensynth.constraints.view import ColumnView, TableView
from skgensynth.exceptions import ConstraintError
from skgensynth.schema import TableSchema


def column(values, **kwargs):
    return TableView(pd.DataFrame({"c": pd.Series(values, **kwargs)})).column("c")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, 2, 30], dtype="int8"),
        pd.Series([1, 2, 30], dtype="Int64"),
        pd.Series([1.0, 2.0, 30.0]),
        pd.Series([1, 2, 30], dtype="Float32"),
        pd.Series([Decimal("1"), Decimal("2"), Decimal("30")], dtype=object),
        pd.Series([1, 2, 30], dtype="category"),
    ],
)
def test_numbers_of_any_dtype_are_the_same(values):
    found = column(values)
    assert found.scale == "number"
    assert found.numbers.tolist() == [1.0, 2.0, 30.0]
    assert found.is_one_of(["2", "30"]).tolist() == [False, True, True]
    assert found.summary() in ("values from 1 to 30", "the values 1, 2, 30")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["a", None, "b"], dtype=object),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series(["a", None, "b"], dtype="str"),
        pd.Series(["a", None, "b"], dtype="category"),
    ],
)
def test_strings_of_any_dtype_are_levels(values):
    found = column(values)
    assert found.missing.tolist() == [False, True, False]
    assert found.is_one_of(["b"]).tolist() == [False, False, True]
    assert found.summary() == "the values a, b"
    with pytest.raises(ConstraintError, match="column 'c' holds no numbers, so it has no order; it has the values a"):
        _ = found.numbers


def test_missing_numbers_are_nan_and_their_code_is_minus_one():
    found = column([5, None, 3], dtype="Int64")
    assert np.isnan(found.numbers).tolist() == [False, True, False]
    codes, keys = found.coded
    assert codes.tolist() == [1, -1, 0]
    assert keys == [3.0, 5.0]


@pytest.mark.parametrize("dtype", [bool, "boolean", object])
def test_booleans_are_levels(dtype):
    assert column([True, False], dtype=dtype).is_one_of(["True"]).tolist() == [True, False]


def test_short_floats_are_the_numbers_they_were_meant_to_be():
    assert column([0.1, 0.25], dtype="float32").numbers.tolist() == [0.1, 0.25]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.to_datetime(["2020-01-31", None])),
        pd.Series([date(2020, 1, 31), None], dtype=object),
        pd.Series(pd.to_datetime(["2020-01-31", None]).tz_localize("Europe/Berlin")),
        pd.Series(pd.PeriodIndex(["2020-01-31", None], freq="D")),
    ],
)
def test_dates_are_seconds_and_read_as_they_are_written(values):
    found = column(values)
    assert found.scale == "datetime"
    assert found.format(found.numbers[0]) == "2020-01-31"
    assert found.parse("2020-01-31") == found.numbers[0]
    assert np.isnan(found.numbers[1])
    assert found.parse("2020-02-01T06:00:00") - found.numbers[0] == 30 * 3600


def test_dates_long_ago_can_be_read_again():
    found = column(pd.Series(["0001-01-01", "0999-12-31"]).astype("datetime64[s]"))
    assert [found.format(number) for number in found.numbers] == ["0001-01-01", "0999-12-31"]
    assert [found.parse(found.format(number)) for number in found.numbers] == found.numbers.tolist()


def test_times_with_a_zone_keep_their_moment():
    found = column(pd.to_datetime(["2020-07-01 10:00:00.123456"]).tz_localize("Europe/Berlin"))
    text = found.format(found.numbers[0])
    assert text == "2020-07-01T10:00:00.123456+02:00"
    assert found.parse(text) == found.parse("2020-07-01T08:00:00.123456+00:00") == found.numbers[0]


@pytest.mark.parametrize(("hours", "text"), [(48, "2D"), (5, "5h"), (0.5, "30min"), (0.0125, "45s"), (-24, "-1D")])
def test_durations_are_written_in_the_largest_unit(hours, text):
    found = column(pd.to_timedelta([hours], unit="h"))
    assert found.scale == "duration"
    assert found.format(found.numbers[0]) == text
    assert found.parse(text) == found.numbers[0] == hours * 3600


@pytest.mark.parametrize(("microseconds", "text"), [(1_500_000, "1.5s"), (5, "5us"), (-30, "-30us")])
def test_short_durations_can_be_read_again(microseconds, text):
    found = column(pd.to_timedelta([microseconds], unit="us"))
    assert found.format(found.numbers[0]) == text
    assert found.parse(text) == found.numbers[0]


@pytest.mark.parametrize("dtype", ["float16", "float32", "Float32"])
def test_a_short_float_is_the_same_number_whatever_stands_beside_it(dtype):
    numbers = [0.1, 123.4, 7.0]
    assert column(pd.Series(numbers, dtype=dtype)).numbers.tolist() == pytest.approx(numbers, rel=1e-3)
    for number in numbers:
        alone = column(pd.Series([number], dtype=dtype)).numbers[0]
        assert alone == column(pd.Series([number, 1 / 3, np.nan], dtype=dtype)).numbers[0]
    assert column(pd.Series([0.1], dtype=dtype)).numbers[0] == 0.1


@pytest.mark.parametrize(
    ("values", "text", "message"),
    [
        ([1, 2], "old", "column 'c' holds numbers, and 'old' is none"),
        ([1, 2], "inf", "column 'c' holds numbers, and 'inf' is none"),
        (pd.to_datetime(["2020-01-01"]), "soon", "column 'c' holds dates, and 'soon' is none"),
        (pd.to_timedelta(["1h"]), "long", "column 'c' holds durations, and 'long' is none"),
        (pd.to_timedelta(["1h"]), "NaT", "column 'c' holds durations, and 'NaT' is none"),
    ],
)
def test_what_a_column_cannot_hold_is_refused(values, text, message):
    with pytest.raises(ConstraintError, match=message):
        column(values).parse(text)


def test_levels_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ConstraintError, match=r"column 'c' cannot be used: unhashable .*; make its values strings"):
        _ = column([[1], [2]], dtype=object).coded


def test_levels_with_the_same_text_are_one():
    found = column([1, "1", "x", 1, None], dtype=object)
    codes, keys = found.coded
    assert keys == ["1", "x"]
    assert codes.tolist() == [0, 0, 1, 0, -1]
    assert found.is_one_of(["1"]).tolist() == [True, True, False, True, False]


def test_a_column_of_numbers_has_no_other_values():
    assert column([1, 2]).is_one_of(["x", "2"]).tolist() == [False, True]
    assert column([1, 2]).is_one_of(["x"]).tolist() == [False, False]
    assert column([1, 2]).key("x") == "x"


def test_nameless_columns_and_targets_have_the_names_they_have_elsewhere():
    view = TableView(np.zeros((3, 2)), [1, 2, 3])
    assert view.names == ["0", "1", "target"]
    assert view.target == "target"
    with pytest.raises(ConstraintError, match="there is no column 'age'; columns are 0, 1, target"):
        view.column("age")


def test_a_long_list_of_levels_is_cut():
    assert column([f"v{k}" for k in range(12)]).summary(2) == "the values v0, v1 and 10 more"
    assert column([None, None], dtype=object).summary() == "no values"
    assert column([np.nan, np.nan]).summary() == "no values"


def test_a_schema_stands_for_its_table():
    X, y = mixed_table()
    X["code"] = [f"P{k:04d}" for k in range(len(X))]
    with pytest.warns(match="identifiers"):
        view = TableView.of_schema(TableSchema.infer(X, y))
    assert view.names == [*X.columns, "outcome"]
    assert view.column("sex").coded[1] == ["F", "M"]
    assert view.column("age").summary() == TableView(X).column("age").summary()
    assert view.column("seen").summary() == TableView(X).column("seen").summary()
    assert view.column("code").summary() == "no values"


def test_columns_are_read_once():
    view = TableView(pd.DataFrame({"a": [1]}))
    assert view.column("a") is view.column("a")
    assert isinstance(view.column("a"), ColumnView)
