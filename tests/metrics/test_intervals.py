import numpy as np
import pytest
from scipy.stats import binomtest

from skgensynth.metrics._intervals import wilson, wilson_interval


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (0, 50), (50, 50), (3, 7), (999, 100_000)])
def test_wilson_agrees_with_scipy(successes, n):
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_seen_says_nothing():
    low, high = wilson([0, 1], [[0], [4]])
    np.testing.assert_array_equal(low[0], 0)
    np.testing.assert_array_equal(high[0], 1)
    assert low[1, 1] > 0
