from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from skgensynth.llm.rows import RowFormat
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame(
    {
        "age": np.arange(40, 100),
        "sex": ["F", "M"] * 30,
        "dose": [np.nan, 0.5, 1.25] * 20,
        "Day of visit": pd.date_range("2020-01-01", periods=60),
    }
)
SCHEMA = TableSchema.infer(
    TABLE, column_kinds={"age": "continuous", "dose": "continuous", "Day of visit": "continuous"}
)
CSV, JSON = RowFormat(SCHEMA), RowFormat(SCHEMA, output="json")
ROW = [75.0, 1.0, 1.25, 4.0]
OTHER = [41.0, 0.0, np.nan, 0.0]


def reasons(form, text, **options):
    return form.parse(text, **options).reasons


def check_rows(form, text, expected, **options):
    parsed = form.parse(text, **options)
    assert parsed.rejected == ()
    np.testing.assert_array_equal(parsed.values, np.array(expected))


@pytest.mark.parametrize(
    "text",
    [
        "75,M,1.25,2020-01-05\n41,F,,2020-01-01\n",
        "75,M,1.25,2020-01-05\n41,F,,2020-01-01",
        "Sure, here you are:\n\n```csv\nage,sex,dose,Day of visit\n"
        "75,M,1.25,2020-01-05\n41,F,,2020-01-01\n```\nBye, bye.",
        "sex,AGE,day  of visit,dose\nM,75,2020-01-05,1.25\nF,41,2020-01-01,None\n",
        "id,age,sex,dose,Day of visit,note\n1,75,M,1.25,2020-01-05,well\n2,41,F,,2020-01-01,\n",
        "75, M, 1.25, 2020-01-05,\r\n41, 'F', nan, \"2020-01-01\",\r\n",
        '"75","M","1.25","2020-01-05"\n"41 years","F","","2020-01-01"\n',
    ],
)
def test_csv_is_understood_however_it_comes(text):
    check_rows(CSV, text, [ROW, OTHER])


@pytest.mark.parametrize(
    "text",
    [
        '[{"age":75,"sex":"M","dose":1.25,"Day of visit":"2020-01-05"},'
        '{"age":41,"sex":"F","dose":null,"Day of visit":"2020-01-01"}]',
        "Of course! It's [these]:\n```json\n{'sex': 'M', 'Age': '75', 'dose': 1.25, 'Day of visit': '2020-01-05',}\n\n"
        "{'age': 41.0, 'sex': 'F', 'dose': None, 'Day of visit': '2020-01-01'}\n```\nHope {this} helps.",
        '{"n": {"rows": [{"id": 1, "age": "75 years", "sex": "M", "dose": 1.25, "Day of visit": "2020-01-05"}, '
        '{"id": 2, "age": 41, "sex": "F", "dose": NaN, "Day of visit": "2020-01-01T00:00:00"}]}}',
    ],
)
def test_json_is_understood_however_it_comes(text):
    check_rows(JSON, text, [ROW, OTHER])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("39,M,,2020-01-05", "column 'age' is out of range"),
        ("75.5,M,,2020-01-05", "column 'age' is no whole number"),
        ("75,male,,2020-01-05", "column 'sex' is none of its values"),
        ("75,,,2020-01-05", "column 'sex' is missing"),
        ("75,M,a lot,2020-01-05", "column 'dose' is no number"),
        ("75,M,,5 Jan", "column 'Day of visit' is no time"),
        ("75,M,", "the row has too few cells"),
        ("75,M,,2020-01-05,x", "the row has too many cells"),
    ],
)
def test_csv_rows_are_rejected_with_a_reason(text, reason):
    parsed = CSV.parse(f"{text}\n75,M,1.25,2020-01-05\n")

    assert [(row.text, row.reason) for row in parsed.rejected] == [(text, reason)]
    np.testing.assert_array_equal(parsed.values, [ROW])


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ('"age":75,"sex":"M","dose":1', "column 'Day of visit' is absent"),
        ('"age":75,"age":76,"sex":"M","dose":1,"Day of visit":"2020-01-05"', "column 'age' is there twice"),
        ('"age":null,"sex":"M","dose":1,"Day of visit":"2020-01-05"', "column 'age' is missing"),
        ('"age":[75],"sex":"M"', None),
        ('"sex":"M","age":[75]', "the row is not well formed"),
    ],
)
def test_json_rows_are_rejected_with_a_reason(members, reason):
    assert reasons(JSON, f"[{{{members}}}]") == Counter([reason] if reason else [])


def test_equal_faults_are_counted_together():
    text = "1,M,,2020-01-05\n2,M,,2020-01-05\n75,x,,2020-01-05\n"

    assert reasons(CSV, text) == {"column 'age' is out of range": 2, "column 'sex' is none of its values": 1}


def test_the_text_of_a_rejected_row_is_not_endless():
    assert len(CSV.parse("75,M,," + "x" * 5000).rejected[0].text) == 1000


def test_a_line_that_was_cut_off_is_no_row():
    text = "75,M,1.25,2020-01-05\n41,F,0.5,2020-01-01"

    check_rows(CSV, text, [ROW, [41.0, 0.0, 0.5, 0.0]])
    parsed = CSV.parse(text, cut_off=True)
    np.testing.assert_array_equal(parsed.values, [ROW])
    assert parsed.reasons == {"the row is cut off": 1}
    assert reasons(CSV, text + "\n", cut_off=True) == {}
    assert reasons(CSV, "75,M,1.25,2020-01-05\nThat is", cut_off=True) == {}


def test_units_have_to_agree_in_a_reply():
    lines = "75 years,M,,2020-01-05\n80 Years,M,,2020-01-05\n"

    assert reasons(CSV, lines) == {}
    assert reasons(CSV, lines + "90 months,M,,2020-01-05\n70,F,,2020-01-05\n") == {"column 'age' has several units": 3}


def test_repair_puts_right_what_is_nearly_right_and_nothing_else():
    text = "120.4, m ,1.2499,2020-01-05\n75,X,,2020-01-05\n75,M,1.25 or so,2020-01-05\n,M,1,2020-01-05\n"
    parsed = CSV.parse(text, repair=True)

    np.testing.assert_array_equal(parsed.values, [[99.0, 1.0, 1.25, 4.0]])
    assert parsed.reasons == {
        "column 'sex' is none of its values": 1,
        "column 'dose' is no number": 1,
        "column 'age' is missing": 1,
    }


def test_a_level_that_is_called_like_its_column_is_no_header():
    schema = TableSchema.infer(pd.DataFrame({"a": ["a", "b"] * 5}))

    np.testing.assert_array_equal(RowFormat(schema).parse("a\nb\na\n").values, [[0], [1], [0]])


def test_nothing_is_evaluated():
    text = "{'age': __import__('os').getpid(), 'sex': 'M', 'dose': 1+0.25, 'Day of visit': '2020-01-05'}"

    assert len(JSON.parse(text).values) == 0
    assert len(CSV.parse("=70+5,M,1.25,2020-01-05\n").values) == 0


@pytest.mark.parametrize("text", ["", "\n", "I cannot do that.", "[]", "{}", "```\n```", "{}{}{", ",,,,", "\x00"])
def test_replies_without_rows_have_none(text):
    for form in (CSV, JSON):
        assert form.parse(text).values.shape == (0, 4)
