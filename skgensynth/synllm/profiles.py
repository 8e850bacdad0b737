"""Rows sketched from what a prompt tells about the table, so that a model fills in what is left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from skgensynth.conditions import Allowed, Conditions
from skgensynth.constraints import ConstraintSet
from skgensynth.constraints.view import TableView
from skgensynth.schema import TableSchema
from skgensynth.synllm.statistics import TableStatistics, in_its_unit

__all__ = ["Profiles", "quantiles"]

# Half of what a number is left, as a share of the rows (ours).
HALF_WIDTH = 1 / 16
# A variance is at most so much of what the range and the mean leave room for: told figures are rounded.
LARGEST_VARIANCE = 0.9
# Causes leave a number at least so much of its variance, and groups its correlations at most so much.
LEAST_LEFT = 0.05
LARGEST_CORRELATION = 0.99
# Times that profiles which break a rule are drawn again, and rows that show how often they do.
N_REDRAWS = 20
N_PILOT = 500


@dataclass(frozen=True)
class _Sketch:
    """Rows in the making: heights within each column's told distribution, means of numbers, which cells are missing."""

    heights: np.ndarray
    means: np.ndarray
    missing: np.ndarray

    def put(self, rows: np.ndarray, other: _Sketch) -> None:
        for mine, new in ((self.heights, other.heights), (self.means, other.means), (self.missing, other.missing)):
            mine[rows] = new


@dataclass(frozen=True)
class _Cause:
    """What a category does to a number.

    Its mean is shifted by level, in standard deviations; levels have shares, and the shifts a share of its variance.
    """

    shifts: dict[int, float]
    shares: dict[int, float]
    variance: float

    def shared(self, other: _Cause) -> float:
        """The correlation that a number and another have from depending on the same category."""
        return sum(
            self.shares[code] * shift * other.shifts[code]
            for code, shift in self.shifts.items()
            if code in other.shifts
        )


