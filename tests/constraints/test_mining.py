import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom

from skgensynth.constraints.mining import best_cells, find_cells
from skgensynth.constraints.proposals import Settings
from skgensynth.constraints.pruning import to_implication
from skgensynth.constraints.regions import read_columns
from skgensynth.constraints.view import TableView

ALPHA = 0.01


def mine(frame, alpha=ALPHA, max_antecedent=2, seed=0):
    columns = read_columns(TableView(frame), {})
    held_out = np.random.default_rng(seed).permutation(len(frame)) % 2 == 0
    cells, n_found = find_cells(columns, held_out, Settings(max_antecedent, 0.02, alpha, 100_000, 100, str))
    assert n_found == len(cells)
    return columns, cells


def sentences(frame, **kwargs):
    columns, cells = mine(frame, **kwargs)
    return [str(to_implication(cell, columns)) for cell in cells]


@pytest.fixture
def noise(rng):
    n = 600
    return pd.DataFrame(
        {
            "age": rng.integers(0, 90, n),
            "bmi": rng.normal(27, 5, n).round(1),
            "sex": rng.choice(["F", "M"], n),
            "job": rng.choice(["desk", "field", "home"], n),
            "copd": rng.choice(["yes", "no"], n),
        }
    )


def test_no_law_is_found_where_there_is_none(noise):
    assert sentences(noise) == []


def test_a_tail_that_excludes_a_level_is_found_with_its_bound(noise):
    noise.loc[noise["age"] < 18, "copd"] = "no"
    assert sentences(noise) == ["if age < 18 then copd is no"]


def test_a_level_that_excludes_another_is_found(noise):
    noise.loc[noise["job"] == "home", "sex"] = "F"
    assert sentences(noise) == ["if job is home then sex is F"]


def test_two_tails_that_exclude_each_other_are_found(noise):
    noise = noise[~((noise["age"] >= 60) & (noise["bmi"] >= 28))].reset_index(drop=True)
    (rule,) = sentences(noise)
    bounds = [float(word) for word in rule.split() if word[0].isdigit()]
    assert rule.startswith("if age >= 6")
    assert " then bmi < 2" in rule
    assert bounds == pytest.approx([60, 28], abs=1)


def test_two_conditions_are_found_where_one_is_not_enough(noise):
    noise.loc[(noise["age"] >= 45) & (noise["sex"] == "M"), "copd"] = "no"
    assert sentences(noise) == ["if age >= 45 and sex is M then copd is no"]
    assert sentences(noise, max_antecedent=1) == []


def test_three_conditions_can_be_asked_for(rng):
    n = 1500
    frame = pd.DataFrame({name: rng.choice(["no", "yes"], n) for name in "abcd"})
    frame.loc[(frame[["a", "b", "c"]] == "yes").all(axis=1), "d"] = "no"
    found = sentences(frame, max_antecedent=3)
    assert len(found) == 1
    assert sorted(found[0].replace("if", "and").replace("then", "and").split("and ")[1:-1]) == [
        f"{name} is yes " for name in "abc"
    ]


def test_a_condition_that_adds_nothing_is_left_out(noise):
    noise.loc[noise["age"] < 30, "copd"] = "no"
    assert sentences(noise) == ["if age < 30 then copd is no"]


def test_missing_values_are_conditions_and_break_no_rule(noise, rng):
    noise["bmi"] = noise["bmi"].mask(noise["job"] == "home")
    noise["copd"] = noise["copd"].mask(noise["age"] >= 80)
    noise.loc[noise["age"] < 18, "copd"] = "no"
    found = sentences(noise)
    assert "if job is home then bmi is missing" in found
    assert "if age < 18 then copd is no" in found
    assert "if age >= 80 then copd is missing" in found


def test_a_law_with_one_exception_is_none(noise):
    noise.loc[noise["job"] == "home", "sex"] = "F"
    noise.loc[noise.index[noise["job"] == "home"][7], "sex"] = "M"
    assert sentences(noise) == []


def test_a_level_that_is_too_rare_is_no_law(noise):
    noise["rare"] = np.where(np.arange(len(noise)) < 8, "yes", "no")
    noise.loc[:7, "copd"] = "no"
    assert sentences(noise) == []


def test_evidence_is_that_of_fishers_test(noise):
    noise.loc[noise["job"] == "home", "sex"] = "F"
    _, (cell,) = mine(noise)
    home, men = (noise["job"] == "home").sum(), (noise["sex"] == "M").sum()
    assert cell.log_p == pytest.approx(hypergeom.logpmf(0, len(noise), home, men))


def test_independent_columns_have_laws_no_more_often_than_asked_for():
    alpha, hits = 0.9, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(rng.normal(size=(200, 8)), columns=list("abcdefgh"))
        frame["i"], frame["j"] = rng.choice(list("abc"), 200), rng.choice(["no", "yes"], 200)
        hits += bool(mine(frame, alpha=alpha, seed=seed)[1])
    assert 1 <= hits <= 40 * alpha


def test_laws_of_numbers_only_come_last(noise):
    noise = noise[~((noise["age"] >= 40) & (noise["bmi"] >= 26))].reset_index(drop=True)
    noise.loc[noise["job"] == "home", "sex"] = "F"
    columns, cells = mine(noise)
    assert cells[0].log_p > cells[1].log_p or cells[0].excluded.sort == "levels"
    ranked = best_cells(cells, 10)
    assert [str(to_implication(cell, columns)).split()[1] for cell in ranked] == ["job", "age"]
    assert best_cells(cells, 1) == ranked[:1]
