"""Rows that repeat each other, although those of the table do not."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from skgensynth.conditions import Conditions
from skgensynth.copies import grid_size, row_keys
from skgensynth.exceptions import PromptWarning
from skgensynth.schema import TableSchema

__all__ = ["Variety", "warn_of_repeats"]

# Ours: fewer rows say nothing, and where rows repeat each other by nature, nothing is wrong.
MIN_ROWS = 10
MIN_VARIETY = 0.8
MIN_POSSIBLE = 100


class Variety(NamedTuple):
    """How many rows a table has, and how many of them are different from each other."""

    n_rows: int
    n_different: int

    @classmethod
    def of(cls, values: np.ndarray) -> Variety:
        """Count encoded rows."""
        return cls(len(values), len(np.unique(row_keys(values))))


def warn_of_repeats(
    values: np.ndarray, schema: TableSchema, conditions: Conditions, training: Variety | None, advice: str
) -> None:
    """Say so if fewer than half of the generated rows are different from each other (ours).

    It is not said of fewer than ten rows, nor where the table may be such: if fewer than four fifths of as many
    training rows are different, or the values that columns may have under the conditions make fewer than a hundred
    possible rows for each generated one.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_modelled)
        Generated rows on the grids of their columns.
    schema : TableSchema
        The table.
    conditions : Conditions
        What the rows had to satisfy.
    training : Variety or None
        Of the training rows; None where there were none.
    advice : str
        What helps.

    Warns
    -----
    PromptWarning
        If too few rows are different from each other.
    """
    # A table has fewer different rows for its size the larger it is: as many rows are compared as there were.
    found = Variety.of(values if training is None else values[: training.n_rows])
    if found.n_rows < MIN_ROWS or 2 * found.n_different >= found.n_rows:
        return
    if training is not None and training.n_different < MIN_VARIETY * training.n_rows:
        return
    if _n_possible(schema, conditions) < MIN_POSSIBLE * found.n_rows:
        return
    known = "" if training is None else f", but {training.n_different} of the {training.n_rows} training rows are"
    warnings.warn(
        f"only {found.n_different} of {found.n_rows} generated rows are different from each other{known}: {advice}",
        PromptWarning,
        stacklevel=5,
    )


def _n_possible(schema: TableSchema, conditions: Conditions) -> float:
    """Rows that the columns' values make in all combinations."""
    n = 1.0
    for place, column in enumerate(schema.modelled):
        allowed = conditions.allowed.get(place)
        if column.kind == "continuous":
            n *= grid_size(column, allowed)
            continue
        codes, may_miss = np.array(column.counts) > 0, column.has_missing
        if allowed is not None and allowed.codes is not None:
            codes, may_miss = allowed.codes, allowed.missing
        n *= max(int(np.count_nonzero(codes)) + may_miss, 1)
    return n
