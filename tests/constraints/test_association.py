from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from common.tables import mixed_table
from scipy.stats import false_discovery_control

from skgensynth.constraints import association, feature_groups
from skgensynth.constraints.association import Association, _adjusted, _cliques, _design, _permutation_test, _strength
from skgensynth.metrics import association_matrix


@pytest.fixture
def table(rng):
    n = 250
    size = rng.normal(size=n)
    job = rng.choice(list("abcd"), n)
    return pd.DataFrame(
        {
            "size": size,
            "weight": size + 0.3 * rng.normal(size=n),
            "class": pd.cut(size, [-9, -0.5, 0.5, 9], labels=["S", "M", "L"]),
            "job": job,
            "ward": np.where(rng.random(n) < 0.8, np.char.upper(job), rng.choice(list("ABCD"), n)),
            "luck": rng.random(n),
            "coin": rng.choice(["head", "tail"], n),
        }
    )


def test_columns_that_depend_on_each_other_are_grouped(table):
    found = feature_groups(table, random_state=0)
    assert sorted(map(sorted, found.groups)) == [["class", "size", "weight"], ["job", "ward"]]
    assert (found.pairs[0].first, found.pairs[0].second) == ("size", "weight")
    strengths = association_matrix(table)
    for pair in found.pairs:
        assert pair.strength == pytest.approx(abs(strengths.loc[pair.first, pair.second]))
        assert 0 < pair.p_value <= 0.05


def test_missing_values_and_a_target_take_part(table, rng):
    target = table.pop("weight").mask(rng.random(250) < 0.1)
    assert "weight" in str(feature_groups(table, target, random_state=0).groups)
    ward = table["ward"].mask(rng.random(250) < 0.2)
    assert ("job", "ward") in feature_groups(table.assign(ward=ward), random_state=0).groups


def test_one_pair_among_many_columns_is_found_by_itself(rng):
    noise = pd.DataFrame(rng.normal(size=(60, 25)), columns=[f"c{k}" for k in range(25)])
    noise["twin"] = noise["c3"] + rng.normal(size=60)
    strong = np.abs(np.corrcoef(noise.T)) >= 0.3
    assert np.triu(strong, 1).sum() > 5  # the threshold alone would keep these
    assert feature_groups(noise, alpha=0.01, random_state=0).groups == (("c3", "twin"),)


def test_pairs_below_the_threshold_are_left_out(table):
    assert feature_groups(table, threshold=0.999, random_state=0).groups == ()


def test_every_pair_is_in_a_group_and_every_group_is_made_of_pairs(rng):
    base = rng.normal(size=(200, 3))
    table = pd.DataFrame(base @ rng.normal(size=(3, 9)) + rng.normal(size=(200, 9)), columns=list("abcdefghi"))
    found = feature_groups(table, random_state=0)
    pairs = {frozenset((pair.first, pair.second)) for pair in found.pairs}
    assert len(pairs) > 9
    assert {frozenset(pair) for group in found.groups for pair in combinations(group, 2)} == pairs


def test_any_table_has_groups():
    X, y = mixed_table()
    assert feature_groups(X, y, random_state=0).groups is not None
    assert feature_groups(X[["age"]], random_state=0).groups == ()
    assert feature_groups(np.zeros((5, 3)), random_state=0).pairs == ()
    assert feature_groups(pd.DataFrame({"a": [None, None], "b": [1, 2]}), random_state=0).pairs == ()


def test_the_same_seed_gives_the_same_result_and_the_frame_is_not_touched(table):
    before = table.copy()
    assert feature_groups(table, random_state=3) == feature_groups(table, random_state=3)
    pd.testing.assert_frame_equal(table, before)


def test_large_tables_are_tested_on_some_rows(rng):
    x = rng.normal(size=20_000)
    table = pd.DataFrame({"x": x, "y": x + rng.normal(size=20_000), "z": rng.normal(size=20_000)})
    assert feature_groups(table, random_state=0).groups == (("x", "y"),)


