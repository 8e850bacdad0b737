"""What an attacker who knows part of a row learns about it from a synthetic table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.random import sample_without_replacement

from skgensynth.exceptions import SchemaError
from skgensynth.metrics._neighbours import Gower
from skgensynth.metrics._sampling import draw, require_columns
from skgensynth.metrics._tables import encode_tables
from skgensynth.metrics.risks import Rate, RiskResult


@dataclass(frozen=True)
class AttributeInferenceResult:
    """What the synthetic table gives away about each column to an attacker who knows all others.

    Attributes
    ----------
    per_column : dict
        Label of the secret column to its RiskResult.
    """

    per_column: dict

    @property
    def worst(self):
        """Label of the column with the largest risk."""
        return max(self.per_column, key=lambda column: self.per_column[column].risk)

    @property
    def risk(self) -> float:
        """Mean risk over the secret columns."""
        return float(np.mean([result.risk for result in self.per_column.values()]))


def attribute_inference(
    train, holdout, synthetic, secrets=None, *, tolerance=0.05, max_attacks=1000, random_state=None
):
    """How well an attacker who knows all of a person's values but one guesses that one from the synthetic table.

    The attacker looks up the synthetic row closest to what is known (Gower distance, with the ranges of `train`; one at
    random where several are equally close) and takes the secret from it. What this reaches on held-out rows is what the
    synthetic table says about the population, which is its purpose; only what it reaches beyond that on training rows
    is a leak: ``risk = (main - control) / (1 - control)`` (Giomi et al., A unified framework for quantifying privacy
    risk in synthetic data, 2023). The baseline takes the secret from any synthetic row.

    A guess is right if it is the true category, or if both are missing. A number is right if at most the share
    `tolerance` of the training values lies between guess and truth, half of the values equal to either counted (ours):
    unlike a tolerance in the column's unit, this means the same for skewed columns and for counts.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated. All of them are searched.
    secrets : sequence of column labels or None, default=None
        Columns to be guessed, one at a time; None takes all.
    tolerance : float, default=0.05
        Share of the training values that may lie between guess and truth, between 0 and 1.
    max_attacks : int, default=1000
        At most so many rows of `train`, and of `holdout`, are drawn to be attacked.
    random_state : int, RandomState instance or None, default=None
        Draws the attacked rows and breaks ties.

    Returns
    -------
    AttributeInferenceResult
        ``per_column``, with rates in [0, 1] and risks of at most 1; lower is better, 0 is ideal.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    SchemaError
        If a secret is no column, or nothing is left to be known.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skgensynth.metrics import attribute_inference
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = (pd.DataFrame({"age": rng.normal(size=200), "ill": rng.random(200) < 0.5}) for _ in range(2))
    >>> round(attribute_inference(train, holdout, train, ["ill"], random_state=0).per_column["ill"].risk, 1)
    1.0
    """
    if not 0 <= tolerance <= 1:
        raise ValueError(f"tolerance must be between 0 and 1, got {tolerance}.")
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    train_rows, holdout_rows, synthetic_rows = tables.values
    require_columns(tables.columns, 2, "one to be guessed and one to be known")
    secrets = tables.columns if secrets is None else list(secrets)
    for secret in secrets:
        if secret not in tables.columns:
            raise SchemaError(f"secrets names {secret!r}, which is not a column of train.")
    # In random order, the first of several rows that are equally close is any of them.
    synthetic_rows = rng.permutation(synthetic_rows)
    targets = [rows[draw(len(rows), max_attacks, rng)] for rows in (train_rows, holdout_rows)]
    per_column = {}
    for secret in secrets:
        j = tables.columns.index(secret)
        known = np.arange(len(tables.columns)) != j
        gower = Gower(train_rows[:, known], tables.is_number[known])
        guesses = [
            synthetic_rows[gower.nearest(rows[:, known], synthetic_rows[:, known])[1][:, 0], j] for rows in targets
        ]
        guesses.append(rng.choice(synthetic_rows[:, j], len(targets[0])))
        truths = [*(rows[:, j] for rows in targets), targets[0][:, j]]
        compare = _Comparison(train_rows[:, j], tables.is_number[j], tolerance)
        per_column[secret] = RiskResult.relative(
            *(Rate.mean(compare(*pair)) for pair in zip(guesses, truths, strict=True))
        )
    return AttributeInferenceResult(per_column)


class _Comparison:
    """Whether guesses of one column are right."""

    def __init__(self, values, is_number, tolerance):
        self.sorted = np.sort(values[~np.isnan(values)])
        self.by_rank = is_number and len(self.sorted) > 0
        self.tolerance = tolerance

    def __call__(self, guesses, truths):
        right = (guesses == truths) | (np.isnan(guesses) & np.isnan(truths))
        if self.by_rank:
            # NaN sorts last and so would rank like the largest number.
            present = ~(np.isnan(guesses) | np.isnan(truths))
            near = np.abs(self._ranks(guesses) - self._ranks(truths)) <= self.tolerance + 1e-12
            right |= near & present
        return right

    def _ranks(self, values):
        """Share of the training values below each value, those equal to it counting half."""
        ends = [np.searchsorted(self.sorted, values, side=side) for side in ("left", "right")]
        return (ends[0] + ends[1]) / (2 * len(self.sorted))


def linkability(train, holdout, synthetic, columns=None, *, n_neighbours=1, max_attacks=1000, random_state=None):
    """How well the synthetic table serves to join two halves of a person's values that lie in different hands.

    One party knows some columns of a row, another party others. Each looks up the synthetic rows closest to what it
    knows (Gower distance, with the ranges of `train`); the halves are linked if both find a row in common (Giomi et
    al., A unified framework for quantifying privacy risk in synthetic data, 2023). Linking held-out rows is the
    control, and finding rows at random the baseline; ``risk = (main - control) / (1 - control)``, as in
    `attribute_inference`.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated. All of them are searched.
    columns : pair of sequences of column labels or None, default=None
        What either party knows; None gives them every second column each. Choose what different parties do know.
    n_neighbours : int, default=1
        Rows that each party finds.
    max_attacks : int, default=1000
        At most so many rows of `train`, and of `holdout`, are drawn to be attacked.
    random_state : int, RandomState instance or None, default=None
        Draws the attacked rows and breaks ties.

    Returns
    -------
    RiskResult
        Rates in [0, 1] and a risk of at most 1; lower is better, 0 is ideal.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    SchemaError
        If a party knows nothing, a label is no column, or both know the same column.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skgensynth.metrics import linkability
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = (pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd")) for _ in range(2))
    >>> result = linkability(train, holdout, synthetic=train, columns=(["a", "b"], ["c", "d"]), random_state=0)
    >>> result.main.share, result.control.share < 0.1
    (1.0, True)
    """
    if n_neighbours < 1:
        raise ValueError(f"n_neighbours must be at least 1, got {n_neighbours}.")
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    train_rows, holdout_rows, synthetic_rows = tables.values
    parties = _parties(tables.columns, columns)
    # In random order, ties are broken at random, and by both parties alike.
    synthetic_rows = rng.permutation(synthetic_rows)
    n = min(n_neighbours, len(synthetic_rows))
    gowers = [Gower(train_rows[:, known], tables.is_number[known]) for known in parties]
    rates = []
    for rows in (train_rows, holdout_rows):
        targets = rows[draw(len(rows), max_attacks, rng)]
        found = [
            gower.nearest(targets[:, known], synthetic_rows[:, known], n)[1]
            for gower, known in zip(gowers, parties, strict=True)
        ]
        rates.append(Rate.mean(_meet(*found)))
    size = (int(rates[0].n), n)
    rates.append(Rate.mean(_meet(*(_random_places(len(synthetic_rows), size, rng) for _ in parties))))
    return RiskResult.relative(*rates)


def _parties(labels, columns):
    """Places of the columns that either party knows."""
    require_columns(labels, 2, "one for each party")
    if columns is None:
        columns = labels[::2], labels[1::2]
    first, second = (list(part) for part in columns)
    for label in first + second:
        if label not in labels:
            raise SchemaError(f"columns names {label!r}, which is not a column of train.")
        if label in first and label in second:
            raise SchemaError(f"columns gives {label!r} to both parties: each column may be known to one of them.")
    if not first or not second:
        raise SchemaError("columns leaves one party without any column: give at least one to each.")
    return [[labels.index(label) for label in part] for part in (first, second)]


def _meet(first, second):
    """Whether two rows of places have one in common."""
    return (first[:, :, None] == second[:, None, :]).any(axis=(1, 2))


def _random_places(n_rows, size, rng):
    return np.array([sample_without_replacement(n_rows, size[1], random_state=rng) for _ in range(size[0])])
