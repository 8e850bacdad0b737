"""Rows that are held to the laws of a table while they are drawn, column by column."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skgensynth.conditions import Conditions
from skgensynth.disco.lawful import Decoder
from skgensynth.disco.states import Draw, States
from skgensynth.laws import Laws

__all__ = ["draw_rows", "drawn_target_probs"]

# Times that a row that is stuck tries anew: two from columns before, the others from the start.
MAX_TRIES = 20
N_STEPS_BACK = 2
# Rows that try at once: a row's later tries are made side by side, as far as that leaves room.
N_AT_ONCE = 1024


def draw_rows(
    states: States,
    decoder: Decoder,
    n: int,
    shares: Mapping[int, Tensor],
    conditions: Conditions,
    rng: np.random.Generator,
) -> tuple[Draw, NDArray[np.float64]]:
    """Draw rows that keep a decoder's laws (ours).

    Where a row breaks a law with the column that settles it, that column takes one of the tokens that break none, with
    probabilities in proportion to the policy's, before the columns after it follow. So rows come as if each token had
    been drawn from those alone that keep the laws, and no row is rejected. Where no token would do, the row goes back
    to columns before, a bounded number of times. What the columns under a condition settle among themselves stays.

    Parameters
    ----------
    states : States
        What draws the rows.
    decoder : Decoder
        What turns tokens into values; has the laws.
    n : int
        Number of rows.
    shares : dict of int to Tensor of shape (sizes[j],)
        What of each token the conditions allow; these columns come first.
    conditions : Conditions
        What rows must fulfil.
    rng : numpy.random.Generator
        Source of the order and of all draws.

    Returns
    -------
    Draw
        The rows as tokens.
    ndarray of shape (n_rows, n_columns)
        Encoded rows, on their columns' grids.
    """
    first = list(shares)
    if not len(decoder.laws) or len(first) == decoder.laws.columns.shape[1]:
        draw = states.draw(n, first, shares, rng)
        return draw, decoder.decode(draw.tokens.numpy(), conditions, rng)
    values = np.full((n, decoder.laws.columns.shape[1]), np.nan)
    guide = _Guide(decoder, values, len(first), np.zeros(n, dtype=np.int64), conditions, rng)
    draw = states.draw(n, first, shares, rng, guide)
    rows, stuck = np.arange(n), guide.stuck
    n_before = 0
    while n_before < MAX_TRIES:
        starts = _places(draw, decoder.laws, stuck, n_before)
        back = starts < len(draw.order)
        rows, starts = rows[back], starts[back]
        if not len(rows):
            break
        at_once = 1 if n_before <= N_STEPS_BACK else max(N_AT_ONCE // len(rows), 1)
        n_tries = min(at_once, MAX_TRIES - n_before)
        n_before += n_tries
        again = np.repeat(rows, n_tries)
        guide = _Guide(decoder, values[again], draw.n_first, np.repeat(starts, n_tries), conditions, rng)
        tokens = states.redraw(draw[again], torch.from_numpy(np.repeat(starts, n_tries)), guide).tokens
        # Of several tries the first that is not stuck, as if they had come one after the other.
        free = (guide.stuck == len(draw.order)).reshape(-1, n_tries)
        taken = np.arange(len(rows)) * n_tries + np.argmax(free, axis=1)
        draw.tokens[torch.from_numpy(rows)] = tokens[torch.from_numpy(taken)]
        values[rows], stuck = guide.values[taken], guide.stuck[taken]
    return draw, values


def drawn_target_probs(states: States, decoder: Decoder, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Probabilities of the target in rows that keep a decoder's laws.

    Parameters
    ----------
    states, decoder, n, rng
        As `draw_rows` takes them.

    Returns
    -------
    ndarray of shape (n_rows, n_target_tokens)
        As sharp as the states have it; 0 where a token would break a law, unless all of them would.
    """
    target = states.target
    assert target is not None
    draw, values = draw_rows(states, decoder, n, {}, Conditions(), rng)
    probs = states.target_probs(draw.tokens, states.orders(n, rng)).double().numpy()
    here = decoder.laws.columns[:, target]
    if here.any():
        allowed = 1 - decoder.breaking_at(target, values, np.tile(here, (n, 1)), rng)
        possible = allowed.any(axis=1)
        probs[possible] *= allowed[possible]
    return probs


