import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from common.tables import mixed_table

from skgensynth.constraints import Constraint, ConstraintSet, Domain, Item, discover_constraints, parse_constraint
from skgensynth.exceptions import ConstraintError, ConstraintWarning, SchemaError


@dataclass(frozen=True, kw_only=True)
class Even(Constraint):
    """A constraint that no sentence can say."""

    kind: ClassVar[str] = "even"
    column: str

    @property
    def columns(self):
        return (self.column,)

    def violated(self, view):
        return view.column(self.column).numbers % 2 == 1

    def rests_on(self, view):
        return ~view.column(self.column).missing

    def _sentence(self):
        return f"{self.column} is even"


def independent(rng, n):
    """Columns that have nothing to do with each other."""
    return pd.DataFrame(
        {
            "age": rng.integers(0, 95, n),
            "bmi": rng.normal(27, 5, n).round(1),
            "sex": rng.choice(["F", "M"], n),
            "job": rng.choice(["desk", "field", "home", "none"], n, p=[0.4, 0.25, 0.2, 0.15]),
            "copd": rng.choice(["no", "yes"], n, p=[0.6, 0.4]),
            "smoker": rng.choice(["no", "yes"], n, p=[0.5, 0.5]),
            "grade": rng.choice(["I", "II", "III"], n, p=[0.5, 0.25, 0.25]),
            "pregnant": rng.choice(["no", "yes"], n, p=[0.5, 0.5]),
            "dose": rng.choice([0, 5, 10, 20], n),
            "low": rng.gamma(2, 10, n).round(1),
            "men": rng.poisson(4, n),
            "women": rng.poisson(3, n),
            "ward": rng.choice(["card", "derm", "neph", "onco"], n),
        }
    )


PLANTED = {
    "if age < 20 then copd is no": lambda d: (d["age"] < 20) & (d["copd"] == "yes"),
    "if job is home then smoker is no": lambda d: (d["job"] == "home") & (d["smoker"] == "yes"),
    "if sex is M then grade is not III": lambda d: (d["sex"] == "M") & (d["grade"] == "III"),
    "if age >= 55 and sex is F then pregnant is no": lambda d: (
        (d["age"] >= 55) & (d["sex"] == "F") & (d["pregnant"] == "yes")
    ),
}
FLOORS = "ward determines floor: card gives 1, derm gives 1, neph gives 2, onco gives 3"
LAWS = ["low <= high", "men + women = all", FLOORS]


def with_laws(seed, n):
    """A table that keeps the planted rules."""
    table = independent(np.random.default_rng(seed), 3 * n)
    broken = np.logical_or.reduce([breaks(table) for breaks in PLANTED.values()])
    table = table[~broken].iloc[:n].reset_index(drop=True)
    gap = np.random.default_rng(seed + 1).exponential(8, n).round(1)
    table["high"] = (table["low"] + gap).round(1)
    table["all"] = table["men"] + table["women"]
    table["floor"] = table["ward"].map({"card": 1, "derm": 1, "neph": 2, "onco": 3})
    return table


def recall(found, seed):
    """Share of the rows that break a planted rule that a rule about the same columns refuses, for each of them."""
    fresh = independent(np.random.default_rng(seed), 5000)
    shares = []
    for sentence, breaks in PLANTED.items():
        columns = set(parse_constraint(sentence).columns)
        rules = ConstraintSet(rule for rule in found if rule.kind == "implication" and set(rule.columns) == columns)
        refused = rules.violations(fresh).any(axis=1)
        shares.append(refused[breaks(fresh)].mean())
    return shares


@pytest.mark.parametrize("n", [300, 600, 2000])
def test_planted_laws_are_found(n):
    shares, laws = [], []
    for seed in range(3):
        found = discover_constraints(with_laws(seed, n), random_state=seed)
        shares += recall(found, seed + 100)
        laws += [law in map(str, found) for law in LAWS]
    assert np.mean(np.array(shares) > 0.8) >= 0.95
    assert np.mean(laws) >= 0.95


def test_rules_that_are_found_hold_for_other_rows_of_the_same_source():
    found = discover_constraints(with_laws(0, 600), random_state=0)
    laws = [rule for rule in found if rule.kind not in ("domain", "decimals")]
    fresh = with_laws(50, 4000)
    assert ConstraintSet(laws).violations(fresh).mean(axis=0).max() < 0.01


