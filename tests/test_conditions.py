import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skgensynth.conditions import Conditions
from skgensynth.exceptions import ConditionError, IdentifierWarning
from skgensynth.schema import TableSchema

N = 200
RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "age": RNG.integers(18, 90, N),
        "sex": RNG.choice(["F", "M"], N),
        "bmi": np.where(RNG.random(N) < 0.2, np.nan, RNG.normal(25, 4, N).round(1)),
        "weight": RNG.normal(70, 9, N),
        "region": pd.Categorical(RNG.choice(["north", "south", "east"], N), ["north", "south", "east", "west"]),
        "stage": pd.Categorical(
            RNG.choice(["low", "mid", "high"], N), categories=["low", "mid", "high"], ordered=True
        ),
        "visits": RNG.integers(0, 5, N),
        "smoker": pd.Series(RNG.choice([True, False, None], N), dtype="boolean"),
        "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(0, 900, N), "D"),
        "zoned": pd.date_range("2020-01-01", periods=N, freq="7h", tz="Europe/Berlin"),
        "lasted": pd.to_timedelta(RNG.integers(0, 900, N), "min"),
    }
)  # fmt: skip
Y = pd.Series(RNG.integers(0, 2, N), name="dead")
SCHEMA = TableSchema.infer(X, Y)
ROWS = SCHEMA.encode(X, Y)
BERLIN = pd.Timestamp("2020-02-01", tz="Europe/Berlin")


@pytest.mark.parametrize(
    ("conditions", "expected", "sentence"),
    [
        ({"age": (65, None)}, X["age"] >= 65, "age is at least 65"),
        ({"age": (None, 65)}, X["age"] <= 65, "age is at most 65"),
        ({"age": (30, 65)}, X["age"].between(30, 65), "age is between 30 and 65"),
        ({"age": (29.5, 200)}, X["age"] >= 30, "age is between 29.5 and 200"),
        ({"age": ("30", None)}, X["age"] >= 30, "age is at least 30"),
        ({"age": 40}, X["age"] == 40, "age is 40"),
        ({"age": {40, 50}}, X["age"].isin([40, 50]), "age is one of 40, 50"),
        ({"sex": "F"}, X["sex"] == "F", "sex is F"),
        ({"sex": ["F"]}, X["sex"] == "F", "sex is F"),
        ({"region": {"north", "east"}}, X["region"].isin(["north", "east"]), "region is one of north, east"),
        ({"bmi": None}, X["bmi"].isna(), "bmi is missing"),
        ({"bmi": np.nan}, X["bmi"].isna(), "bmi is missing"),
        ({"bmi": {None, 25.0}}, X["bmi"].isna() | (X["bmi"] == 25.0), "bmi is one of 25.0, missing"),
        ({"bmi": (24.95, 27)}, X["bmi"].between(25, 27), "bmi is between 24.95 and 27"),
        ({"weight": (70, None)}, X["weight"] >= 70, "weight is at least 70"),
        ({"stage": ("mid", None)}, X["stage"] >= "mid", "stage is at least mid"),
        ({"visits": (1, 3)}, X["visits"].between(1, 3), "visits is between 1 and 3"),
        ({"visits": ("1.5", None)}, X["visits"] >= 2, "visits is at least 1.5"),
        ({"visits": "3"}, X["visits"] == 3, "visits is 3"),
        ({"smoker": True}, X["smoker"].eq(True).fillna(False), "smoker is True"),
        ({"smoker": pd.NA}, X["smoker"].isna(), "smoker is missing"),
        ({"seen": ("2020-06-01", None)}, X["seen"] >= "2020-06-01", "seen is at least 2020-06-01"),
        ({"seen": (None, dt.date(2020, 6, 1))}, X["seen"] <= "2020-06-01", "seen is at most 2020-06-01"),
        ({"seen": ("2020-06-01 12:00", None)}, X["seen"] >= "2020-06-02", "seen is at least 2020-06-01 12:00:00"),
        ({"zoned": ("2020-02-01", None)}, X["zoned"] >= BERLIN, "zoned is at least 2020-02-01"),
        ({"zoned": (None, BERLIN.tz_convert("UTC"))}, X["zoned"] <= BERLIN, "zoned is at most 2020-02-01"),
        ({"lasted": ("1h", None)}, X["lasted"] >= "1h", "lasted is at least 0 days 01:00:00"),
        ({"dead": 1}, Y == 1, "dead is 1"),
        ({"age": (65, None), "sex": "F"}, (X["age"] >= 65) & (X["sex"] == "F"), "age is at least 65, sex is F"),
    ],
)
def test_mask_and_sentence(conditions, expected, sentence):
    parsed = Conditions.parse(conditions, SCHEMA)
    assert parsed
    assert parsed.sentence() == sentence
    assert 0 < expected.sum() < N
    np.testing.assert_array_equal(parsed.mask(ROWS), expected)


def test_no_conditions_are_false_and_allow_all():
    for conditions in (None, {}):
        parsed = Conditions.parse(conditions, SCHEMA)
        assert not parsed
        assert parsed.sentence() == ""
        assert parsed.allowed == {}
        assert parsed.mask(ROWS).all()


