from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from common.people import kinds_of, people

from skgensynth.conditions import Conditions
from skgensynth.constraints import ConstraintSet, parse_constraint
from skgensynth.constraints.view import TableView
from skgensynth.decimals import number_decimals
from skgensynth.schema import TableSchema
from skgensynth.synllm.profiles import HALF_WIDTH, Profiles, quantiles
from skgensynth.synllm.statistics import AssociationFigure, TableStatistics

N = 4000
HEIGHTS = (np.arange(10_000) + 0.5) / 10_000


def table(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = people(rng, n)
    X["blood"] = np.exp(rng.normal(0, 0.8, n))
    X["region"] = rng.choice(["north", "south", "west"], n, p=[0.1, 0.3, 0.6])
    X["same"] = 3.5
    X.loc[rng.random(n) < 0.25, "blood"] = np.nan
    X.loc[rng.random(n) < 0.15, "region"] = None
    return X.round({"height": 1, "weight": 1, "blood": 2})


def profiles(X, conditions=None, rules=(), y=None):
    schema = TableSchema.infer(X, y, column_kinds=kinds_of(X))
    values = schema.encode(X, y)
    statistics = TableStatistics.compute(values, schema, (X, y), 0)
    rules = ConstraintSet([parse_constraint(rule, [*X, "died"]) for rule in rules])
    broken = rules.violations_of(TableView.of_encoded(values, schema)).mean(axis=0)
    parsed = Conditions.parse(conditions, schema)
    return Profiles(schema, statistics, parsed, rules, broken, number_decimals(values, schema)), schema


def middles(made, schema, n=N, seed=0):
    """The rows in the middle of profiles, with codes for levels."""
    rows = []
    for profile in made.draw(n, np.random.default_rng(seed)):
        row = {}
        for place, allowed in profile.items():
            column = schema.modelled[place]
            if allowed.missing:
                row[column.name] = np.nan
            elif allowed.codes is not None:
                row[column.name] = np.flatnonzero(allowed.codes).item()
            else:
                row[column.name] = np.mean(allowed.intervals[0])
        rows.append(row)
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("mean", "std", "minimum", "maximum"),
    [
        (60, 12, 40, 95),
        (0, 1, -6, 6),
        (582, 970, 23, 30_000),
        (950, 60, 0, 1000),
        (0.5, 0.45, 0, 1),
        (0.2, 0.37, 0, 1),
        (5, 2.9, 0, 10),
        (1e-9, 3e-10, 0, 3e-9),
    ],
)
def test_the_distribution_has_the_told_moments_between_its_bounds(mean, std, minimum, maximum):
    found = quantiles(HEIGHTS, mean, std, minimum, maximum)
    assert (np.diff(found) >= 0).all()
    assert minimum <= found[0] <= found[-1] <= maximum
    # What is cut off at the far bound is what the log-normal distribution lacks.
    assert found.mean() == pytest.approx(mean, rel=0.03, abs=0.01 * std)
    assert found.std() == pytest.approx(std, rel=0.08)


@pytest.mark.parametrize(("mean", "std"), [(0, 1), (10, 1), (5, 5), (5, 50), (5, 1e-9), (-3, 2), (13, 2)])
def test_moments_that_cannot_be_are_brought_between_the_bounds(mean, std):
    found = quantiles(np.linspace(0, 1, 101), mean, std, 0, 10)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert 0 <= found.min() <= found.max() <= 10


def test_profiles_follow_what_is_told():
    X = table()
    made, schema = profiles(X)
    names = [schema.modelled[place].name for place in made.places]
    assert names == ["height", "sex", "visits", "weight", "blood", "region"]
    rows = middles(made, schema)
    for name in ("height", "visits", "weight", "blood"):
        spread = X[name].std()
        assert rows[name].mean() == pytest.approx(X[name].mean(), abs=0.08 * spread)
        assert rows[name].std() == pytest.approx(spread, rel=0.12)
    for name in ("sex", "region"):
        real = X[name].value_counts(normalize=True).sort_index()
        found = rows[name].value_counts(normalize=True).sort_index()
        np.testing.assert_allclose(found, real, atol=0.03)
    assert rows["blood"].isna().mean() == pytest.approx(X["blood"].isna().mean(), abs=0.03)
    assert rows["region"].isna().mean() == pytest.approx(X["region"].isna().mean(), abs=0.03)


def test_numbers_go_together_as_told():
    X = table()
    made, schema = profiles(X)
    rows = middles(made, schema)
    assert rows["height"].corr(rows["weight"]) == pytest.approx(X["height"].corr(X["weight"]), abs=0.1)
    assert abs(rows["height"].corr(rows["visits"])) < 0.06
    means = rows.groupby("sex")["height"].mean()
    assert means[1] - means[0] == pytest.approx(15, abs=1)


