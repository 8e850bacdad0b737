from __future__ import annotations

import numpy as np
import pytest

from skgensynth.conditions import Allowed
from skgensynth.disco import tokens as tokens_module
from skgensynth.disco.tokens import CategoryTokens, NumberTokens


def test_few_distinct_numbers_keep_each_of_them():
    values = np.repeat([1.5, 2.0, 7.25], [10, 1, 30])

    tokens = NumberTokens.fit(values, 12, 0.25)

    assert tokens.size == 3
    assert np.array_equal(tokens.decode(tokens.encode(values), None, np.random.default_rng(0)), values)
    assert tokens.encode(np.array([1.6, 6.0])).tolist() == [0, 2]


def test_single_numbers_are_met_side_by_side_without_a_grid():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(400) < 0.3, 0.0, rng.normal(size=400))
    tokens = NumberTokens.fit(values, 8, None)
    first, second = np.sort(values[values > 0])[[20, 60]]
    allowed = Allowed(None, ((0.0, 0.0), (first, first), (second, second)), False)

    shares = tokens.shares(allowed)
    drawn = tokens.decode(rng.choice(tokens.size, 3000, p=shares / shares.sum()), allowed, rng)

    assert shares.max() == 1.0
    found, counts = np.unique(drawn, return_counts=True)
    assert found.tolist() == [0.0, first, second]
    assert counts.min() > 30


def test_a_range_has_its_mass_and_a_number_in_between_that_of_an_observation():
    values = np.random.default_rng(0).uniform(size=400)
    tokens = NumberTokens.fit(values, 1, None)

    def share(*intervals):
        return float(tokens.shares(Allowed(None, intervals, False))[0])

    assert share((0.2, 0.5)) == pytest.approx(0.3, abs=0.05)
    assert share((0.2, 0.5), (0.7, 0.7)) == pytest.approx(share((0.2, 0.5)) + 1 / 16)
    assert share(*((v, v) for v in np.sort(values)[1:60])) == 1.0


def test_values_that_are_round_nearly_everywhere_stay_round():
    rng = np.random.default_rng(0)
    values = rng.integers(30, 90, 500).astype(float)
    values[:10] += 0.667

    tokens = NumberTokens.fit(values, 12, 0.001)
    drawn = tokens.decode(rng.integers(tokens.size, size=5000), None, rng)

    assert tokens.round_step == pytest.approx(1)
    assert (drawn == drawn.round()).mean() == pytest.approx(0.985, abs=0.012)


def test_rare_levels_of_a_huge_column_share_a_token(monkeypatch):
    monkeypatch.setattr(tokens_module, "MAX_LEVEL_TOKENS", 4)
    codes = np.repeat(np.arange(8.0), [50, 40, 30, 1, 2, 3, 4, 5])

    tokens = CategoryTokens.fit(codes)
    drawn = tokens.decode(np.full(30_000, 3), None, np.random.default_rng(0))

    assert tokens.size == 4
    assert np.unique(drawn).tolist() == [3, 4, 5, 6, 7]
    share = np.bincount(drawn.astype(int), minlength=8)[3:] / len(drawn)
    assert share == pytest.approx(np.array([1, 2, 3, 4, 5]) / 15, abs=0.02)


def test_whole_numbers_come_as_often_as_they_were_seen():
    rng = np.random.default_rng(0)
    values = np.sort(rng.binomial(60, 0.5, 4000) + rng.integers(0, 30, 4000)).astype(float)

    tokens = NumberTokens.fit(values, 8, 1.0)
    drawn = np.round(tokens.decode(np.repeat(tokens.encode(values), 20), None, rng))

    observed, expected = (np.bincount(v.astype(int), minlength=100) / len(v) for v in (drawn, values))
    assert np.abs(observed - expected).sum() < 0.08
