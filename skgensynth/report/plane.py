"""Rows of mixed types in the plane, for a picture of real and synthetic rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from skgensynth.metrics._tables import encode_tables

# Rows that are placed, and levels of a category that have an axis of their own.
_MAX_ROWS, _MAX_LEVELS = 5_000, 20


def project(real: pd.DataFrame, synthetic: pd.DataFrame) -> tuple[tuple[np.ndarray, np.ndarray], tuple[float, float]]:
    """Place real and synthetic rows along the first two principal components of the real rows.

    Numbers are standardised, and what is missing lies in their middle; categories have an axis for each frequent level.
    Returns the places, each of shape (n_rows, 2), and the shares of the variance that the two components have.
    """
    rng = np.random.default_rng(0)
    tables = encode_tables(
        {name: table.iloc[_some(len(table), rng)] for name, table in (("real", real), ("synthetic", synthetic))}
    )
    points = [np.column_stack(parts) for parts in zip(*_axes(tables), strict=True)]
    # A table of one number has one axis only.
    points = [np.column_stack([rows, np.zeros(len(rows))]) for rows in points]
    if not points[0].var(axis=0).any():
        # Real rows that are all alike have no direction in which they differ.
        return (np.zeros((len(points[0]), 2)), np.zeros((len(points[1]), 2))), (0.0, 0.0)
    pca = PCA(n_components=2, random_state=0)
    places = pca.fit_transform(points[0]), pca.transform(points[1])
    first, second = pca.explained_variance_ratio_
    return places, (float(first), float(second))


def _some(n_rows, rng):
    return np.sort(rng.choice(n_rows, min(n_rows, _MAX_ROWS), replace=False))


def _axes(tables):
    """Yield columns of both tables, on the scale of the real one."""
    for j, is_number in enumerate(tables.is_number):
        columns = [values[:, j] for values in tables.values]
        if is_number:
            present = columns[0][~np.isnan(columns[0])]
            middle, spread = (present.mean(), present.std()) if len(present) else (0.0, 0.0)
            yield [np.where(np.isnan(column), 0.0, (column - middle) / (spread or 1.0)) for column in columns]
        else:
            codes = [np.where(np.isnan(column), -1.0, column) for column in columns]
            levels, counts = np.unique(codes[0], return_counts=True)
            for level in levels[np.argsort(-counts, kind="stable")][:_MAX_LEVELS]:
                yield [(column == level).astype(float) for column in codes]
