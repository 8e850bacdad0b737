"""The real rows that a prompt shows."""

from __future__ import annotations

import numpy as np

from skgensynth.copies import row_keys
from skgensynth.schema import TableSchema

__all__ = ["choose_examples"]


def choose_examples(values: np.ndarray, schema: TableSchema, n: int, rng: np.random.Generator) -> np.ndarray:
    """Choose different rows at random, so many of each class where there are classes.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_modelled)
        Encoded training rows.
    schema : TableSchema
        Their schema.
    n : int
        How many, of each class; fewer where there are fewer different rows.
    rng : numpy.random.Generator
        Source of the choice.

    Returns
    -------
    ndarray of shape (n_examples, n_modelled)
        On the grids of the columns; the classes take turns.
    """
    order = rng.permutation(len(values))
    _, first = np.unique(row_keys(values[order]), return_index=True)
    rows = order[np.sort(first)]
    turn = np.arange(len(rows))
    if schema.target is not None and schema.target.kind == "categorical":
        classes = values[rows, -1]
        for label in np.unique(classes):
            turn[classes == label] = np.arange(np.count_nonzero(classes == label))
    chosen = np.argsort(turn, kind="stable")[: np.count_nonzero(turn < n)]
    return schema.snap(values[rows[chosen]])