class _Guide:
    """Decodes rows while they are drawn, and draws tokens anew that break laws.

    Parameters
    ----------
    decoder : Decoder
        What turns tokens into values; has the laws.
    values : ndarray of shape (n_rows, n_columns)
        Encoded rows, changed in place.
    n_first : int
        How many columns come first and are left to the conditions.
    starts : ndarray of shape (n_rows,)
        Position in the order from which each row is drawn; what comes before stays.
    conditions : Conditions
        What rows must fulfil.
    rng : numpy.random.Generator
        Source of values within tokens.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_columns)
        The rows.
    stuck : ndarray of shape (n_rows,)
        First position at which no token of a row keeps the laws; the number of columns if there is none.
    """

    def __init__(
        self,
        decoder: Decoder,
        values: NDArray[np.float64],
        n_first: int,
        starts: NDArray[np.int64],
        conditions: Conditions,
        rng: np.random.Generator,
    ) -> None:
        self.values = values
        self.stuck = np.full(len(values), values.shape[1])
        self._decoder = decoder
        self._n_first = n_first
        self._starts = starts
        self._conditions = conditions
        self._rng = rng
        self._order: list[int] = []
        # Columns of each law that are yet to come; whether its rows are to keep it by now.
        self._missing = decoder.laws.columns.copy()
        self._in_force = np.zeros(len(decoder.laws), dtype=bool)

    def __call__(self, j: int, probs: Tensor, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """Tokens of the next column, of shape (n_rows,); see `skgensynth.disco.network.Guide`."""
        position = len(self._order)
        self._order.append(j)
        settles = self._missing[:, j].copy()
        self._missing[:, j] = False
        if position < self._n_first:
            # There may be more rows in the pool that the conditions choose from.
            return tokens[:, j]
        if position == self._n_first:
            self._decode_first(tokens.numpy())
        rows = np.flatnonzero(self._starts <= position)
        self._decode(j, rows, tokens.numpy())
        here = settles & ~self._missing.any(axis=1)
        self._in_force |= here
        broken = self._unsettled(rows, tokens.numpy(), here)
        if not len(broken):
            return tokens[:, j]
        costs = self._decoder.breaking_at(j, self.values[broken], np.tile(here, (len(broken), 1)), self._rng)
        stuck = self._draw_lawful(j, broken, probs, 1.0 - costs, tokens, here, generator)
        self.stuck[stuck] = np.minimum(self.stuck[stuck], position)
        return tokens[:, j]

    def _draw_lawful(
        self,
        j: int,
        rows: NDArray[np.intp],
        probs: Tensor,
        allowed: NDArray[np.float64],
        tokens: Tensor,
        here: NDArray[np.bool_],
        generator: torch.Generator,
    ) -> NDArray[np.intp]:
        """Draw tokens of a column in place, from those allowed to each row; the rows that none of them suits.

        A token may keep the laws with some of the values within it alone, and those may not be met: then it is no
        longer allowed to the row.
        """
        hopeless = []
        while len(rows):
            possible = allowed.any(axis=1)
            hopeless.append(rows[~possible])
            rows, allowed = rows[possible], allowed[possible]
            if not len(rows):
                break
            places = torch.from_numpy(rows)
            lawful = probs[places].clamp_min(1e-12) * torch.from_numpy(allowed).float()
            drawn = torch.multinomial(lawful, 1, generator=generator)[:, 0]
            tokens[places, j] = drawn
            self._decode(j, rows, tokens.numpy())
            allowed[np.arange(len(rows)), drawn.numpy()] = 0.0
            unsettled = np.isin(rows, self._unsettled(rows, tokens.numpy(), here))
            rows, allowed = rows[unsettled], allowed[unsettled]
        return np.concatenate(hopeless)

    def _decode_first(self, tokens: NDArray[np.int64]) -> None:
        for place, j in enumerate(self._order[: self._n_first]):
            self._decode(j, np.flatnonzero(self._starts <= place), tokens)

    def _decode(self, j: int, rows: NDArray[np.intp], tokens: NDArray[np.int64]) -> None:
        self.values[rows, j] = self._decoder.decode_column(j, tokens[rows, j], self._conditions, self._rng)

    def _unsettled(
        self, rows: NDArray[np.intp], tokens: NDArray[np.int64], here: NDArray[np.bool_]
    ) -> NDArray[np.intp]:
        """Rows that break some laws whatever values were drawn within their tokens."""
        laws = self._decoder.laws
        broken = rows[laws.broken(self.values[rows], here).any(axis=1)]
        if not len(broken):
            return broken
        # What kept the laws before is to keep them still.
        settled = self._decoder.settle(self.values[broken], tokens[broken], self._conditions, self._rng, self._in_force)
        self.values[broken] = settled
        return broken[laws.broken(settled, here).any(axis=1)]


def _places(draw: Draw, laws: Laws, stuck: NDArray[np.int64], n_before: int) -> NDArray[np.int64]:
    """Positions that rows go back to from those where they are stuck; the number of columns for rows that stay.

    A row goes back to the last of the columns before that the laws settled there speak of; the next time to the one
    before that; then it begins anew.
    """
    members = laws.columns[:, draw.order]
    n_columns = members.shape[1]
    settled = n_columns - 1 - members[:, ::-1].argmax(axis=1)
    out = np.full(len(stuck), n_columns)
    for position in np.unique(stuck[stuck < n_columns]):
        spoken_of = np.flatnonzero(members[settled == position].any(axis=0))
        earlier = spoken_of[(spoken_of >= draw.n_first) & (spoken_of < position)][::-1]
        if len(earlier):
            near = n_before < min(N_STEPS_BACK, len(earlier))
            out[stuck == position] = earlier[n_before] if near else draw.n_first
    return out
