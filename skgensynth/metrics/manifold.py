"""Whether synthetic rows lie where real rows lie, and whether they lie everywhere that real rows do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import check_random_state

from skgensynth.metrics._intervals import Z95, wilson_interval
from skgensynth.metrics._tables import check_finite, encode_tables

# Distances held at once: a block of 16 MiB.
_BLOCK = 2**21


@dataclass(frozen=True)
class ManifoldResult:
    """How the regions where the rows of two tables lie overlap.

    Attributes
    ----------
    precision : float
        Share of the synthetic rows that lie near a real row.
    recall : float
        Share of the real rows that lie near a synthetic row.
    density : float
        In how many neighbourhoods of real rows a synthetic row lies on average, over the number expected.
    coverage : float
        Share of the real rows in whose neighbourhood a synthetic row lies.
    precision_interval, recall_interval, density_interval, coverage_interval : tuple of two floats
        95 % intervals over the rows that the shares are of, given the rows they are compared with.
    n_rows : int
        Rows of each table that were used.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    precision_interval: tuple[float, float]
    recall_interval: tuple[float, float]
    density_interval: tuple[float, float]
    coverage_interval: tuple[float, float]
    n_rows: int


def manifold_overlap(real, synthetic, *, n_neighbors=5, max_rows=5000, random_state=None):
    """Whether synthetic rows look like real rows (precision, density), and like all sorts of them (recall, coverage).

    A row's neighbourhood reaches to its ``n_neighbors``-th closest row of the same table. Precision is the share of
    synthetic rows in a real row's neighbourhood, recall the share of real rows in a synthetic row's neighbourhood
    (Kynkäänniemi et al., Improved precision and recall metric for assessing generative models, 2019). Density counts
    the neighbourhoods of real rows that a synthetic row lies in, over ``n_neighbors``; coverage is the share of real
    rows whose neighbourhood holds a synthetic row (Naeem et al., Reliable fidelity and diversity metrics for generative
    models, 2020). Distances are those of Gower, as in `closest_distances`, with the ranges of `real`.

    All four depend on the number of rows, so equal numbers are drawn of both tables, without replacement.

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Real rows. Numbers that stand for categories should be of dtype category.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.
    n_neighbors : int, default=5
        Rank of the neighbour that a neighbourhood reaches to.
    max_rows : int or None, default=5000
        At most so many rows are drawn of each table; None draws as many as the shorter one has. Time grows with the
        square, memory does not.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    ManifoldResult
        Shares in [0, 1], higher is better, but for density, which is 0 or more. For two samples of one continuous
        source density is 1 on average and coverage about ``1 - 0.5**n_neighbors``; precision and recall have no such
        value: compare with real rows that were held out (`with_floor`).

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    SchemaError
        If a column holds infinite values; names the column.
    ValueError
        If there are too few rows for so many neighbours.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skgensynth.metrics import manifold_overlap
    >>> rng = np.random.default_rng(0)
    >>> real = pd.DataFrame({"age": rng.normal(60, 10, 300), "sex": rng.choice(["F", "M"], 300)})
    >>> women = real[real["sex"] == "F"].sample(300, replace=True, random_state=0)
    >>> result = manifold_overlap(real, women, random_state=0)
    >>> result.precision, result.coverage < 0.6
    (1.0, True)
    """
    tables = encode_tables({"real": real, "synthetic": synthetic})
    check_finite(tables, ["real", "synthetic"])
    n_rows = min(*map(len, tables.values), *(() if max_rows is None else (max_rows,)))
    if not 1 <= n_neighbors < n_rows:
        raise ValueError(
            f"n_neighbors must be at least 1 and below the {n_rows} rows that are used of each table, "
            f"got {n_neighbors}."
        )
    rng = check_random_state(random_state)
    space = _GowerSpace(tables.values[0], tables.is_number)
    real_points, synthetic_points = (
        space.place(values[rng.choice(len(values), n_rows, replace=False)]) for values in tables.values
    )
    real_reach, synthetic_reach = (_reach(points, n_neighbors) for points in (real_points, synthetic_points))
    met, counts, near_synthetic = _overlap(real_points, synthetic_points, real_reach, synthetic_reach)
    density, half = counts.mean() / n_neighbors, Z95 * counts.std() / (n_neighbors * np.sqrt(n_rows))
    return ManifoldResult(
        precision=float(np.mean(counts > 0)),
        recall=float(near_synthetic.mean()),
        density=float(density),
        coverage=float(met.mean()),
        precision_interval=wilson_interval(np.sum(counts > 0), n_rows),
        recall_interval=wilson_interval(near_synthetic.sum(), n_rows),
        density_interval=(float(max(0.0, density - half)), float(density + half)),
        coverage_interval=wilson_interval(met.sum(), n_rows),
        n_rows=n_rows,
    )


