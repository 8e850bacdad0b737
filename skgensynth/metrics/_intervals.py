"""Intervals of shares."""

from __future__ import annotations

import numpy as np

# Half the width of a 95 % interval, in standard errors of a normal distribution.
Z95 = 1.959963984540054


def wilson(successes, n):
    """95 % interval of shares (Wilson, Probable inference, 1927); arrays broadcast, 0 of 0 gives 0 to 1."""
    successes, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    trials = np.maximum(n, 1)
    share, square = np.where(n > 0, successes / trials, 0.5), Z95**2
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    half = Z95 * np.sqrt(share * (1 - share) / trials + square / (4 * trials**2)) / (1 + square / trials)
    # Rounding must not exclude what was seen.
    low, high = np.where(successes == 0, 0.0, centre - half), np.where(successes == n, 1.0, centre + half)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def wilson_interval(successes, n):
    """95 % Wilson interval of one share, as two floats."""
    low, high = wilson(successes, n)
    return float(low), float(high)
