"""Rows under a condition on the target: candidates from one state, weighed by what another says of their target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from skgensynth.conditions import Conditions
from skgensynth.disco.guided import draw_rows
from skgensynth.disco.lawful import Decoder
from skgensynth.disco.states import States

__all__ = ["draw_given_target"]

# Candidates for each row, at a time and in all; what their weights are worth for each row when there are enough.
N_CANDIDATES, MAX_CANDIDATES, WORTH = 2, 32, 1.5


def draw_given_target(
    states: States,
    decoder: Decoder,
    n: int,
    shares: Mapping[int, Tensor],
    conditions: Conditions,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw rows whose target is under a condition, as if they were chosen from rows that are drawn without one.

    The state that draws the features knows the target by halves, so features that it draws from a target fit it by
    halves. Drawing without the condition and keeping the rows that happen to fulfil it would cost a hundred rows for
    one of a class of 1 %. So the features of candidates are drawn from the target, each candidate weighs
    p(y | x) / q(y | x), with p the probability of the state that labels rows drawn without a condition, sharpened half
    as much, and q that of the state that draws the features, and rows are drawn from the candidates by weight without
    replacement (sampling importance resampling, Rubin, 1987; ours for tables). As q(x | y) q(y) = q(x) q(y | x), up to
    what a network of all orders has learned of that, weighted rows are those of q(x) p(y | x). Were p as sharp as for
    labels, a rare class would have rows only where it is likelier than any other.

    Candidates are added until their effective number (Kish, 1965) is half as much again as the number of rows, 32 for
    each row at most.

    Parameters
    ----------
    states, decoder, n, shares, conditions, rng
        As `draw_rows` takes them; the target is among the shares.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        Encoded rows, on their columns' grids.
    """
    rows, weights = [], np.zeros(0)
    for _ in range(MAX_CANDIDATES // N_CANDIDATES):
        draw, values = draw_rows(states, decoder, N_CANDIDATES * n, shares, conditions, rng)
        rows.append(values)
        weights = np.concatenate([weights, states.target_ratios(draw.tokens)])
        if weights.sum() ** 2 >= WORTH * n * (weights**2).sum():
            break
    # The largest of log-weights and Gumbel's noise are a draw without replacement (Efraimidis and Spirakis, 2006).
    keys = np.log(weights.clip(1e-300)) + rng.gumbel(size=len(weights))
    return np.concatenate(rows)[np.sort(np.argpartition(-keys, n - 1)[:n])]