class _Points(NamedTuple):
    """Rows ready for distances, one row of each matrix for each row."""

    numbers: np.ndarray  # in ranges of the real column; what is missing lies in the middle
    missing: np.ndarray  # 1.0 where a number is missing
    lacking: np.ndarray  # what a distance from the middle lacks to 1, where a number is present
    codes: np.ndarray


class _GowerSpace:
    """Places rows so that their Gower distances, summed over columns, come from few matrix operations.

    Unlike `_neighbours.Gower` in double precision: where a long tail sets the range, neighbours lie closer than 1e-6.
    """

    def __init__(self, scale_values, is_number):
        present = ~np.isnan(scale_values)
        low = np.where(present, scale_values, np.inf).min(axis=0)
        spread = np.where(present, scale_values, -np.inf).max(axis=0) - low
        # A constant column has no range: it counts as a category.
        self.numbers = is_number & (spread > 0)
        self.low, self.spread = low[self.numbers], spread[self.numbers]

    def place(self, values):
        scaled = (values[:, self.numbers] - self.low) / self.spread
        missing, codes = np.isnan(scaled), values[:, ~self.numbers]
        return _Points(
            np.where(missing, 0.5, scaled),
            missing.astype(float),
            np.where(missing, 0.0, 1 - np.abs(scaled - 0.5)),
            np.where(np.isnan(codes), np.inf, codes),
        )


def _distances(queries, reference):
    """Yield slices of the queries with their distances to all reference rows, in blocks of bounded size."""
    n_reference, n_codes = reference.codes.shape
    size = max(1, _BLOCK // n_reference)
    for start in range(0, len(queries.codes), size):
        part = slice(start, start + size)
        total = np.zeros((len(queries.codes[part]), n_reference))
        if n_codes:
            total += n_codes * cdist(queries.codes[part], reference.codes, "hamming")
        if reference.numbers.shape[1]:
            total += cdist(queries.numbers[part], reference.numbers, "cityblock")
        if queries.missing.any() or reference.missing.any():
            total += queries.missing[part] @ reference.lacking.T + queries.lacking[part] @ reference.missing.T
        yield part, total


def _reach(points, n_neighbors):
    """Distance of each row to its ``n_neighbors``-th closest other row."""
    reach = np.empty(len(points.codes))
    for part, distances in _distances(points, points):
        # The row itself is the closest one, so that the rank counts from 0.
        reach[part] = np.partition(distances, n_neighbors, axis=1)[:, n_neighbors]
    # A row at the very border is inside, however its distance was rounded.
    return reach + 1e-9


def _overlap(real, synthetic, real_reach, synthetic_reach):
    """Which real rows reach a synthetic one, how many reach each synthetic row, and which real rows are reached."""
    met, near_synthetic = np.zeros(len(real_reach), bool), np.zeros(len(real_reach), bool)
    counts = np.zeros(len(synthetic_reach))
    for part, distances in _distances(real, synthetic):
        within = distances <= real_reach[part, None]
        met[part] = within.any(axis=1)
        counts += within.sum(axis=0)
        near_synthetic[part] = (distances <= synthetic_reach).any(axis=1)
    return met, counts, near_synthetic
