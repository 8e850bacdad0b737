"""A figure of synthetic rows beside the same figure of real rows that were held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state


@dataclass(frozen=True)
class FloorResult:
    """A figure, and what it is for real rows.

    Attributes
    ----------
    synthetic : float
        The figure for training rows and synthetic rows; the mean over the draws where there are more synthetic rows
        than needed.
    floor : float
        The figure for training rows and held-out rows.
    floor_interval : tuple of two floats
        In which the floor lies in 95 % of random splits of the real rows into parts of the same sizes.
    n_rows : int
        Rows that were compared with the training rows, synthetic ones and held-out ones alike.
    """

    synthetic: float
    floor: float
    floor_interval: tuple[float, float]
    n_rows: int


def with_floor(metric, train, test, synthetic, *, n_splits=20, random_state=None):
    """Set a figure of synthetic rows beside the best that can be expected: the same figure of held-out real rows.

    Figures depend on the number of rows: two small samples of the same source differ more than two large ones. So equal
    numbers of synthetic and of held-out rows are compared with the training rows (ours); of the longer table rows are
    drawn without replacement. Rows are taken to be independent: where several belong to one person, the interval of the
    floor is too narrow.

    Parameters
    ----------
    metric : callable
        Takes two tables, real rows first, and returns a number, such as
        ``lambda real, other: jensen_shannon(real, other).mean``.
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    test : DataFrame of shape (n_test, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.
    n_splits : int, default=20
        Number of draws of synthetic rows, and of splits of the real rows; `metric` is called at most
        ``2 * n_splits + 1`` times.
    random_state : int, RandomState instance or None, default=None
        Draws rows and splits.

    Returns
    -------
    FloorResult
        ``synthetic``, ``floor``, ``floor_interval`` and ``n_rows``, in the unit of `metric`.

    Raises
    ------
    ValueError
        If a table is empty, or `n_splits` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skgensynth.metrics import with_floor, wasserstein
    >>> rows = pd.DataFrame({"age": np.random.default_rng(0).normal(60, 10, 900)})
    >>> train, test, synthetic = rows[:300], rows[300:600], rows[600:] + 10
    >>> result = with_floor(
    ...     lambda real, other: wasserstein(real, other).mean, train, test, synthetic, random_state=0
    ... )
    >>> result.synthetic > result.floor_interval[1]
    True
    """
    if n_splits < 1:
        raise ValueError(f"n_splits must be at least 1, got {n_splits}.")
    for name, table in (("train", train), ("test", test), ("synthetic", synthetic)):
        if not len(table):
            raise ValueError(f"{name} has no rows.")
    rng = check_random_state(random_state)
    n_rows = min(len(test), len(synthetic))
    n_draws = n_splits if len(synthetic) > n_rows else 1
    figures = [metric(train, _draw(synthetic, n_rows, rng)) for _ in range(n_draws)]
    floor = metric(train, _draw(test, n_rows, rng))
    real = pd.concat([train, test[train.columns]], ignore_index=True)
    floors = []
    for _ in range(n_splits):
        order = rng.permutation(len(real))
        floors.append(metric(real.iloc[order[: len(train)]], real.iloc[order[len(train) : len(train) + n_rows]]))
    low, high = np.quantile(floors, [0.025, 0.975])
    return FloorResult(float(np.mean(figures)), float(floor), (float(low), float(high)), n_rows)


def _draw(table, n_rows, rng):
    return table if len(table) == n_rows else table.iloc[rng.choice(len(table), n_rows, replace=False)]
