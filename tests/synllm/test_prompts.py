import numpy as np
import pandas as pd
import pytest

from skgensynth.conditions import Conditions
from skgensynth.constraints import ConstraintSet, parse_constraint
from skgensynth.exceptions import PromptError
from skgensynth.llm.rows import RowFormat
from skgensynth.schema import TableSchema
from skgensynth.synllm.prompts import PROMPTS, Detail, PromptWriter, parts_of
from skgensynth.synllm.rules import Rules
from skgensynth.synllm.statistics import AssociationFigure, ColumnFigures, TableStatistics

TABLE = pd.DataFrame({"age": [18, 30, 90] * 4, "sex": ["F", "M", "M"] * 4})
SCHEMA = TableSchema.infer(TABLE, column_kinds={"age": "continuous"})
STATISTICS = TableStatistics(
    (ColumnFigures(0.0, 46.0, 33.0), ColumnFigures(0.0, shares=(0.25, 0.75))),
    (AssociationFigure(1, 0, "correlation ratio", 0.4),) * 4,
)
RULES = Rules(
    ConstraintSet([parse_constraint("age < 99")]),
    ConstraintSet([parse_constraint(f"age < {bound}") for bound in (91, 92, 93)]),
)


def writer(prompt, conditions=None):
    parsed = Conditions.parse(conditions, SCHEMA)
    return PromptWriter(
        prompt,
        RowFormat(SCHEMA, parsed),
        parsed,
        context="Two columns.",
        descriptions={"age": "in\nyears"},
        statistics=STATISTICS,
        rules=RULES,
        examples=SCHEMA.encode(TABLE)[:3],
        n_examples=3,
    )


def full(prompt, n_rows=5, conditions=None):
    made = writer(prompt, conditions)
    return made.write(n_rows, made.full)


def test_a_structured_prompt_in_full():
    assert (
        full("statguide")
        == """Two columns.

The columns of the table:
- age: whole number from 18 to 90
- sex: one of F, M

What they mean:
- age: in years

Statistics of the table:
- age: mean 46.0, standard deviation 33.0
- sex: F 25.0 %, M 75.0 %
- age depends on sex (correlation ratio 0.40)
- age depends on sex (correlation ratio 0.40)
- age depends on sex (correlation ratio 0.40)
- age depends on sex (correlation ratio 0.40)

Some of its rows:
age,sex
18,F
30,M
90,M

Write 5 new rows of this table as CSV, one to a line, with commas between the values, and without repeating the header:
age,sex"""
    )


def test_the_four_prompts_have_the_parts_of_the_paper():
    assert {
        name: ("examples" in parts, "statistics" in parts, "rules" in parts) for name, parts in PROMPTS.items()
    } == {
        "seed_ex": (True, False, False),
        "featdesc": (True, False, False),
        "statguide": (True, True, False),
        "clin_rule": (False, True, True),
    }


def test_a_template_is_filled_in_and_completed():
    text = full("{{n}} = {n_rows} of {columns}", 1, {"sex": "F"})
    assert (
        text
        == """{n} = 1 of - age: whole number from 18 to 90
- sex: F

In every new row, sex is F.

Write 1 new row of this table as CSV, with commas between the values, and without repeating the header:
age,sex"""
    )
    text = full("{conditions}|{format}|{columns}|{n_rows}", conditions={"sex": "F"})
    assert text.count("In every new row") == text.count("as CSV") == 1


def test_examples_that_meet_the_conditions_are_shown_or_else_all():
    assert "18,F\n" not in full("seed_ex", conditions={"sex": "M"})
    assert "18,F\n30,M\n90,M" in full("seed_ex", conditions={"age": 40})


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("seedex", r"prompt='seedex' is none of seed_ex, featdesc, statguide, clin_rule, and no template"),
        ("{columns} {n_row}", r"placeholder \{n_row\}, which is unknown or has a format; placeholders are \{context\}"),
        ("{columns} {n_rows:>5}", r"placeholder \{n_rows\}, which is unknown or has a format"),
        ("{columns!r} {n_rows}", r"placeholder \{columns\}, which is unknown"),
        ("{columns.__class__} {n_rows}", r"placeholder \{columns.__class__\}, which is unknown"),
        ("{} {n_rows}", r"placeholder \{\}, which is unknown"),
        ("{columns}", r"lacks the placeholder \{n_rows\}"),
        ("{n_rows}", r"lacks the placeholder \{columns\}"),
        ("{columns} {n_rows", r"cannot be read: .*a brace that is no placeholder is doubled"),
    ],
)
def test_templates_are_checked(prompt, message):
    with pytest.raises(PromptError, match=message):
        parts_of(prompt)


def test_parts_are_given_up_in_the_order_that_is_stated():
    assert list(writer("statguide").shortenings()) == [
        Detail(4, 0, 3),
        Detail(2, 0, 3),
        Detail(1, 0, 3),
        Detail(0, 0, 3),
        Detail(0, 0, 3, figures=False),
        Detail(0, 0, 2, figures=False),
        Detail(0, 0, 1, figures=False),
        *(Detail(0, 0, 1, figures=False, n_levels=n) for n in (10, 5, 2)),
    ]
    lengths = [len(writer("statguide").write(5, detail)) for detail in writer("statguide").shortenings()]
    assert lengths == sorted(lengths, reverse=True)


def test_the_users_own_rules_stay_in_the_shortest_prompt():
    made = writer("clin_rule")
    shortest = made.write(5, made.shortenings()[-1])
    assert "- age < 99" in shortest
    assert "- age < 91" not in shortest
    assert "Two columns." in shortest
    assert "- age: in years" in shortest
    # The most significant ones stay longest.
    half = made.write(5, next(detail for detail in made.shortenings() if detail.n_found == 1))
    assert "- age < 91" in half
    assert "- age < 92" not in half


def test_a_rule_stays_on_its_line():
    rule = parse_constraint("text is `a\nb`")
    made = PromptWriter(
        "clin_rule",
        RowFormat(SCHEMA),
        Conditions(),
        context="",
        descriptions={},
        statistics=TableStatistics(),
        rules=Rules(ConstraintSet([rule]), ConstraintSet()),
        examples=np.empty((0, 2)),
        n_examples=4,
    )
    assert "Rules that its rows keep:\n- text is `a\\nb`\n\nWrite" in made.write(2, made.full)
