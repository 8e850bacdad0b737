from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skgensynth.disco.feedback.calibration import held_out_auc, trusted_slope


def log_odds(n, rng, gap=1.0):
    """Honest log-odds of two normal distributions, `gap` apart: of real rows and of generated ones."""
    real, generated = rng.normal(gap / 2, 1, (n, 1)), rng.normal(-gap / 2, 1, (n, 1))
    return gap * real, gap * generated


def test_noise_is_not_believed():
    slopes = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        slopes.append(trusted_slope(rng.normal(size=(300, 1)), rng.normal(size=(300, 1))))

    # A standard error above 0 comes by chance in one case of six.
    assert np.mean(np.array(slopes) == 0) > 0.7
    assert np.mean(slopes) < 0.05


def test_honest_log_odds_are_believed_the_more_the_more_rows_there_are():
    few, many = (trusted_slope(*log_odds(n, np.random.default_rng(0))) for n in (30, 20_000))

    assert 0.9 < many <= 1
    assert few < many


@pytest.mark.parametrize("factor", [2, 5])
def test_overconfident_scores_are_shrunk_to_honest_ones(factor):
    real, generated = log_odds(20_000, np.random.default_rng(0))

    assert trusted_slope(factor * real, factor * generated) == pytest.approx(1 / factor, rel=0.08)


def test_scores_of_the_wrong_sign_are_not_believed():
    real, generated = log_odds(2000, np.random.default_rng(0))

    assert trusted_slope(-real, -generated) == 0


def test_a_timid_score_is_not_made_bolder():
    real, generated = log_odds(20_000, np.random.default_rng(0))

    assert trusted_slope(real / 4, generated / 4) == 1


def test_it_is_the_slope_of_a_logistic_regression_less_two_errors():
    real, generated = log_odds(500, np.random.default_rng(0))
    real, generated = 2 * real, 2 * generated
    x, y = np.concatenate([real, generated]), np.repeat([1, 0], 500)
    slope = LogisticRegression(C=np.inf).fit(x, y).coef_[0, 0]
    p = 1 / (1 + np.exp(-slope * x[:, 0]))
    error = 1 / np.sqrt((p * (1 - p) * x[:, 0] ** 2).sum())

    assert trusted_slope(real, generated) == pytest.approx(slope - 2 * error, abs=0.02)


def test_a_row_counts_once_however_many_scores_it_has():
    real, generated = (2 * scores for scores in log_odds(60, np.random.default_rng(0)))
    once = trusted_slope(real, generated)

    assert trusted_slope(np.tile(real, 30), np.tile(generated, 30)) == pytest.approx(once, abs=1e-3)
    assert trusted_slope(np.repeat(real, 30, axis=0), np.repeat(generated, 30, axis=0)) > once + 0.05


def test_missing_scores_say_nothing():
    real, generated = log_odds(400, np.random.default_rng(1))
    gap = np.full((400, 2), np.nan)

    padded = trusted_slope(np.hstack([real, gap]), np.hstack([generated, gap]))

    assert padded == pytest.approx(trusted_slope(real, generated), abs=1e-9)


def test_a_common_shift_is_no_reason_for_doubt():
    real, generated = log_odds(20_000, np.random.default_rng(0))

    assert trusted_slope(real + 2, generated + 2) == pytest.approx(trusted_slope(real, generated), abs=0.02)


def test_many_generated_rows_weigh_no_more_than_a_few_real_ones():
    rng = np.random.default_rng(0)
    real, generated = log_odds(4000, rng)

    assert trusted_slope(real, np.repeat(generated, 10, axis=0)) > 0.9


@pytest.mark.parametrize("shape", [(0, 1), (5, 0)])
def test_nothing_is_no_reason_for_trust(shape):
    assert trusted_slope(np.empty(shape), np.zeros((5, 1))) == 0
    assert trusted_slope(np.zeros((5, 1)), np.zeros((5, 1))) == 0


def test_held_out_auc_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    for n_real, n_generated in [(1, 1), (7, 30), (200, 50)]:
        # Few different scores: ties within and between both sorts.
        real, generated = rng.integers(0, 6, n_real) / 2, rng.integers(-1, 5, n_generated) / 2
        expected = roc_auc_score(np.repeat([1, 0], [n_real, n_generated]), np.concatenate([real, generated]))

        assert held_out_auc(real, generated) == pytest.approx(expected)


def test_perfect_and_hopeless_scores_are_at_the_ends():
    assert held_out_auc(np.array([3.0, 4]), np.array([1.0, 2, 0])) == 1
    assert held_out_auc(np.array([0.0]), np.array([1.0, 2])) == 0
