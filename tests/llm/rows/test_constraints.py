from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from common.row_tables import COLUMNS, accepts, learn

from skgensynth.conditions import Conditions
from skgensynth.decimals import number_decimals
from skgensynth.llm import LlamaCppModel, Message, Request, SamplingSettings, generate_all
from skgensynth.llm.rows import RowFormat
from skgensynth.schema import TableSchema

pytest.importorskip("llguidance")

OUTPUTS = ["csv", "json"]
EVERYTHING = pd.DataFrame(COLUMNS)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", COLUMNS)
def test_the_grammar_holds_all_rows_of_the_table(name, output):
    schema, values = learn(EVERYTHING[[name]])
    form = RowFormat(schema, output=output, decimals=number_decimals(values, schema))

    assert accepts(form.grammar(len(values)), form.write(values))


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_grammar_of_a_wide_table_holds_its_rows(output):
    schema, values = learn(EVERYTHING)
    form = RowFormat(schema, output=output, decimals=number_decimals(values, schema))

    assert accepts(form.grammar(3), form.write(values[:3]))


@pytest.mark.parametrize(
    "name", ["age", "one_decimal", "whole_with_gaps", "flag_or_missing", "number_level", "day", "days", "month"]
)
def test_the_json_schema_holds_the_rows_of_the_table(name):
    schema, values = learn(EVERYTHING[[name]])
    form = RowFormat(schema, output="json")

    assert accepts(form.json_schema(len(values)), form.write(values))


SCHEMA, VALUES = learn(EVERYTHING[["age", "one_decimal", "text_or_missing", "day", "number_level"]])
GOOD = {"age": "44", "one_decimal": "0.3", "text_or_missing": '"q\\"q"', "day": "2000-01-10", "number_level": "1.5"}
BAD = [
    *(("age", text) for text in ("17", "90", "44.0", "044", "", " 44", "4e1")),
    *(("one_decimal", text) for text in ("99", "0.35", ".3", "-0", "")),
    *(("text_or_missing", text) for text in ("q", '"q', "None", '"other"')),
    *(("day", text) for text in ("1999-12-29", "2000-02-30", "2000-1-10", "")),
    *(("number_level", text) for text in ("1", "2.5", "0.50")),
]


def row_text(cells, output):
    if output == "csv":
        return ",".join(cells.values()) + "\n"
    members = []
    for name, cell in cells.items():
        text = f'"{cell}"' if name == "day" else cell or "null"
        members.append(f'"{name}":{text}')
    return f"[{{{','.join(members)}}}]"


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_grammar_holds_no_other_values(output):
    grammar = RowFormat(SCHEMA, output=output).grammar(1)

    assert accepts(grammar, row_text(GOOD, output))
    assert accepts(grammar, row_text({**GOOD, "text_or_missing": "", "number_level": ""}, output))
    held = [(name, text) for name, text in BAD if accepts(grammar, row_text({**GOOD, name: text}, output))]
    assert held == []


def test_the_json_schema_holds_no_other_values():
    schema = RowFormat(SCHEMA, output="json").json_schema(1)
    fine = ("4e1",)  # what JSON allows besides is read all the same

    assert accepts(schema, row_text(GOOD, "json"))
    held = [(name, text) for name, text in BAD if accepts(schema, row_text({**GOOD, name: text}, "json"))]
    assert [pair for pair in held if pair[1] not in (*fine, "-0", "0.50")] == []


@pytest.mark.parametrize("output", OUTPUTS)
def test_conditions_narrow_the_grammar(output):
    wanted = {"age": (40, 50), "one_decimal": {0.3, 0.4}, "text_or_missing": None, "day": ("2000-01-01", None)}
    conditions = Conditions.parse(wanted, SCHEMA)
    form = RowFormat(SCHEMA, conditions, output=output)
    good = {**GOOD, "text_or_missing": ""}
    constraints = [form.grammar(1), *([form.json_schema(1)] if output == "json" else [])]

    for constraint in constraints:
        assert accepts(constraint, row_text(good, output))
        for name, text in [
            ("age", "51"),
            ("one_decimal", "0.5"),
            ("text_or_missing", '"q\\"q"'),
            ("day", "1999-12-31"),
        ]:
            assert not accepts(constraint, row_text({**good, name: text}, output))


@pytest.mark.parametrize("output", OUTPUTS)
def test_conditions_may_leave_nothing_but_missing_values(output):
    frame = EVERYTHING[["whole_with_gaps", "age"]].assign(day=EVERYTHING.day.where(EVERYTHING.age > 30))
    frame["days"] = EVERYTHING.days.where(EVERYTHING.age > 40)
    schema, _ = learn(frame)
    form = RowFormat(
        schema, Conditions.parse({"whole_with_gaps": None, "day": None, "days": None}, schema), output=output
    )
    row = '[{"whole_with_gaps":null,"age":44,"day":null,"days":null}]' if output == "json" else ",44,,\n"

    for constraint in [form.grammar(1), *([form.json_schema(1)] if output == "json" else [])]:
        assert accepts(constraint, row)
        assert not accepts(constraint, row.replace("null", "2", 1) if output == "json" else "2,44,,\n")
    np.testing.assert_array_equal(form.parse(row).values, [[np.nan, 44, np.nan, np.nan]])
    for repair in (False, True):
        parsed = form.parse(row.replace("null", "2", 1) if output == "json" else "2,44,,\n", repair=repair)
        assert parsed.reasons == {"column 'whole_with_gaps' is out of range": 1}


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_number_of_rows_is_kept(output):
    form = RowFormat(SCHEMA, output=output)
    replies = [form.write(VALUES[:n]) for n in range(1, 6)]

    assert [accepts(form.grammar(3), reply) for reply in replies] == [False, False, True, False, False]
    assert [accepts(form.grammar(4, min_rows=2), reply) for reply in replies] == [False, True, True, True, False]
    assert [accepts(form.grammar(4, min_rows=1), reply) for reply in replies] == [True, True, True, True, False]
    if output == "json":
        assert [accepts(form.json_schema(4, min_rows=2), r) for r in replies] == [False, True, True, True, False]


