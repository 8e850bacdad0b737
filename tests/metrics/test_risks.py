import numpy as np
import pytest
from scipy.stats import binomtest

from skgensynth.metrics import Rate, RiskResult


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (3, 10), (500, 1000), (40, 40)])
def test_the_interval_of_a_rate_is_wilsons(successes, n):
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    rate = Rate.of(successes / n, n)
    assert rate.interval == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert rate.interval[0] <= rate.share <= rate.interval[1]


def test_nothing_attempted_says_nothing():
    nothing = Rate.mean(np.array([]))
    assert np.isnan(nothing.share)
    assert nothing.interval == (0, 1)
    result = RiskResult.difference(nothing, nothing)
    assert np.isnan(result.risk)
    assert result.interval == (-1, 1)


def test_risk_takes_chance_off():
    main, control = Rate.of(0.8, 1000), Rate.of(0.6, 500)
    relative, difference = RiskResult.relative(main, control), RiskResult.difference(main, control)
    assert relative.risk == pytest.approx(0.5)
    assert difference.risk == pytest.approx(0.2)
    for result in (relative, difference):
        assert 0 < result.interval[0] < result.risk < result.interval[1] < 1
        assert result.baseline is None


def test_a_risk_that_cannot_be_larger_stays_at_one():
    result = RiskResult.relative(Rate.of(1.0, 200), Rate.of(0.1, 200))
    assert result.risk == 1
    assert 0.9 < result.interval[0] < result.interval[1] == 1


def test_where_held_out_rows_are_all_guessed_nothing_is_left_to_leak():
    result = RiskResult.relative(Rate.of(1.0, 50), Rate.of(1.0, 50))
    assert result.risk == 0
    assert result.interval[0] < 0 < result.interval[1] < 1


@pytest.mark.parametrize("make", [RiskResult.relative, RiskResult.difference])
def test_intervals_hold_what_they_promise(rng, make):
    risk = 0.6 - 0.4 if make == RiskResult.difference else (0.6 - 0.4) / (1 - 0.4)
    drawn = zip(rng.binomial(100, 0.6, 1000), rng.binomial(60, 0.4, 1000), strict=True)
    intervals = np.array([make(Rate.of(m / 100, 100), Rate.of(c / 60, 60)).interval for m, c in drawn])
    assert 0.93 < np.mean((intervals[:, 0] <= risk) & (risk <= intervals[:, 1])) < 0.975
