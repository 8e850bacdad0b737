import json

import numpy as np
import pandas as pd
import pytest
from common.patients import nudged, numbers, patients
from sklearn.metrics import roc_auc_score, roc_curve

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import closest_distances, membership_inference
from skgensynth.metrics._neighbours import Gower
from skgensynth.metrics.membership import _density_ratios

attacks = pytest.mark.parametrize("attack", ["distance", "density_ratio"])


@attacks
def test_a_synthetic_table_of_training_rows_gives_every_one_away(rng, attack):
    train, holdout = patients(rng, 150), patients(rng, 80)
    result = membership_inference(train, holdout, train.sample(frac=1, random_state=0), attack=attack, random_state=0)
    assert result.auc == 1
    assert result.auc_interval == (1, 1)
    assert result.tpr_at_1pct_fpr == 1
    assert result.tpr_interval == (1, 1)
    assert (result.n_train, result.n_holdout, result.n_synthetic) == (150, 80, 150)


@attacks
def test_an_independent_synthetic_table_gives_nothing_away(rng, attack):
    tables = patients(rng, 1500), patients(rng, 1500), patients(rng, 3000)
    result = membership_inference(*tables, attack=attack, random_state=0)
    low, high = result.auc_interval
    assert low < 0.5 < high
    assert result.auc == pytest.approx(0.5, abs=0.03)
    assert 0.02 < high - low < 0.07  # about 4 standard errors of sqrt(1 / (6 * 1500))
    assert result.tpr_interval[0] <= result.tpr_at_1pct_fpr <= result.tpr_interval[1]
    assert result.tpr_interval[0] < 0.012 < result.tpr_interval[1]
    assert result.tpr_at_1pct_fpr < 0.04


@attacks
def test_leaks_lie_in_between_and_grow(rng, attack):
    train, holdout, fresh = patients(rng, 300), patients(rng, 300), patients(rng, 1000)
    aucs = [
        membership_inference(train, holdout, pd.concat([fresh, train[:n]]), attack=attack, random_state=0).auc
        for n in (0, 100, 200)
    ]
    assert aucs[0] < aucs[1] < aucs[2] < 1


@attacks
def test_near_copies_are_recognised(rng, attack):
    train, holdout = patients(rng, 200), patients(rng, 100)
    result = membership_inference(train, holdout, nudged(rng, train), attack=attack, n_bootstrap=50, random_state=0)
    assert result.auc_interval[0] > 0.95


def test_the_density_ratio_looks_past_rows_that_are_merely_common(rng):
    # Held-out rows lie where rows are dense; all but the training rows' own copies is drawn afresh.
    train = pd.DataFrame({"x": rng.normal(0, 10, 300)})
    holdout = pd.DataFrame({"x": np.concatenate([rng.normal(0, 10, 300), rng.normal(0, 0.1, 300)])})
    synthetic = pd.DataFrame({"x": np.concatenate([rng.normal(0, 10, 300), rng.normal(0, 0.1, 300)])})
    distance, ratio = (
        membership_inference(train, holdout, synthetic, attack=attack, n_bootstrap=50, random_state=0)
        for attack in ("distance", "density_ratio")
    )
    assert distance.auc < 0.4  # common rows are always close to a synthetic one
    assert abs(ratio.auc - 0.5) < abs(distance.auc - 0.5) / 2


def test_auc_is_that_of_negative_distances(rng):
    train, holdout, synthetic = patients(rng, 60), patients(rng, 40), patients(rng, 80)
    scores = [-closest_distances(rows, synthetic, scale=train) for rows in (train, holdout)]
    expected = roc_auc_score(np.repeat([1, 0], [60, 40]), np.concatenate(scores))
    assert membership_inference(train, holdout, synthetic, random_state=0).auc == pytest.approx(expected)


