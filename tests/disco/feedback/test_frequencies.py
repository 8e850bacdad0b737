from __future__ import annotations

import numpy as np
import pytest

from skgensynth.disco.feedback.frequencies import MEMORY, Frequencies

# 6, 2 and 0 rows of the first column's values (the last has 2), half of each of the second's.
CODES = np.array([[0, 0], [0, 1], [0, 0], [0, 1], [0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]])
SHARES = np.array([6.5, 2.5, 2.5]) / 11.5


def repeated(code, n, other=0):
    return np.tile([code, other], (n, 1))


def test_rewards_are_0_before_anything_was_generated():
    assert Frequencies(CODES).rewards(CODES) == pytest.approx(np.zeros(CODES.shape))


def test_rewards_are_the_log_ratio_of_the_real_and_the_running_share():
    frequencies = Frequencies(CODES)
    step = 1000 / MEMORY
    for _ in range(2):
        frequencies.update(repeated(1, 1000))
    running = SHARES.copy()
    for _ in range(2):
        running += step * (np.array([0, 1, 0]) - running)

    rewards = frequencies.rewards(np.array([[0, 0], [1, 0], [2, 0]]))

    assert rewards[:, 0] == pytest.approx(np.log(SHARES / running))
    assert rewards[1, 0] < 0 < rewards[0, 0]
    # All generated rows had the first value of the second column.
    assert rewards[0, 1] < 0


def test_as_many_rows_as_are_remembered_replace_what_was_known():
    frequencies = Frequencies(CODES)
    frequencies.update(repeated(0, 10 * MEMORY))

    rewards = frequencies.rewards(np.array([[0, 0], [1, 0]]))

    assert rewards[0, 0] == pytest.approx(np.log(SHARES[0]))
    # A share of 0 is bounded.
    assert rewards[1, 0] == pytest.approx(np.log(SHARES[1] / 1e-6))


def test_rows_like_the_real_ones_are_worth_nothing_on_the_mean():
    rng = np.random.default_rng(0)
    real = np.column_stack([rng.choice(4, 5000, p=[0.5, 0.3, 0.15, 0.05])])
    frequencies = Frequencies(real)
    frequencies.update(real)

    assert frequencies.rewards(real) == pytest.approx(np.zeros(real.shape), abs=0.02)


def test_the_mean_reward_is_less_the_divergence_of_the_generated_shares():
    real = np.repeat(np.arange(2), [7000, 3000])[:, None]
    generated = np.repeat(np.arange(2), [4000, 6000])[:, None]
    frequencies = Frequencies(real)
    frequencies.update(generated)

    divergence = 0.4 * np.log(0.4 / 0.7) + 0.6 * np.log(0.6 / 0.3)

    assert frequencies.rewards(generated).mean() == pytest.approx(-divergence, abs=1e-3)


def test_factors_follow_the_written_formula():
    frequencies = Frequencies(CODES)
    frequencies.update(repeated(0, MEMORY))
    mixed = (SHARES + np.array([1, 0, 0])) / 2
    expected = np.clip((1 / (3 * mixed)) ** 0.5, 1 / 5, 5)

    factors = frequencies.factors(np.array([[0, 0], [1, 0], [2, 1]]), [0])

    assert factors == pytest.approx(expected)
    assert factors[0] < 1 < factors[1]


def test_factors_are_bounded():
    real = np.repeat(np.arange(2), [100_000, 1])[:, None]

    factors = Frequencies(real).factors(np.array([[0], [1]]), [0])

    assert factors == pytest.approx([np.sqrt(0.5), 5], abs=1e-3)


def test_of_several_columns_the_rarest_value_counts():
    frequencies = Frequencies(CODES)
    rows = np.array([[0, 0], [2, 1]])

    both = frequencies.factors(rows, [0, 1])

    assert both == pytest.approx(np.max([frequencies.factors(rows, [j]) for j in (0, 1)], axis=0))


def test_without_columns_rows_count_alike():
    assert Frequencies(CODES).factors(CODES, []).tolist() == [1.0] * len(CODES)


def test_what_no_real_row_has_is_worth_the_less_the_more_of_it_is_generated():
    """As on another table than that of the supervised stage, which lacks a level."""
    frequencies = Frequencies(CODES)
    rows = np.array([[-1, 0], [0, 1]])
    others = frequencies.rewards(rows)[1]
    for _ in range(3):
        frequencies.update(repeated(-1, 1000))

    rewards = frequencies.rewards(rows)

    assert rewards[0, 0] == pytest.approx(np.log((0.5 / 11.5) / (1 + (0.5 / 11.5 - 1) * 0.8**3)))
    assert rewards[0, 0] < -2
    assert rewards[1, 0] > others[0]
    assert np.isfinite(frequencies.factors(rows, [0, 1])).all()
