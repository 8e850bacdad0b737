"""Whether a synthetic table tells who was in the training table."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve
from sklearn.utils import check_random_state

from skgensynth.metrics._neighbours import TOLERANCE, Gower
from skgensynth.metrics._sampling import auc, bootstrap, draw, require_rows
from skgensynth.metrics._tables import encode_tables

ATTACKS = ("distance", "density_ratio")
# Known rows behind the reference density of the density-ratio attack.
_N_REFERENCE = 5
_MOST_FALSE_ALARMS = 0.01


@dataclass(frozen=True)
class MembershipResult:
    """What a membership attack reached.

    Attributes
    ----------
    auc : float
        Area under the ROC curve, training rows as positives: 0.5 is no leak, 1 means every training row is recognised.
    auc_interval : tuple of two floats
        95 % bootstrap interval of ``auc`` over the real rows, given the synthetic table.
    tpr_at_1pct_fpr : float
        Share of training rows recognised while at most 1 % of the held-out rows are taken for training rows: 0.01 is no
        leak. Below 100 held-out rows no false alarm is allowed, and chance reaches ``1 / (n_holdout + 1)``.
    n_train, n_holdout, n_synthetic : int
        Rows the figures rest on.
    attack : {"distance", "density_ratio"}
        The attack.
    tpr_interval : tuple of two floats
        95 % bootstrap interval of ``tpr_at_1pct_fpr``; wide below some hundred held-out rows.
    fpr, tpr : ndarray of shape (n_points,)
        The ROC curve: shares of held-out and of training rows taken for training rows, as the attacker gets bolder.
    """

    auc: float
    auc_interval: tuple[float, float]
    tpr_at_1pct_fpr: float
    n_train: int
    n_holdout: int
    n_synthetic: int
    attack: str
    tpr_interval: tuple[float, float]
    fpr: np.ndarray = field(repr=False, compare=False)
    tpr: np.ndarray = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the curve, in types that JSON knows.

        Returns
        -------
        dict
            Attribute to value; intervals as lists.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.compare}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def membership_inference(
    train, holdout, synthetic, *, attack="distance", max_queries=2000, n_bootstrap=200, random_state=None
):
    """How well an attacker tells training rows from unseen rows by looking at the synthetic table.

    The attacker scores each real row, and takes those with the highest scores for training rows. Two attacks:

    - "distance": the closer a synthetic row lies (`closest_distances`, with the ranges of `train`), the higher the
      score (Chen et al., GAN-Leaks, 2020).
    - "density_ratio": the score is the density of synthetic rows around the row, divided by that of real rows (van
      Breugel et al., Membership inference attacks against synthetic data through overfitting detection, 2023). It looks
      past rows that are merely common, and assumes an attacker who knows such rows: the held-out rows without the
      attacked one (for a training row, without one drawn at random, so that both meet equally many). The densities are
      our choice, for mixed types: the geometric mean of the distances to the five closest known rows, divided by the
      distance to the closest synthetic row, 1e-6 added to each distance. One neighbour finds memorised rows; five
      make the comparison steadier.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw; at least two for "density_ratio".
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated. All of them are used: leaving some out would hide memorised rows.
    attack : {"distance", "density_ratio"}, default="distance"
        How rows are scored.
    max_queries : int or None, default=2000
        At most so many rows of `train`, and of `holdout`, are drawn to be attacked; None takes all.
    n_bootstrap : int, default=200
        Number of bootstrap samples behind the intervals.
    random_state : int, RandomState instance or None, default=None
        Draws the attacked rows and the bootstrap samples.

    Returns
    -------
    MembershipResult
        ``auc`` in [0, 1], lower is better and 0.5 is ideal, ``tpr_at_1pct_fpr``, their intervals, the ROC curve and the
        numbers of rows.

    Raises
    ------
    SchemaMismatchError
        If the three tables do not share columns and kinds; names the column.
    ValueError
        If the attack is unknown, or has too few held-out rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.metrics import membership_inference
    >>> train, holdout = pd.DataFrame({"age": [30, 50, 70]}), pd.DataFrame({"age": [40, 60, 80]})
    >>> membership_inference(train, holdout, synthetic=train, random_state=0).auc
    1.0
    """
    if attack not in ATTACKS:
        raise ValueError(f"attack must be 'distance' or 'density_ratio', got {attack!r}.")
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    train_rows, holdout_rows, synthetic_rows = tables.values
    gower = Gower(train_rows, tables.is_number)
    members, strangers = (draw(len(rows), max_queries, rng) for rows in (train_rows, holdout_rows))
    if attack == "distance":
        train_scores = -gower.closest(train_rows[members], synthetic_rows)
        holdout_scores = -gower.closest(holdout_rows[strangers], synthetic_rows)
    else:
        require_rows("holdout", holdout_rows, 2)
        others = rng.choice(len(holdout_rows), len(members))
        train_scores = _density_ratios(gower, train_rows[members], synthetic_rows, holdout_rows, others)
        holdout_scores = _density_ratios(gower, holdout_rows[strangers], synthetic_rows, holdout_rows, strangers)

    intervals = bootstrap(_figures, train_scores, holdout_scores, n_bootstrap, rng)
    area, recognised = _figures(train_scores, holdout_scores)
    labels = np.repeat([1, 0], [len(train_scores), len(holdout_scores)])
    fpr, tpr, _ = roc_curve(labels, np.concatenate([train_scores, holdout_scores]))
    return MembershipResult(
        auc=area,
        auc_interval=(float(intervals[0, 0]), float(intervals[1, 0])),
        tpr_at_1pct_fpr=recognised,
        n_train=len(train_scores),
        n_holdout=len(holdout_scores),
        n_synthetic=len(synthetic_rows),
        attack=attack,
        tpr_interval=(float(intervals[0, 1]), float(intervals[1, 1])),
        fpr=fpr,
        tpr=tpr,
    )


def _density_ratios(gower, rows, synthetic_rows, reference_rows, skip):
    """Logarithm of synthetic over reference density around each row, but for factors that all rows share."""
    n = min(_N_REFERENCE, len(reference_rows) - 1)
    to_reference = gower.nearest(rows, reference_rows, n, skip=skip)[0]
    return np.log(to_reference + TOLERANCE).mean(axis=1) - np.log(gower.closest(rows, synthetic_rows) + TOLERANCE)


def _figures(train_scores, holdout_scores):
    """AUC, and the share of training rows that score above all but 1 % of the held-out rows."""
    n_false = int(_MOST_FALSE_ALARMS * len(holdout_scores) + 1e-9)
    limit = np.partition(holdout_scores, -n_false - 1)[-n_false - 1]
    return auc(train_scores, holdout_scores), float(np.mean(train_scores > limit))
