"""Rows sketched from what a prompt tells about the table, so that a model fills in what is left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from skgensynth.conditions import Allowed, Conditions
from skgensynth.constraints import ConstraintSet
from skgensynth.constraints.view import TableView
from skgensynth.schema import TableSchema
from skgensynth.synllm.statistics import AssociationFigure, TableStatistics, in_its_unit

__all__ = ["Profiles", "quantiles"]

# Half of what a number is left, as a share of the rows (ours).
HALF_WIDTH = 1 / 16
# A variance is at most so much of what the range and the mean leave room for: told figures are rounded.
LARGEST_VARIANCE = 0.9
# Times that profiles which break a rule are drawn again.
N_REDRAWS = 20


@dataclass(frozen=True)
class _Sketch:
    """Rows in the making: heights within each column's told distribution, means of numbers, which cells are missing."""

    heights: np.ndarray
    means: np.ndarray
    missing: np.ndarray

    def put(self, rows: np.ndarray, other: _Sketch) -> None:
        for mine, new in ((self.heights, other.heights), (self.means, other.means), (self.missing, other.missing)):
            mine[rows] = new


class Profiles:
    """Draws, for each row, what its cells may be, so that many rows agree with what the prompt tells (ours).

    A language model writes what it has seen often, whatever means and shares a prompt tells. A profile leaves a number
    an eighth of the distribution that is told, less near its ends, and a category one level. Together profiles follow
    what is told of means, standard deviations, shares of levels and of missing values, in each class where it is told
    by class; of the means of a number by the levels of the category that it depends on most; and of the correlations of
    numbers. None breaks a rule as far as it is decided. Nothing is taken from the training rows but what the prompt
    tells.

    Parameters
    ----------
    schema : TableSchema
        The table.
    statistics : TableStatistics
        What is told.
    conditions : Conditions
        What rows must satisfy anyway. Columns with a condition are left to the model.
    rules : ConstraintSet
        What profiles must not break, hard or soft.

    Attributes
    ----------
    places : tuple of int
        The columns that profiles decide about: categories, and numbers of which mean and standard deviation are told.
    """

    def __init__(
        self, schema: TableSchema, statistics: TableStatistics, conditions: Conditions, rules: ConstraintSet
    ) -> None:
        self._schema, self._statistics, self._rules = schema, statistics, rules
        self._known = _known_codes(schema, conditions)
        figures = list(enumerate(statistics.columns))
        free = [(place, told) for place, told in figures if place not in conditions.allowed]
        self._levels = {place: self._shares(place) for place, told in free if sum(told.shares) > 0}
        self._numbers = [place for place, told in free if told.mean is not None and told.std]
        self.places = tuple(sorted([*self._levels, *self._numbers]))
        self._missing = np.array([told.missing for _, told in figures])
        self._root = _root(statistics.associations, len(figures))

    def draw(self, n_rows: int, rng: np.random.Generator) -> Sequence[Mapping[int, Allowed]]:
        """Draw profiles.

        Parameters
        ----------
        n_rows : int
            How many.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        sequence of mapping of int to Allowed
            What each column in ``places`` may be, for each row.
        """
        sketch = self._sketch(n_rows, rng)
        wrong = np.flatnonzero(self._broken(sketch))
        for _ in range(N_REDRAWS):
            if not len(wrong):
                break
            sketch.put(wrong, self._sketch(len(wrong), rng))
            wrong = np.flatnonzero(self._broken(sketch))
        rows: list[dict[int, Allowed]] = [{} for _ in range(n_rows)]
        for place in self.places:
            for row, allowed in zip(rows, self._cells(sketch, place), strict=True):
                row[place] = allowed
        return rows

    def _shares(self, place: int) -> np.ndarray:
        """The told shares of a category's levels, in the class if they are told by class."""
        for figure in self._statistics.associations:
            if figure.second == place and figure.first in self._known:
                for code, shares in figure.shares:
                    if code == self._known[figure.first]:
                        return np.array(shares)
        return np.array(self._statistics.columns[place].shares)

    def _sketch(self, n_rows: int, rng: np.random.Generator) -> _Sketch:
        heights = stats.norm.cdf(rng.standard_normal((n_rows, len(self._root))) @ self._root.T)
        missing = rng.random(heights.shape) < self._missing
        codes = {place: np.full(n_rows, code) for place, code in self._known.items()}
        for place, shares in self._levels.items():
            codes[place] = np.where(missing[:, place], -1, _levels_at(heights[:, place], shares))
        means = np.full(heights.shape, np.nan)
        for place in self._numbers:
            means[:, place] = self._means(place, codes, n_rows)
        return _Sketch(heights, means, missing)

    def _means(self, place: int, codes: Mapping[int, np.ndarray], n_rows: int) -> np.ndarray:
        """The told mean of a number in each row, in its unit."""
        told = self._cause(place)
        out = np.full(n_rows, self._statistics.columns[place].mean, dtype=np.float64)
        if told is not None:
            for code, mean in told.means:
                out[codes[told.first] == code] = mean
        return out

    def _cause(self, place: int) -> AssociationFigure | None:
        """The category by which means of a number are told: one that conditions decide, else the most telling one."""
        told = [figure for figure in self._statistics.associations if figure.second == place and figure.means]
        for decided in (self._known, self._levels):
            for figure in told:
                if figure.first in decided:
                    return figure
        return None

    def _quantiles(self, place: int, heights: np.ndarray, means: np.ndarray) -> np.ndarray:
        """Values of a number at these heights of its told distribution, encoded and on its grid."""
        column, std = self._schema.modelled[place], self._statistics.columns[place].std
        assert std is not None
        told = self._cause(place)
        if told is not None:
            # The square of the correlation ratio is the share of the variance between the levels.
            std *= np.sqrt(max(1 - told.strength**2, 1e-6))
        origin = in_its_unit(column, 0.0)
        out = np.empty_like(heights)
        for mean in np.unique(means):
            rows = means == mean
            out[rows] = quantiles(heights[rows], mean - origin, std, column.minimum, column.maximum)
        return column.snap(out)

    def _broken(self, sketch: _Sketch) -> np.ndarray:
        """Which rows break a rule with the values in the middle of their cells; what is left open breaks none."""
        values = np.full(sketch.heights.shape, np.nan)
        for place, code in self._known.items():
            values[:, place] = code
        for place in self.places:
            heights = sketch.heights[:, place]
            if place in self._levels:
                values[:, place] = _levels_at(heights, self._levels[place])
            else:
                values[:, place] = self._quantiles(place, heights, sketch.means[:, place])
        values[sketch.missing] = np.nan
        return np.asarray(self._rules.violations_of(TableView.of_encoded(values, self._schema)).any(axis=1))

    def _cells(self, sketch: _Sketch, place: int) -> list[Allowed]:
        """What a column may be in each row."""
        column, heights = self._schema.modelled[place], sketch.heights[:, place]
        if place in self._levels:
            which = np.arange(len(column.levels))
            codes = _levels_at(heights, self._levels[place])
            cells = [Allowed(which == code, (), False) for code in codes]
            gone = Allowed(np.zeros(len(which), dtype=bool), (), True)
        else:
            # Near an end a band would else reach from the last but common values to the rarest one.
            half = np.minimum(HALF_WIDTH, np.minimum(heights, 1 - heights) / 2)
            bounds = (heights - half, heights + half)
            ends = [self._quantiles(place, bound, sketch.means[:, place]).tolist() for bound in bounds]
            cells = [Allowed(None, (band,), False) for band in zip(*ends, strict=True)]
            gone = Allowed(None, (), True)
        return [gone if absent else cell for absent, cell in zip(sketch.missing[:, place], cells, strict=True)]