def test_of_a_class_its_own_means_are_followed():
    X = table()
    y = pd.Series(np.where(X["height"] > 175, "yes", "no"), name="died")
    for level in ("yes", "no"):
        made, schema = profiles(X, {"died": level}, y=y)
        assert "died" not in [schema.modelled[place].name for place in made.places]
        rows = middles(made, schema)
        # The classes are told apart by a bound, and the told moments leave some room around it.
        assert rows["height"].mean() == pytest.approx(X["height"][y == level].mean(), abs=1.5)


def test_of_a_class_its_own_shares_are_followed():
    rng = np.random.default_rng(0)
    ill = np.arange(600) < 60
    X = pd.DataFrame({"smokes": np.where(rng.random(600) < np.where(ill, 0.8, 0.2), "yes", "no")})
    y = pd.Series(np.where(ill, "yes", "no"), name="died")
    for level in ("yes", "no"):
        made, schema = profiles(X, {"died": level}, y=y)
        assert middles(made, schema)["smokes"].mean() == pytest.approx(
            X["smokes"][y == level].eq("yes").mean(), abs=0.03
        )


def test_every_profile_leaves_something_and_not_much():
    X = table()
    made, schema = profiles(X)
    for profile in made.draw(300, np.random.default_rng(0)):
        for place, allowed in profile.items():
            column = schema.modelled[place]
            if allowed.missing:
                assert column.has_missing
                assert not allowed.intervals
                assert allowed.codes is None or not allowed.codes.any()
            elif column.kind == "categorical":
                assert column.counts[np.flatnonzero(allowed.codes).item()] > 0
            else:
                ((low, high),) = allowed.intervals
                assert column.minimum <= low <= high <= column.maximum
                np.testing.assert_array_equal(column.snap(np.array([low, high])), [low, high])
                if column.name == "visits":  # spread evenly, as the told moments have it
                    assert X[column.name].between(low, high).mean() < 4 * HALF_WIDTH


def test_columns_with_a_condition_are_left_to_the_model():
    made, schema = profiles(table(), {"sex": "F", "visits": (10**6 + 10, None)})
    assert [schema.modelled[place].name for place in made.places] == ["height", "weight", "blood", "region"]
    # The mean of women is told, and the condition leaves no others.
    assert middles(made, schema)["height"].mean() == pytest.approx(165, abs=1)


def test_profiles_break_rules_as_often_as_training_rows():
    X = table()
    X.loc[X["sex"] == "F", "region"] = "west"
    rules = ["if sex is F then region is west", "usually weight < 80"]
    free, kept = (middles(profiles(X, rules=some)[0], profiles(X)[1], 2000) for some in ((), rules))

    def broken(rows):
        women = (rows["sex"] == 0) & ~rows["region"].isin([2]) & rows["region"].notna()
        return np.array([women.mean(), (rows["weight"] >= 80).mean()])

    usual = (X["weight"] >= 80).mean()
    assert 0.3 < usual < 0.6
    assert broken(free)[0] > 0.05
    # The mean of a band's ends is not quite the value that was judged.
    np.testing.assert_array_less(broken(kept), [1e-9, usual + 0.03])
    assert broken(kept)[1] > usual - 0.1


def test_a_rule_that_hardly_any_row_breaks_is_hardly_ever_broken():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(50, 10, 1000).round(1), "b": rng.choice(["x", "y"], 1000)})
    high = X["a"] > 60
    X.loc[high, "b"] = np.where(rng.random(high.sum()) < 0.1, "x", "y")
    share = (high & (X["b"] == "x")).mean()
    made, schema = profiles(X, rules=["usually if a > 60 then b is y"])
    rows = middles(made, schema)
    assert ((rows["a"] > 60) & (rows["b"] == 0)).mean() == pytest.approx(share, abs=0.008)
    assert (rows["a"] > 60).mean() == pytest.approx(high.mean(), abs=0.06)


def ill_at_60(n=800):
    """Who retires at 60, and whole numbers without missing values."""
    rng = np.random.default_rng(0)
    age = rng.integers(20, 90, n)
    return pd.DataFrame(
        {
            "age": age,
            "retired": np.where(age >= 60, "yes", np.where(rng.random(n) < 0.5, "no", None)),
            "smokes": rng.random(n) < 0.3,
            "day": pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D")).where(
                age > 50
            ),
        }
    )


@pytest.mark.parametrize(
    ("rule", "conditions"),
    [
        ("if age > 50 then day is not missing", None),
        ("if smokes is True then age < 60", {"age": (30, 60)}),
        ("if age > 60 then smokes is False", {"smokes": {True, False}}),
    ],
)
def test_rules_on_columns_that_are_left_to_the_model_decide_nothing(rule, conditions):
    X = ill_at_60()
    (made, schema), (free, _) = (profiles(X, conditions, rules) for rules in ([rule], []))
    pd.testing.assert_frame_equal(middles(made, schema, 200), middles(free, schema, 200))


