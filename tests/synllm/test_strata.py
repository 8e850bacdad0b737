from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skgensynth.conditions import Conditions
from skgensynth.schema import TableSchema
from skgensynth.synllm.strata import Quotas, class_shares, of_class, split

TABLE = pd.DataFrame({"age": np.arange(18, 78)})
CLASSES = pd.Series(pd.Categorical(["a"] * 30 + ["b"] * 20 + ["c"] * 10, categories=["a", "never", "b", "c"]), name="y")
SCHEMA = TableSchema.infer(TABLE, CLASSES, column_kinds={"age": "continuous"})
SHARES = np.array([30, 0, 20, 10]) / 60


def parsed(conditions):
    return Conditions.parse(conditions, SCHEMA)


@pytest.mark.parametrize("n", [1, 3, 7, 100, 12345])
@pytest.mark.parametrize("shares", [[1.0], [0.01, 0.99], [0.5, 0.0, 0.3, 0.2], [1 / 3] * 3, [0.1] * 10])
def test_parts_are_rounded_up_or_down_and_make_the_whole(n, shares):
    shares = np.array(shares)
    for seed in range(20):
        parts = split(n, shares, np.random.default_rng(seed))
        assert parts.sum() == n
        assert (np.abs(parts - n * shares) < 1).all()
        assert not parts[shares == 0].any()


def test_parts_are_right_on_average():
    rng = np.random.default_rng(0)
    shares = np.array([0.01, 0.29, 0.7])
    n_draws = 20_000
    mean = sum(split(3, shares, rng) for _ in range(n_draws)) / n_draws
    # Each part is one of two neighbouring numbers, so that its standard deviation is at most a half.
    np.testing.assert_allclose(mean, 3 * shares, atol=4 * 0.5 / np.sqrt(n_draws))


def test_shares_are_those_of_the_classes_that_conditions_leave():
    assert list(class_shares(SCHEMA, parsed(None), SHARES).items()) == [
        (0, pytest.approx(1 / 2)),
        (2, pytest.approx(1 / 3)),
        (3, pytest.approx(1 / 6)),
    ]
    assert class_shares(SCHEMA, parsed({"age": (30, None)}), SHARES)[0] == pytest.approx(0.5)
    left = class_shares(SCHEMA, parsed({"y": ["b", "c"]}), SHARES)
    assert left == {2: pytest.approx(2 / 3), 3: pytest.approx(1 / 3)}
    assert class_shares(SCHEMA, parsed({"y": "c"}), SHARES) == {3: 1.0}


def test_the_class_is_the_last_of_the_conditions():
    conditions = of_class(parsed({"y": ["b", "c"], "age": 40}), SCHEMA, 2)
    assert list(conditions.allowed) == [0, 1]
    np.testing.assert_array_equal(conditions.mask(np.array([[40.0, 2], [40, 3], [41, 2]])), [True, False, False])
    np.testing.assert_array_equal(
        conditions.mask(np.array([[40.0, 2], [40, 3]])),
        parsed({"age": 40, "y": "b"}).mask(np.array([[40, 2], [40, 3]])),
    )


def drawn(n, shares, yields, n_most=100, seed=0):
    """Good rows of each class, and the rows asked for, of a draw in which each class has a yield."""
    rng = np.random.default_rng(seed)
    quotas = Quotas(np.array(shares), n, 20, rng)
    good, asked = np.zeros(len(shares), dtype=int), []
    while good.sum() < n and len(asked) < 200:
        counts = quotas.wanted(1, n_most, rng)
        assert 1 <= counts.sum() <= n_most
        found = rng.binomial(counts, yields)
        quotas.note(counts, found)
        good += found
        asked.append(counts)
    return good, np.array(asked), quotas


def test_what_is_good_at_once_is_asked_for_once():
    good, asked, _ = drawn(60, SHARES, [1.0] * 4)
    assert good.tolist() == [30, 0, 20, 10]
    assert len(asked) == 1


def test_large_draws_are_asked_for_in_parts_with_the_same_shares():
    good, asked, _ = drawn(900, SHARES, [1.0] * 4)
    assert good.tolist() == [450, 0, 300, 150]
    assert len(asked) == 9
    assert (np.abs(asked - 100 * SHARES) < 2).all()


@pytest.mark.parametrize("seed", range(10))
def test_classes_whose_rows_are_rejected_get_their_share_all_the_same(seed):
    good, asked, quotas = drawn(400, [0.9, 0.1], [0.95, 0.3], seed=seed)
    # Only the last rows asked for may be too many of one class and too few of another.
    assert abs(good[1] - 40) <= 4
    assert len(asked) < 20
    assert not quotas.given_up.any()


def test_a_class_without_good_rows_is_given_up_soon_and_the_others_get_its_rows():
    good, asked, quotas = drawn(100, [0.6, 0.3, 0.1], [1.0, 1.0, 0.0])
    assert quotas.given_up.tolist() == [False, False, True]
    assert good.tolist()[2] == 0
    assert good.sum() >= 100
    assert abs(good[0] - 2 * good[1]) <= 3
    assert 200 <= asked[:, 2].sum() < 500
