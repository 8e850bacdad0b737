"""Exact nearest neighbours under Gower's distance, in bounded memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

# Distances this close are equal: some are summed in single precision.
TOLERANCE = 1e-6
# One block of distances is 8 x 8192 float32, 256 KiB: it stays in a core's cache, which is what makes this fast.
_QUERY_BLOCK = 8
_REFERENCE_BLOCK = 8192
# In more dimensions a tree looks at so many rows that comparing with all of them in blocks is faster.
_TREE_DIMENSIONS = 6


class Gower:
    """Gower distances on encoded rows, with the ranges of one matrix; columns weigh the same unless told otherwise."""

    def __init__(self, scale_values, is_number, weights=None):
        present = ~np.isnan(scale_values)
        low = np.where(present, scale_values, np.inf).min(axis=0)
        spread = np.where(present, scale_values, -np.inf).max(axis=0) - low
        self._is_number = is_number & (spread > 0)
        self._spread = np.where(self._is_number, spread, 1.0)
        self._low = np.where(self._is_number, low, 0.0)
        self._weights = np.ones(len(is_number)) if weights is None else np.asarray(weights, dtype=float)

    def nearest(self, queries, reference, n_neighbours=1, *, skip=None):
        """Distances and places of the closest reference rows, closest first; both of shape (n_queries, n_neighbours).

        `skip` names one reference row for each query that it must not find. Where rows run out, distances are infinite.
        """
        queries, reference = self._prepare(queries, reference)
        query_groups, reference_groups, floor = self._groups(queries, reference)
        distances = np.full((len(queries), n_neighbours), np.inf)
        places = np.zeros((len(queries), n_neighbours), dtype=np.intp)
        use_tree = self._is_number.sum() <= _TREE_DIMENSIONS
        by_group = np.argsort(reference_groups, kind="stable")
        for group, members in _members(query_groups):
            start, stop = np.searchsorted(reference_groups, (group, group + 1), sorter=by_group)
            rows = by_group[start:stop]
            if len(rows):
                # Stable: rows is sorted, so that the row to skip can be looked up in it.
                skipped = None if skip is None else _position(rows, skip[members])
                search = self._search_tree if use_tree else self._search_blocks
                found, where = search(queries[members], reference[rows], n_neighbours, skipped)
                distances[members], places[members] = found, rows[where]
        # Rows of another group differ in a category, or in what is missing: they cannot be closer than the floor.
        pending = np.flatnonzero(~(distances[:, -1] < floor))
        if len(pending):
            skipped = None if skip is None else skip[pending]
            distances[pending], places[pending] = self._search_blocks(
                queries[pending], reference, n_neighbours, skipped
            )
        return distances / self._weights.sum(), places

    def closest(self, queries, reference):
        """Distance of each query to its closest reference row, shape (n_queries,)."""
        return self.nearest(queries, reference)[0][:, 0]

    def count_within(self, queries, reference, radius):
        """Count the reference rows no farther from each query than its radius, shape (n_queries,)."""
        radius = ((radius + TOLERANCE) * self._weights.sum()).astype(np.float32)
        counts = np.zeros(len(queries), dtype=np.intp)
        for part, _, sums in self._blocks(*self._prepare(queries, reference)):
            counts[part] += np.count_nonzero(sums <= radius[part, None], axis=1)
        return counts

    def _prepare(self, *tables):
        """Scale numbers by their range and weight, and turn the rest into small codes; NaN stays."""
        factor = np.where(self._is_number, self._weights, 1.0) / self._spread
        prepared = [(values - self._low) * factor for values in tables]
        for j in np.flatnonzero(~self._is_number):
            # Codes of all tables together: a constant column may hold numbers that float32 cannot tell apart.
            levels = np.unique(np.concatenate([values[:, j] for values in tables]))
            for values, scaled in zip(tables, prepared, strict=True):
                scaled[:, j] = np.where(np.isnan(values[:, j]), np.nan, np.searchsorted(levels, values[:, j]))
        return prepared

    def _groups(self, queries, reference):
        """Number the rows by categories and missing values; the least distance between rows of different groups."""
        rows = np.concatenate([queries, reference])
        pattern = np.where(np.isnan(rows), -1.0, np.where(self._is_number, 0.0, rows)).astype(np.int64) + 1
        varies = pattern.min(axis=0) != pattern.max(axis=0)
        groups = np.zeros(len(rows), dtype=np.int64)
        for column in pattern[:, varies].T:
            groups = pd.factorize(groups * (column.max() + 1) + column)[0]
        floor = self._weights[varies].min(initial=np.inf)
        return groups[: len(queries)], groups[len(queries) :], floor

    def _search_tree(self, queries, reference, n_neighbours, skip):
        """Search among rows that differ in present numbers alone."""
        # A column of zeros stands in where there are none.
        columns = [
            np.column_stack([np.zeros(len(rows)), np.nan_to_num(rows[:, self._is_number])])
            for rows in (queries, reference)
        ]
        n_wanted = n_neighbours + (skip is not None)
        # An unbalanced tree is built faster, and searched as fast.
        distances, places = cKDTree(columns[1], balanced_tree=False).query(columns[0], k=range(1, n_wanted + 1), p=1)
        if skip is not None:
            distances[places == skip[:, None]] = np.inf
        return _smallest(distances, np.minimum(places, len(reference) - 1), n_neighbours)

    def _search_blocks(self, queries, reference, n_neighbours, skip):
        """Search among all rows by comparing with each."""
        distances = np.full((len(queries), n_neighbours), np.inf)
        places = np.zeros((len(queries), n_neighbours), dtype=np.intp)
        for part, start, sums in self._blocks(queries, reference):
            each = np.arange(len(sums))
            if skip is not None:
                inside = (skip[part] >= start) & (skip[part] < start + sums.shape[1])
                sums[inside, skip[part][inside] - start] = np.inf
            for _ in range(n_neighbours):
                where = sums.argmin(axis=1)
                found = sums[each, where]
                if not (found < distances[part, -1]).any():
                    break
                distances[part], places[part] = _smallest(
                    np.column_stack([distances[part], found]),
                    np.column_stack([places[part], where + start]),
                    n_neighbours,
                )
                sums[each, where] = np.inf
        return distances, places

    def _blocks(self, queries, reference):
        """Yield sums over columns of the distances between a few queries and a block of reference rows."""
        queries, reference = (np.ascontiguousarray(rows.T, dtype=np.float32) for rows in (queries, reference))
        any_missing = np.isnan(queries).any(axis=1) | np.isnan(reference).any(axis=1)
        for start in range(0, reference.shape[1], _REFERENCE_BLOCK):
            block = reference[:, start : start + _REFERENCE_BLOCK]
            for first in range(0, queries.shape[1], _QUERY_BLOCK):
                part = slice(first, first + _QUERY_BLOCK)
                yield part, start, self._sums(queries[:, part], block, any_missing)

    def _sums(self, queries, reference, any_missing):
        total = np.zeros((queries.shape[1], reference.shape[1]), dtype=np.float32)
        difference = np.empty_like(total)
        for j, is_number in enumerate(self._is_number):
            weight = np.float32(self._weights[j])
            if is_number:
                np.subtract(queries[j][:, None], reference[j][None, :], out=difference)
                np.abs(difference, out=difference)
            else:
                np.not_equal(queries[j][:, None], reference[j][None, :], out=difference, casting="unsafe")
                if weight != 1:
                    difference *= weight
            if any_missing[j]:
                query_missing, reference_missing = np.isnan(queries[j]), np.isnan(reference[j])
                difference[query_missing] = weight
                difference[:, reference_missing] = weight
                difference[np.ix_(query_missing, reference_missing)] = 0.0
            total += difference
        return total


def _members(groups):
    """Each group's number and places."""
    order = np.argsort(groups, kind="stable")
    numbers, starts = np.unique(groups[order], return_index=True)
    return zip(numbers, np.split(order, starts[1:]), strict=True)


def _position(rows, wanted):
    """Places in sorted rows of those wanted, -1 where absent."""
    position = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
    return np.where(rows[position] == wanted, position, -1)


def _smallest(distances, places, n):
    order = np.argsort(distances, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(places, order, axis=1)
