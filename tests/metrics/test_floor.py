import numpy as np
import pandas as pd
import pytest

from skgensynth.metrics import jensen_shannon, wasserstein, with_floor


def _mean_divergence(real, other):
    return jensen_shannon(real, other).mean


def _rows(rng, n):
    return pd.DataFrame({"x": rng.normal(size=n), "c": rng.choice(list("abcd"), n)})


def test_rows_of_the_same_source_lie_at_the_floor(rng):
    result = with_floor(_mean_divergence, _rows(rng, 300), _rows(rng, 100), _rows(rng, 3000), random_state=0)
    low, high = result.floor_interval
    assert result.n_rows == 100
    assert low < result.synthetic < high
    assert low < result.floor < high
    assert result.synthetic == pytest.approx(np.mean([low, high]), rel=0.25)


def test_the_floor_falls_with_the_number_of_rows(rng):
    train, synthetic = _rows(rng, 500), _rows(rng, 600)
    results = [
        with_floor(_mean_divergence, train, _rows(rng, n), synthetic, n_splits=5, random_state=0) for n in (50, 500)
    ]
    for small, large in zip(*((r.synthetic, r.floor, r.floor_interval[0]) for r in results), strict=True):
        assert small > 2 * large


def test_equal_numbers_of_rows_are_compared(rng):
    calls = []

    def metric(real, other):
        calls.append((len(real), len(other)))
        return 0.0

    assert with_floor(metric, _rows(rng, 30), _rows(rng, 20), _rows(rng, 10), n_splits=3).n_rows == 10
    # Ten synthetic rows are all there are: nothing to draw again.
    assert calls == [(30, 10)] * 5


def test_a_shift_lies_above_the_floor(rng):
    shifted = _rows(rng, 500).assign(x=rng.normal(1, 1, 500))
    result = with_floor(
        lambda real, other: wasserstein(real, other).mean, _rows(rng, 200), _rows(rng, 200), shifted, random_state=0
    )
    assert result.synthetic > 1.5 * result.floor_interval[1]


def test_same_seed_same_result(rng):
    tables = _rows(rng, 60), _rows(rng, 40), _rows(rng, 90)
    first, second = (with_floor(_mean_divergence, *tables, n_splits=3, random_state=1) for _ in range(2))
    assert first == second
    assert first != with_floor(_mean_divergence, *tables, n_splits=3, random_state=2)


def test_empty_tables_and_no_splits_are_refused(rng):
    rows = _rows(rng, 10)
    with pytest.raises(ValueError, match="test has no rows"):
        with_floor(_mean_divergence, rows, rows[:0], rows)
    with pytest.raises(ValueError, match="n_splits must be at least 1, got 0"):
        with_floor(_mean_divergence, rows, rows, rows, n_splits=0)
