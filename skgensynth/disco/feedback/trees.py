"""Discriminator of whole rows: boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.disco.feedback.heads import GENERATED, N_SORTS, REAL

__all__ = ["RowTrees"]

SETTINGS: dict[str, Any] = {
    "objective": "multi:softprob",
    "num_class": N_SORTS,
    "max_depth": 4,
    "eta": 0.15,
    "subsample": 0.7,
    # Of each split, not of each tree: on few columns, trees without some of them never see a row as a whole.
    "colsample_bynode": 0.7,
    "min_child_weight": 4,
    "nthread": 1,
}
N_TREES = 40


class RowTrees:
    """Boosted trees that tell whole rows apart.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Encoded rows.
    sorts : ndarray of shape (n_rows,), int
        Real, generated, or shuffled; all count the same, whatever their numbers.
    seed : int
        Seed of the trees.
    """

    def __init__(self, values: NDArray[np.float64], sorts: NDArray[np.int64], seed: int) -> None:
        import xgboost

        counts = np.bincount(sorts, minlength=N_SORTS).clip(1)
        data = xgboost.DMatrix(values, label=sorts, weight=(len(sorts) / (N_SORTS * counts))[sorts], nthread=1)
        self._trees = xgboost.train({**SETTINGS, "seed": seed % 2**31}, data, num_boost_round=N_TREES)

    def log_odds(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds of real against generated, of shape (n_rows,)."""
        import xgboost

        margins = self._trees.predict(xgboost.DMatrix(values, nthread=1), output_margin=True)
        return (margins[:, REAL] - margins[:, GENERATED]).astype(np.float64)