def test_the_density_ratio_is_that_of_its_definition(rng):
    train, holdout, synthetic = (numbers(rng, n, 3).to_numpy() for n in (30, 20, 40))
    left_out = rng.integers(20, size=30)

    def distances(row, reference):
        return np.sort((np.abs(row - reference) / np.ptp(train, axis=0)).mean(axis=1)) + 1e-6

    expected = [
        np.log(distances(row, np.delete(holdout, skip, axis=0))[:5]).mean() - np.log(distances(row, synthetic)[0])
        for row, skip in zip(train, left_out, strict=True)
    ]
    ratios = _density_ratios(Gower(train, np.ones(3, bool)), train, synthetic, holdout, left_out)
    np.testing.assert_allclose(ratios, expected, atol=1e-6)


@attacks
def test_the_curve_is_that_of_the_figures(rng, attack):
    train, holdout, synthetic = patients(rng, 300), patients(rng, 200), patients(rng, 300)
    result = membership_inference(train, holdout, pd.concat([synthetic, train[:60]]), attack=attack, random_state=0)
    assert np.trapezoid(result.tpr, result.fpr) == pytest.approx(result.auc)
    assert result.tpr[result.fpr <= 0.01].max() == pytest.approx(result.tpr_at_1pct_fpr)
    assert (result.fpr[0], result.tpr[0], result.fpr[-1], result.tpr[-1]) == (0, 0, 1, 1)


@pytest.mark.parametrize("n_holdout", [5, 100, 101, 350])
def test_one_percent_of_false_alarms_is_as_in_scikit_learn(rng, n_holdout):
    train, holdout, synthetic = numbers(rng, 80), numbers(rng, n_holdout), numbers(rng, 100)
    scores = [-closest_distances(rows, synthetic, scale=train) for rows in (train, holdout)]
    labels = np.repeat([1, 0], [80, n_holdout])
    fpr, tpr, _ = roc_curve(labels, np.concatenate(scores), drop_intermediate=False)
    result = membership_inference(train, holdout, synthetic, n_bootstrap=2, random_state=0)
    assert result.tpr_at_1pct_fpr == pytest.approx(tpr[fpr <= 0.01].max())


def test_queries_are_drawn_but_the_synthetic_table_is_kept_whole(rng):
    train, holdout = patients(rng, 200), patients(rng, 100)
    result = membership_inference(train, holdout, train, max_queries=50, random_state=0)
    assert (result.n_train, result.n_holdout, result.n_synthetic) == (50, 50, 200)
    assert result.auc == 1
    assert membership_inference(train, holdout, train, max_queries=None, random_state=0).n_train == 200


@attacks
def test_same_seed_same_result(rng, attack):
    tables = patients(rng, 100), patients(rng, 100), patients(rng, 100)
    first, second = (membership_inference(*tables, attack=attack, max_queries=60, random_state=7) for _ in range(2))
    assert first == second
    assert first != membership_inference(*tables, attack=attack, max_queries=60, random_state=8)


def test_the_dict_is_json_without_the_curve(rng):
    result = membership_inference(patients(rng, 30), patients(rng, 20), patients(rng, 30), random_state=0)
    saved = json.loads(json.dumps(result.to_dict()))
    assert saved["auc"] == result.auc
    assert saved["tpr_interval"] == list(result.tpr_interval)
    assert saved["attack"] == "distance"
    assert not {"fpr", "tpr"} & set(saved)


def test_what_cannot_be_attacked_is_refused(rng):
    train = patients(rng, 10)
    with pytest.raises(SchemaMismatchError, match="'age' of train is not in holdout"):
        membership_inference(train, train.drop(columns="age"), train)
    with pytest.raises(ValueError, match="n_bootstrap must be at least 1, got 0"):
        membership_inference(train, train, train, n_bootstrap=0)
    with pytest.raises(ValueError, match="attack must be 'distance' or 'density_ratio', got 'guess'"):
        membership_inference(train, train, train, attack="guess")
    with pytest.raises(ValueError, match="holdout has 1 row: at least 2 are needed"):
        membership_inference(train, train[:1], train, attack="density_ratio")
