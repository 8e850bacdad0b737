import json
import pickle

import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints import ConstraintSet, parse_constraint
from skgensynth.constraints.view import TableView
from skgensynth.exceptions import ConstraintError

SENTENCES = ["age >= 0", "if age < 18 then copd is no", "usually a <= b"]
TABLE = pd.DataFrame({"age": [-1, 10, 40], "copd": ["yes", "no", "yes"], "a": [1, 2, 3], "b": [3, 2, 1]})


@pytest.fixture
def rules():
    return ConstraintSet(parse_constraint(sentence) for sentence in SENTENCES)


def test_each_column_says_which_rows_break_a_constraint(rules):
    found = rules.violations(TABLE)
    assert found.tolist() == [[True, True, False], [False, False, False], [False, False, True]]
    assert found.T.tolist() == [(~rule.check(TABLE)).tolist() for rule in rules]


def test_an_empty_set_has_no_violations():
    assert ConstraintSet().violations(TABLE).shape == (3, 0)


def test_a_target_is_one_more_column(rules):
    found = rules.violations(TABLE.drop(columns="copd"), TABLE["copd"])
    assert np.array_equal(found, rules.violations(TABLE))


def test_it_is_a_sequence(rules):
    assert len(rules) == 3
    assert rules[0] == parse_constraint("age >= 0")
    assert rules[1:] == ConstraintSet(list(rules)[1:])
    assert rules[1] in rules
    assert hash(rules[:]) == hash(rules)
    assert rules != list(rules)


def test_its_repr_lists_sentences_and_support(rules):
    rules = ConstraintSet([rules[0].supported_by(TableView(TABLE)), rules[2]])
    assert repr(rules) == "ConstraintSet of 2\n  age >= 0  (3 rows)\n  usually a <= b"
    long = repr(ConstraintSet(parse_constraint(f"age >= {k}") for k in range(60)))
    assert long.splitlines()[-1] == "  ... and 10 more"
    assert len(long.splitlines()) == 52


def test_it_goes_through_json_and_pickle(rules):
    assert ConstraintSet.from_dict(json.loads(json.dumps(rules.to_dict()))) == rules
    assert pickle.loads(pickle.dumps(rules)) == rules


def test_a_column_that_is_not_there_is_named(rules):
    with pytest.raises(ConstraintError, match="there is no column 'copd'; columns are age, a, b"):
        rules.violations(TABLE.drop(columns="copd"))


def test_it_holds_constraints_only():
    with pytest.raises(TypeError, match="a ConstraintSet holds constraints, got str; parse sentences"):
        ConstraintSet(["age >= 0"])