class Profiles:
    """Draws, for each row, what its cells may be, so that many rows agree with the statistics of a table (ours).

    A language model writes what it has seen often, whatever means and shares a prompt tells. A profile leaves a number
    an eighth of the distribution that is told, less near its ends, and a category one level, or says that the value is
    missing. Together profiles follow the shares of levels and the means of numbers, those of the class where they are
    known by class, and of numbers also those by the levels of the category that they depend on most; the standard
    deviations, the shares of missing values, and the correlations of numbers. Rules on columns that a profile decides
    are broken, in the middle of bands, as often as by the training rows, or a little more often where they are hard to
    keep. Nothing else is known about the training rows.

    Parameters
    ----------
    schema : TableSchema
        The table.
    statistics : TableStatistics
        What is known about its rows.
    conditions : Conditions
        What rows must satisfy anyway. Columns with a condition are left to the model.
    rules : ConstraintSet
        Rules of the table.
    broken : sequence of float
        For each rule the share of the training rows that break it.
    decimals : sequence of (int or None)
        Decimals of each modelled column that have to do for the ends of bands; None for as many as there are.

    Attributes
    ----------
    places : tuple of int
        The columns that profiles decide about: categories, and numbers of which mean and standard deviation are known.
    """

    def __init__(
        self,
        schema: TableSchema,
        statistics: TableStatistics,
        conditions: Conditions,
        rules: ConstraintSet,
        broken: Sequence[float],
        decimals: Sequence[int | None],
    ) -> None:
        self._columns, self._schema, self._statistics, self._decimals = schema.modelled, schema, statistics, decimals
        self._known = _known_codes(schema, conditions)
        free = [(place, told) for place, told in enumerate(statistics.columns) if place not in conditions.allowed]
        self._levels = {place: self._shares(place) for place, told in free if sum(told.shares) > 0}
        self._numbers = [place for place, told in free if self._is_free(place)]
        self.places = tuple(sorted([*self._levels, *self._numbers]))
        self._causes = {place: self._find_causes(place) for place in self._numbers}
        self._missing = np.array([told.missing for told in statistics.columns])
        self._missing[list(self._known)] = 0.0
        self._root = _root(self._correlations())
        decided = {self._columns[place].name for place in (*self.places, *self._known)}
        judged = [i for i, rule in enumerate(rules) if decided.issuperset(rule.columns)]
        self._rules = ConstraintSet([rules[i] for i in judged])
        self._shares_broken = np.array([broken[i] for i in judged])

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
        wrong = np.flatnonzero(self._refused(sketch, rng))
        for _ in range(N_REDRAWS):
            if not len(wrong):
                break
            new = self._sketch(len(wrong), rng)
            sketch.put(wrong, new)
            wrong = wrong[self._refused(new, rng)]
        rows: list[dict[int, Allowed]] = [{} for _ in range(n_rows)]
        for place in self.places:
            for row, allowed in zip(rows, self._cells(sketch, place), strict=True):
                row[place] = allowed
        return rows

    # What is known ----------------------------------------------------------------------------------------------------

    def _is_free(self, place: int) -> bool:
        """Whether bands of a column can be drawn; not of whole numbers so large that doubles cannot tell them apart."""
        told, column = self._statistics.columns[place], self._columns[place]
        has_figures = told.mean is not None and bool(told.std) and in_its_unit(column, 0.0) == 0
        return has_figures and column.minimum < column.maximum

    def _shares(self, place: int) -> np.ndarray:
        """Shares of a category's levels, in the class if they are known by class."""
        for figure in self._statistics.associations:
            if figure.second == place and figure.first in self._known:
                for code, shares in figure.shares:
                    if code == self._known[figure.first]:
                        return np.array(shares)
        return np.array(self._statistics.columns[place].shares)

    def _find_causes(self, place: int) -> dict[int, _Cause]:
        """The class by which means of a number are known, and the category by which they differ most."""
        told = self._statistics.columns[place]
        assert told.mean is not None
        assert told.std is not None
        found: dict[int, _Cause] = {}
        for figure in self._statistics.associations:
            shifts = {code: (mean - told.mean) / told.std for code, mean in figure.means}
            if figure.second != place or not shifts:
                continue
            if self._known.get(figure.first) in shifts:
                shares = dict(enumerate(self._statistics.columns[figure.first].shares))
                found.setdefault(figure.first, _Cause(shifts, shares, figure.strength**2))
            elif figure.first in self._levels and not found.keys() & self._levels.keys():
                # The mean of the class stays what it is.
                shares = dict(enumerate(self._levels[figure.first] / self._levels[figure.first].sum()))
                middle = sum(shares[code] * shift for code, shift in shifts.items())
                shifts = {code: shift - middle for code, shift in shifts.items()}
                variance = sum(shares[code] * shift**2 for code, shift in shifts.items())
                found[figure.first] = _Cause(shifts, shares, variance)
        return found

    def _left(self, place: int) -> float:
        """Share of a number's variance that its causes leave."""
        return max(1 - sum(cause.variance for cause in self._causes[place].values()), LEAST_LEFT)

    def _correlations(self) -> np.ndarray:
        """Correlations of the numbers within the groups that their causes make."""
        out = np.eye(len(self._columns))
        for figure in self._statistics.associations:
            i, j = figure.first, figure.second
            if figure.measure == "correlation" and i in self._causes and j in self._causes:
                common = self._causes[i].keys() & self._causes[j].keys()
                between = sum(self._causes[i][place].shared(self._causes[j][place]) for place in common)
                within = (figure.strength - between) / np.sqrt(self._left(i) * self._left(j))
                out[i, j] = out[j, i] = np.clip(within, -LARGEST_CORRELATION, LARGEST_CORRELATION)
        return out

    # Drawing ----------------------------------------------------------------------------------------------------------

    def _sketch(self, n_rows: int, rng: np.random.Generator) -> _Sketch:
        heights = stats.norm.cdf(rng.standard_normal((n_rows, len(self._root))) @ self._root.T)
        missing = rng.random(heights.shape) < self._missing
        codes = {place: np.full(n_rows, code) for place, code in self._known.items()}
        for place, shares in self._levels.items():
            codes[place] = np.where(missing[:, place], -1, _levels_at(heights[:, place], shares))
        means = np.full(heights.shape, np.nan)
        for place in self._numbers:
            told = self._statistics.columns[place]
            assert told.mean is not None
            assert told.std is not None
            shift = np.zeros(n_rows)
            for category, cause in self._causes[place].items():
                for code, of_level in cause.shifts.items():
                    shift[codes[category] == code] += of_level
            means[:, place] = told.mean + told.std * shift
        return _Sketch(heights, means, missing)

    def _refused(self, sketch: _Sketch, rng: np.random.Generator) -> np.ndarray:
        """Which rows are to be drawn again."""
        if not len(self._rules):
            return np.zeros(len(sketch.heights), dtype=bool)
        broken = self._broken(sketch)
        return np.asarray((broken & (rng.random(broken.shape) >= self._accepted)).any(axis=1))

    @cached_property
    def _accepted(self) -> np.ndarray:
        """With which probability a row that breaks a rule is taken, so that as many do as of the training rows."""
        usual = self._broken(self._sketch(N_PILOT, np.random.default_rng(0))).mean(axis=0)
        wanted = np.minimum(self._shares_broken, usual)
        odds, usual_odds = wanted * (1 - usual), usual * (1 - wanted)
        return np.divide(odds, usual_odds, out=np.zeros_like(odds), where=usual_odds > 0)

    def _broken(self, sketch: _Sketch) -> np.ndarray:
        """Which rules rows break with the values in the middle of their cells."""
        values = np.empty(sketch.heights.shape)
        for place, column in enumerate(self._columns):
            if place in self._known:
                values[:, place] = self._known[place]
            elif place in self._levels:
                values[:, place] = _levels_at(sketch.heights[:, place], self._levels[place])
            elif place in self._causes:
                values[:, place] = self._quantiles(place, sketch.heights[:, place], sketch.means[:, place])
            else:  # some value, which no rule speaks of
                values[:, place] = np.nan if column.has_missing else 0 if column.levels else column.minimum
        values[sketch.missing] = np.nan
        return np.asarray(self._rules.violations_of(TableView.of_encoded(values, self._schema)))

    def _quantiles(self, place: int, heights: np.ndarray, means: np.ndarray) -> np.ndarray:
        """Values of a number at these heights of its distribution, encoded and on its grid."""
        column, std = self._columns[place], self._statistics.columns[place].std
        assert std is not None
        out = np.empty_like(heights)
        std_left = std * np.sqrt(self._left(place))
        for mean in np.unique(means):
            rows = means == mean
            out[rows] = quantiles(heights[rows], mean, std_left, column.minimum, column.maximum)
        return column.snap(out)

    def _cells(self, sketch: _Sketch, place: int) -> list[Allowed]:
        """What a column may be in each row."""
        column, heights = self._columns[place], sketch.heights[:, place]
        if place in self._levels:
            which = np.arange(len(column.levels))
            codes = _levels_at(heights, self._levels[place])
            cells = [Allowed(which == code, (), False) for code in codes]
            gone = Allowed(np.zeros(len(which), dtype=bool), (), True)
        else:
            # Near an end a band would else reach from the last but common values to the rarest one.
            half = np.minimum(HALF_WIDTH, np.minimum(heights, 1 - heights) / 2)
            bounds = (self._quantiles(place, heights + step, sketch.means[:, place]) for step in (-half, half))
            ends = [self._writable(place, bound).tolist() for bound in bounds]
            cells = [Allowed(None, (band,), False) for band in zip(*ends, strict=True)]
            gone = Allowed(None, (), True)
        return [gone if absent else cell for absent, cell in zip(sketch.missing[:, place], cells, strict=True)]

    def _writable(self, place: int, values: np.ndarray) -> np.ndarray:
        """Ends of bands that can be written with the decimals of their column."""
        column, n_decimals = self._columns[place], self._decimals[place]
        if column.resolution is not None or n_decimals is None:
            return values
        unit = 10.0**-n_decimals
        low, high = np.ceil(column.minimum / unit), np.floor(column.maximum / unit)
        if low > high:
            return values
        return np.round(np.clip(np.rint(values / unit), low, high) * unit, n_decimals)


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


def _root(correlations: np.ndarray) -> np.ndarray:
    """A root of correlations, or of nearly these if they do not go together."""
    strengths, directions = np.linalg.eigh(correlations)
    root = directions * np.sqrt(np.clip(strengths, 0.0, None))
    return np.asarray(root / np.linalg.norm(root, axis=1, keepdims=True))