def test_rules_on_missing_values_keep_the_other_columns():
    X = ill_at_60()
    made, schema = profiles(X, rules=["if retired is missing then age < 60"])
    rows = middles(made, schema)
    assert (rows["age"] >= 60).mean() == pytest.approx((X["age"] >= 60).mean(), abs=0.07)
    assert (rows["retired"].isna() & (rows["age"] >= 60)).mean() < 0.02


def test_a_level_that_a_condition_leaves_is_not_missing_for_rules():
    X = table()
    X.loc[X["sex"] == "F", "region"] = "west"
    X["sex"] = X["sex"].where(np.random.default_rng(1).random(len(X)) < 0.4)
    made, schema = profiles(X, {"sex": "F"}, ["if sex is F then region is west"])
    assert (middles(made, schema, 500)["region"].dropna() == 2).all()


def test_a_rule_that_nothing_keeps_ends_all_the_same():
    made, _ = profiles(table(), rules=["height > 500"])
    assert len(made.draw(5, np.random.default_rng(0))) == 5


@pytest.mark.parametrize(
    ("between", "within"),
    [
        (2.0, 0.0),  # the classes alone make the correlation
        (0.0, 0.7),
        (0.0, -0.7),
        (2.5, -0.6),  # Simpson
    ],
)
def test_correlations_are_those_of_the_table_and_within_its_classes(between, within):
    rng = np.random.default_rng(0)
    n = 3000
    group = rng.random(n) < 0.4
    noise = rng.multivariate_normal([0, 0], [[1, within], [within, 1]], n) + between * group[:, None]
    X = pd.DataFrame({"a": noise[:, 0], "b": noise[:, 1], "luck": rng.normal(size=n)}).round(2)
    y = pd.Series(np.where(group, "yes", "no"), name="died")
    drawn = []
    for level in ("yes", "no"):
        made, schema = profiles(X, {"died": level}, y=y)
        size = int((y == level).sum())
        rows = middles(made, schema, size)
        real = X[(y == level).to_numpy()]
        assert rows["a"].corr(rows["b"]) == pytest.approx(real["a"].corr(real["b"]), abs=0.15)
        drawn.append(rows)
    rows = pd.concat(drawn)
    assert rows["a"].corr(rows["b"]) == pytest.approx(X["a"].corr(X["b"]), abs=0.08)


def test_correlations_that_do_not_go_together_are_brought_near():
    figures = [AssociationFigure(i, j, "correlation", r) for i, j, r in ((0, 1, 0.9), (1, 2, 0.9), (0, 2, -0.9))]
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 3)).round(2), columns=list("abc"))
    schema = TableSchema.infer(X, column_kinds=dict.fromkeys("abc", "continuous"))
    told = TableStatistics.compute(schema.encode(X), schema, (X, None), 0)
    told = TableStatistics(told.columns, tuple(figures))
    made = Profiles(schema, told, Conditions(), ConstraintSet([]), [], [2, 2, 2])
    rows = middles(made, schema)
    assert rows.corr().loc["a", "b"] > 0.3 > -0.1 > rows.corr().loc["a", "c"]
    np.testing.assert_allclose(rows.std(), X.std(), rtol=0.1)


def test_a_class_does_not_hide_what_a_number_depends_on_more():
    rng = np.random.default_rng(0)
    n = 2000
    sex = rng.choice(["F", "M"], n)
    ill = rng.random(n) < np.where(sex == "M", 0.6, 0.4)
    X = pd.DataFrame({"height": np.where(sex == "M", 180.0, 165.0) + rng.normal(0, 4, n), "sex": sex}).round(1)
    made, schema = profiles(X, {"died": "yes"}, y=pd.Series(np.where(ill, "yes", "no"), name="died"))
    means = middles(made, schema).groupby("sex")["height"].mean()
    assert means[1] - means[0] == pytest.approx(15, abs=2.5)


@pytest.mark.parametrize("value", [0.1, 3.5, 1e17])
def test_constant_numbers_and_those_that_doubles_confuse_are_left_to_the_model(value):
    X = pd.DataFrame({"same": np.full(300, value), "age": np.arange(300)})
    X["giant"] = 10**17 + np.arange(300)
    made, schema = profiles(X)
    assert [schema.modelled[place].name for place in made.places] == ["age"]
    made.draw(10, np.random.default_rng(0))


def test_bands_hold_numbers_of_the_decimals_of_their_column():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.beta(0.1, 0.1, 2000)})
    made, schema = profiles(X)
    (n_decimals,) = number_decimals(schema.encode(X), schema)
    for profile in made.draw(300, rng):
        ((low, high),) = profile[0].intervals
        assert X["a"].min() <= low <= high <= X["a"].max()
        assert round(low, n_decimals) == low
        assert round(high, n_decimals) == high


def test_the_same_seed_gives_the_same_profiles():
    made, _ = profiles(table())
    first, second, other = (str(made.draw(20, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert first == second != other


def test_without_statistics_there_is_nothing_to_draw():
    _, schema = profiles(table())
    assert Profiles(schema, TableStatistics(), Conditions(), ConstraintSet([]), [], []).places == ()