@pytest.mark.parametrize(("n_rows", "min_rows"), [(0, None), (3, 4), (3, 0)])
def test_impossible_numbers_of_rows_are_refused(n_rows, min_rows):
    with pytest.raises(ValueError, match=f"n_rows={n_rows} and min_rows={min_rows}"):
        RowFormat(SCHEMA).grammar(n_rows, min_rows)


def test_csv_has_no_json_schema():
    with pytest.raises(ValueError, match="use grammar"):
        RowFormat(SCHEMA).json_schema(1)


def test_a_column_of_nothing_but_missing_values_can_be_written():
    schema, values = learn(EVERYTHING[["nothing", "age"]])
    form = RowFormat(schema)

    assert accepts(form.grammar(1), f",{EVERYTHING.age[0]}\n")
    assert "C0" not in form.grammar(1).text
    np.testing.assert_array_equal(form.parse(form.write(values)).values, values)


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_real_model_writes_only_valid_rows(output):
    pytest.importorskip("llama_cpp")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(40, 95, 50),
            "serum_creatinine": np.round(rng.gamma(2, 0.7, 50) + 0.5, 2),
            "sex": rng.choice(["female", "male"], 50),
            "smoker": rng.random(50) < 0.4,
            "ward": rng.choice(["A, left", "B"], 50),
        }
    )
    schema = TableSchema.infer(frame, column_kinds={"age": "continuous", "serum_creatinine": "continuous"})
    values = schema.encode(frame)
    conditions = Conditions.parse({"age": (65, 80)}, schema)
    form = RowFormat(schema, conditions, output=output, decimals=number_decimals(values, schema))
    prompt = f"Write more rows of this table.\n{form.header}{form.write(values[:4])}"
    model = LlamaCppModel("smollm2-135m")
    constraints = [form.grammar(2), *([form.json_schema(2)] if output == "json" else [])]
    requests = [
        Request((Message("user", prompt),), SamplingSettings(200, temperature=1.5, top_p=1.0), seed, constraint)
        for seed, constraint in enumerate(constraints)
    ]

    for reply in generate_all(model, requests):
        parsed = form.parse(reply.text)
        assert reply.finish_reason == "stop"
        assert parsed.rejected == ()
        assert parsed.values.shape == (2, 5)
        assert conditions.mask(parsed.values).all()


# Rows that are not alike ----------------------------------------------------------------------------------------------


def narrowed(conditions):
    return Conditions.parse(conditions, SCHEMA).allowed


def rows_text(rows, output):
    texts = [row_text(row, output) for row in rows]
    return "".join(texts) if output == "csv" else "[" + ",".join(text[1:-1] for text in texts) + "]"


@pytest.mark.parametrize("output", OUTPUTS)
def test_each_row_may_be_narrowed_by_itself(output):
    young, old = {"age": (40, 50)}, {"age": (60, 70), "text_or_missing": None}
    grammar = RowFormat(SCHEMA, output=output).grammar(2, narrowed=[narrowed(young), narrowed(old)])
    first, second = {**GOOD, "age": "44"}, {**GOOD, "age": "66", "text_or_missing": ""}

    assert accepts(grammar, rows_text([first, second], output))
    for rows in ([second, first], [first, first], [second, second], [first], [first, second, second]):
        assert not accepts(grammar, rows_text(rows, output))
    for wrong in ({"text_or_missing": GOOD["text_or_missing"]}, {"age": "44"}, {"one_decimal": "0.35"}):
        assert not accepts(grammar, rows_text([first, {**second, **wrong}], output))


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_narrowed_row_keeps_the_other_conditions(output):
    form = RowFormat(SCHEMA, Conditions.parse({"one_decimal": {0.3, 0.4}}, SCHEMA), output=output)
    grammar = form.grammar(1, narrowed=[narrowed({"age": (40, 50)})])

    assert accepts(grammar, row_text(GOOD, output))
    assert not accepts(grammar, row_text({**GOOD, "one_decimal": "0.5"}, output))
    assert not accepts(grammar, row_text({**GOOD, "age": "51"}, output))


def test_what_rows_have_in_common_is_said_once():
    text = RowFormat(SCHEMA).grammar(3, narrowed=[narrowed({"age": (n, n + 5)}) for n in (40, 50, 40)]).text
    assert text.count("\nC") == len(SCHEMA.modelled) + 1
    assert text.startswith("start: row_0 row_1 row_2\n")


@pytest.mark.parametrize(("n_rows", "min_rows"), [(1, None), (3, None), (2, 1)])
def test_so_many_rows_are_narrowed_as_are_asked_for(n_rows, min_rows):
    with pytest.raises(ValueError, match="2 rows are narrowed, but a reply has"):
        RowFormat(SCHEMA).grammar(n_rows, min_rows, narrowed=[{}, {}])
