import numpy as np
import pytest
from scipy.stats import hmean

from skgensynth.metrics import global_fidelity_index, harmonic_score


def test_the_harmonic_mean_is_that_of_scipy(rng):
    privacy, quality = rng.uniform(0.01, 1, (2, 20))
    expected = hmean(np.column_stack([privacy, quality]), axis=1)
    np.testing.assert_allclose(harmonic_score(privacy, quality), expected)
    assert harmonic_score(privacy[0], quality[0]) == pytest.approx(expected[0])
    assert isinstance(harmonic_score(1, 0.5), float)


def test_one_bad_figure_spoils_the_score():
    assert harmonic_score(0, 1) == harmonic_score(1, 0) == harmonic_score(0, 0) == 0
    assert harmonic_score(1, 1) == 1
    assert harmonic_score(0.5, 0.5) == 0.5 > harmonic_score(0.1, 0.9)


def test_normalized_scores_do_not_depend_on_units(rng):
    privacy, quality = rng.normal(size=(2, 12))
    scores = harmonic_score(privacy, quality, normalize=True)
    np.testing.assert_allclose(harmonic_score(3 * privacy - 7, 0.01 * quality + 4, normalize=True), scores)
    assert scores[privacy.argmin()] == scores[quality.argmin()] == 0
    assert ((scores >= 0) & (scores <= 1)).all()


def test_normalized_scores_of_known_runs():
    scores = harmonic_score([10.0, 20.0, 30.0, 20.0], [3.0, 2.0, 1.0, 3.0], normalize=True)
    # On [0, 1]: (0, 1), (1/2, 1/2), (1, 0), (1/2, 1).
    np.testing.assert_allclose(scores, [0, 0.5, 0, 2 / 3])
    np.testing.assert_allclose(harmonic_score([5.0, 5.0], [1.0, 2.0], normalize=True), [0, 1])


def test_a_missing_figure_spoils_its_own_run_only():
    np.testing.assert_allclose(harmonic_score([np.nan, 0.5], [0.5, 0.5]), [np.nan, 0.5])
    np.testing.assert_allclose(
        harmonic_score([np.nan, 1, 2, 3], [1, 1, 2, np.nan], normalize=True), [np.nan, 0, 2 / 3, np.nan]
    )
    assert np.isnan(harmonic_score([np.nan, np.nan], [1, 2], normalize=True)).all()


def test_bad_figures_are_named():
    with pytest.raises(ValueError, match=r"quality must lie in \[0, 1\]"):
        harmonic_score(0.5, -0.2)
    with pytest.raises(ValueError, match=r"privacy must lie in \[0, 1\]"):
        harmonic_score([0.5, 1.2], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"one figure per run each, got shapes \(2,\) and \(3,\)"):
        harmonic_score([0.5, 0.5], [0.5, 0.5, 0.5])
    for runs in (0.5, [0.5]):
        with pytest.raises(ValueError, match="pass the figures of two or more"):
            harmonic_score(runs, runs, normalize=True)


def test_the_index_is_the_mean_of_three_parts():
    assert global_fidelity_index(0, 0, 0.5) == 1
    assert global_fidelity_index(1, 1, 1) == 0
    assert global_fidelity_index(0.1, 0.2, 0.75) == pytest.approx((0.9 + 0.8 + 0.5) / 3)
    # A sign turned round everywhere is no worse than no association; below 0.5 a classifier tells nothing.
    assert global_fidelity_index(0, 2, 0.2) == pytest.approx(2 / 3)


def test_the_index_gets_worse_with_each_part():
    best = global_fidelity_index(0.05, 0.1, 0.6)
    assert max(global_fidelity_index(*p) for p in ((0.06, 0.1, 0.6), (0.05, 0.11, 0.6), (0.05, 0.1, 0.61))) < best


def test_parts_that_are_undefined_are_left_out():
    nan = float("nan")
    assert global_fidelity_index(0.1, nan, 0.75) == pytest.approx(0.7)
    assert global_fidelity_index(nan, nan, 0.75) == pytest.approx(0.5)
    assert np.isnan(global_fidelity_index(nan, nan, nan))


@pytest.mark.parametrize(
    ("parts", "name"), [((-0.1, 0, 0), "divergence"), ((0, 2.1, 0), "association"), ((0, 0, 1.1), "detection_auc")]
)
def test_parts_out_of_range_are_named(parts, name):
    with pytest.raises(ValueError, match=f"{name} must lie in"):
        global_fidelity_index(*parts)