@pytest.mark.parametrize("kinds", [(True, True), (True, False), (False, False)])
def test_p_values_of_independent_columns_are_uniform(kinds):
    p_values = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        values = np.column_stack([rng.normal(size=40) if kind else rng.integers(0, 3, 40) for kind in kinds])
        random = np.random.RandomState(seed)
        p_values += list(_permutation_test(values, np.array(kinds), [(0, 1)], 1, 0.05, random))
    assert 0.4 <= np.mean(p_values) <= 0.6
    assert 0 < np.mean(np.array(p_values) <= 0.2) <= 0.32


def test_the_statistic_of_a_permutation_is_the_squared_association(rng):
    x, y, code = rng.normal(size=50), rng.normal(size=50), rng.integers(0, 3, 50)
    as_number, as_levels = (_design(values, kind) for values, kind in ((x, True), (code.astype(float), False)))
    assert _strength(as_number, _design(y, True)[None])[0] == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, rel=1e-4)
    means = pd.Series(x).groupby(code).transform("mean")
    assert _strength(as_number, as_levels[None])[0] == pytest.approx(
        means.var() / x.var() * 50 / 49 * 49 / 50, rel=0.05
    )


def test_pairs_that_want_more_permutations_than_are_made_are_found_all_the_same(rng, monkeypatch):
    monkeypatch.setattr(association, "_MAX_PERMUTATIONS", 300)
    twin, code = rng.normal(size=200), rng.integers(0, 4, 200)
    table = pd.DataFrame(rng.normal(size=(200, 20))).add_prefix("c")
    table["twin"], table["of twin"] = twin, twin + 0.3 * rng.normal(size=200)
    table["code"], table["score"] = np.array(list("abcd"))[code], code + 0.3 * rng.normal(size=200)

    found = feature_groups(table, random_state=0)

    assert set(found.groups) == {("twin", "of twin"), ("code", "score")}
    assert max(pair.p_value for pair in found.pairs) < 1e-6


def test_the_distribution_in_place_of_permutations_agrees_with_them(rng, monkeypatch):
    code, number = rng.integers(0, 3, 300), rng.normal(size=300)
    values = np.column_stack([code, rng.integers(0, 2, 300) + 2 * (code == 1) * (rng.random(300) < 0.08), number])
    values[:, 2] += 0.3 * (code == 2)
    kinds, pairs = np.array([False, False, True]), [(0, 1), (0, 2), (1, 2)]

    exact = _permutation_test(values, kinds, pairs, 3, 0.05, np.random.RandomState(0))
    many = _permutation_test(values, kinds, pairs, 500, 0.05, np.random.RandomState(0))

    assert many == pytest.approx(exact, abs=0.05)


def test_rare_levels_are_one(rng):
    assert _design(np.arange(100.0), False).shape == (100, 20)
    assert _design(np.zeros(5), True).tolist() == [[0.0]] * 5


def test_the_correction_is_benjamini_and_hochbergs():
    p_values = np.array([0.001, 0.2, 0.01, 0.03])
    everything = np.concatenate([p_values, np.ones(6)])
    assert _adjusted(p_values, 10) == pytest.approx(false_discovery_control(everything)[:4])
    assert len(_adjusted(np.empty(0), 10)) == 0


def test_groups_grow_from_the_strongest_pair():
    pairs = [
        Association(*names, strength, 0.01) for names, strength in [("ab", 0.9), ("bc", 0.8), ("ac", 0.5), ("cd", 0.4)]
    ]
    assert _cliques(pairs) == (("a", "b", "c"), ("c", "d"))
    assert _cliques([]) == ()


@pytest.mark.parametrize(("name", "value"), [("threshold", 1.5), ("alpha", 0)])
def test_parameters_out_of_range_are_refused(table, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of feature_groups must be a float in the range"):
        feature_groups(table, **{name: value})
