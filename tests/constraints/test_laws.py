import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints.laws import find_dependencies, find_orders, find_sums
from skgensynth.constraints.regions import read_columns
from skgensynth.constraints.view import TableView

ALPHA = 0.001


def found(find, frame):
    held_out = np.random.default_rng(0).permutation(len(frame)) % 2 == 0
    return [str(law) for law in find(read_columns(TableView(frame), {}), held_out, ALPHA)]


@pytest.fixture
def noise(rng):
    n = 300
    return pd.DataFrame(
        {
            "x": rng.normal(50, 10, n).round(1),
            "y": rng.normal(55, 10, n).round(1),
            "k": rng.poisson(2, n),
            "flag": (rng.random(n) < 0.02).astype(int),
            "ward": rng.choice(list("abcd"), n),
        }
    )


@pytest.mark.parametrize("find", [find_orders, find_sums, find_dependencies])
def test_nothing_is_found_in_independent_columns(find, noise):
    assert found(find, noise) == []


def test_an_order_is_found_and_those_that_follow_are_left_out(noise, rng):
    noise["low"] = noise["x"] - rng.exponential(5, 300)
    noise["lowest"] = noise["low"] - rng.exponential(5, 300)
    assert found(find_orders, noise) == ["low <= x", "lowest <= low"]


def test_an_order_holds_where_both_values_are_there(noise, rng):
    noise["low"] = (noise["x"] - rng.exponential(5, 300)).mask(rng.random(300) < 0.3)
    noise.loc[noise["low"].isna(), "x"] = -1e6
    noise["x"] = noise["x"].mask(rng.random(300) < 0.1)
    assert found(find_orders, noise) == ["low <= x"]
    noise.loc[(noise["low"] + noise["x"]).first_valid_index(), "low"] = 1e6
    assert found(find_orders, noise) == []


def test_ranges_that_hardly_meet_are_no_order(noise, rng):
    noise["high"] = rng.normal(150, 25, 300)
    assert (noise["x"] <= noise["high"]).all()
    assert found(find_orders, noise) == []


def test_dates_are_compared_with_dates_and_added_to_durations(noise, rng):
    noise["start"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 500, 300), unit="D")
    noise["stay"] = pd.to_timedelta(rng.integers(0, 200, 300), unit="h")
    noise["end"] = noise["start"] + noise["stay"]
    assert found(find_orders, noise) == ["start <= end"]
    assert found(find_sums, noise) == ["start + stay = end"]


def test_sums_and_equal_columns_are_found(noise):
    noise["total"] = noise["x"] + noise["y"]
    noise["copy"] = noise["total"]
    assert found(find_sums, noise) == ["total = copy", "x + y = total"]


def test_a_sum_may_lose_digits_and_values_but_has_no_exception(noise, rng):
    noise["share"], noise["rest"] = noise["x"] / 7, noise["y"] / 3
    noise["total"] = ((noise["rest"] + 1e9 + noise["share"]) - 1e9).mask(rng.random(300) < 0.2)
    assert found(find_sums, noise) == []
    noise["total"] = (noise["rest"] + noise["share"]).mask(rng.random(300) < 0.2)
    assert found(find_sums, noise) == ["share + rest = total"]
    noise.loc[noise["total"].first_valid_index(), "total"] += 0.1
    assert found(find_sums, noise) == []


def test_a_part_that_is_nearly_always_zero_makes_no_sum(noise):
    noise["tiny"] = np.where(np.arange(300) < 2, 1.0, 0.0)
    noise["copy"] = noise["x"] + noise["tiny"]
    assert found(find_sums, noise) == []


def test_dependencies_are_found_both_ways_where_they_hold_both_ways(noise):
    noise["name"] = noise["ward"].map({"a": "Ada", "b": "Bea", "c": "Cleo", "d": "Dora"})
    assert found(find_dependencies, noise) == [
        "ward determines name: a gives Ada, b gives Bea, c gives Cleo, d gives Dora",
        "name determines ward: Ada gives a, Bea gives b, Cleo gives c, Dora gives d",
    ]
    noise["floor"] = noise["ward"].map({"a": 1, "b": 1, "c": 2, "d": 3})
    assert found(find_dependencies, noise)[2:] == [
        "name determines floor: Ada gives 1, Bea gives 1, Cleo gives 2, Dora gives 3"
    ]


def test_rare_values_and_missing_ones_are_free(noise, rng):
    noise["floor"] = noise["ward"].map({"a": 1.5, "b": 2.5, "c": 2.5, "d": 4.5}).mask(rng.random(300) < 0.2)
    noise["ward"] = noise["ward"].mask(rng.random(300) < 0.2)
    noise.loc[[0, 1, 2], "ward"] = "e"
    noise.loc[[0, 1, 2], "floor"] = 4.5
    assert found(find_dependencies, noise) == [
        "ward determines floor: a gives 1.5, b gives 2.5, c gives 2.5, d gives 4.5"
    ]


def test_a_dependency_has_no_exception_and_distinct_values_determine_nothing(noise):
    noise["floor"] = noise["ward"].map({"a": 1, "b": 1, "c": 2, "d": 3})
    noise.loc[5, "floor"] = 4
    assert found(find_dependencies, noise) == []
    noise["key"] = noise["x"] + np.arange(300)
    assert found(find_dependencies, noise) == []
