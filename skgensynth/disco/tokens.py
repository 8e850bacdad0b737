"""Tokens of one column: of categories, and of numbers in bins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.conditions import Allowed

__all__ = ["CategoryTokens", "NumberTokens"]

# Levels beyond the most frequent ones share a token each group of them: a head of the network stays small.
MAX_LEVEL_TOKENS = 256
# Numbers with so few distinct values have a token for each, so that nothing is lost.
MAX_DISTINCT = 24
# Points of a bin's quantile function; more would only repeat single observations.
N_KNOTS = 16
# Most powers of ten between a column's grid and its round values, and the share of values that have to be round.
MAX_ROUND_POWER = 6
MIN_ROUND_SHARE = 0.95
# Weight of a token that a condition needs though no observed mass lies in it: a gap between observations.
SLIVER = 1e-9


@dataclass(frozen=True)
class CategoryTokens:
    """Tokens of a categorical column: one for each observed level, rare levels of a huge column together in one.

    Attributes
    ----------
    levels : ndarray of shape (n_levels,), int
        Codes of the observed levels, grouped by token.
    tokens : ndarray of shape (n_levels,), int
        Token of each of them.
    weights : ndarray of shape (n_levels,)
        Share of each level in its token.
    """

    levels: NDArray[np.int64]
    tokens: NDArray[np.int64]
    weights: NDArray[np.float64]
    ordered = False

    @classmethod
    def fit(cls, codes: NDArray[np.float64]) -> CategoryTokens:
        """Make tokens from observed codes."""
        levels, counts = np.unique(codes.astype(np.int64), return_counts=True)
        tokens = np.arange(len(levels))
        if len(levels) > MAX_LEVEL_TOKENS:
            rank = np.empty(len(levels), dtype=np.int64)
            rank[np.argsort(-counts, kind="stable")] = np.arange(len(levels))
            tokens = np.minimum(rank, MAX_LEVEL_TOKENS - 1)
        mass = np.bincount(tokens, weights=counts) if len(levels) else np.empty(0)
        return cls(levels, tokens, counts / mass[tokens])

    @property
    def size(self) -> int:
        """Number of tokens."""
        return int(self.tokens.max()) + 1 if len(self.tokens) else 0

    def encode(self, codes: NDArray[np.float64]) -> NDArray[np.int64]:
        """Tokens of codes; -1 for a level that was not observed."""
        if not len(self.levels):
            return np.full(len(codes), -1)
        place = np.minimum(np.searchsorted(self.levels, codes), len(self.levels) - 1)
        return np.where(self.levels[place] == codes, self.tokens[place], -1)

    def shares(self, allowed: Allowed) -> NDArray[np.float64]:
        """Share of each token that a condition allows."""
        assert allowed.codes is not None
        kept = self.weights * allowed.codes[self.levels]
        return np.bincount(self.tokens, weights=kept, minlength=self.size).astype(np.float64)

    def decode(
        self, tokens: NDArray[np.int64], allowed: Allowed | None, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Codes for tokens; within a shared token, levels by their frequency."""
        weights = self.weights if allowed is None else self.weights * np.asarray(allowed.codes)[self.levels]
        out = np.empty(len(tokens))
        for token in np.unique(tokens):
            rows = tokens == token
            members = self.tokens == token
            levels, share = self.levels[members], weights[members]
            out[rows] = levels[0] if len(levels) == 1 else rng.choice(levels, rows.sum(), p=share / share.sum())
        return out

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"levels": self.levels.tolist(), "tokens": self.tokens.tolist(), "weights": self.weights.tolist()}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> CategoryTokens:
        """Undo `to_dict`."""
        return cls(
            np.array(state["levels"], dtype=np.int64),
            np.array(state["tokens"], dtype=np.int64),
            np.array(state["weights"], dtype=np.float64),
        )


