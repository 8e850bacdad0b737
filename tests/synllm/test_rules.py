import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints import parse_constraint
from skgensynth.exceptions import ConstraintError, ConstraintWarning
from skgensynth.schema import TableSchema
from skgensynth.synllm.rules import MAX_FOUND, READY_RULES, collect_rules

FILES = {"diabetes": "diabetes_prediction.csv.gz", "stroke": "stroke.csv", "cirrhosis": "cirrhosis.csv"}


def collected(X, rules, **kinds):
    schema = TableSchema.infer(X, column_kinds=kinds)
    return collect_rules(rules, schema, schema.encode(X), (X, None), 0)


def people(n=300):
    rng = np.random.default_rng(0)
    age = rng.integers(0, 90, n)
    return pd.DataFrame({"age": age, "smoker": np.where((age >= 18) & (rng.random(n) < 0.5), "yes", "no")})


def test_all_sources_end_in_one_form():
    sentence, constraint = "usually age < 60", parse_constraint("age >= 0")
    rules = collected(people(), [sentence, constraint, "mined"])
    assert [str(rule) for rule in rules.given] == ["usually age < 60", "age >= 0"]
    assert [rule.support for rule in rules.given] == [300, 300]
    # Ranges and levels are in the schema.
    assert [rule.columns for rule in rules.found] == [("age", "smoker")]
    assert rules.found[0].hard


def test_no_rule_is_found_about_an_identifier():
    X = people()
    X["bed"] = X["age"] + 1000  # of an order above the age, and settled by it
    assert any("bed" in rule.columns for rule in collected(X, "mined").found)
    rules = collected(X, "mined", bed="identifier")
    assert [rule.columns for rule in rules.found] == [("age", "smoker")]


def test_a_single_rule_stands_for_itself():
    assert [str(rule) for rule in collected(people(), "age >= 0").given] == ["age >= 0"]
    assert [str(rule) for rule in collected(people(), parse_constraint("age >= 0")).given] == ["age >= 0"]
    assert not any(map(len, collected(people(), [])))


def test_what_is_given_is_not_found_again():
    found = collected(people(), "mined").found[0]
    rules = collected(people(), ["mined", str(found), found])
    assert (list(rules.given), len(rules.found)) == ([found], 0)


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        ("agee < 3", ConstraintError, "there is no column 'agee'"),
        ("if smoker is maybe then age > 3", ConstraintError, "no value 'maybe'"),
        ("diabetis", ConstraintError, "cannot read 'diabetis'"),
        (3, TypeError, "rules must hold sentences, constraints or names of sets, got int"),
        ("diabetes", ConstraintError, "none of the ready rules 'diabetes' suits the table: its columns are weight"),
    ],
)
def test_rules_are_checked(rule, error, message):
    X = people() if rule != "diabetes" else pd.DataFrame({"weight": [1.5, 2.5, 3.5]})
    with pytest.raises(error, match=message):
        collected(X, [rule], **({} if rule != "diabetes" else {"weight": "continuous"}))


def test_identifiers_take_part_in_no_rule():
    X = people().assign(id=np.arange(300) + 1000)
    with pytest.raises(ConstraintError, match="there is no column 'id'"):
        collected(X, ["id > 3"], id="identifier")


def test_hard_rules_that_training_rows_break_are_reported():
    with pytest.warns(ConstraintWarning, match="rows break 'age < 60'"):
        collected(people(), ["age < 60"])


def test_without_rows_rules_are_checked_against_the_schema():
    schema = TableSchema.infer(people())
    rules = collect_rules(["if age < 18 then smoker is no"], schema, None, None, 0)
    assert [rule.support for rule in rules.given] == [None]
    with pytest.raises(ConstraintError, match="has no value 'maybe'"):
        collect_rules(["smoker is maybe"], schema, None, None, 0)
    with pytest.raises(ConstraintError, match="found in training rows, and there are none"):
        collect_rules(["mined"], schema, None, None, 0)


def test_ready_rules_of_absent_columns_are_left_out_with_a_warning():
    X = people().assign(hypertension=np.where(people()["age"] > 40, 1, 0), stroke=0)
    X.loc[5, "stroke"] = 1
    with pytest.warns(
        ConstraintWarning, match="'stroke', these do not suit the table and are left out: .*ever_married"
    ):
        rules = collected(X, "stroke")
    assert [str(rule) for rule in rules.given] == [
        "usually if age < 40 then stroke is 0",
        "usually if age < 18 then hypertension is 0",
    ]


@pytest.mark.data
@pytest.mark.parametrize("name", READY_RULES)
def test_ready_rules_suit_their_tables_and_mostly_hold(name, data_folder):
    X = pd.read_csv(data_folder / FILES[name]).drop(columns=["id", "ID"], errors="ignore")[:20_000]
    rules = collected(X, name).given
    assert [str(rule) for rule in rules] == list(READY_RULES[name])
    for rule in rules:
        assert rule.soft
        assert rule.support >= 5
        assert np.count_nonzero(~rule.check(X)) < 0.2 * rule.support


def test_the_most_significant_rules_are_kept():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 6, 600)
    X = pd.DataFrame({f"c{j}": np.where(rng.random(600) < 0.5, base, -1).astype(str) for j in range(8)})
    assert 0 < len(collected(X, "mined").found) <= MAX_FOUND
