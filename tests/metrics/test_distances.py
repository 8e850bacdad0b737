import numpy as np
import pandas as pd
import pytest
from common.patients import nudged, numbers, patients

from skgensynth.metrics import closest_distances, distance_to_closest_record, nearest_neighbour_distance_ratio


def _gower(row, other, scale):
    """Gower distance of two rows as the definition reads."""
    parts = []
    for column in scale:
        a, b = row[column], other[column]
        if pd.isna(a) or pd.isna(b):
            parts.append(float(pd.isna(a) != pd.isna(b)))
        elif column in ("age", "lab"):
            parts.append(abs(a - b) / (scale[column].max() - scale[column].min()))
        else:
            parts.append(float(a != b))
    return np.mean(parts)


def _closest(queries, reference, scale, n=1):
    """Distances to the n closest rows, closest first."""
    everything = [[_gower(row, other, scale) for _, other in reference.iterrows()] for _, row in queries.iterrows()]
    return np.sort(everything, axis=1)[:, :n]


def test_closest_distances_agree_with_the_definition(rng):
    train, queries, reference = patients(rng, 50), patients(rng, 21), patients(rng, 33)
    expected = _closest(queries, reference, train)[:, 0]
    np.testing.assert_allclose(closest_distances(queries, reference, scale=train), expected, atol=1e-6)


def test_closest_distances_do_not_depend_on_blocks(rng):
    queries, reference = patients(rng, 19), patients(rng, 20_000)
    whole = closest_distances(queries, reference)
    parts = [closest_distances(queries, reference[start::3], scale=queries) for start in range(3)]
    np.testing.assert_allclose(whole, np.min(parts, axis=0), atol=1e-6)


def test_constant_columns_and_large_numbers_are_compared_exactly():
    real = pd.DataFrame({"constant": [2**40] * 3, "x": [0.0, 0.5, 1.0]})
    other = real.assign(constant=2**40 + 1)
    np.testing.assert_allclose(closest_distances(real, real), 0)
    np.testing.assert_allclose(closest_distances(real, other), 0.5)


@pytest.mark.parametrize(("n_train", "n_holdout"), [(200, 200), (200, 50), (50, 200)])
def test_copies_are_all_closer_to_the_training_rows_at_any_sizes(rng, n_train, n_holdout):
    train, holdout = patients(rng, n_train), patients(rng, n_holdout)
    result = distance_to_closest_record(train, holdout, train, random_state=0)
    assert result.share == 1
    assert 0.9 < result.interval[0] < result.interval[1] == 1
    assert result.to_train.median == 0
    assert 0 < result.to_holdout.low < result.to_holdout.median
    assert result.holdout_to_train.low > 0


@pytest.mark.parametrize(("n_train", "n_holdout"), [(300, 300), (400, 100), (100, 400)])
def test_independent_rows_are_as_close_to_both_at_any_sizes(rng, n_train, n_holdout):
    results = [
        distance_to_closest_record(patients(rng, n_train), patients(rng, n_holdout), patients(rng, 400), random_state=0)
        for _ in range(10)
    ]
    assert np.median([result.share for result in results]) == pytest.approx(0.5, abs=0.05)
    assert sum(result.interval[0] <= 0.5 <= result.interval[1] for result in results) >= 9


def test_equally_close_rows_are_shared_out(rng):
    train, holdout = (pd.DataFrame({"x": rng.choice(list("abc"), n)}) for n in (300, 60))
    result = distance_to_closest_record(train, holdout, pd.DataFrame({"x": list("abc") * 20}), random_state=0)
    shares = [(train == level).sum().x / (pd.concat([train, holdout]) == level).sum().x for level in "abc"]
    chance = 300 / 360
    expected = np.mean(shares)
    expected = 0.5 * expected / chance if expected < chance else 0.5 + 0.5 * (expected - chance) / (1 - chance)
    assert result.share == pytest.approx(expected)
    assert result.interval[0] <= 0.5 <= result.interval[1]


def test_synthetic_rows_with_the_same_closest_row_count_as_one(rng):
    train, holdout, few = patients(rng, 400), patients(rng, 400), patients(rng, 20)
    many = pd.concat([few] * 50)
    widths = [np.ptp(distance_to_closest_record(train, holdout, rows).interval) for rows in (few, many)]
    assert widths[1] == pytest.approx(widths[0], rel=0.01)


def test_the_distances_reported_are_those_to_the_tables(rng):
    train, holdout, synthetic = patients(rng, 30), patients(rng, 20), patients(rng, 25)
    result = distance_to_closest_record(train, holdout, synthetic)
    for spread, queries, reference in (
        (result.to_train, synthetic, train),
        (result.to_holdout, synthetic, holdout),
        (result.holdout_to_train, holdout, train),
    ):
        distances = _closest(queries, reference, train)
        assert spread.median == pytest.approx(np.median(distances), abs=1e-6)
        assert spread.low == pytest.approx(np.quantile(distances, 0.05), abs=1e-6)


def test_queries_are_drawn_but_never_the_rows_they_are_compared_with(rng):
    train, holdout = numbers(rng, 500), numbers(rng, 400)
    result = distance_to_closest_record(train, holdout, train, max_queries=30, random_state=0)
    assert result.n_queries == 30
    assert result.to_train.median == 0
    assert result.share == 1
    assert distance_to_closest_record(train, holdout, train, max_queries=None).n_queries == 500


def test_ratios_agree_with_the_definition(rng):
    train, holdout, synthetic = patients(rng, 30), patients(rng, 20), patients(rng, 25)
    result = nearest_neighbour_distance_ratio(train, holdout, synthetic, random_state=0)
    ratios = [np.divide(*_closest(rows, train, train, 2).T) for rows in (synthetic, holdout)]
    for spread, expected in zip((result.synthetic, result.holdout), ratios, strict=True):
        assert spread.median == pytest.approx(np.median(expected), abs=1e-5)
        assert spread.low == pytest.approx(np.quantile(expected, 0.05), abs=1e-5)
    assert result.share == pytest.approx(np.mean(ratios[0][:, None] < ratios[1]))
    assert (result.n_synthetic, result.n_holdout) == (25, 20)


def test_ratios_tell_copies_and_near_copies_from_independent_rows(rng):
    train, holdout = patients(rng, 300), patients(rng, 100)
    copied, nudge, fresh = (
        nearest_neighbour_distance_ratio(train, holdout, rows, random_state=0)
        for rows in (train, nudged(rng, train), patients(rng, 300))
    )
    assert copied.share == 1
    assert copied.synthetic.median == 0
    assert nudge.interval[0] > 0.9
    assert fresh.interval[0] < 0.5 < fresh.interval[1]


def test_a_row_amid_duplicates_singles_nobody_out():
    train = pd.DataFrame({"x": [1, 1, 2, 2]})
    result = nearest_neighbour_distance_ratio(train, train, train, random_state=0)
    assert result.synthetic.low == 1
    assert result.share == 0.5


def test_a_ratio_needs_two_rows():
    rows = pd.DataFrame({"x": [1, 2]})
    with pytest.raises(ValueError, match="train has 1 row: at least 2 are needed"):
        nearest_neighbour_distance_ratio(rows[:1], rows, rows)
