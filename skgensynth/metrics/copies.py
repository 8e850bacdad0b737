"""Synthetic rows that repeat training rows, exactly or nearly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from skgensynth.copies import row_keys
from skgensynth.metrics._neighbours import TOLERANCE, Gower
from skgensynth.metrics._sampling import draw, require_rows
from skgensynth.metrics._tables import encode_tables
from skgensynth.metrics.risks import Rate, RiskResult


@dataclass(frozen=True)
class CopiesResult:
    """How many rows repeat a training row, beside held-out rows that do so by nature.

    Attributes
    ----------
    exact : RiskResult
        Rows equal to a training row in every column: ``main`` among all synthetic rows, ``control`` among all held-out
        rows.
    near : RiskResult
        The same for rows within ``threshold`` of a training row, exact copies among them, measured on at most
        `max_queries` rows of each table.
    n_exact : int
        Synthetic rows that are exact copies.
    threshold : float
        Gower distance up to which a row is a near copy.
    """

    exact: RiskResult
    near: RiskResult
    n_exact: int
    threshold: float


def exact_copies(train, synthetic):
    """How many synthetic rows repeat a training row in every column; missing equals missing.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.

    Returns
    -------
    int
        Number of synthetic rows, between 0 and ``n_synthetic``. Tables with few distinct rows repeat rows by chance:
        compare with the figure for held-out rows.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import exact_copies
    >>> exact_copies(pd.DataFrame({"age": [30, 45, None]}), pd.DataFrame({"age": [45, 46, None, 45]}))
    3
    """
    tables = encode_tables({"train": train, "synthetic": synthetic})
    return int(_repeats(*tables.values).sum())


def near_copies(train, holdout, synthetic, *, quantile=0.01, max_queries=2000, random_state=None):
    """How many synthetic rows are a training row, or so close to one as real rows hardly ever are to each other.

    A near copy lies no farther from a training row (Gower distance, with the ranges of `train`) than the `quantile` of
    the distances from training rows to their closest other training row (ours). Natural twins set the limit, so that
    about that share of the held-out rows are near copies, too; where more training rows than that have a duplicate, the
    limit is 0, and near copies are exact ones. The risks are ``(main - control) / (1 - control)``, as in
    `attribute_inference`.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on; at least two.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.
    quantile : float, default=0.01
        Share of training rows that lie as close as a near copy to another training row, between 0 and 1.
    max_queries : int or None, default=2000
        At most so many rows of each table are drawn to find the closest training row for; None takes all. All training
        rows are searched. Exact copies are counted among all rows.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    CopiesResult
        Shares in [0, 1] with their Wilson intervals, and risks; lower is better, and the held-out rows' share is ideal.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    ValueError
        If `train` has one row only, or `quantile` is not between 0 and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import near_copies
    >>> train, holdout = pd.DataFrame({"age": [30, 45, 70]}), pd.DataFrame({"age": [37, 95]})
    >>> result = near_copies(train, holdout, synthetic=pd.DataFrame({"age": [45, 46, 90]}))
    >>> result.n_exact, round(result.near.main.share, 2), result.near.control.share
    (1, 0.67, 0.5)
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile must be between 0 and 1, got {quantile}.")
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    train_rows, holdout_rows, synthetic_rows = tables.values
    require_rows("train", train_rows, 2)
    gower = Gower(train_rows, tables.is_number)
    members = draw(len(train_rows), max_queries, rng)
    twins = gower.nearest(train_rows[members], train_rows, skip=members)[0]
    threshold = float(np.quantile(twins, quantile))
    near = [
        Rate.mean(gower.closest(rows[draw(len(rows), max_queries, rng)], train_rows) <= threshold + TOLERANCE)
        for rows in (synthetic_rows, holdout_rows)
    ]
    repeats = [_repeats(train_rows, rows) for rows in (synthetic_rows, holdout_rows)]
    return CopiesResult(
        exact=RiskResult.relative(*map(Rate.mean, repeats)),
        near=RiskResult.relative(*near),
        n_exact=int(repeats[0].sum()),
        threshold=threshold,
    )


def identifiability(train, holdout, synthetic, *, max_queries=2000, random_state=None):
    """How many training rows have a synthetic row closer to them than any other real row.

    A training row is identifiable if its closest synthetic row is closer than its closest other training row (Yoon et
    al., Anonymization through data synthesis using generative adversarial networks (ADS-GAN), 2020; they call for a
    share below a chosen epsilon). As there, each column weighs the inverse of its entropy in `train`, where every
    distinct value is a level. We deviate in the distance, Gower's with the ranges of `train` where they take the
    Euclidean one, which lets categories and missing values in; and we add the held-out rows, judged in the same way:
    closest synthetic row against closest training row, one drawn at random left out. The share grows with the number
    of synthetic rows, also for a safe table: with as many as there are training rows it is near one half. So judge by
    the risk, ``(main - control) / (1 - control)`` as in `attribute_inference`.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on; at least two.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.
    max_queries : int or None, default=2000
        At most so many rows of `train`, and of `holdout`, are drawn to be identified; None takes all. All rows of
        `train` and `synthetic` are searched.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    RiskResult
        ``main`` is the share of identifiable training rows, ``control`` that of held-out rows, both in [0, 1] with
        Wilson intervals; lower is better, and a ``risk`` of 0 is ideal.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    ValueError
        If `train` has one row only.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import identifiability
    >>> train, holdout = pd.DataFrame({"age": [30, 45, 70]}), pd.DataFrame({"age": [34, 48, 75]})
    >>> identifiability(train, holdout, synthetic=train, random_state=0).main.share
    1.0
    """
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    train_rows, holdout_rows, synthetic_rows = tables.values
    require_rows("train", train_rows, 2)
    entropies = np.array([_entropy(column) for column in train_rows.T])
    # A constant column has no entropy and tells rows apart no better than nothing does.
    kept = entropies > 0 if entropies.any() else np.ones(len(entropies), bool)
    weights = 1 / entropies[kept] if entropies.any() else None
    gower = Gower(train_rows[:, kept], tables.is_number[kept], weights)
    members, strangers = (draw(len(rows), max_queries, rng) for rows in (train_rows, holdout_rows))
    others = rng.choice(len(train_rows), len(strangers))
    rates = []
    for rows, left_out in ((train_rows[members], members), (holdout_rows[strangers], others)):
        to_synthetic = gower.closest(rows[:, kept], synthetic_rows[:, kept])
        to_others = gower.nearest(rows[:, kept], train_rows[:, kept], skip=left_out)[0][:, 0]
        rates.append(Rate.mean(to_synthetic < to_others - TOLERANCE))
    return RiskResult.relative(*rates)


def _entropy(column):
    shares = np.unique(column, return_counts=True)[1] / len(column)
    return -np.sum(shares * np.log(shares))


def _repeats(train_rows, rows):
    """Mark the rows that are also in the training table."""
    return np.isin(row_keys(rows), row_keys(train_rows))
