import numpy as np
import pandas as pd
import pytest
from common.patients import numbers, patients
from sklearn.neighbors import NearestNeighbors

from skgensynth.metrics._neighbours import Gower
from skgensynth.metrics._tables import encode_tables


def _brute(queries, reference, scale, is_number, weights):
    """All distances, as the definition reads."""
    low, high = np.nanmin(scale, axis=0), np.nanmax(scale, axis=0)
    result = np.zeros((len(queries), len(reference)))
    for i, query in enumerate(queries):
        for k, other in enumerate(reference):
            for j, (a, b) in enumerate(zip(query, other, strict=True)):
                if np.isnan(a) or np.isnan(b):
                    part = float(np.isnan(a) != np.isnan(b))
                elif is_number[j] and high[j] > low[j]:
                    part = abs(a - b) / (high[j] - low[j])
                else:
                    part = float(a != b)
                result[i, k] += weights[j] * part / sum(weights)
    return result


def _encode(**tables):
    encoded = encode_tables(tables)
    return *encoded.values, encoded.is_number


@pytest.mark.parametrize("weights", [None, [1.0, 0.2, 3.0, 0.1, 0.5]])
@pytest.mark.parametrize("n_reference", [4, 200])
def test_neighbours_are_those_of_the_definition(rng, weights, n_reference):
    scale, queries, reference, is_number = _encode(
        s=patients(rng, 40), q=patients(rng, 25), r=patients(rng, n_reference)
    )
    expected = _brute(queries, reference, scale, is_number, weights or [1] * 5)
    distances, places = Gower(scale, is_number, weights).nearest(queries, reference, 3)
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :3], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(expected, places, axis=1), distances, atol=1e-6)


@pytest.mark.parametrize("n_columns", [2, 9])
def test_a_tree_and_a_comparison_with_every_row_agree(rng, n_columns):
    rows, reference, is_number = _encode(q=numbers(rng, 50, n_columns), r=numbers(rng, 9_000, n_columns))
    gower = Gower(reference, is_number)
    prepared = gower._prepare(rows, reference)
    found = [search(*prepared, 3, None) for search in (gower._search_tree, gower._search_blocks)]
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-6)
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_neighbours_are_those_of_scikit_learn_on_one_hot_columns(rng):
    tables = [patients(rng, n).dropna() for n in (60, 400)]
    queries, reference, is_number = _encode(q=tables[0], r=tables[1])
    ranges = np.ptp(reference[:, :2], axis=0)
    dummies = pd.get_dummies(pd.concat(tables)[["sex", "drug", "site"]]).to_numpy(float) / 2
    rows = np.hstack([np.vstack([queries, reference])[:, :2] / ranges, dummies])
    nearest = NearestNeighbors(n_neighbors=4, metric="manhattan", algorithm="brute").fit(rows[len(queries) :])
    expected, where = nearest.kneighbors(rows[: len(queries)])
    distances, places = Gower(reference, is_number).nearest(queries, reference, 4)
    np.testing.assert_allclose(distances, expected / 5, atol=1e-6)
    np.testing.assert_array_equal(places, where)


@pytest.mark.parametrize("make", [patients, numbers, lambda rng, n: numbers(rng, n, 8)])
def test_a_row_can_be_kept_from_finding_itself(rng, make):
    rows, is_number = _encode(r=make(rng, 60))
    expected = _brute(rows, rows, rows, is_number, [1] * rows.shape[1])
    np.fill_diagonal(expected, np.inf)
    distances, places = Gower(rows, is_number).nearest(rows, rows, 2, skip=np.arange(60))
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :2], atol=1e-6)
    assert not (places == np.arange(60)[:, None]).any()


def test_of_two_equal_rows_only_the_one_named_is_skipped():
    rows = np.array([[0.0], [0.0], [1.0]])
    distances, places = Gower(rows, np.array([True])).nearest(rows, rows, skip=np.arange(3))
    assert distances.ravel().tolist() == [0, 0, 1]
    assert places[:2].ravel().tolist() == [1, 0]


def test_where_rows_run_out_distances_are_infinite():
    rows = np.array([[0.0], [0.5], [1.0]])
    distances = Gower(rows, np.array([True])).nearest(rows, rows[:2], 3, skip=np.array([0, 1, 0]))[0]
    np.testing.assert_array_equal(distances, [[0.5, np.inf, np.inf], [0.5, np.inf, np.inf], [0.5, np.inf, np.inf]])


def test_rows_within_a_radius_are_counted_with_those_on_it(rng):
    queries, reference, is_number = _encode(q=patients(rng, 20), r=patients(rng, 300))
    expected = _brute(queries, reference, reference, is_number, [1] * 5)
    radius = np.sort(expected, axis=1)[:, 6]
    counts = Gower(reference, is_number).count_within(queries, reference, radius)
    np.testing.assert_array_equal(counts, 7)
