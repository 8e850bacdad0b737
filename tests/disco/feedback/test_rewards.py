from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skgensynth.disco.feedback.discriminators import Scores
from skgensynth.disco.feedback.rewards import (
    Judgement,
    RewardSettings,
    by_level,
    dense_credit,
    scalar_credit,
    shaped,
)
from skgensynth.laws import last_columns

WEIGHTS = {"token": 0.5, "sentence": 0.25, "feature": 2.0, "row": 3.0}
SETTINGS = RewardSettings(WEIGHTS, violation_weight=5.0, frequency_weight=0.1)
# One token for each of three columns.
COLUMNS = np.tile(np.arange(3), (2, 1))


def judgement(n_rows=2, *, length=3, n_groups=1, n_laws=1, **found):
    """Two rows of three columns about which nothing is known but what is given."""
    scores = {
        "token": np.zeros((n_rows, length)),
        "sentence": np.zeros((n_rows, 3)),
        "feature": np.zeros((n_rows, n_groups)),
        "row": np.zeros((n_rows, 1)),
    }
    scores |= {level: np.array(found.pop(level), dtype=float) for level in tuple(found) if level in scores}
    rest = {
        "broken": np.zeros((n_rows, n_laws), dtype=bool),
        "settled_at": np.zeros((n_rows, n_laws), dtype=np.int64),
        "group_ends": np.zeros((n_rows, n_groups), dtype=np.int64),
        "frequency": np.zeros((n_rows, 3)),
        "factors": np.ones(n_rows),
    }
    return Judgement(Scores(**scores), **{**rest, **{name: np.asarray(value) for name, value in found.items()}})


# Dense credit --------------------------------------------------------------------------------------------------------


def test_a_pairs_score_is_its_columns():
    credit = dense_credit(judgement(sentence=[[1, 0, 0], [0, 0, -2]]), COLUMNS, SETTINGS, {})

    assert credit.columns == pytest.approx(np.array([[0.125, 0, 0.25], [-0.125, 0, -0.25]]))
    assert not credit.tokens.any()
    assert credit.costs == {}


def test_a_groups_score_goes_to_the_column_that_completes_it_in_the_rows_own_order():
    orders = np.array([[0, 1, 2], [1, 2, 0]])
    ends = last_columns(orders, np.array([[True, True, False]]))

    credit = dense_credit(judgement(feature=[[4], [4]], group_ends=ends), COLUMNS, SETTINGS, {})

    assert ends.tolist() == [[1], [0]]
    # 2 * 4, less each column's mean.
    assert credit.columns == pytest.approx(np.array([[-4, 4, 0], [4, -4, 0]]))


def test_groups_that_end_at_one_column_add_up():
    found = judgement(n_groups=2, feature=[[1, 2], [0, 0]], group_ends=[[2, 2], [0, 1]])

    credit = dense_credit(found, COLUMNS, SETTINGS, {})

    assert credit.columns[:, 2] == pytest.approx([3, -3])


def test_a_broken_law_counts_against_the_column_that_settles_it():
    orders = np.array([[2, 0, 1], [0, 1, 2]])
    laws = np.array([[True, False, True], [False, True, True]])
    found = judgement(n_laws=2, broken=[[True, False], [True, True]], settled_at=last_columns(orders, laws))

    credit = dense_credit(found, COLUMNS, SETTINGS, None)

    # Row 0 loses 5 at column 0; row 1 loses 5 twice at column 2.
    assert credit.columns == pytest.approx(np.array([[-2.5, 0, 5], [2.5, 0, -5]]))


def test_expected_violations_take_the_place_of_those_that_were_drawn():
    found = judgement(broken=[[True], [False]])
    expected = {1: np.array([[0.0, 1.0], [0.0, 0.5]])}

    credit = dense_credit(found, COLUMNS, SETTINGS, expected)

    assert not credit.columns.any()
    assert credit.costs.keys() == {1}
    assert credit.costs[1].tolist() == [[0, 5], [0, 2.5]]


def test_the_rows_score_and_the_frequencies_count_for_columns():
    found = judgement(row=[[1], [0]], frequency=[[1, 0, 0], [0, 0, 3]])

    credit = dense_credit(found, COLUMNS, SETTINGS, {})

    assert credit.columns == pytest.approx(np.array([[1.55, 1.5, 1.35], [-1.55, -1.5, -1.35]]))


def test_token_scores_stay_with_their_tokens_and_are_centred_by_column():
    columns = np.array([[0, 1, 1, 2], [0, 1, 2, -1]])
    scores = [[1, 2, 4, 0], [3, 6, 0, np.nan]]

    credit = dense_credit(judgement(token=scores), columns, SETTINGS, {})

    # The mean of column 0 is 2, of column 1 it is 4.
    assert credit.tokens == pytest.approx(np.array([[-0.5, -1, 0, 0], [0.5, 1, 0, 0]]))
    assert not credit.columns.any()


