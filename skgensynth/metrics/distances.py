"""How far the rows of a synthetic table lie from real ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from skgensynth.metrics._neighbours import TOLERANCE, Gower
from skgensynth.metrics._sampling import auc, bootstrap, draw, effective_number, require_rows
from skgensynth.metrics._tables import encode_tables
from skgensynth.metrics.risks import Rate


@dataclass(frozen=True)
class Spread:
    """Two quantiles of figures of rows.

    Attributes
    ----------
    median, low : float
        The median and the 5 % quantile.
    """

    median: float
    low: float

    @classmethod
    def of(cls, values) -> Spread:
        """Spread of an array."""
        low, median = np.quantile(values, [0.05, 0.5])
        return cls(float(median), float(low))


@dataclass(frozen=True)
class ClosestRecordResult:
    """Whether synthetic rows lie closer to training rows than to held-out rows.

    Attributes
    ----------
    share : float
        Share of synthetic rows closer to a training row than to a held-out row, as if both tables had the same size:
        0.5 is ideal, 1 means that every row follows a training row; less than 0.5 is chance.
    interval : tuple of two floats
        95 % interval of ``share``.
    to_train, to_holdout : Spread
        Distances from synthetic rows to the closest training row and to the closest held-out row. The larger table has
        the closer rows, whatever the synthesizer did.
    holdout_to_train : Spread
        Distances from held-out rows to the closest training row: what ``to_train`` of safe rows looks like.
    n_queries : int
        Synthetic rows measured.
    """

    share: float
    interval: tuple[float, float]
    to_train: Spread
    to_holdout: Spread
    holdout_to_train: Spread
    n_queries: int


@dataclass(frozen=True)
class DistanceRatioResult:
    """Whether synthetic rows lie suspiciously close to one single training row.

    Attributes
    ----------
    share : float
        Probability that a synthetic row has a smaller ratio than a held-out row, ties counting half: 0.5 is ideal, 1
        means that every synthetic row singles out a training row; less than 0.5 is harmless.
    interval : tuple of two floats
        95 % bootstrap interval of ``share`` over the rows measured, given the training rows.
    synthetic, holdout : Spread
        Ratios of synthetic and of held-out rows, in [0, 1]; the larger, the safer.
    n_synthetic, n_holdout : int
        Rows measured.
    """

    share: float
    interval: tuple[float, float]
    synthetic: Spread
    holdout: Spread
    n_synthetic: int
    n_holdout: int


def closest_distances(queries, reference, *, scale=None):
    """Gower distance of each row to the closest row of another table.

    The mean over columns (Gower, A general coefficient of similarity, 1971) of: for numbers, dates and durations, the
    absolute difference divided by the range; for categories 0 if equal, else 1. Missing differs by 1 from anything but
    missing. A column that is constant in `scale` counts as a category. Memory stays bounded at any size.

    Parameters
    ----------
    queries : DataFrame of shape (n_queries, n_columns)
        Rows to find the closest row for.
    reference : DataFrame of shape (n_reference, n_columns)
        Rows to search.
    scale : DataFrame of shape (n_rows, n_columns) or None, default=None
        Real rows that give the ranges; None takes `queries`.

    Returns
    -------
    ndarray of shape (n_queries,)
        Distances; above 1 only where a value lies outside the range of `scale`.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import closest_distances
    >>> people = pd.DataFrame({"age": [20, 40, 60], "sex": ["F", "M", "F"]})
    >>> closest_distances(people, pd.DataFrame({"age": [30, 60], "sex": ["F", "M"]}), scale=people).round(3).tolist()
    [0.125, 0.25, 0.375]
    """
    tables = encode_tables({"queries": queries, "reference": reference} | ({} if scale is None else {"scale": scale}))
    return Gower(tables.values[-1 if scale is not None else 0], tables.is_number).closest(*tables.values[:2])


def distance_to_closest_record(train, holdout, synthetic, *, max_queries=2000, random_state=None):
    """Whether synthetic rows follow the training rows more closely than other rows of the same source.

    The distance to the closest record (DCR; Park et al., Data synthesis based on generative adversarial networks, 2018)
    is the Gower distance (`closest_distances`, with the ranges of `train`) from a synthetic row to the closest real
    row. A synthesizer that knows the source but no single row comes equally close to both tables, as far as their sizes
    let it (Platzer and Reutterer, Holdout-based empirical assessment of mixed-type synthetic data, 2021).

    Sizes are corrected for without leaving training rows out, as that would hide copies (ours): the closest real row of
    a safe synthetic row is a training row with probability ``c = n_train / (n_train + n_holdout)``; a share ``p``
    becomes ``0.5 + 0.5 * (p - c) / (1 - c)`` where it is above ``c``, and ``0.5 * p / c`` below. Where several real
    rows are equally close, the row counts with the share of training rows among them: one half if it is one of each.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.
    max_queries : int or None, default=2000
        At most so many rows of `synthetic`, and of `holdout`, are drawn to be measured; None takes all. The rows that
        they are compared with are always all used.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    ClosestRecordResult
        ``share`` in [0, 1], lower is better and 0.5 is ideal, with its Wilson interval. Synthetic rows with the same
        closest real row count together as one, for it is the real rows that chance has dealt out. The distances are in
        [0, 1] but for values outside the range of `train`.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skgensynth.metrics import distance_to_closest_record
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = (pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc")) for n in (200, 100))
    >>> distance_to_closest_record(train, holdout, synthetic=train).share
    1.0
    """
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    train_rows, holdout_rows, synthetic_rows = tables.values
    gower = Gower(train_rows, tables.is_number)
    queries = synthetic_rows[draw(len(synthetic_rows), max_queries, rng)]
    to_train, train_places = (found[:, 0] for found in gower.nearest(queries, train_rows))
    to_holdout, holdout_places = (found[:, 0] for found in gower.nearest(queries, holdout_rows))

    closer = (to_train < to_holdout).astype(float)
    tied = np.flatnonzero(np.abs(to_train - to_holdout) <= TOLERANCE)
    if len(tied):
        radius = np.maximum(to_train, to_holdout)[tied]
        counts = [gower.count_within(queries[tied], rows, radius) for rows in (train_rows, holdout_rows)]
        closer[tied] = counts[0] / (counts[0] + counts[1])
    owners = np.where(to_train <= to_holdout, train_places, len(train_rows) + holdout_places)
    rate = Rate.of(closer.mean(), effective_number(owners))

    chance = len(train_rows) / (len(train_rows) + len(holdout_rows))
    strangers = holdout_rows[draw(len(holdout_rows), max_queries, rng)]
    return ClosestRecordResult(
        share=_as_if_equal(rate.share, chance),
        interval=(_as_if_equal(rate.interval[0], chance), _as_if_equal(rate.interval[1], chance)),
        to_train=Spread.of(to_train),
        to_holdout=Spread.of(to_holdout),
        holdout_to_train=Spread.of(gower.closest(strangers, train_rows)),
        n_queries=len(queries),
    )


def _as_if_equal(share, chance):
    """Map a share whose chance level is known to one with chance level one half."""
    return float(0.5 * share / chance if share <= chance else 0.5 + 0.5 * (share - chance) / (1 - chance))


def nearest_neighbour_distance_ratio(
    train, holdout, synthetic, *, max_queries=2000, n_bootstrap=200, random_state=None
):
    """Whether synthetic rows point at one training row each, rather than at a crowd of them.

    The nearest-neighbour distance ratio (NNDR; for synthetic tables Zhao et al., CTAB-GAN, 2021) is a row's distance to
    the closest training row divided by that to the second closest, Gower distances with the ranges of `train`; 1 where
    both are 0. Near 0, the row has a single close neighbour, as a copy of an outlier has. Held-out rows show what is
    natural; we compare the two by the probability that a synthetic row's ratio is the smaller one.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on; at least two.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.
    max_queries : int or None, default=2000
        At most so many rows of `synthetic`, and of `holdout`, are drawn to be measured; None takes all. All rows of
        `train` are searched.
    n_bootstrap : int, default=200
        Number of bootstrap samples behind the interval.
    random_state : int, RandomState instance or None, default=None
        Draws the rows and the bootstrap samples.

    Returns
    -------
    DistanceRatioResult
        ``share`` in [0, 1], lower is better and 0.5 is ideal, with its interval; medians and 5 % quantiles of ratios.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    ValueError
        If `train` has one row only.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import nearest_neighbour_distance_ratio
    >>> train, holdout = pd.DataFrame({"age": [30, 40, 70]}), pd.DataFrame({"age": [35, 52, 58]})
    >>> nearest_neighbour_distance_ratio(train, holdout, synthetic=train, random_state=0).share
    1.0
    """
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    train_rows, holdout_rows, synthetic_rows = tables.values
    require_rows("train", train_rows, 2)
    gower = Gower(train_rows, tables.is_number)
    synthetic_ratios, holdout_ratios = (
        _ratios(*gower.nearest(rows[draw(len(rows), max_queries, rng)], train_rows, 2)[0].T)
        for rows in (synthetic_rows, holdout_rows)
    )
    low, high = bootstrap(auc, holdout_ratios, synthetic_ratios, n_bootstrap, rng)
    return DistanceRatioResult(
        share=auc(holdout_ratios, synthetic_ratios),
        interval=(float(low), float(high)),
        synthetic=Spread.of(synthetic_ratios),
        holdout=Spread.of(holdout_ratios),
        n_synthetic=len(synthetic_ratios),
        n_holdout=len(holdout_ratios),
    )


def _ratios(first, second):
    return np.where(second > TOLERANCE, first / np.maximum(second, TOLERANCE), 1.0)