def test_nothing_but_descriptions_is_found_in_independent_columns():
    for seed in range(8):
        table = independent(np.random.default_rng(seed), 300)
        found = discover_constraints(table, random_state=seed)
        assert set(Counter(rule.kind for rule in found)) == {"domain", "decimals"}, str(found)


def test_each_column_is_described(rng):
    table = independent(rng, 100).assign(seen=pd.Timestamp("2020-01-01") + pd.to_timedelta(range(100), unit="D"))
    found = [str(rule) for rule in discover_constraints(table, random_state=0)]
    assert found[:4] == [
        f"age is between {table['age'].min()} and {table['age'].max()}",
        "age is a whole number",
        f"bmi is between {table['bmi'].min():g} and {table['bmi'].max():g}",
        "bmi has at most 1 decimal",
    ]
    assert "sex is F or M" in found
    assert "dose is 0, 5, 10 or 20" in found
    assert "seen is between 2020-01-01 and 2020-04-09" in found
    assert not any("decimal" in sentence for sentence in found if sentence.startswith("seen"))


def test_every_sort_of_column_takes_part_and_every_row_keeps_what_is_found():
    X, y = mixed_table()
    X["empty"], X["constant"], X[7], X["many"] = None, 1, X["age"], [f"v{k % 60}" for k in range(len(X))]
    X.columns = X.columns.map(str)
    found = discover_constraints(X, y, random_state=0)
    assert not found.violations(X, y).any()
    frame = X.assign(outcome=y)
    assert {column for rule in found for column in rule.columns} == set(frame.columns) - {"empty", "many"}
    assert "age = 7" not in map(str, found)
    assert "age = `7`" in map(str, found)
    for rule in found:
        assert rule.hard
        assert rule.support > 0
        assert parse_constraint(str(rule), frame) == rule
    assert ConstraintSet.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_arrays_have_the_names_they_have_elsewhere(rng):
    X = rng.normal(size=(300, 3))
    y = (X[:, 1] > 0).astype(int)
    rules = [str(rule) for rule in discover_constraints(X, y, random_state=0) if rule.kind == "implication"]
    assert sorted(rule[:8] for rule in rules) == ["if `1` <", "if `1` >"]
    assert all(" then target is " in rule for rule in rules)
    named = pd.DataFrame(X, columns=["0", "1", "2"])
    assert discover_constraints(named, y, random_state=0) == discover_constraints(X, y, random_state=0)


def test_small_and_odd_tables_are_no_error():
    for table in (pd.DataFrame({"a": [1.5]}), pd.DataFrame({"a": [1, 2, 2], "b": ["x", None, "x"]}), np.zeros((30, 2))):
        found = discover_constraints(table, random_state=0)
        assert not found.violations(table).any()
    with pytest.raises(SchemaError, match="column 'a' contains infinite values"):
        discover_constraints(pd.DataFrame({"a": [np.inf, 1.0]}))


def test_the_same_seed_gives_the_same_result_and_the_frame_is_not_touched():
    table = with_laws(0, 300)
    before = table.copy()
    assert discover_constraints(table, random_state=1) == discover_constraints(table, random_state=1)
    pd.testing.assert_frame_equal(table, before)


def test_own_constraints_come_first_with_their_support():
    table = with_laws(0, 300)
    own = ["usually bmi < 30", Domain(Item("age", ">=", ("0",))), "ward determines floor", "men + women = all"]
    found = discover_constraints(table, constraints=own, random_state=0)
    assert [str(rule) for rule in found[:2]] == ["usually bmi < 30", "age >= 0"]
    assert str(found[2]) == FLOORS
    assert [rule.support for rule in found[:4]] == [300] * 4
    assert found[0].soft
    assert Counter(map(str, found)).most_common(1)[0][1] == 1
    assert discover_constraints(table, constraints="age >= 0", random_state=0)[0] == own[1]


