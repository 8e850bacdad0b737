import json

import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints import Constraint, Decimals, Dependency, Domain, Implication, Item, Order, Sum
from skgensynth.constraints.view import TableView
from skgensynth.exceptions import ConstraintError

TABLE = pd.DataFrame(
    {
        "age": [10, 15, 30, 40, 12],
        "copd": ["no", "yes", "yes", None, None],
        "a": [1.0, 2.0, 0.1, np.nan, 5.0],
        "b": [1.5, 2.0, 0.2, 1.0, 4.0],
        "c": [2.5, 4.0, 0.1 + 0.2, 3.0, 9.5],
        "start": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", None, "2020-01-05"]),
        "stay": pd.to_timedelta([1, 1, 2, 1, 1], unit="D"),
        "end": pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-04", "2020-01-05", "2020-01-06"]),
    }
)
MINOR, NO_COPD = Item("age", "<", ("18",)), Item("copd", "is", ("no",))
COMPLETE = [
    (Domain(MINOR), "age < 18", [1, 1, 0, 0, 1], 5),
    (Domain(Item("copd", "not missing")), "copd is not missing", [1, 1, 1, 0, 0], 5),
    (Domain(NO_COPD), "copd is no", [1, 0, 0, 1, 1], 3),
    (Decimals("a", 0), "a is a whole number", [1, 1, 0, 1, 1], 4),
    (Decimals("c", 1), "c has at most 1 decimal", [1, 1, 0, 1, 1], 5),
    (Decimals("c", 2), "c has at most 2 decimals", [1, 1, 0, 1, 1], 5),
    (Implication((MINOR,), (NO_COPD,)), "if age < 18 then copd is no", [1, 0, 1, 1, 1], 2),
    (
        Implication((MINOR, Item("a", ">", ("1.5",))), (NO_COPD, Item("b", "<", ("1",)))),
        "if age < 18 and a > 1.5 then copd is no or b < 1",
        [1, 0, 1, 1, 1],
        1,
    ),
    (Order("a", "b"), "a <= b", [1, 1, 1, 1, 0], 4),
    (Order("a", "b", strict=True), "a < b", [1, 0, 1, 1, 0], 4),
    (Order("start", "end"), "start <= end", [1, 1, 1, 1, 1], 4),
    (Sum(("a", "b"), "c"), "a + b = c", [1, 1, 1, 1, 0], 4),
    (Sum(("a",), "b"), "a = b", [0, 1, 0, 1, 0], 4),
    (Sum(("stay", "start"), "end"), "stay + start = end", [1, 1, 0, 1, 1], 4),
    (
        Dependency("copd", "age", (("no", "10"), ("yes", "30.0"))),
        "copd determines age: no gives 10, yes gives 30.0",
        [1, 0, 1, 1, 1],
        3,
    ),
    (Dependency("stay", "b", (("2D", "7"),)), "stay determines b: 2D gives 7", [1, 1, 0, 1, 1], 1),
]


@pytest.mark.parametrize(("constraint", "sentence", "kept", "support"), COMPLETE)
def test_a_constraint_says_which_rows_keep_it_and_on_how_many_it_rests(constraint, sentence, kept, support):
    assert str(constraint) == sentence
    found = constraint.check(TABLE)
    assert found.dtype == bool
    assert found.tolist() == [bool(value) for value in kept]
    with_support = constraint.supported_by(TableView(TABLE))
    assert with_support.support == support
    assert with_support == constraint
    constraint.verify(TableView(TABLE)) if constraint.kind != "dependency" else None


@pytest.mark.parametrize(("constraint", "sentence", "kept", "support"), COMPLETE)
def test_a_constraint_goes_through_json(constraint, sentence, kept, support):
    soft = type(constraint).from_dict({**constraint.to_dict(), "soft": True, "support": support})
    state = json.loads(json.dumps(soft.to_dict()))
    assert state["sentence"] == f"usually {sentence}"
    back = Constraint.from_dict(state)
    assert back == soft != constraint
    assert (back.support, back.soft, back.hard) == (support, True, False)
    assert hash(back) == hash(soft)


def test_columns_are_named_in_the_order_of_the_sentence():
    assert Implication((MINOR, Item("a", "missing")), (NO_COPD, MINOR)).columns == ("age", "a", "copd")
    assert Sum(("a", "b"), "c").columns == ("a", "b", "c")
    assert Dependency("a", "b").columns == Order("a", "b").columns == ("a", "b")


