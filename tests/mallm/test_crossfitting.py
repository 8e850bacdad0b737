from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skgensynth.mallm.crossfitting import cross_fit, make_folds
from skgensynth.mallm.discriminators import RowFeatures, make_discriminator
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 2)), columns=["a", "b"])
SCHEMA = TableSchema.infer(TABLE)
REAL = SCHEMA.encode(TABLE)


def judged(made, folds, made_folds, kind="logistic"):
    features = RowFeatures(REAL, SCHEMA)
    return cross_fit(REAL, folds, made, made_folds, lambda: make_discriminator(kind, features, seed=0))


@pytest.mark.parametrize(
    ("n_rows", "share", "n_batches", "sizes"),
    [
        (11, 0.25, 1, [3, 3, 3, 2]),
        (7, 0.6, 1, [4, 3]),
        (3, 0.1, 1, [1, 1, 1]),
        (11, 0.1, 4, [6, 5]),
        (2, 0.5, 1, [1, 1]),
    ],
)
def test_rows_are_dealt_out_evenly_with_rows_for_each_batch(n_rows, share, n_batches, sizes):
    assert np.bincount(make_folds(n_rows, share, np.random.default_rng(0), n_batches)).tolist() == sizes


def test_processes_are_ranked_by_how_far_their_rows_are_off():
    rng = np.random.default_rng(1)
    folds = make_folds(100, 0.2, rng)
    made = [rng.normal(shift, 1, size=(100, 2)) for shift in (0.0, 1.0, 2.5)]

    found = judged(made, folds, [folds] * 3)

    scores = [found.accuracy([i]) for i in range(3)]
    assert scores[0] + 0.1 < scores[1] < scores[2] - 0.1
    assert found.accuracy([1, 2]) == pytest.approx((scores[1] + scores[2]) / 2)


def test_no_row_is_judged_by_what_learned_from_its_example():
    learned, predicted = [], []

    class Spy:
        def update(self, real, generated):
            learned.append(np.concatenate([real, generated]))
            return self

        def predict(self, values):
            predicted.append((len(learned) - 1, values))
            return np.ones(len(values), dtype=bool)

    folds = make_folds(100, 0.2, np.random.default_rng(0))
    cross_fit(REAL, folds, [REAL + 100], [folds], Spy)

    assert len(learned) == 5
    assert len(predicted) == 10
    for number, values in predicted:
        assert not np.isin(values % 100, learned[number] % 100).any()


def test_rows_of_one_fold_alone_cannot_be_judged_crosswise():
    folds = make_folds(100, 0.2, np.random.default_rng(0))

    assert judged([REAL[:3]], folds, [np.zeros(3, dtype=np.intp)]) is None
    assert judged([REAL[:0], REAL[:0]], folds, [folds[:0]] * 2) is None