def test_own_constraints_must_suit_the_table(rng):
    table = independent(rng, 50)
    with pytest.raises(ConstraintError, match="'sex is X' cannot be used: column 'sex' has no value 'X'; it has"):
        discover_constraints(table, constraints=["sex is X"])
    with pytest.raises(TypeError, match="constraints must hold constraints, sentences or names of columns, got int"):
        discover_constraints(table, constraints=[3])
    table.loc[:4, "age"] = 200
    with pytest.warns(ConstraintWarning, match="5 of 50 rows break 'age < 100'; if that may be, write 'usually"):
        discover_constraints(table, constraints=["age < 100"])
    discover_constraints(table, constraints=["usually age < 100"])


def test_a_single_constraint_may_stand_for_itself():
    table, order = with_laws(0, 100), Domain(Item("age", ">=", ("0",)))
    assert discover_constraints(table, constraints=order, random_state=0)[0] == order


def test_constraints_of_a_kind_of_ones_own_are_taken_as_they_are(rng):
    table = independent(rng, 50).assign(even=np.arange(50) * 2)
    found = discover_constraints(table, constraints=[Even(column="even")], random_state=0)
    assert isinstance(found[0], Even)
    assert found[0].support == 50
    with pytest.raises(ConstraintError, match="'odd is even' cannot be used: there is no column 'odd'"):
        discover_constraints(table, constraints=[Even(column="odd")])


def test_what_is_forbidden_is_not_found():
    table = with_laws(0, 600)

    def found(*forbidden):
        rules = discover_constraints(table, forbidden_rules=forbidden, random_state=0)
        return [rule for rule in rules if rule.kind not in ("domain", "decimals")]

    everything = found()
    assert LAWS[1] in map(str, everything)
    assert LAWS[1] not in map(str, found(LAWS[1]))
    assert parse_constraint(LAWS[1]) not in found(parse_constraint(LAWS[1]))
    assert not any("age" in rule.columns for rule in found("age"))
    without = found(("sex", "grade"))
    assert not any({"sex", "grade"} <= set(rule.columns) for rule in without)
    assert any("sex" in rule.columns for rule in without)
    with pytest.raises(ConstraintError, match="forbidden_rules names the column 'size', which is not there; columns"):
        found(("sex", "size"))
    with pytest.raises(ConstraintError, match="cannot read 'size'"):
        found("size")


def test_own_constraints_cannot_be_forbidden():
    table = with_laws(0, 300)
    found = discover_constraints(table, constraints=["age >= 0"], forbidden_rules=["age"], random_state=0)
    assert [str(rule) for rule in found if "age" in rule.columns] == ["age >= 0"]


def test_a_dependency_that_is_forbidden_leaves_its_implications():
    table = with_laws(0, 600)
    vetoed = discover_constraints(table, forbidden_rules=[FLOORS], random_state=0)
    assert FLOORS not in map(str, vetoed)
    assert any(set(rule.columns) == {"ward", "floor"} for rule in vetoed)


def test_too_many_rules_are_cut_with_a_warning(rng):
    base = rng.normal(size=(300, 1))
    table = pd.DataFrame(base + 0.1 * rng.normal(size=(300, 6)), columns=list("abcdef"))
    table["high"] = np.where(base[:, 0] > 0, "yes", "no")
    with pytest.warns(ConstraintWarning, match=r"\d+ implications were found, more than max_rules=10: the most"):
        found = discover_constraints(table, max_rules=10, random_state=0)
    rules = [rule for rule in found if rule.kind == "implication"]
    assert len(rules) == 10
    assert "high" in rules[0].columns


def test_too_many_combinations_are_left_out_with_a_warning():
    with pytest.warns(
        ConstraintWarning, match="rules with 2 conditions were not looked for: .* max_itemsets=100"
    ) as told:
        discover_constraints(with_laws(0, 300), max_itemsets=100, random_state=0)
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_antecedent", 0),
        ("min_support", 0),
        ("min_support", 2),
        ("alpha", -1),
        ("max_itemsets", 1.5),
        ("max_rules", -1),
    ],
)
def test_parameters_out_of_range_are_refused(rng, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of discover_constraints must be"):
        discover_constraints(independent(rng, 50), **{name: value})


def test_the_rule_miner_is_imported_when_it_is_needed():
    code = "import sys, skgensynth.constraints; print('mlxtend' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