def test_allowed_is_in_encoded_values():
    parsed = Conditions.parse({"bmi": {None, (25.0)}, "region": {"east"}, "age": (65.2, None)}, SCHEMA)
    region, bmi, age = (parsed.allowed[place] for place in (4, 2, 0))
    assert region.codes.tolist() == [False, False, True, False]
    assert region.intervals == ()
    assert not region.missing
    assert bmi.codes is None
    assert bmi.intervals == ((25.0, 25.0),)
    assert bmi.missing
    assert age.intervals == ((66.0, float(X["age"].max())),)
    assert not age.missing


def test_unused_levels_are_left_out_of_ranges():
    table = pd.DataFrame({"x": pd.Categorical([1, 3, 1], categories=[1, 2, 3]), "z": [0.5, 1.5, 2.5]})
    parsed = Conditions.parse({"x": (2, None)}, TableSchema.infer(table))
    assert parsed.allowed[0].codes.tolist() == [False, False, True]


def test_columns_go_by_label_or_name():
    schema = TableSchema.infer(np.column_stack([RNG.normal(size=30), np.arange(30) % 2]), np.arange(30) % 3)
    for key in (1, "1"):
        assert list(Conditions.parse({key: 1}, schema).allowed) == [1]
    assert list(Conditions.parse({"target": 2}, schema).allowed) == [2]
    with pytest.raises(ConditionError, match="two conditions"):
        Conditions.parse({1: 1, "1": 0}, schema)


@pytest.mark.parametrize(
    ("conditions", "match"),
    [
        ({"height": 3}, "'height'.*columns are age, sex, .*dead"),
        ({"age": (200, None)}, "'age' has no value at least 200; it has values from 18 to 89"),
        ({"age": (None, 3)}, "'age' has no value at most 3"),
        ({"age": (60, 50)}, "'age' has no value between 60 and 50"),
        ({"age": (65.2, 65.8)}, "'age' has no value between 65.2 and 65.8"),
        ({"age": 65.5}, "'age' cannot be 65.5"),
        ({"age": 12}, "'age' cannot be 12; it has values from 18 to 89"),
        ({"age": "old"}, "'age' cannot be compared with 'old'"),
        ({"age": ("old", None)}, "'age' cannot be compared with 'old'"),
        ({"age": (np.inf, None)}, "'age'"),
        ({"age": (None, None)}, "'age' has no bound"),
        ({"age": (1, 2, 3)}, "'age' is a tuple of 3"),
        ({"age": set()}, "'age' is an empty set"),
        ({"age": None}, "'age' has no missing values"),
        ({"sex": {"F", "X"}}, "'sex' has no value 'X'; it has the values F, M"),
        ({"sex": {"F", None}}, "'sex' has no missing values"),
        ({"region": "west"}, "'region' cannot be 'west'; it has the values north, south, east"),
        ({"region": ("a", "b")}, "'region' has no order"),
        ({"visits": (7, None)}, "'visits' has no value at least 7; it has the values 0, 1"),
        ({"visits": ("many", None)}, "'visits' cannot be compared"),
        ({"seen": 5}, "'seen' cannot be compared with 5"),
        ({"seen": "soon"}, "'seen' cannot be compared"),
        ({"seen": ("1990-01-01", "1991-01-01")}, "'seen' has no value between 1990-01-01 and 1991-01-01; .* 2020-"),
        ({"dead": 2}, "'dead' has no value 2; it has the values 0, 1"),
        ([("age", 3)], "must be a dict.*list"),
    ],
)
def test_impossible_conditions_say_what_is_allowed(conditions, match):
    with pytest.raises(ConditionError, match=match):
        Conditions.parse(conditions, SCHEMA)


def test_identifiers_have_no_conditions():
    with pytest.warns(IdentifierWarning):
        schema = TableSchema.infer(X[["age"]].assign(id=range(1000, 1000 + N)))
    with pytest.raises(ConditionError, match="'id' holds identifiers"):
        Conditions.parse({"id": 1001}, schema)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=5, max_size=20, unique=True),
    st.integers(0, 4),
    st.tuples(st.floats(-1, 2), st.floats(-1, 2)),
    st.floats(0, 1),
)
def test_values_snapped_within_an_interval_fulfil_the_condition(numbers, decimals, bounds, share):
    table = pd.DataFrame({"x": [number / 10**decimals for number in numbers]})
    schema = TableSchema.infer(table, column_kinds={"x": "continuous"})
    span = table["x"].max() - table["x"].min()
    low, high = sorted(table["x"].min() + bound * span for bound in bounds)
    try:
        parsed = Conditions.parse({"x": (low, high)}, schema)
    except ConditionError:
        assert not table["x"].between(low, high).any()
        return
    ((start, stop),) = parsed.allowed[0].intervals
    values = schema.snap(np.array([[start], [stop], [start + share * (stop - start)]]))
    assert parsed.mask(values).all()
    assert schema.decode(values, np.random.default_rng(0))["x"].between(low, high).all()
    assert table["x"].between(low, high).equals(pd.Series(parsed.mask(schema.encode(table)), name="x"))