@dataclass(frozen=True)
class NumberTokens:
    """Tokens of a continuous column: bins of equal frequency, and frequent single values.

    A bin keeps its quantile function at a few points; values are drawn from it by linear interpolation and rounded, so
    that the column's distribution is kept within the bin. A value as frequent as a whole bin has a token of its own.

    Attributes
    ----------
    knots : tuple of ndarray
        Quantile function of each token at evenly spaced probabilities, in ascending order of tokens.
    edges : ndarray
        Inner borders of the bins.
    bins : ndarray of int
        Tokens of the bins, between the borders.
    atoms : ndarray
        Frequent single values, ascending.
    atom_tokens : ndarray of int
        Their tokens.
    half_step : float
        Half the distance of neighbouring values of the column, 0 without a grid.
    round_step : float
        Distance of the round values that nearly all of the bins' values are, such as whole years of an age that is
        known more exactly in a few rows; 0 if there are none.
    round_share : float
        Share of the bins' values that are round.
    """

    knots: tuple[NDArray[np.float64], ...]
    edges: NDArray[np.float64]
    bins: NDArray[np.int64]
    atoms: NDArray[np.float64]
    atom_tokens: NDArray[np.int64]
    half_step: float
    round_step: float
    round_share: float
    ordered = True

    @classmethod
    def fit(cls, values: NDArray[np.float64], n_bins: int, resolution: float | None) -> NumberTokens:
        """Make tokens from observed values."""
        distinct, counts = np.unique(values, return_counts=True)
        frequent = counts >= max(2.0, len(values) / n_bins)
        if len(distinct) <= MAX_DISTINCT:
            frequent[:] = True
        atoms = distinct[frequent]
        rest = values[~np.isin(values, atoms)]
        edges, groups = np.empty(0), []
        if len(rest):
            n_rest = int(np.clip(round(n_bins * len(rest) / len(values)), 1, len(np.unique(rest))))
            edges = np.unique(np.quantile(rest, np.linspace(0, 1, n_rest + 1)[1:-1]))
            bin_of = np.searchsorted(edges, rest, side="right")
            # Borders that no value lies between would make empty bins.
            used = np.unique(bin_of)
            edges = edges[used[1:] - 1]
            groups = [rest[bin_of == b] for b in used]
        round_step, round_share = _round_values(rest, resolution)
        step = round_step or resolution or 0.0
        knots = [_knots(group, step) for group in groups]
        order = np.argsort([np.median(group) for group in groups] + list(atoms), kind="stable")
        token_of = np.empty(len(order), dtype=np.int64)
        token_of[order] = np.arange(len(order))
        parts = [*knots, *(np.array([atom]) for atom in atoms)]
        return cls(
            tuple(parts[i] for i in order),
            edges,
            token_of[: len(groups)],
            atoms,
            token_of[len(groups) :],
            0.0 if resolution is None else resolution / 2,
            round_step,
            round_share,
        )

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.knots)

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Tokens of values."""
        if len(self.bins):
            out = self.bins[np.searchsorted(self.edges, values, side="right")]
        else:
            # Every value seen was frequent: others go to the nearest.
            middle = (self.atoms[1:] + self.atoms[:-1]) / 2
            return self.atom_tokens[np.searchsorted(middle, values)]
        if len(self.atoms):
            place = np.minimum(np.searchsorted(self.atoms, values), len(self.atoms) - 1)
            out = np.where(self.atoms[place] == values, self.atom_tokens[place], out)
        return out

    def shares(self, allowed: Allowed) -> NDArray[np.float64]:
        """Share of each token's mass that a condition allows."""
        out = np.array([min(1.0, self._masses(k, allowed)[0].sum()) for k in self.knots])
        if allowed.intervals and not out.any():
            gaps = [_distance(k, allowed.intervals) for k in self.knots]
            out[int(np.argmin(gaps))] = SLIVER
        return out

    def decode(
        self, tokens: NDArray[np.int64], allowed: Allowed | None, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Values for tokens, drawn within each token's part that is allowed."""
        draws = rng.random(len(tokens))
        if allowed is None:
            out = self._quantiles(tokens, draws)
        else:
            out = np.empty(len(tokens))
            for token in np.unique(tokens):
                rows = tokens == token
                out[rows] = self._decode_allowed(int(token), draws[rows], allowed)
        return self._rounded(out, tokens, allowed, rng)

    def _quantiles(self, tokens: NDArray[np.int64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantile functions of tokens, each at a level of its own."""
        knots, firsts, n_steps = self._flat
        place = levels * n_steps[tokens]
        step = np.minimum(place.astype(np.intp), np.maximum(n_steps[tokens] - 1, 0))
        low = firsts[tokens] + step
        high = low + (n_steps[tokens] > 0)
        return knots[low] + (place - step) * (knots[high] - knots[low])

    @cached_property
    def _flat(self) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
        """All knots, where those of each token begin, and how many steps are between them."""
        sizes = np.array([len(knots) for knots in self.knots], dtype=np.intp)
        return np.concatenate([*self.knots, np.empty(0)]), np.cumsum(sizes) - sizes, sizes - 1

    def _rounded(
        self,
        values: NDArray[np.float64],
        tokens: NDArray[np.int64],
        allowed: Allowed | None,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Make as many values round as the column has, where that is allowed."""
        if not self.round_step:
            return values
        rounded = np.round(values / self.round_step) * self.round_step
        chosen = np.isin(tokens, self.bins) & (rng.random(len(values)) < self.round_share)
        if allowed is not None:
            chosen &= allowed.mask(rounded)
        return np.where(chosen, rounded, values)

    def _decode_allowed(self, token: int, draws: NDArray[np.float64], allowed: Allowed) -> NDArray[np.float64]:
        """Values of one token within the allowed intervals."""
        knots = self.knots[token]
        mass, uppers = self._masses(knots, allowed)
        if not mass.any():
            # A gap between observations: the interval nearest to the token, evenly.
            low, high = min(allowed.intervals, key=lambda interval: _distance(knots, (interval,)))
            return low + draws * (high - low)
        upper = np.cumsum(mass)
        draws = draws * upper[-1]
        which = np.minimum(np.searchsorted(upper, draws, side="right"), len(mass) - 1)
        low, high = np.array(allowed.intervals)[which].T
        levels = np.clip(uppers[which] - (upper[which] - draws), 0, 1)
        values = self._quantiles(np.full(len(levels), token), levels)
        return np.clip(values, low, high)

    def _masses(self, knots: NDArray[np.float64], allowed: Allowed) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mass of a token in each allowed interval, and the probability at which its quantile function leaves it."""
        ends = np.array(allowed.intervals).reshape(-1, 2)
        lows = np.array([_level(knots, low - self.half_step, "left") for low in ends[:, 0]])
        highs = np.array([_level(knots, high + self.half_step, "right") for high in ends[:, 1]])
        # A single number in between has no mass without a grid, and is as likely as one observation.
        single = (ends[:, 0] == ends[:, 1]) & (knots[0] <= ends[:, 0]) & (ends[:, 0] <= knots[-1]) & (lows == highs)
        return np.where(single, 1 / len(knots), highs - lows), highs

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "knots": [k.tolist() for k in self.knots],
            "edges": self.edges.tolist(),
            "bins": self.bins.tolist(),
            "atoms": self.atoms.tolist(),
            "atom_tokens": self.atom_tokens.tolist(),
            "half_step": self.half_step,
            "round_step": self.round_step,
            "round_share": self.round_share,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> NumberTokens:
        """Undo `to_dict`."""
        return cls(
            tuple(np.array(k, dtype=np.float64) for k in state["knots"]),
            np.array(state["edges"], dtype=np.float64),
            np.array(state["bins"], dtype=np.int64),
            np.array(state["atoms"], dtype=np.float64),
            np.array(state["atom_tokens"], dtype=np.int64),
            state["half_step"],
            state["round_step"],
            state["round_share"],
        )


def _knots(values: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Quantile function of a bin, each value spread over its cell of the grid, so that rounding gives it back."""
    distinct, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    nth = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
    spread = distinct[np.sort(place)] + step * ((nth + 0.5) / counts[np.sort(place)] - 0.5)
    return np.quantile(spread, np.linspace(0, 1, min(len(spread), N_KNOTS)))


def _round_values(values: NDArray[np.float64], resolution: float | None) -> tuple[float, float]:
    """Distance of the roundest values that most of a column's values are, and their share; zeros if there are none."""
    if resolution is None or not len(values):
        return 0.0, 0.0
    for power in range(MAX_ROUND_POWER, 0, -1):
        step = resolution * 10.0**power
        share = float(np.isclose(values / step, np.round(values / step), rtol=0, atol=1e-6).mean())
        if share >= MIN_ROUND_SHARE:
            return step, share
    return 0.0, 0.0


def _level(knots: NDArray[np.float64], value: float, side: str) -> float:
    """Probability of a token's values below (side "left") or up to (side "right") a value."""
    n = len(knots)
    place = int(np.searchsorted(knots, value, side=side))  # type: ignore[call-overload]
    if place == 0 or place == n:
        return float(place == n)
    low, high = knots[place - 1], knots[place]
    return (place - 1 + (value - low) / (high - low)) / (n - 1)


def _distance(knots: NDArray[np.float64], intervals: tuple[tuple[float, float], ...]) -> float:
    """Distance between a token's values and the nearest interval."""
    return min(max(knots[0] - high, low - knots[-1], 0.0) for low, high in intervals)