def test_dense_credit_is_centred_and_its_judgement_stays_as_it_is():
    rng = np.random.default_rng(0)
    n = 50
    found = judgement(
        n,
        token=rng.normal(size=(n, 3)),
        sentence=rng.normal(size=(n, 3)),
        feature=rng.normal(size=(n, 1)),
        row=rng.normal(size=(n, 1)),
        broken=rng.random((n, 1)) < 0.3,
        settled_at=rng.integers(3, size=(n, 1)),
        group_ends=rng.integers(3, size=(n, 1)),
        frequency=rng.normal(size=(n, 3)),
        factors=rng.uniform(0.5, 2, n),
    )
    before = found.scores.sentence.copy()

    credit = dense_credit(found, np.tile(np.arange(3), (n, 1)), SETTINGS, None)

    assert credit.columns.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert credit.tokens.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert np.array_equal(found.scores.sentence, before)


# Scalar credit -------------------------------------------------------------------------------------------------------


def test_a_scalar_credit_is_the_sum_of_everything_for_all_columns_alike():
    found = judgement(
        length=2,
        token=[[1, np.nan], [1, 1]],
        sentence=[[1, 1, 1], [0, 0, 0]],
        feature=[[1], [0]],
        row=[[0.5], [-0.5]],
        frequency=[[1, 1, 1], [0, 0, 0]],
        broken=[[False], [True]],
    )
    first = 0.5 * 1 + 0.25 * 3 + 2 * 1 + 3 * 0.5 + 0.1 * 3
    second = 0.5 * 2 - 3 * 0.5 - 5

    credit = scalar_credit(found, np.array([[0, -1], [0, 1]]), SETTINGS)

    half = (first - second) / 2
    assert credit.columns == pytest.approx(np.array([[half] * 3, [-half] * 3]))
    assert credit.tokens.tolist() == [[0, 0], [0, 0]]
    assert credit.costs == {}


def test_a_scalar_credit_charges_a_row_once_for_all_the_laws_it_breaks():
    found = judgement(n_laws=3, broken=[[True] * 3, [False] * 3])

    assert scalar_credit(found, COLUMNS, SETTINGS).columns[:, 0] == pytest.approx([-2.5, 2.5])


# Shaping -------------------------------------------------------------------------------------------------------------


def test_what_is_above_the_mean_counts_by_the_rows_factor():
    scores, factors = np.array([3.0, 1.0, -1.0, -3.0]), np.array([2.0, 0.5, 4.0, 1.0])

    out = shaped(scores, np.ones(4, dtype=bool), factors)

    expected = np.array([6, 0.5, -1, -3])
    assert out == pytest.approx(expected - expected.mean())


def test_an_invalid_row_gains_nothing_by_being_rare():
    scores, factors = np.array([1.0, 1.0, -2.0]), np.array([4.0, 4.0, 1.0])
    valid = np.array([True, False, True])

    out = shaped(scores, valid, factors)

    expected = np.array([4, 1, -2])
    assert out == pytest.approx(expected - expected.mean())
    # A common class costs an invalid row what it costs a valid one.
    common = np.full(3, 0.5)
    assert shaped(scores, valid, common) == pytest.approx(shaped(scores, ~valid, common))


def test_shaping_is_centred_and_without_effect_for_factors_of_1():
    scores = np.random.default_rng(0).normal(size=30) + 7

    assert shaped(scores, np.ones(30, dtype=bool), np.ones(30)) == pytest.approx(scores - scores.mean())
    assert shaped(scores, np.ones(30, dtype=bool), np.linspace(0.2, 5, 30)).mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "credit_of", [lambda f: dense_credit(f, COLUMNS, SETTINGS, {}), lambda f: scalar_credit(f, COLUMNS, SETTINGS)]
)
def test_credit_uses_the_shaped_row_scores(credit_of):
    plain = judgement(row=[[1], [-1]], broken=[[False], [False]])
    rare = replace(plain, factors=np.array([3.0, 1.0]))

    gap = [np.ptp(credit_of(found).columns[:, 0]) for found in (plain, rare)]

    # 1 - (-1), then 3 - (-1), times the weight of rows.
    assert gap == pytest.approx([6, 12])


# Record --------------------------------------------------------------------------------------------------------------


def test_mean_rewards_of_a_row_by_level():
    found = judgement(
        n_laws=2,
        token=[[1, 2, np.nan], [0, 0, 1]],
        sentence=[[1, 1, 1], [0, 0, 0]],
        feature=[[5], [-1]],
        row=[[3], [0]],
        broken=[[True, True], [False, True]],
    )

    assert by_level(found) == pytest.approx(
        {"token_reward": 2, "sentence_reward": 1.5, "feature_reward": 2, "row_reward": 1.5, "violations": 1.5}
    )
