import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import closest_distances, exact_copies, membership_inference


def _patients(rng, n):
    """Mixed columns with missing values; continuous enough that no two rows meet by chance."""
    return pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "lab": np.where(rng.random(n) < 0.2, np.nan, rng.normal(1, 0.3, n)),
            "sex": rng.choice(["F", "M"], n),
            "drug": pd.Series(rng.choice(["x", "y", "z"], n)).mask(rng.random(n) < 0.3),
            "site": pd.Categorical(rng.integers(1, 4, n)),
        }
    )


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


def test_closest_distances_agree_with_the_definition(rng):
    train, queries, reference = _patients(rng, 50), _patients(rng, 21), _patients(rng, 33)
    expected = [min(_gower(row, other, train) for _, other in reference.iterrows()) for _, row in queries.iterrows()]
    np.testing.assert_allclose(closest_distances(queries, reference, scale=train), expected, atol=1e-6)


def test_closest_distances_do_not_depend_on_blocks(rng):
    queries, reference = _patients(rng, 19), _patients(rng, 20_000)
    whole = closest_distances(queries, reference)
    parts = [closest_distances(queries, reference[start::3], scale=queries) for start in range(3)]
    np.testing.assert_array_equal(whole, np.min(parts, axis=0))


def test_constant_columns_and_large_numbers_are_compared_exactly():
    real = pd.DataFrame({"constant": [2**40] * 3, "x": [0.0, 0.5, 1.0]})
    other = real.assign(constant=2**40 + 1)
    np.testing.assert_allclose(closest_distances(real, real), 0)
    np.testing.assert_allclose(closest_distances(real, other), 0.5)


def test_a_synthetic_table_of_training_rows_gives_every_one_away(rng):
    train, holdout = _patients(rng, 150), _patients(rng, 150)
    result = membership_inference(train, holdout, train.sample(frac=1, random_state=0), random_state=0)
    assert result.auc == 1
    assert result.auc_interval == (1, 1)
    assert result.tpr_at_1pct_fpr == 1
    assert (result.n_train, result.n_holdout, result.n_synthetic) == (150, 150, 150)


def test_an_independent_synthetic_table_gives_nothing_away(rng):
    result = membership_inference(_patients(rng, 1500), _patients(rng, 1500), _patients(rng, 3000), random_state=0)
    low, high = result.auc_interval
    assert low < 0.5 < high
    assert result.auc == pytest.approx(0.5, abs=0.03)
    assert result.tpr_at_1pct_fpr < 0.04
    assert 0.02 < high - low < 0.07  # about 4 standard errors of sqrt(1 / (6 * 1500))


def test_leaks_lie_in_between_and_grow(rng):
    train, holdout, fresh = _patients(rng, 300), _patients(rng, 300), _patients(rng, 1000)
    aucs = [
        membership_inference(train, holdout, pd.concat([fresh, train[:n]]), random_state=0).auc for n in (0, 100, 200)
    ]
    assert aucs[0] < aucs[1] < aucs[2] < 1


def test_auc_is_that_of_negative_distances(rng):
    train, holdout, synthetic = _patients(rng, 60), _patients(rng, 40), _patients(rng, 80)
    scores = [-closest_distances(rows, synthetic, scale=train) for rows in (train, holdout)]
    expected = roc_auc_score(np.repeat([1, 0], [60, 40]), np.concatenate(scores))
    assert membership_inference(train, holdout, synthetic, random_state=0).auc == pytest.approx(expected)


def test_queries_are_drawn_but_the_synthetic_table_is_kept_whole(rng):
    train, holdout = _patients(rng, 200), _patients(rng, 100)
    result = membership_inference(train, holdout, train, max_queries=50, random_state=0)
    assert (result.n_train, result.n_holdout, result.n_synthetic) == (50, 50, 200)
    assert result.auc == 1
    assert membership_inference(train, holdout, train, max_queries=None, random_state=0).n_train == 200


def test_same_seed_same_result(rng):
    tables = _patients(rng, 100), _patients(rng, 100), _patients(rng, 100)
    first, second = (membership_inference(*tables, max_queries=60, random_state=7) for _ in range(2))
    assert first == second
    assert first != membership_inference(*tables, max_queries=60, random_state=8)


def test_exact_copies_are_counted_with_missing_values_and_any_column_order(rng):
    train = _patients(rng, 50)
    synthetic = pd.concat([train[:7], _patients(rng, 30), train[:2]])
    assert train[:7].isna().any(axis=None)
    assert exact_copies(train, synthetic[train.columns[::-1]]) == 9
    assert exact_copies(train, _patients(rng, 30)) == 0


def test_copies_survive_another_storage():
    train = pd.DataFrame({"a": [0, 1, 2], "b": ["x", "y", None]})
    synthetic = pd.DataFrame({"a": [-0.0, 1.0, 2.0, 2.0], "b": pd.Categorical(["x", "x", None, "y"])})
    assert exact_copies(train, synthetic) == 2


def test_columns_must_agree(rng):
    train = _patients(rng, 10)
    with pytest.raises(SchemaMismatchError, match="'age' of train is not in holdout"):
        membership_inference(train, train.drop(columns="age"), train)
    with pytest.raises(SchemaMismatchError, match="'lab' of train is not in synthetic"):
        exact_copies(train, train.drop(columns="lab"))
    with pytest.raises(ValueError, match="n_bootstrap"):
        membership_inference(train, train, train, n_bootstrap=0)
