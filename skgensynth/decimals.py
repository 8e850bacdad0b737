"""How many decimals the numbers of a table are written with."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from skgensynth.schema import TableSchema

__all__ = ["number_decimals"]

# A number without a grid is written with this many digits below the leading digit of its interquartile range.
EXTRA_DIGITS = 3
MAX_DIGITS = 15


def number_decimals(values: NDArray[np.float64], schema: TableSchema) -> list[int | None]:
    """How many decimals each continuous column is written with.

    A column with a grid keeps its grid. One without is rounded to a thousandth or less of the interquartile range,
    of the whole range where that is 0, and to no more than 15 digits (ours).

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Encoded training rows.
    schema : TableSchema
        Their schema.

    Returns
    -------
    list of (int or None)
        Decimals after the point, negative for steps of tens, hundreds, ...; None for categorical columns.
    """
    decimals: list[int | None] = []
    for index, column in enumerate(schema.modelled):
        if column.kind == "categorical":
            decimals.append(None)
        elif column.resolution is not None:
            decimals.append(-round(math.log10(column.resolution)))
        else:
            decimals.append(_free_decimals(values[:, index]))
    return decimals


def _free_decimals(values: NDArray[np.float64]) -> int:
    seen = values[~np.isnan(values)]
    if not len(seen):
        return 0
    largest = float(np.abs(seen).max())
    quartiles = np.quantile(seen, [0.25, 0.75])
    spread = float(quartiles[1] - quartiles[0]) or float(seen.max() - seen.min()) or largest
    if spread == 0.0 or not math.isfinite(spread):
        return 0 if spread == 0.0 else EXTRA_DIGITS - math.floor(math.log10(largest))
    finest = MAX_DIGITS - 1 - math.floor(math.log10(max(largest, spread)))
    return min(EXTRA_DIGITS - math.floor(math.log10(spread)), finest, 300)
