from itertools import permutations

import numpy as np
import pytest
from scipy.stats import hypergeom

from skgensynth.constraints.evidence import log_dependency, log_empty_cell, log_equality, log_order


def share_of_arrangements(values, holds):
    """Share of all arrangements of the values for which something holds, by going through them."""
    arrangements = list(permutations(values))
    return np.mean([holds(np.array(arrangement)) for arrangement in arrangements])


def test_an_empty_cell_is_fishers_exact_test():
    for total, first, second in [(10, 3, 4), (300, 40, 60), (8, 4, 4)]:
        expected = hypergeom.logpmf(0, total, first, second)
        assert log_empty_cell(total, first, second) == pytest.approx(expected)
        assert log_empty_cell(total, second, first) == pytest.approx(expected)
    assert log_empty_cell(np.array([10, 8]), 2, 2).shape == (2,)


def test_equality_is_one_arrangement_of_all():
    values = np.array([1, 1, 2, 3, 3, 3])
    assert np.exp(log_equality(values)) == pytest.approx(share_of_arrangements(values, lambda x: (x == values).all()))
    assert log_equality(np.ones(5)) == pytest.approx(0)


def test_an_order_is_counted_exactly():
    lower, upper = np.array([1, 2, 2, 4, 0, 3]), np.array([2, 2, 3, 5, 1, 4])
    expected = share_of_arrangements(upper, lambda x: (lower <= x).all())
    assert np.exp(log_order(lower, upper)) == pytest.approx(expected)
    assert log_order(lower, upper + 10) == pytest.approx(0)


def test_a_dependency_is_bounded_from_above():
    groups, values = np.array([0, 0, 1, 1, 2, 2]), np.array([5, 5, 5, 5, 7, 7])

    def constant(x):
        return all(len(set(x[groups == group])) == 1 for group in range(3))

    expected = share_of_arrangements(values, constant)
    assert expected <= np.exp(log_dependency(groups, values)) < 1
    assert log_dependency(np.arange(6), values) == 0
