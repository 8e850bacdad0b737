import pandas as pd
import pytest

from skgensynth.condition_text import parse_condition_texts
from skgensynth.exceptions import ConditionError

TABLE = pd.DataFrame(
    {
        "age": [50, 70],
        "bmi": [20.5, None],
        "sex": ["F", "M"],
        "region": ["north, far", "east"],
        "span": ["1..2", "3"],
        "smoker": [True, False],
        "day": pd.to_datetime(["2020-01-01", "2021-01-01"]),
        "stage": pd.Categorical([1, 2]),
        "a": ["x", "y"],
        "a=b": ["x", "y"],
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age=65..", {"age": (65, None)}),
        ("age=..65", {"age": (None, 65)}),
        ("bmi=20.5 .. 30", {"bmi": (20.5, 30)}),
        ("age=65", {"age": 65}),
        ("age=50,70", {"age": {50, 70}}),
        ("sex=F", {"sex": "F"}),
        ('region="north, far",east', {"region": {"north, far", "east"}}),
        ("bmi=", {"bmi": None}),
        ("smoker=true", {"smoker": True}),
        ("day=2020-06-01..", {"day": ("2020-06-01", None)}),
        ("stage=2", {"stage": 2}),
        ("stage=..2", {"stage": (None, 2)}),
        ("span=1..2", {"span": "1..2"}),
        ("a=b=x", {"a=b": "x"}),
        ("a=x", {"a": "x"}),
    ],
)
def test_each_form_is_read(text, expected):
    assert parse_condition_texts([text], TABLE) == expected


def test_conditions_on_several_columns_go_together():
    assert parse_condition_texts(["age=65..", "sex=F"], TABLE) == {"age": (65, None), "sex": "F"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["age"], "COLUMN=VALUE"),
        (["height=3"], "names no column.*age, bmi"),
        (["age=old"], "Column 'age' holds numbers, and 'old' is not one"),
        (["age=.."], "range of column 'age' has no end"),
        (["sex=F", "sex=M"], "Column 'sex' has more than one condition"),
    ],
)
def test_other_forms_are_refused_by_name(texts, message):
    with pytest.raises(ConditionError, match=message):
        parse_condition_texts(texts, TABLE)
