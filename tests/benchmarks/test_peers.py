import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers import cart, forest, smotenc


@pytest.fixture
def train():
    rng = np.random.default_rng(0)
    n = 300
    age = rng.integers(20, 90, n)
    return pd.DataFrame(
        {
            "sex": pd.Series(rng.choice(["F", "M"], n)).mask(rng.random(n) < 0.1),
            "age": age,
            "lab": np.where(rng.random(n) < 0.2, np.nan, (age / 10 + rng.normal(0, 0.5, n)).round(1)),
            "stage": rng.integers(1, 5, n),
            "outcome": np.where(age > 75, "ill", "well"),
        }
    )


@pytest.mark.parametrize("method", [smotenc, cart])
def test_peers_give_tables_like_the_training_table(train, method):
    rows = method(train, "outcome", "classification", 0)(1000)
    assert list(rows) == list(train)
    assert len(rows) == pytest.approx(1000, abs=2)
    assert set(rows["sex"].dropna()) == {"F", "M"}
    assert set(rows["stage"]) == {1, 2, 3, 4}
    np.testing.assert_array_equal(rows["age"] % 1, 0)
    np.testing.assert_allclose(rows["lab"].dropna(), rows["lab"].dropna().round(1))
    for column in ("sex", "lab"):
        assert rows[column].isna().mean() == pytest.approx(train[column].isna().mean(), abs=0.1)
    assert (rows["outcome"] == "ill").mean() == pytest.approx((train["outcome"] == "ill").mean(), abs=0.06)
    both = rows[["age", "lab"]].dropna()
    assert both.corr().iloc[0, 1] > 0.9


@pytest.mark.parametrize("method", [smotenc, cart])
def test_same_seed_same_rows(train, method):
    first, second, other = (method(train, "outcome", "classification", seed)(50) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)


def test_smote_makes_rows_of_one_class_where_asked(train):
    rows = smotenc(train, "outcome", "classification", 0)(40, label="ill")
    assert list(rows["outcome"]) == ["ill"] * 40


def test_trees_draw_values_that_occur(train):
    rows = cart(train, "outcome", "classification", 0)(500)
    for column in train:
        assert set(rows[column].dropna()) <= set(train[column].dropna())


class _Echo:
    """Stands in for the diffusion package: it gives the rows back that it was fitted on."""

    def __init__(self, X, label_y=None, cat_indexes=(), int_indexes=(), **settings):
        assert not np.isnan(X).any()
        for index in [*cat_indexes, *int_indexes]:
            codes = np.unique(X[:, index])
            np.testing.assert_array_equal(codes, np.arange(len(codes)))
            assert (2 < len(codes) <= 10) == (index in cat_indexes)
        self.rows = X if label_y is None else np.column_stack([X, label_y])

    def generate(self, n):
        return self.rows[:n].copy()


@pytest.mark.parametrize(("target", "task"), [("outcome", "classification"), ("age", "regression")])
def test_tables_go_through_forest_diffusion_and_come_back(train, monkeypatch, target, task):
    monkeypatch.setitem(sys.modules, "ForestDiffusion", SimpleNamespace(ForestDiffusionModel=_Echo))
    train["ward"] = [f"ward {i % 12}" for i in range(len(train))]
    rows = forest(train, target, task, 0)(len(train))
    pd.testing.assert_frame_equal(rows, train, check_dtype=False)
