import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association

from skgensynth.metrics import association_difference, association_matrix


def test_identical_tables_have_no_association_difference(rng):
    group = rng.choice(["a", "b"], 100)
    frame = pd.DataFrame({"group": group, "x": rng.normal(size=100), "y": rng.random(100) < 0.5})
    frame.loc[::7, "x"] = np.nan
    other = frame[["y", "x", "group"]].astype({"group": "category", "x": "Float64"})
    assert association_difference(frame, other.sample(frac=1, random_state=0)).mean == pytest.approx(0, abs=1e-12)


def test_cramers_v_agrees_with_scipy_where_the_correction_is_small(rng):
    first = rng.integers(0, 4, 20_000)
    second = np.where(rng.random(20_000) < 0.4, first, rng.integers(0, 6, 20_000))
    frame = pd.DataFrame({"first": first, "second": second}).astype("category")
    expected = association(pd.crosstab(first, second).to_numpy(), method="cramer")
    assert association_matrix(frame).loc["first", "second"] == pytest.approx(expected, abs=0.002)


def test_chance_association_of_categories_is_corrected(rng):
    frame = pd.DataFrame(rng.integers(0, 10, (200, 8)).astype(str))
    table = pd.crosstab(frame[0], frame[1]).to_numpy()
    assert association(table, method="cramer") > 0.15
    strengths = association_matrix(frame).to_numpy()[np.triu_indices(8, k=1)]
    assert strengths.mean() < 0.06


def test_dates_and_durations_are_numbers(rng):
    days = pd.to_timedelta(rng.integers(0, 3000, 200), "D")
    frame = pd.DataFrame({"seen": pd.Timestamp("2020-01-01", tz="Europe/Berlin") + days, "stay": days})
    assert association_matrix(frame).loc["seen", "stay"] == pytest.approx(1)


def test_pairs_start_with_the_most_different_one():
    real = pd.DataFrame({"a": [1.0, 2.0, 3.0], 2: [1.0, 2.0, 3.0], "c": [1.0, 0.0, 1.0]})
    result = association_difference(real, real.assign(c=[1.0, 2.0, 3.0]))
    pairs = result.pairs
    assert list(pairs) == ["first", "second", "real", "synthetic", "difference"]
    assert list(zip(pairs["first"], pairs["second"], strict=True)) == [("a", "c"), (2, "c"), ("a", 2)]
    np.testing.assert_allclose(pairs["real"], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(pairs["difference"], [1, 1, 0], atol=1e-12)
    assert pairs["difference"].abs().mean() == pytest.approx(result.mean)
    assert association_difference(real[["a"]], real[["a"]]).pairs.empty


def test_association_matrix_on_known_dependence(rng):
    n = 4000
    x = rng.normal(size=n)
    group = rng.choice(["a", "b", "c"], n)
    frame = pd.DataFrame(
        {
            "x": x,
            "opposite": -x,
            "group": group,
            "same_group": pd.Series(group).map({"a": 1, "b": 2, "c": 3}).astype("category"),
            "by_group": pd.Series(group).map({"a": 0.0, "b": 5.0, "c": 9.0}),
            "constant": 1.0,
            "other": rng.choice(["u", "v"], n),
        }
    )
    matrix = association_matrix(frame)
    assert (matrix.to_numpy() == matrix.to_numpy().T).all()
    assert matrix.loc["x", "opposite"] == pytest.approx(-1)
    assert matrix.loc["group", "same_group"] == pytest.approx(1)
    assert matrix.loc["by_group", "group"] == pytest.approx(1)
    assert matrix.loc["x", "constant"] == 0
    assert matrix.loc["group", "other"] < 0.06
    assert abs(matrix.loc["x", "group"]) < 0.06


def test_association_difference_is_the_mean_over_pairs():
    real = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [1.0, 0.0, 1.0]})
    result = association_difference(real, real.assign(b=[3.0, 2.0, 1.0]))
    assert result.mean == pytest.approx(2 / 3)
    assert result.real.loc["a", "b"] == pytest.approx(1)
    assert result.synthetic.loc["a", "b"] == pytest.approx(-1)


def test_one_column_has_no_association_difference():
    assert np.isnan(association_difference(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})).mean)


def test_many_categories_take_little_memory():
    names = pd.Series(np.arange(30_000).astype(str))
    frame = pd.DataFrame({"a": names, "b": names[::-1].to_numpy()})
    assert association_matrix(frame).loc["a", "b"] == 0  # all distinct: nothing to be seen beyond chance
