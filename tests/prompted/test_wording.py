import numpy as np
import pandas as pd
import pytest
from common.row_tables import COLUMNS, learn

from skgensynth.conditions import Conditions
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.wording import column_lines, condition_line, format_line, one_line
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame(
    {
        "age": [18, 50, 90, 40],
        "bmi": [18.25, np.nan, 30.5, 22.0],
        "when": pd.to_datetime(["2020-01-31", "2020-03-01", "2021-12-31", "2020-05-05"]),
        "stay": pd.to_timedelta([1, 5, 9, 2], unit="D"),
        "flag": [True, False, True, True],
        "text": ["a,b", None, "plain", "{x}"],
        "nothing": [None] * 4,
        "constant": ["c"] * 4,
    }
)
KINDS = {"age": "continuous", "bmi": "continuous", "when": "continuous", "stay": "continuous", "text": "categorical"}
SCHEMA = TableSchema.infer(TABLE, column_kinds=KINDS)


def lines(conditions=None, n_levels=20, output="csv"):
    parsed = Conditions.parse(conditions, SCHEMA)
    return column_lines(RowFormat(SCHEMA, parsed, output=output), parsed, n_levels)


def test_columns_are_described_in_words():
    assert lines() == [
        "- age: whole number from 18 to 90",
        "- bmi: number with at most 2 decimals, from 18.25 to 30.5; may be missing",
        "- when: time from 2020-01-31 to 2021-12-31",
        "- stay: duration from 1 days to 9 days",
        "- flag: one of False, True",
        '- text: one of "a,b", plain, "{x}"; may be missing',
        "- nothing: always missing",
        "- constant: c",
    ]


def test_conditions_narrow_the_description():
    conditions = {"age": {40, 90}, "bmi": None, "when": ("2020-02-15", None), "flag": True, "text": {"plain", None}}
    assert [line for line in lines(conditions) if line.split(":")[0][2:] in conditions] == [
        "- age: whole number one of 40, 90",
        "- bmi: always missing",
        "- when: time from 2020-02-15 to 2021-12-31",
        "- flag: True",
        "- text: plain; may be missing",
    ]
    parsed = Conditions.parse(conditions, SCHEMA)
    assert condition_line(RowFormat(SCHEMA, parsed), parsed, 20) == (
        "In every new row, age is one of 40, 90 and bmi is missing and when is from 2020-02-15 to 2021-12-31 and "
        "flag is True and text is plain or missing."
    )
    assert condition_line(RowFormat(SCHEMA), Conditions(), 20) == ""


def test_the_most_frequent_levels_are_named():
    table = pd.DataFrame({"a": list("uvvwwwxyz")})
    schema = TableSchema.infer(table, column_kinds={"a": "categorical"})
    assert column_lines(RowFormat(schema), Conditions(), 2) == ["- a: one of v, w and 4 more"]


def test_values_are_written_as_replies_have_them():
    assert lines(output="json")[4] == "- flag: one of false, true"
    assert lines(output="json")[7] == '- constant: "c"'


@pytest.mark.parametrize("output", ["csv", "json"])
@pytest.mark.parametrize("name", COLUMNS)
def test_every_sort_of_column_takes_one_line(name, output):
    schema, _ = learn(pd.DataFrame({name: COLUMNS[name]}))
    form = RowFormat(schema, output=output)
    (line,) = column_lines(form, Conditions(), 50)
    assert line.startswith("- ")
    assert line.isprintable() or "\u200d" in line or "\u0301" in line
    assert form.output == "json" or format_line(form, 3).count("\n") == 1


def test_the_form_of_rows_is_asked_for():
    form = RowFormat(SCHEMA)
    assert format_line(form, 2) == (
        "Write 2 new rows of this table as CSV, one to a line, with commas between the values, an empty cell for a "
        "missing value, and without repeating the header:\nage,bmi,when,stay,flag,text,nothing,constant"
    )
    single = TableSchema.infer(pd.DataFrame({"a": [1.5, None]}), column_kinds={"a": "continuous"})
    assert format_line(RowFormat(single), 1) == (
        "Write 1 new row of this table as CSV, with commas between the values, null for a missing value, and without "
        "repeating the header:\na"
    )
    assert format_line(RowFormat(single, output="json"), 2) == (
        'Write 2 new rows of this table as a JSON array of objects with the members "a", in this order, with null '
        "for a missing value."
    )


def test_a_text_is_put_on_one_line():
    assert one_line("plain é 日本") == "plain é 日本"
    assert one_line("a\nb\u202e") == "a\\nb\\u202e"
