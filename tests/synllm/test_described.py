import datetime

import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import SchemaError
from skgensynth.synllm.described import describe_table

COLUMNS = {
    "age": (18, 90),
    "visits": {"range": (0, 12), "missing": True},
    "bmi": (15.0, 60.25),
    "dose": {"range": (0.5, 2.0), "decimals": 3, "missing": True},
    "kilos": {"range": (40.0, 90.0), "decimals": 0},
    "sex": ["F", "M"],
    "group": {"values": {1, 2}, "missing": True},
    "smoker": [False, True],
    "when": (pd.Timestamp("2020-01-01"), pd.Timestamp("2020-12-31")),
    "day": (datetime.date(2020, 1, 1), datetime.date(2020, 12, 31)),
    "stay": (pd.Timedelta(1, "D"), pd.Timedelta(30, "D")),
    "fixed": (5, 5),
}


def test_columns_are_what_is_described():
    schema = describe_table(COLUMNS, target="sex")
    assert schema.target.name == "sex"
    found = {column.name: column for column in schema.columns}
    assert {name: column.kind for name, column in found.items()} == {
        name: "categorical" if name in ("sex", "group", "smoker") else "continuous" for name in COLUMNS
    }
    assert [name for name, column in found.items() if column.has_missing] == ["visits", "dose", "group"]
    assert {name: (found[name].minimum, found[name].maximum, found[name].resolution) for name in ("bmi", "dose")} == {
        "bmi": (15.0, 60.25, pytest.approx(0.01)),
        "dose": (0.5, 2.0, pytest.approx(0.001)),
    }
    ends = {name: (found[name].format(found[name].minimum), found[name].format(found[name].maximum)) for name in found
            if found[name].kind == "continuous"}  # fmt: skip
    assert ends["age"] == ("18", "90")
    assert ends["kilos"] == ("40", "90")
    assert ends["when"] == ends["day"] == ("2020-01-01", "2020-12-31")
    assert ends["fixed"] == ("5", "5")
    assert (found["sex"].levels, found["group"].levels, found["smoker"].levels) == (("F", "M"), (1, 2), (False, True))


def test_tables_have_fitting_types():
    schema = describe_table(COLUMNS, target="sex")
    values = np.array([[c.minimum if c.kind == "continuous" else 0.0 for c in schema.modelled]])
    X, y = schema.decode(values, np.random.default_rng(0))
    assert X.dtypes.astype(str).to_dict() | {"when": "", "day": "", "stay": ""} == {
        "age": "int64",
        "visits": "Int64",
        "bmi": "float64",
        "dose": "float64",
        "kilos": "float64",
        "group": "Int64",
        "smoker": "bool",
        "when": "",
        "day": "",
        "stay": "",
        "fixed": "int64",
    }
    assert X["day"][0] == datetime.date(2020, 1, 1)
    assert y.name == "sex"
    assert "sex" not in X


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "described by a dict such as"),
        (["age"], "described by a dict such as"),
        ({"age": 5}, r"column 'age' is described by 5; give a \(low, high\) range or a list"),
        ({"age": "old"}, "column 'age' is described by 'old'"),
        ({"age": (1, 2, 3)}, "range of column 'age' must be"),
        ({"age": ("2020", "2021")}, "range of column 'age' must be"),
        ({"age": (9, 1)}, "range of column 'age' must rise"),
        ({"age": (1.0, np.inf)}, "range of column 'age' must be"),
        ({"age": (1, pd.Timestamp("2020"))}, "range of column 'age' mixes numbers and times"),
        ({"day": (datetime.date(2020, 1, 1), datetime.timedelta(3))}, "range of column 'day' do not go together"),
        ({"day": (pd.Timestamp("2020"), pd.Timestamp("2021", tz="UTC"))}, "range of column 'day' do not go together"),
        ({"age": (0, 10**30)}, "range of column 'age' passes 64 bits"),
        ({"age": []}, "column 'age' needs values that are not missing"),
        ({"age": ["x", None]}, "column 'age' needs values that are not missing"),
        ({"age": {"levels": [1]}}, "description of column 'age' has 'levels'"),
        ({"age": {"missing": True}}, "description of column 'age' needs either 'range' or 'values'"),
        ({"age": {"range": (1.0, 2.0), "decimals": -1}}, "decimals of column 'age'"),
        ({"age": {"values": [1], "decimals": 1}}, "description of column 'age' has decimals"),
    ],
)
def test_descriptions_are_checked(columns, message):
    with pytest.raises(SchemaError, match=message):
        describe_table(columns)


def test_the_target_must_be_described():
    with pytest.raises(SchemaError, match="target='sex' is not described; columns are age"):
        describe_table({"age": (1, 2)}, target="sex")
