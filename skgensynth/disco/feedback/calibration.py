"""How far a discriminator may be believed: its scores, shrunk by what they say of rows it was not trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

__all__ = ["held_out_auc", "trusted_slope"]

N_STEPS = 25
RIDGE = 1e-3
# Standard errors: with one, some level of most tables is believed by chance.
DOUBT = 2.0


def trusted_slope(real: NDArray[np.float64], generated: NDArray[np.float64]) -> float:
    """Factor that makes scores honest log-odds, less two standard errors, in [0, 1] (ours).

    A logistic regression of real against generated on the scores alone has the slope 1 for honest log-odds, less for
    a discriminator that has overfitted, and 0 for one that knows nothing. Its standard error counts each row once,
    however many scores it has (the sandwich of Huber, 1967, by rows).

    Parameters
    ----------
    real, generated : ndarray of shape (n_rows, n_scores)
        Scores of held-out rows, of both sorts; NaN where a row has none.

    Returns
    -------
    float
        The factor.
    """
    if not real.size or not generated.size:
        return 0.0
    x = np.concatenate([real, generated])
    is_real = np.repeat([1.0, 0.0], [len(real), len(generated)])[:, None]
    # Both sorts count the same, however many rows there are of each.
    weight = np.where(is_real, 0.5 / len(real), 0.5 / len(generated)) * ~np.isnan(x)
    x = np.nan_to_num(x)
    if not (weight * x**2).any():
        return 0.0
    beta = np.zeros(2)
    for _ in range(N_STEPS):
        p = expit(beta[0] + beta[1] * x)
        error, curvature = weight * (is_real - p), weight * p * (1 - p)
        gradient = np.array([error.sum(), (error * x).sum()])
        cross = (curvature * x).sum()
        hessian = np.array([[curvature.sum(), cross], [cross, (curvature * x**2).sum()]])
        hessian += RIDGE * np.trace(hessian) * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        beta += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-6:
            break
    by_row = np.stack([error.sum(axis=1), (error * x).sum(axis=1)])
    inverse = np.linalg.inv(hessian)
    spread = float(np.sqrt((inverse @ (by_row @ by_row.T) @ inverse)[1, 1]))
    return float(np.clip(beta[1] - DOUBT * spread, 0.0, 1.0))


def held_out_auc(real: NDArray[np.float64], generated: NDArray[np.float64]) -> float:
    """Probability that a real row's score is above a generated one's, of scores of shape (n_rows,); ties count half."""
    ranks = rankdata(np.concatenate([real, generated]))[: len(real)]
    return float((ranks.sum() / len(real) - (len(real) + 1) / 2) / len(generated))
