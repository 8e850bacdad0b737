import numpy as np
import pandas as pd
import pytest
from common.patients import nudged, numbers, patients

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import closest_distances, exact_copies, identifiability, near_copies


def test_exact_copies_are_counted_with_missing_values_and_any_column_order(rng):
    train = patients(rng, 50)
    synthetic = pd.concat([train[:7], patients(rng, 30), train[:2]])
    assert train[:7].isna().any(axis=None)
    assert exact_copies(train, synthetic[train.columns[::-1]]) == 9
    assert exact_copies(train, patients(rng, 30)) == 0


def test_copies_survive_another_storage():
    train = pd.DataFrame({"a": [0, 1, 2], "b": ["x", "y", None]})
    synthetic = pd.DataFrame({"a": [-0.0, 1.0, 2.0, 2.0], "b": pd.Categorical(["x", "x", None, "y"])})
    assert exact_copies(train, synthetic) == 2


def test_columns_must_agree(rng):
    train = patients(rng, 10)
    with pytest.raises(SchemaMismatchError, match="'lab' of train is not in synthetic"):
        exact_copies(train, train.drop(columns="lab"))


def test_near_copies_are_those_within_the_threshold(rng):
    train, holdout = numbers(rng, 300, 3), numbers(rng, 200, 3)
    synthetic = pd.concat([numbers(rng, 90, 3), nudged(rng, train[:60], 0.001), train[:10]])
    result = near_copies(train, holdout, synthetic, random_state=0)
    values = train.to_numpy()
    apart = (np.abs(values[:, None] - values) / np.ptp(values, axis=0)).mean(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert result.threshold == pytest.approx(np.quantile(apart.min(axis=1), 0.01), abs=1e-6)
    for rate, rows in ((result.near.main, synthetic), (result.near.control, holdout)):
        assert rate.share == np.mean(closest_distances(rows, train, scale=train) <= result.threshold)
        assert rate.interval[0] <= rate.share <= rate.interval[1]
    assert 70 / 160 <= result.near.main.share < 0.5
    assert result.near.control.share < 0.1
    assert result.near.risk == pytest.approx(
        (result.near.main.share - result.near.control.share) / (1 - result.near.control.share)
    )
    assert result.n_exact == 10
    assert result.exact.main.share == 10 / 160
    assert result.exact.control.share == 0


def test_exact_copies_are_counted_among_all_rows(rng):
    train, holdout = patients(rng, 100), patients(rng, 50)
    result = near_copies(train, holdout, pd.concat([train, patients(rng, 300)]), max_queries=20, random_state=0)
    assert result.n_exact == 100
    assert (result.exact.main.n, result.exact.control.n) == (400, 50)
    assert (result.near.main.n, result.near.control.n) == (20, 20)


def test_duplicates_in_the_real_table_make_copies_natural(rng):
    train, holdout, synthetic = (
        pd.DataFrame({"x": rng.integers(0, 3, n), "y": rng.integers(0, 2, n)}) for n in (90, 40, 90)
    )
    result = near_copies(train, holdout, synthetic, random_state=0)
    assert result.threshold == 0
    assert result.near.main.share == result.exact.main.share == result.exact.control.share == 1
    assert result.exact.risk == 0
    assert result.exact.interval[0] < 0 < result.exact.interval[1]


def test_a_threshold_that_is_no_share_is_refused(rng):
    rows = numbers(rng, 5)
    with pytest.raises(ValueError, match="quantile must be between 0 and 1, got 2"):
        near_copies(rows, rows, rows, quantile=2)
    with pytest.raises(ValueError, match="train has 1 row"):
        near_copies(rows[:1], rows, rows)


def test_identifiability_agrees_with_the_definition(rng):
    train, synthetic = numbers(rng, 25, 2).round(1), numbers(rng, 30, 2)
    train["level"] = rng.choice(list("aab"), 25)
    synthetic["level"] = rng.choice(list("aab"), 30)
    train["constant"], synthetic["constant"] = 1, 2
    entropies = {}
    for column in ("a", "b", "level"):
        shares = train[column].value_counts(normalize=True)
        entropies[column] = -(shares * np.log(shares)).sum()

    def distance(first, second):
        numbers_apart = sum(abs(first[c] - second[c]) / np.ptp(train[c]) / entropies[c] for c in "ab")
        return numbers_apart + (first["level"] != second["level"]) / entropies["level"]

    expected = [
        min(distance(row, other) for _, other in synthetic.iterrows())
        < min(distance(row, other) for _, other in train.drop(i).iterrows()) - 1e-6
        for i, row in train.iterrows()
    ]
    result = identifiability(train, train, synthetic, random_state=0)
    assert 0 < np.mean(expected) < 1
    assert result.main.share == np.mean(expected)


def test_identifiability_tells_copies_and_near_copies_from_independent_rows():
    rng = np.random.default_rng(1)
    train, holdout = patients(rng, 300), patients(rng, 100)
    copied, nudge, fresh = (
        identifiability(train, holdout, rows, random_state=0)
        for rows in (train, nudged(rng, train, 0.001), patients(rng, 300))
    )
    assert copied.main.share == copied.risk == 1
    assert nudge.interval[0] > 0.8
    assert fresh.interval[0] < 0 < fresh.interval[1]
    assert fresh.main.share == pytest.approx(0.5, abs=0.1)


def test_identifiability_of_rows_that_are_all_alike(rng):
    rows = pd.DataFrame({"x": [1] * 10})
    result = identifiability(rows, rows[:4], rows, random_state=0)
    assert result.main.share == result.control.share == result.risk == 0