def quantiles(shares: np.ndarray, mean: float, std: float, minimum: float, maximum: float) -> np.ndarray:
    """Quantiles of a distribution between two bounds of which mean and standard deviation are known (ours).

    It is the beta distribution with these moments. Where that would pile up at one bound, as it does for costs and
    most things in the blood, it is the log-normal distribution of the distance to that bound, cut at the other.

    Parameters
    ----------
    shares : ndarray of shape (n,)
        Shares of the distribution, from 0 to 1.
    mean, std : float
        Its mean, between the bounds, and its standard deviation.
    minimum, maximum : float
        Its bounds.

    Returns
    -------
    ndarray of shape (n,)
    """
    width = maximum - minimum
    centre = min(max((mean - minimum) / width, 1e-6), 1 - 1e-6)
    room = centre * (1 - centre)
    variance = min((std / width) ** 2, LARGEST_VARIANCE * room)
    weight = room / variance - 1
    a, b = centre * weight, (1 - centre) * weight
    if a < 1 <= b:
        scaled = _log_normal(shares, centre, variance)
    elif b < 1 <= a:
        scaled = 1 - _log_normal(1 - shares, 1 - centre, variance)
    else:
        scaled = stats.beta.ppf(shares, a, b)
    return np.clip(minimum + width * scaled, minimum, maximum)


def _log_normal(shares: np.ndarray, mean: float, variance: float) -> np.ndarray:
    """Quantiles of a log-normal distribution with these moments, cut at 1."""
    spread = np.log1p(variance / mean**2)
    whole = stats.lognorm(np.sqrt(spread), scale=mean * np.exp(-spread / 2))
    return np.asarray(whole.ppf(shares * whole.cdf(1.0)))


def _levels_at(heights: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Codes of the levels at heights of the stacked shares."""
    present = np.flatnonzero(shares)
    ends = np.cumsum(shares[present]) / shares.sum()
    return present[np.minimum(np.searchsorted(ends, heights, side="right"), len(present) - 1)]


def _known_codes(schema: TableSchema, conditions: Conditions) -> dict[int, int]:
    """Categories that conditions leave one level."""
    found = {}
    for place, allowed in conditions.allowed.items():
        if allowed.codes is not None and allowed.codes.sum() == 1 and not allowed.missing:
            found[place] = int(allowed.codes.argmax())
    return found


def _root(associations: Sequence[AssociationFigure], n_columns: int) -> np.ndarray:
    """A root of the told correlations of numbers, or of nearly these if they do not go together."""
    correlations = np.eye(n_columns)
    for figure in associations:
        if figure.measure == "correlation":
            correlations[figure.first, figure.second] = correlations[figure.second, figure.first] = figure.strength
    strengths, directions = np.linalg.eigh(correlations)
    root = directions * np.sqrt(np.clip(strengths, 0.0, None))
    return np.asarray(root / np.linalg.norm(root, axis=1, keepdims=True))
