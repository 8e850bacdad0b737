"""Whether a synthetic table tells how to describe one person of the training table so that nobody else fits."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from skgensynth.metrics._sampling import draw, effective_number
from skgensynth.metrics._tables import encode_tables
from skgensynth.metrics.risks import Rate, RiskResult

# Rows of the synthetic table that are tried for each description wanted; most describe more than one row (ours).
_TRIES = 10


def singling_out(train, holdout, synthetic, *, n_columns=3, max_attacks=1000, random_state=None):
    """How often a description that fits one synthetic row only fits exactly one training row, too.

    The attacker picks a synthetic row and some of its columns, and describes it: a category by "is", a number by "at
    least" if it is at or above the median and by "at most" if below, what is missing by "is missing"; "younger than 23,
    no diabetes, from Oslo". Descriptions that fit that one synthetic row are put to the training table (singling out
    with multivariate predicates, Giomi et al., A unified framework for quantifying privacy risk in synthetic data,
    2023). With ``n_columns=1`` the predicates are univariate: any value that one synthetic row has alone, or beyond the
    smallest or the largest number. The baseline describes at random: any level, or any number of the column's range in
    either direction.

    The larger a table, the harder to single out; so as not to compare tables of two sizes, the control asks how often
    the description fits a held-out row and none of ``n_train - 1`` training rows, times ``n_train / n_holdout`` (ours):
    for an independent synthetic table both have the same expectation. Such a control leaves out what the leak
    reveals, so that the risk is the difference, ``main - control``.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on.
    holdout : DataFrame of shape (n_holdout, n_columns)
        Rows of the same source that it never saw.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated.
    n_columns : int, default=3
        Columns in a description; all, where the tables have fewer.
    max_attacks : int, default=1000
        At most so many descriptions, and no more than there are training rows; ten times as many are tried at most.
    random_state : int, RandomState instance or None, default=None
        Draws the descriptions.

    Returns
    -------
    RiskResult
        Rates in [0, 1] and a risk of at most 1; lower is better, 0 is ideal. Where no description fits one synthetic
        row only, there is no attack, and the rates are NaN.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skgensynth.metrics import singling_out
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = (pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd")) for _ in range(2))
    >>> singling_out(train, holdout, synthetic=train, random_state=0).main.share
    1.0
    """
    if n_columns < 1:
        raise ValueError(f"n_columns must be at least 1, got {n_columns}.")
    rng = check_random_state(random_state)
    tables = encode_tables({"train": train, "holdout": holdout, "synthetic": synthetic})
    # One column after the other in memory: predicates look at few of them.
    train_rows, holdout_rows, synthetic_rows = (np.asfortranarray(values) for values in tables.values)
    attacker = _Attacker(synthetic_rows, tables.is_number, min(n_columns, len(tables.columns)), rng)
    n_attacks = min(max_attacks, len(train_rows))
    predicates = attacker.isolating(n_attacks)
    guesses = [attacker.at_random() for _ in range(n_attacks)]
    in_train, train_places = _matches(predicates, train_rows)
    in_holdout, holdout_places = _matches(predicates, holdout_rows)
    # With one match, the training row that is left out is that one with probability 1 / n_train.
    alone = in_holdout * ((in_train == 0) + (in_train == 1) / len(train_rows))
    return RiskResult.difference(
        main=_rate((in_train == 1).astype(float), train_places, 1.0),
        control=_rate(alone, holdout_places, len(train_rows) / len(holdout_rows)),
        baseline=Rate.mean(_matches(guesses, train_rows)[0] == 1),
    )


def _matches(predicates, rows):
    """How many rows each predicate fits, and the first of them."""
    fits = (_fits(predicate, rows) for predicate in predicates)
    return np.array([(np.count_nonzero(rows), rows.argmax()) for rows in fits], dtype=int).reshape(-1, 2).T


def _rate(hits, places, worth):
    """Rate of hits, of which each is worth some attacks; those on the same row say the same."""
    n = len(hits) / max(1.0, worth)
    if hits.any():
        share = min(1.0, worth * hits.mean())
        return Rate.of(share, min(n, effective_number(places, hits) / share))
    return Rate.of(0.0, n)


class _Attacker:
    """Makes predicates: tuples of conditions, each a column, a comparison and a value, that all must hold."""

    def __init__(self, rows, is_number, n_columns, rng):
        self._rows = rows
        self._is_number = is_number
        self._n_columns = n_columns
        self._rng = rng
        self._present = [column[~np.isnan(column)] for column in rows.T]
        self._medians = [np.median(values) if len(values) else np.nan for values in self._present]

    def isolating(self, n_wanted):
        """Different predicates that fit one synthetic row each."""
        if self._n_columns == 1:
            found = self._univariate()
            return [found[i] for i in draw(len(found), n_wanted, self._rng)]
        found = {}
        for _ in range(_TRIES * n_wanted):
            if len(found) == n_wanted:
                break
            row = self._rows[self._rng.randint(len(self._rows))]
            predicate = tuple(self._describe(j, row[j]) for j in self._columns())
            if predicate not in found and np.count_nonzero(_fits(predicate, self._rows)) == 1:
                found[predicate] = True
        return list(found)

    def at_random(self):
        """One predicate that takes no more than ranges and levels from the synthetic table."""
        return tuple(self._invent(j) for j in self._columns())

    def _univariate(self):
        """All predicates on one column that fit one synthetic row."""
        found = []
        for j, present in enumerate(self._present):
            values, counts = np.unique(present, return_counts=True)
            alone = counts == 1
            found.extend(((j, "is", value),) for value in values[alone])
            if self._is_number[j] and len(values):
                found.extend([((j, "at most", values[0]),)] * int(alone[0]))
                found.extend([((j, "at least", values[-1]),)] * int(alone[-1]))
            if len(self._rows) - len(present) == 1:
                found.append(((j, "missing", 0.0),))
        return found

    def _columns(self):
        return np.sort(self._rng.choice(self._rows.shape[1], self._n_columns, replace=False))

    def _describe(self, j, value):
        if np.isnan(value):
            return j, "missing", 0.0
        if not self._is_number[j]:
            return j, "is", value
        return j, "at least" if value >= self._medians[j] else "at most", value

    def _invent(self, j):
        if not len(self._present[j]):
            return j, "missing", 0.0
        if not self._is_number[j]:
            return j, "is", self._rng.choice(np.unique(self._present[j]))
        direction = "at least" if self._rng.randint(2) else "at most"
        return j, direction, self._rng.uniform(self._present[j].min(), self._present[j].max())


def _fits(predicate, rows):
    """Mark the rows that a predicate fits."""
    fits = np.ones(len(rows), dtype=bool)
    for j, comparison, value in predicate:
        column = rows[:, j]
        if comparison == "missing":
            fits &= np.isnan(column)
        elif comparison == "is":
            fits &= column == value
        elif comparison == "at least":
            fits &= column >= value
        else:
            fits &= column <= value
    return fits