def test_a_dependency_without_a_mapping_is_checked_within_the_table():
    table = pd.DataFrame({"ward": ["x", "x", "x", "y", None], "floor": [1.0, 1.0, 2.0, np.nan, 3.0]})
    dependency = Dependency("ward", "floor")
    assert dependency.check(table).tolist() == [True, True, False, True, True]
    assert dependency.supported_by(TableView(table)).support == 3
    assert Dependency("ward", "floor").check(table.assign(ward=None)).all()


def test_a_mapping_is_learned_from_most_rows_and_enough_of_them():
    table = pd.DataFrame({"ward": ["x", "x", "x", "y"], "floor": [1, 1, 2, 7]})
    assert Dependency("ward", "floor").learned_from(TableView(table)).mapping == (("x", "1"), ("y", "7"))
    assert Dependency("ward", "floor").learned_from(TableView(table), 2).mapping == (("x", "1"),)


def test_values_that_a_table_does_not_have_break_a_dependency_but_free_ones_do_not():
    dependency = Dependency("ward", "floor", (("x", "1"),))
    table = pd.DataFrame({"ward": ["x", "z"], "floor": [9, 9]})
    assert dependency.check(table).tolist() == [False, True]


def test_whole_numbers_without_exact_decimals_and_infinities():
    table = pd.DataFrame({"a": [1e300, 2.0**60, np.inf, 0.125]})
    assert Decimals("a", 9).check(table).all()
    assert Decimals("a", 2).check(table).tolist() == [True, True, True, False]
    infinite = pd.DataFrame({"a": [np.inf], "b": [np.inf]})
    assert Order("a", "b").check(infinite).all()
    assert Sum(("a",), "b").check(infinite).all()


@pytest.mark.parametrize("values", [[None] * 5, [np.nan] * 5, [pd.NaT] * 5])
@pytest.mark.parametrize("constraint", [constraint for constraint, *_ in COMPLETE], ids=str)
def test_a_column_without_values_breaks_nothing_but_what_speaks_of_missing_values(constraint, values):
    if constraint == Domain(Item("copd", "not missing")):
        assert not constraint.check(TABLE.assign(copd=values)).any()
        return
    for name in constraint.columns:
        broken = ~constraint.check(TABLE.assign(**{name: pd.Series(values)}))
        assert not (broken & constraint.check(TABLE)).any()
    assert constraint.check(TABLE.assign(**{name: pd.Series(values) for name in constraint.columns})).all()


def test_a_target_is_one_more_column():
    X, y = np.array([[10.0], [15.0]]), ["no", "yes"]
    rule = Implication((Item("0", "<", ("18",)),), (Item("target", "is", ("no",)),))
    assert rule.check(X, y).tolist() == [True, False]


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (Order("age", "start"), r"columns 'age' \(numbers\) and 'start' \(datetimes\) cannot be compared"),
        (Order("age", "copd"), "column 'copd' holds no numbers"),
        (Sum(("start", "start"), "end"), r"cannot be added"),
        (Sum(("age", "stay"), "b"), r"cannot be added"),
        (Decimals("stay", 0), r"column 'stay' \(durations\) cannot have decimals"),
        (Domain(Item("size", "missing")), "there is no column 'size'"),
    ],
)
def test_columns_that_do_not_suit_are_refused(constraint, message):
    with pytest.raises(ConstraintError, match=message):
        constraint.check(TABLE)


def test_a_mapping_must_be_of_the_tables_values():
    with pytest.raises(ConstraintError, match="column 'copd' has no value 'maybe'; it has the values no, yes"):
        Dependency("copd", "age", (("maybe", "10"),)).verify(TableView(TABLE))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Implication((), (NO_COPD,)), "an implication needs at least one item on each side"),
        (lambda: Decimals("a", -1), "column 'a' cannot have -1 decimals; give 0 or more"),
        (lambda: Sum((), "c"), "the sum in column 'c' has no parts"),
        (lambda: Dependency("a", "b", (("1", "2"), ("1", "3"))), "the mapping of column 'a' gives a value twice"),
        (lambda: Constraint.from_dict({"kind": "law"}), "constraints of kind 'law' are not known; kinds are domain"),
    ],
)
def test_what_says_nothing_is_refused(make, message):
    with pytest.raises(ConstraintError, match=message):
        make()


@pytest.mark.parametrize("decimals", [1, 2])
def test_decimals_may_be_an_integer_of_numpy(decimals):
    law = Decimals("dose", np.int64(decimals))

    assert law == Decimals("dose", decimals)
    assert str(law) == str(Decimals("dose", decimals))
    assert json.loads(json.dumps(law.to_dict())) == law.to_dict()
