from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from common.row_tables import COLUMNS, NASTY, learn
from hypothesis import given, settings
from hypothesis import strategies as st

from skgensynth.checks import RowCheck
from skgensynth.conditions import Conditions
from skgensynth.llm.rows import RowFormat
from skgensynth.schema import TableSchema

OUTPUTS = ["csv", "json"]
EVERYTHING = pd.DataFrame(COLUMNS)
SCHEMA, VALUES = learn(EVERYTHING)
SMALL_SCHEMA, SMALL_VALUES = learn(EVERYTHING[["age", "one_decimal", "text_or_missing", "day", "number_level", "free"]])
CONDITIONS = Conditions.parse({"age": (40, 80), "text_or_missing": {"a,b", None}, "one_decimal": 0.3}, SMALL_SCHEMA)


def check_round_trip(schema, values, output):
    form = RowFormat(schema, output=output)
    text = form.write(values)
    parsed = form.parse(text)
    assert parsed.rejected == ()
    np.testing.assert_array_equal(parsed.values, values)
    np.testing.assert_array_equal(form.parse(form.header + text).values, values)


def check_valid(schema, conditions, values):
    """All values are ones of the table, on its grids, and as the conditions want them."""
    ok, reasons = RowCheck(schema, conditions, None)(values)
    assert ok.all(), reasons
    np.testing.assert_array_equal(schema.snap(values), values)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back(name, output):
    check_round_trip(*learn(EVERYTHING[[name]]), output)


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_table_comes_back(output):
    check_round_trip(SCHEMA, VALUES, output)


