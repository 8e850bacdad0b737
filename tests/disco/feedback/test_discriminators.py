"""What each level finds, on tables of four columns in which one thing is planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skgensynth.disco.feedback import discriminators
from skgensynth.disco.feedback.discriminators import Corpus, Discriminators, shuffled
from skgensynth.disco.feedback.settings import LEVELS
from skgensynth.disco.feedback.units import Units, UnitSpace

SIZE = 4  # values of a column
N_COLUMNS = 4
SPACE = UnitSpace(SIZE * N_COLUMNS, N_COLUMNS, torch.zeros(SIZE * N_COLUMNS, 0))
GROUPS = [[0, 1], [2, 3]]


def write(values):
    columns = np.arange(N_COLUMNS)
    return Units(values.astype(np.int64) + SIZE * columns, np.tile(columns, (len(values), 1)))


def corpus(values):
    return Corpus(values.astype(np.float64), write(values))


def fitted(real, *generated, groups=GROUPS, seed=0, n_threads=1):
    found = Discriminators(SPACE, groups, corpus(real), write, np.random.default_rng(seed))
    for rows in generated:
        found.refresh(corpus(rows), n_threads=n_threads)
    return found


def independent(rng, n):
    return rng.integers(SIZE, size=(n, N_COLUMNS))


def paired(rng, n):
    """Columns 0 and 1 are equal, and so are 2 and 3, but in a tenth of the rows."""
    out = independent(rng, n)
    for first, second in GROUPS:
        out[:, second] = np.where(rng.random(n) < 0.1, out[:, second], out[:, first])
    return out


def parity(rng, n, *, plausible):
    """Three binary columns whose sum is even, or any; all pairs of columns are independent in both cases."""
    out = rng.integers(2, size=(n, N_COLUMNS))
    if plausible:
        out[:, 2] = out[:, 0] ^ out[:, 1]
    return out


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="module")
def alike():
    """So few real rows that they could be remembered."""
    rng = np.random.default_rng(0)
    return fitted(paired(rng, 100), paired(rng, 1024))


@pytest.fixture(scope="module")
def broken_tokens():
    """Generated rows have another value where column 2 should be 1."""
    rng = np.random.default_rng(0)
    generated = independent(rng, 1024)
    generated[generated[:, 2] == 1, 2] = 3
    return fitted(independent(rng, 400), generated, groups=[[0, 1]])


@pytest.fixture(scope="module")
def broken_pairs():
    """Generated rows have any value of column 1, whatever column 0 is."""
    rng = np.random.default_rng(0)
    generated = paired(rng, 1024)
    generated[:, 1] = rng.permutation(generated[:, 1])
    return fitted(paired(rng, 400), generated)


@pytest.fixture(scope="module")
def broken_wholes():
    rng = np.random.default_rng(0)
    groups = [[0, 1], [0, 2], [1, 2]]
    return fitted(parity(rng, 400, plausible=True), parity(rng, 1024, plausible=False), groups=groups)


# Each level ----------------------------------------------------------------------------------------------------------


def test_nothing_is_found_where_rows_are_alike(alike, rng):
    assert all(0.4 < alike.auc_[level] < 0.6 for level in LEVELS)
    assert all(alike.trust_[level] < 0.25 for level in LEVELS)
    scores = alike.scores(corpus(paired(rng, 500)))
    for level in LEVELS:
        assert np.abs(getattr(scores, level)).mean() < 0.1


def test_tokens_that_take_the_place_of_others_are_found(broken_tokens, rng):
    rows = independent(rng, 2000)

    token = broken_tokens.scores(corpus(rows)).token[:, 2]

    means = [token[rows[:, 2] == value].mean() for value in range(SIZE)]
    assert broken_tokens.trust_["token"] > 0.3
    # Generated rows never have 1, and 3 twice as often as real ones.
    assert means[1] > 1
    assert means[3] < 0.3 * np.log(1 / 2)
    assert np.abs(np.array(means)[[0, 2]]).max() < 0.35


def test_a_group_without_a_broken_token_is_not_blamed(broken_tokens):
    assert broken_tokens.trust_["feature"] < 0.25
    assert broken_tokens.auc_["feature"] == pytest.approx(0.5, abs=0.07)


def test_a_pair_that_is_wrong_for_its_row_is_found(broken_pairs, rng):
    rows = paired(rng, 2000)
    wrong = rng.random(2000) < 0.5
    rows[wrong, 1] = (rows[wrong, 0] + 1) % SIZE

    sentence = broken_pairs.scores(corpus(rows)).sentence[:, 1]

    assert broken_pairs.trust_["sentence"] > 0.3
    assert sentence[wrong].mean() < -1
    assert sentence[~wrong].mean() > 0.2


def test_a_destroyed_association_is_found_though_marginals_stay(broken_pairs, rng):
    rows = paired(rng, 2000)
    wrong = rows[:, 0] != rows[:, 1]

    feature = broken_pairs.scores(corpus(rows)).feature

    assert broken_pairs.trust_["feature"] > 0.5
    assert feature[wrong, 0].mean() < -1
    assert feature[~wrong, 0].mean() > 0.3


def test_a_group_whose_association_is_intact_is_not_blamed(broken_pairs, rng):
    rows = paired(rng, 2000)

    intact = broken_pairs.scores(corpus(rows)).feature[:, 1]

    assert np.abs(intact).mean() < 0.2


def test_columns_outside_a_group_do_not_change_its_score_at_all(broken_pairs, rng):
    rows = paired(rng, 300)
    other = rows.copy()
    other[:, 2:] = independent(rng, 300)[:, 2:]

    first, second = (broken_pairs.scores(corpus(values)).feature for values in (rows, other))

    assert np.array_equal(first[:, 0], second[:, 0])
    assert not np.array_equal(first[:, 1], second[:, 1])


def test_an_implausible_whole_is_found_though_all_its_pairs_are_fine(broken_wholes, rng):
    good, bad = (parity(rng, 1000, plausible=plausible) for plausible in (True, False))
    bad = bad[bad[:, :3].sum(axis=1) % 2 == 1]

    scores = [broken_wholes.scores(corpus(rows)) for rows in (good, bad)]

    assert broken_wholes.trust_["row"] > 0.5
    assert scores[0].row.mean() > 0.3
    assert scores[1].row.mean() < -1
    # Groups are pairs here, and pairs are fine.
    assert broken_wholes.trust_["feature"] < 0.25
    assert np.abs(scores[1].feature).mean() < 0.2


def test_the_other_tokens_of_its_row_are_not_blamed_for_a_broken_one(broken_tokens, rng):
    rows = independent(rng, 2000)

    token = broken_tokens.scores(corpus(rows)).token[rows[:, 2] == 1].mean(axis=0)

    assert np.abs(np.delete(token, 2)).max() < 0.5 * abs(token[2])


def test_the_other_pairs_of_its_row_are_not_blamed_for_a_wrong_one(broken_pairs, rng):
    rows = paired(rng, 2000)
    rows[:, 1] = (rows[:, 0] + 1) % SIZE

    sentence = broken_pairs.scores(corpus(rows)).sentence.mean(axis=0)

    assert np.abs(sentence[2:]).max() < 0.5 * abs(sentence[1])


# Split and refresh ---------------------------------------------------------------------------------------------------


def test_before_the_first_rows_nothing_is_known():
    found = fitted(independent(np.random.default_rng(0), 40))

    assert found.auc_ == dict.fromkeys(LEVELS, 0.5)
    assert found.trust_ == dict.fromkeys(LEVELS, 0.0)


def test_a_refresh_learns_what_is_new(hasty, rng):
    wrong = np.zeros((300, N_COLUMNS), dtype=np.int64)
    found = fitted(independent(rng, 200), independent(rng, 300), wrong)

    assert found.auc_["row"] > 0.9
    assert found.trust_["row"] > 0.5


def test_rows_are_scored_the_same_on_any_number_of_threads(hasty, rng):
    real, generated, new = independent(rng, 60), independent(rng, 80), independent(rng, 30)

    one, two = (fitted(real, generated, generated, n_threads=n).scores(corpus(new)) for n in (1, 2))

    for level in LEVELS:
        assert np.array_equal(getattr(one, level), getattr(two, level))


def test_the_seed_settles_everything(hasty, rng):
    real, generated = independent(rng, 60), np.maximum(independent(rng, 80), 2)

    first, again, other = (fitted(real, generated, seed=seed).auc_ for seed in (1, 1, 2))

    assert first == again != other


@pytest.mark.parametrize("n_real", [2, 5])
def test_a_handful_of_rows_is_no_error(hasty, rng, n_real):
    found = fitted(independent(rng, n_real), independent(rng, 30))

    scores = found.scores(corpus(independent(rng, 3)))
    assert all(np.isfinite(getattr(scores, level)).all() for level in LEVELS)


def test_without_groups_there_are_no_scores_of_groups(hasty, rng):
    found = fitted(independent(rng, 30), independent(rng, 30), groups=[])

    assert found.scores(corpus(independent(rng, 3))).feature.shape == (3, 0)
    assert (found.auc_["feature"], found.trust_["feature"]) == (0.5, 0.0)


def test_places_without_a_token_have_no_score(hasty, rng):
    values = independent(rng, 40)

    def write_long(rows):
        units = write(rows)
        shorter = rows[:, 3] == 0
        tokens, columns = units.tokens.copy(), units.columns.copy()
        tokens[shorter, 3] = columns[shorter, 3] = -1
        return Units(tokens, columns)

    found = Discriminators(SPACE, GROUPS, Corpus(values.astype(float), write_long(values)), write_long, rng)
    found.refresh(Corpus(values.astype(float), write_long(values)))

    token = found.scores(Corpus(values.astype(float), write_long(values))).token
    assert np.array_equal(np.isnan(token[:, 3]), values[:, 3] == 0)
    assert not np.isnan(token[:, :3]).any()


def test_no_score_outweighs_everything(hasty, rng):
    real, wrong = np.zeros((100, N_COLUMNS), dtype=np.int64), np.full((100, N_COLUMNS), 3)

    scores = fitted(real, *[wrong] * 3).scores(corpus(wrong))

    assert scores.row.min() < -2
    for level in LEVELS:
        assert np.abs(getattr(scores, level)).max() <= discriminators.MAX_LOG_ODDS


# Shuffled rows -------------------------------------------------------------------------------------------------------


def test_shuffled_values_come_from_their_own_columns_and_are_marked(rng):
    values = np.column_stack([np.arange(200.0) + 1000 * j for j in range(4)])

    out, changed = shuffled(values, rng)

    assert np.array_equal(changed, out != values)
    assert all(set(out[:, j]) <= set(values[:, j]) for j in range(4))
    assert changed.any(axis=1).mean() > 0.98
    # A quarter of the columns, or one where it would be none.
    assert changed.mean() == pytest.approx(0.25 + 0.75**4 / 4, abs=0.04)


def test_a_value_that_another_row_shares_is_not_marked(rng):
    values = np.column_stack([np.full(100, np.nan), np.zeros(100), rng.integers(3, size=100)])

    out, changed = shuffled(values, rng)

    assert not changed[:, :2].any()
    assert np.isnan(out[:, 0]).all()
    assert np.array_equal(changed[:, 2], out[:, 2] != values[:, 2])
