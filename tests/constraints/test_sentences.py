import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skgensynth.constraints import (
    Constraint,
    Decimals,
    Dependency,
    Domain,
    Implication,
    Item,
    Order,
    Sum,
    parse_constraint,
)
from skgensynth.exceptions import ConstraintError
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame({"bilirubin": [1.0, 12.0], "stage": [3, 4], "heart rate": [60, 70], "sex": ["F", "M"]})

texts = st.text(max_size=8) | st.sampled_from(
    ["if", "Is", "a", "whole", "3", "a b", "x,y", "<=50K", "`", "or", "missing"]
)
bounds = (
    st.integers(-1000, 1000).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.sampled_from(["2020-01-31", "2020-01-31T10:00:00+01:00", "5h", "-3D"])
)
items = (
    st.builds(Item, texts, st.sampled_from(["<", "<=", ">", ">="]), st.tuples(bounds))
    | st.builds(Item, texts, st.just("between"), st.tuples(bounds, bounds))
    | st.builds(Item, texts, st.sampled_from(["is", "is not"]), st.lists(texts, min_size=1, max_size=4).map(tuple))
    | st.builds(Item, texts, st.sampled_from(["missing", "not missing"]))
)
several = st.lists(items, min_size=1, max_size=3).map(tuple)
mappings = st.lists(st.tuples(texts, texts), max_size=4, unique_by=lambda pair: pair[0]).map(tuple)
soft = st.booleans()
constraints = (
    st.builds(Domain, items, soft=soft)
    | st.builds(Implication, several, several, soft=soft)
    | st.builds(Order, texts, texts, st.booleans(), soft=soft)
    | st.builds(Decimals, texts, st.integers(0, 9), soft=soft)
    | st.builds(Dependency, texts, texts, mappings, soft=soft)
    | st.builds(Sum, st.lists(texts, min_size=1, max_size=3).map(tuple), texts, soft=soft)
)


@given(constraints)
def test_what_is_printed_is_read_as_it_was(constraint):
    assert parse_constraint(str(constraint)) == constraint
    assert parse_constraint(str(constraint), constraint.columns) == constraint
    assert Constraint.from_dict(constraint.to_dict()) == constraint


@pytest.mark.parametrize(
    ("sentence", "constraint"),
    [
        (
            "if bilirubin > 10 then stage is 3 or 4",
            Implication((Item("bilirubin", ">", ("10",)),), (Item("stage", "is", ("3", "4")),)),
        ),
        (
            "IF stage is 4 AND sex is F THEN edema is S or Y or ascites is not N",
            Implication(
                (Item("stage", "is", ("4",)), Item("sex", "is", ("F",))),
                (Item("edema", "is", ("S", "Y")), Item("ascites", "is not", ("N",))),
            ),
        ),
        ("x is a, b, c", Domain(Item("x", "is", ("a", "b", "c")))),
        ("x is a or b or c", Domain(Item("x", "is", ("a", "b", "c")))),
        ("x is a", Domain(Item("x", "is", ("a",)))),
        ("x is a whole number", Decimals("x", 0)),
        ("x is `a` or whole", Domain(Item("x", "is", ("a", "whole")))),
        ("x has at most 3 decimals", Decimals("x", 3)),
        ("age<=18", Domain(Item("age", "<=", ("18",)))),
        ("a>b", Order("b", "a", strict=True)),
        ("a >= b", Order("b", "a")),
        ("`0` <= `1`", Order("0", "1")),
        ("0 <= 1", Domain(Item("0", "<=", ("1",)))),
        ("a + b+c = d", Sum(("a", "b", "c"), "d")),
        ("seen is between 2020-01-01 and 2020-12-31", Domain(Item("seen", "between", ("2020-01-01", "2020-12-31")))),
        ("usually x is neither 1 nor 2", Domain(Item("x", "is not", ("1", "2")), soft=True)),
    ],
)
def test_sentences_may_be_written_freely(sentence, constraint):
    assert parse_constraint(sentence) == constraint


def test_a_sentence_may_be_made_soft():
    assert parse_constraint("x > 1", soft=True) == parse_constraint("usually x > 1")


@pytest.mark.parametrize("columns", [TABLE, TableSchema.infer(TABLE), list(TABLE.columns)])
def test_names_are_checked(columns):
    assert parse_constraint("if `heart rate` > 65 then sex is M", columns).columns == ("heart rate", "sex")
    message = r"'if age > 65 then sex is M' cannot be used: there is no column 'age'; columns are bilirubin, stage"
    with pytest.raises(ConstraintError, match=message):
        parse_constraint("if age > 65 then sex is M", columns)


@pytest.mark.parametrize("columns", [TABLE, TableSchema.infer(TABLE, column_kinds={"stage": "continuous"})])
@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("sex is X", "'sex is X' cannot be used: column 'sex' has no value 'X'; it has the values F, M"),
        ("sex > 3", "column 'sex' holds no numbers, so it has no order; it has the values F, M"),
        ("stage is high", "column 'stage' holds numbers, and 'high' is none"),
        ("bilirubin < 2020-01-01", "column 'bilirubin' holds numbers, and '2020-01-01' is none"),
        ("stage + bilirubin = sex", "column 'sex' holds no numbers"),
    ],
)
def test_values_are_checked(sentence, message, columns):
    with pytest.raises(ConstraintError, match=message):
        parse_constraint(sentence, columns)


def test_nameless_columns_are_checked_too():
    assert parse_constraint("`0` <= `1`", np.zeros((2, 2))) == Order("0", "1")
    with pytest.raises(ConstraintError, match="there is no column '2'; columns are 0, 1"):
        parse_constraint("`0` <= `2`", np.zeros((2, 2)))
    with pytest.raises(ConstraintError, match="there is no column 'ag'; columns are age"):
        parse_constraint("ag <= 3", "age")


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("", "expected a column, found the end"),
        ("age", "expected 'is', '<', '<=', '>', '>=' after column 'age', found the end"),
        ("if age 18 then x is a", "expected 'is', .* after column 'age', found '18'"),
        (
            "if age < 18 copd is no",
            r"expected 'and' or 'then' \(for 'or', write one .* each\), found 'copd'",
        ),
        ("if x is a or y is b then z is c", r"expected 'and' or 'then' \(for 'or', write .*, found 'or'"),
        (
            "if x is a then y is b and z is c",
            r"expected 'or' \(for 'and', write one .* each\), found 'and'",
        ),
        ("age <", "expected a number or time, found the end"),
        ("if a < b then c is d", r"expected a number or time \(columns are compared in a sentence of their own"),
        ("x is between a and 3", "expected a number or time, found 'a'"),
        ("x is between 1 or 3", "expected 'and', found 'or'"),
        ("x is not 1 or 2", "expected the end, found 'or'"),
        ("x is", "expected a value, found the end"),
        ("x has 2 decimals", "expected 'at most', a number and 'decimals', found '2'"),
        ("a + b", r"expected '\+' or '=', found the end"),
        ("a determines b: x y", "expected 'gives', found 'y'"),
        (
            "if is < 3 then a is b",
            "expected a column, found 'is'; names and values of several words, and",
        ),
    ],
)
def test_other_sentences_are_refused_with_what_was_expected(sentence, message):
    with pytest.raises(ConstraintError, match=f"cannot read {sentence!r}: ".replace("+", r"\+") + message):
        parse_constraint(sentence)


def test_only_text_is_read():
    with pytest.raises(TypeError, match="a constraint is written as a str, got int"):
        parse_constraint(3)