@pytest.mark.parametrize("output", OUTPUTS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_table_comes_back(output, data):
    n = data.draw(st.integers(2, 6))
    some = {
        "text": st.text() | st.sampled_from(NASTY) | st.none(),
        "number": st.floats(allow_nan=False, allow_infinity=False),
        "whole": st.integers(-(2**63), 2**63 - 1),
    }
    frame = {name: data.draw(st.lists(values, min_size=n, max_size=n)) for name, values in some.items()}
    frame = pd.DataFrame({"text": pd.Series(frame.pop("text"), dtype=object), **frame})
    kinds = {"text": "categorical", "number": "continuous", "whole": "continuous"}
    kinds = {name: kind for name, kind in kinds.items() if frame[name].notna().any()}
    schema = TableSchema.infer(frame, column_kinds=kinds)
    check_round_trip(schema, schema.encode(frame), output)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(
    "values",
    [
        [-1.7e308, 1.7e308],
        [5e-324, 1e-323],
        [1e22, 3e22],
        [0.1, 0.1000000001234],
        [7.0, 7.0],
        np.array(["2020-01", "2021-05"], dtype="M8[M]"),
        np.array(["0001-01-01", "9999-12-31"], dtype="M8[s]"),
        np.array(["1700-01-01 00:00:00.000000001", "2200-01-01"], dtype="M8[ns]"),
    ],
    ids=str,
)
def test_columns_at_the_ends_of_what_there_is(values, output):
    X = pd.DataFrame({"a": values}) if isinstance(values, list) else values[:, None]
    name = "a" if isinstance(values, list) else "0"
    schema = TableSchema.infer(X, column_kinds={name: "continuous"})
    check_round_trip(schema, schema.encode(X), output)
    assert RowFormat(schema, output=output).grammar(2).text


@pytest.mark.parametrize("output", OUTPUTS)
def test_lines_and_markers_of_cells_do_not_get_out(output):
    schema, values = learn(EVERYTHING[["text"]])
    form = RowFormat(schema, output=output)
    text = form.header + form.write(values)

    assert len(text.splitlines()) == (len(values) + 1 if output == "csv" else 1)
    assert "\n```" not in text
    assert all(character.isprintable() or character in "\n\u200d" for character in text)


def test_numbers_without_a_grid_are_written_with_the_decimals_asked_for():
    schema, _ = learn(EVERYTHING[["free"]])
    column = schema.modelled[0]
    form = RowFormat(schema, decimals=[2])

    assert form.write(np.array([[0.123456], [-0.001], [column.minimum], [column.maximum]])) == (
        f"0.12\n0\n{np.ceil(column.minimum * 100) / 100}\n{np.floor(column.maximum * 100) / 100}\n"
    )
    np.testing.assert_array_equal(form.parse("0.123456\n").values, [[0.123456]])


def test_json_and_csv_forms():
    schema, values = learn(EVERYTHING[["age", "text_or_missing", "flag", "day"]])
    csv, json = (RowFormat(schema, output=output) for output in OUTPUTS)

    assert csv.header == "age,text_or_missing,flag,day\n"
    assert (
        csv.write(values[:2]) == f'{EVERYTHING.age[0]},,True,1999-12-30\n{EVERYTHING.age[1]},"q\\"q",False,2000-01-10\n'
    )
    assert json.header == ""
    assert json.write(values[:1]) == (
        f'[{{"age":{EVERYTHING.age[0]},"text_or_missing":null,"flag":true,"day":"1999-12-30"}}]'
    )
    assert (csv.write(values[:0]), json.write(values[:0])) == ("", "[]")


def test_names_that_need_quotes_have_them():
    schema, values = learn(EVERYTHING[['na"me, {x}\n😀', "age"]])

    assert RowFormat(schema).header == '"na\\"me, {x}\\n😀",age\n'
    assert RowFormat(schema, output="json").write(values[:1]).startswith('[{"na\\"me, {x}\\n😀":')


def test_identifiers_are_left_out():
    frame = pd.DataFrame({"name": [f"p{i}" for i in range(60)], "age": EVERYTHING.age})
    form = RowFormat(TableSchema.infer(frame, column_kinds={"name": "identifier"}))

    assert form.header == "age\n"


def test_an_unknown_output_is_refused():
    with pytest.raises(ValueError, match="output='xml' is none of csv, json"):
        RowFormat(SMALL_SCHEMA, output="xml")


def test_conditions_are_checked():
    form = RowFormat(SMALL_SCHEMA, CONDITIONS)
    parsed = form.parse(RowFormat(SMALL_SCHEMA).write(SMALL_VALUES))

    check_valid(SMALL_SCHEMA, CONDITIONS, parsed.values)
    assert len(parsed.values) == CONDITIONS.mask(SMALL_VALUES).sum()
    assert len(parsed.values) + len(parsed.rejected) == len(SMALL_VALUES)


REPLIES = {output: RowFormat(SMALL_SCHEMA, output=output).write(SMALL_VALUES[:6]) for output in OUTPUTS}
PIECES = st.sampled_from(
    [*"{}[]\",:'\\\n -.0159eE", "null", "NaN", "1e400", "\ud800", "٣", "```", '""', "\\u", "😀", "9" * 50]
)


@st.composite
def mutated(draw, reply):
    """A valid reply with some pieces taken out, put in or moved."""
    for _ in range(draw(st.integers(1, 8))):
        i = draw(st.integers(0, len(reply)))
        j = draw(st.integers(i, min(i + 12, len(reply))))
        reply = reply[:i] + draw(PIECES | st.just("") | st.just(reply[max(j - 40, 0) : j])) + reply[j:]
    return reply


@pytest.mark.parametrize("output", OUTPUTS)
@settings(max_examples=80, deadline=None)
@given(data=st.data(), repair=st.booleans(), cut_off=st.booleans(), narrow=st.booleans())
def test_no_reply_crashes_it_and_no_invalid_row_gets_through(output, data, repair, cut_off, narrow):
    text = data.draw(mutated(REPLIES[output]) | st.text() | st.lists(PIECES, max_size=60).map("".join))
    conditions = CONDITIONS if narrow else Conditions()
    parsed = RowFormat(SMALL_SCHEMA, conditions, output=output).parse(text, repair=repair, cut_off=cut_off)

    check_valid(SMALL_SCHEMA, conditions, parsed.values)
    assert all(row.reason for row in parsed.rejected)


@pytest.mark.parametrize("output", OUTPUTS)
@settings(max_examples=30, deadline=None)
@given(data=st.data(), repair=st.booleans())
def test_no_reply_crashes_a_table_of_every_sort_of_column(output, data, repair):
    form = RowFormat(SCHEMA, output=output)
    text = data.draw(mutated(form.write(VALUES[:3])))

    check_valid(SCHEMA, Conditions(), form.parse(text, repair=repair).values)
