"""Whether a synthetic table tells how to describe one person of the training table so that nobody else fits."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from skgensynth.metrics._sampling import draw, effective_number
from skgensynth.metrics._tables import encode_tables
from skgensynth.metrics.risks import Rate, RiskResult

PREDICATES = ("univariate", "multivariate")
# Synthetic rows that are tried for each description wanted; some cannot be told from others (ours).
_TRIES = 5


def singling_out(train, holdout, synthetic, *, predicates="multivariate", max_attacks=1000, random_state=None):
    """How often a description that fits one synthetic row only fits exactly one training row, too.

    The attacker makes descriptions from the synthetic table and puts them to the training table (singling out, Giomi et
    al., A unified framework for quantifying privacy risk in synthetic data, 2023):

    - "univariate": a value that one synthetic row has alone, or "at most" the smallest number, or "at least" the
      largest one.
    - "multivariate": the values of a synthetic row, in a random order of columns, as many as it takes until no other
      synthetic row fits (Giomi et al. fix the number of columns): a category by "is", a number by "at least" if it is
      at or above the median and by "at most" if below, a missing value by "is missing".

    The baseline describes at random: any level, or any number of the column's range in either direction, in as many
    columns.

    The larger a table, the harder to single out. So as not to compare tables of two sizes, the control asks how often
    the description fits a held-out row and none of ``n_train - 1`` training rows, times ``n_train / n_holdout`` (ours):
    for an independent synthetic table both have the same expectation. Descriptions that fit a training row never
    succeed there, so that the risk is the difference, ``main - control``.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.
    predicates : {"univariate", "multivariate"}, default="multivariate"
        How rows are described.
    max_attacks : int, default=1000
        At most so many descriptions, and no more than there are training rows.
    random_state : int, RandomState instance or None, default=None
        Draws the descriptions.

    Returns
    -------
    RiskResult
        Rates in [0, 1] and a risk of at most 1; lower is better, 0 is ideal. Descriptions of the same real row count
        together as one in the intervals, which stay approximate: in simulations they held the truth nine times in ten.
        Where no description fits one synthetic row only, there is no attack, and
        rates and risk are NaN.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    ValueError
        If `predicates` is unknown.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skgensynth.metrics import singling_out
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = (pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd")) for _ in range(2))
    >>> singling_out(train, holdout, synthetic=train, random_state=0).main.share
    1.0
    """
    if predicates not in PREDICATES:
        raise ValueError(f"predicates must be 'univariate' or 'multivariate', got {predicates!r}.")
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    # One column after the other in memory: a condition looks at one.
    train_rows, holdout_rows, synthetic_rows = (np.asfortranarray(values) for values in tables.values)
    attacker = _Attacker(synthetic_rows, tables.is_number, rng)
    n_attacks = min(max_attacks, len(train_rows))
    attacks = attacker.univariate(n_attacks) if predicates == "univariate" else attacker.multivariate(n_attacks)
    guesses = [attacker.at_random(len(attack)) for attack in attacks]
    in_train, train_places = _matches(attacks, train_rows)
    in_holdout, holdout_places = _matches(attacks, holdout_rows)
    # With one match, the training row that is left out is that one with probability 1 / n_train.
    alone = in_holdout * ((in_train == 0) + (in_train == 1) / len(train_rows))
    return RiskResult.difference(
        main=_rate((in_train == 1).astype(float), train_places, 1.0),
        control=_rate(alone, holdout_places, len(train_rows) / len(holdout_rows)),
        baseline=Rate.mean(_matches(guesses, train_rows)[0] == 1),
    )


def _matches(attacks, rows):
    """How many rows each predicate fits, and the first of them."""
    found = (_fitting(attack, rows) for attack in attacks)
    return np.array([(len(places), places[0] if len(places) else 0) for places in found], dtype=int).reshape(-1, 2).T


def _rate(hits, places, worth):
    """Rate of hits, of which each is worth some attacks; those on the same row say the same."""
    n = len(hits) / max(1.0, worth)
    if hits.any():
        share = min(1.0, worth * hits.mean())
        return Rate.of(share, min(n, effective_number(places, hits) / share))
    return Rate.of(0.0, n)


class _Attacker:
    """Makes predicates: tuples of conditions, each a column, a comparison and a value, that all must hold."""

    def __init__(self, rows, is_number, rng):
        self._rows = rows
        self._is_number = is_number
        self._rng = rng
        present = [column[~np.isnan(column)] for column in rows.T]
        self._n_missing = [len(rows) - len(values) for values in present]
        self._medians = [np.median(values) if len(values) else np.nan for values in present]
        # Distinct values in order, and how often each occurs.
        self._levels = [np.unique(values, return_counts=True) for values in present]

    def univariate(self, n_wanted):
        """Draw from all predicates on one column that fit one synthetic row."""
        kinds = []
        for j, (values, counts) in enumerate(self._levels):
            alone = counts == 1
            kinds.append((j, "is", values[alone]))
            if self._is_number[j]:
                kinds.append((j, "at most", values[:1][alone[:1]]))
                kinds.append((j, "at least", values[-1:][alone[-1:]]))
            kinds.append((j, "missing", np.zeros(int(self._n_missing[j] == 1))))
        ends = np.cumsum([len(values) for _, _, values in kinds])
        found = []
        for place in draw(ends[-1], n_wanted, self._rng):
            kind = np.searchsorted(ends, place, side="right")
            j, comparison, values = kinds[kind]
            found.append(((j, comparison, values[place - ends[kind]]),))
        return found

    def multivariate(self, n_wanted):
        """Describe synthetic rows, each until it is the only one that fits."""
        found: list[tuple] = []
        for row in self._rows[draw(len(self._rows), _TRIES * n_wanted, self._rng)]:
            if len(found) == n_wanted:
                break
            conditions, fitting = [], np.arange(len(self._rows))
            for j in self._rng.permutation(len(row)):
                conditions.append(self._describe(j, row[j]))
                fitting = fitting[_holds(self._rows[fitting, j], *conditions[-1][1:])]
                if len(fitting) == 1:
                    found.append(tuple(conditions))
                    break
        return found

    def at_random(self, n_columns):
        """Make one predicate that takes no more than ranges and levels from the synthetic table."""
        return tuple(self._invent(j) for j in self._rng.choice(len(self._levels), n_columns, replace=False))

    def _describe(self, j, value):
        if np.isnan(value):
            return j, "missing", 0.0
        if not self._is_number[j]:
            return j, "is", value
        return j, "at least" if value >= self._medians[j] else "at most", value

    def _invent(self, j):
        values = self._levels[j][0]
        if not len(values):
            return j, "missing", 0.0
        if not self._is_number[j]:
            return j, "is", self._rng.choice(values)
        return j, "at least" if self._rng.randint(2) else "at most", self._rng.uniform(values[0], values[-1])


def _fitting(attack, rows):
    """Places of the rows that a predicate fits."""
    (j, comparison, value), *others = attack
    places = np.flatnonzero(_holds(rows[:, j], comparison, value))
    for j, comparison, value in others:
        places = places[_holds(rows[places, j], comparison, value)]
    return places


def _holds(column, comparison, value):
    if comparison == "missing":
        return np.isnan(column)
    if comparison == "is":
        return column == value
    return column >= value if comparison == "at least" else column <= value
