from __future__ import annotations

import numpy as np
import pytest

from skgensynth.disco.feedback.calibration import held_out_auc
from skgensynth.disco.feedback.discriminators import shuffled
from skgensynth.disco.feedback.heads import GENERATED, REAL, SHUFFLED
from skgensynth.disco.feedback.trees import RowTrees


def whole(n, rng, *, plausible, n_more=0):
    """Three binary columns of which an even number is 1, or any; all pairs of columns are independent in both cases."""
    a, b, c = rng.integers(2, size=(3, n))
    return np.column_stack([a, b, a ^ b if plausible else c, rng.integers(2, size=(n, n_more))]).astype(float)


def fitted(real, generated, seed=0, mixed=None):
    mixed = real[:0] if mixed is None else mixed
    sorts = np.repeat([REAL, GENERATED, SHUFFLED], [len(real), len(generated), len(mixed)])
    return RowTrees(np.concatenate([real, generated, mixed]), sorts, seed)


@pytest.mark.parametrize("n_more", [0, 1, 4])
def test_an_implausible_whole_is_found_though_all_pairs_are_fine(n_more):
    rng = np.random.default_rng(0)
    real, generated = (whole(300, rng, plausible=plausible, n_more=n_more) for plausible in (True, False))
    trees = fitted(real, generated, mixed=shuffled(np.repeat(real, 4, axis=0), rng)[0])

    plausible, any_ = (trees.log_odds(whole(1000, rng, plausible=p, n_more=n_more)) for p in (True, False))

    # Half of the generated rows are as they should be.
    assert held_out_auc(plausible, any_) > 0.7
    assert plausible.mean() > 0.3
    assert any_.mean() < plausible.mean() - 0.6


def test_rows_that_are_alike_are_not_told_apart():
    rng = np.random.default_rng(0)
    trees = fitted(rng.normal(size=(400, 3)), rng.normal(size=(400, 3)))

    scores = trees.log_odds(rng.normal(size=(4000, 3)))

    assert abs(scores.mean()) < 0.15


def test_sorts_count_the_same_whatever_their_numbers():
    rng = np.random.default_rng(0)
    scores = fitted(rng.normal(size=(100, 2)), rng.normal(size=(2000, 2))).log_odds(rng.normal(size=(2000, 2)))

    assert abs(np.median(scores)) < 0.5


def test_missing_values_are_values_too():
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(2, 300, 2))
    generated[rng.random(300) < 0.5, 1] = np.nan

    gap = fitted(real, generated).log_odds(np.array([[0.0, np.nan], [0.0, 0.0]]))

    assert gap[0] < -2 < 0 < gap[1]


def test_scores_compare_real_with_generated_rows_alone():
    """What shuffled rows look like matters neither way."""
    rng = np.random.default_rng(0)
    real, generated, mixed = rng.normal(size=(3, 400, 2))
    mixed[:, 0] += 10

    scores = fitted(real, generated, mixed=mixed).log_odds(np.array([[10.0, 0.0]]))

    assert abs(scores[0]) < 1


def test_the_seed_settles_the_trees():
    rng = np.random.default_rng(0)
    real, generated, new = rng.normal(size=(3, 100, 2))

    first, again, other = (fitted(real, generated, seed).log_odds(new) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (100,)
    assert first.dtype == np.float64
