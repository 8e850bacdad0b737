"""From tokens to rows that keep the laws of a table: values within tokens, and tokens that rows may not take."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from skgensynth.conditions import Conditions
from skgensynth.disco.codecs import CompactCodec
from skgensynth.disco.states import Draw, States
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

__all__ = ["Decoder"]

# Values drawn within a token before it is taken for one that breaks a law.
N_TRIES = 3
UNSETTLED = -1
# Times that a row may go back; from the third time on it goes back to the start.
MAX_RETURNS = 20
N_STEPS_BACK = 2


class Decoder:
    """Turns rows of tokens into encoded rows that keep a table's laws as far as they can (ours).

    Parameters
    ----------
    codec : CompactCodec
        Vocabulary.
    schema : TableSchema
        The table.
    laws : Laws
        Its laws; may be none.
    """

    def __init__(self, codec: CompactCodec, schema: TableSchema, laws: Laws) -> None:
        self._codec = codec
        self._schema = schema
        self._laws = laws

    def decode(
        self, tokens: NDArray[np.int64], conditions: Conditions, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw values within tokens, anew where they break laws that others would keep.

        Parameters
        ----------
        tokens : ndarray of shape (n_rows, n_columns)
            Tokens that fulfil the conditions.
        conditions : Conditions
            What rows must fulfil.
        rng : numpy.random.Generator
            Source of values within tokens.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Encoded rows, on their columns' grids.
        """
        return self._settle(self._values(tokens, conditions, rng), tokens, conditions, rng)

    def revise(
        self,
        states: States,
        draw: Draw,
        conditions: Conditions,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Decode drawn rows, and draw those that break a law anew from the column on that broke it.

        That column takes one of the tokens that break no law there, with probabilities in proportion to the policy's;
        the columns after it follow as usual. So rows come as if each token had been drawn from those alone that keep
        the laws, and no row is rejected. Where no token would do, the row goes back to columns before, a bounded
        number of times. What the first columns of a draw settle among themselves stays.

        Parameters
        ----------
        states : States
            What drew the rows.
        draw : Draw
            The rows.
        conditions : Conditions
            What rows must fulfil.
        rng : numpy.random.Generator
            Source of values within tokens.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Encoded rows, on their columns' grids.
        """
        values = self.decode(draw.tokens.numpy(), conditions, rng)
        if not len(self._laws):
            return values
        plan, broken = _Plan(draw, self._laws), self._laws.broken(values)
        for _ in range((MAX_RETURNS + 1) * len(draw.order)):
            rows, starts = plan.next(broken)
            if not len(rows):
                break
            breaking = self.breaking(values[rows], plan.columns(starts), rng)
            dead = np.array([breaking[j][row].all() for row, j in enumerate(plan.order[starts])])
            starts[dead] = plan.back(rows[dead], starts[dead])
            some = starts < len(plan.order)
            if some.any():
                rows = rows[some]
                allowed = {j: torch.from_numpy(1.0 - costs[some]).float() for j, costs in breaking.items()}
                self._redraw(states, draw, values, rows, starts[some], allowed, conditions, rng)
                broken[rows] = self._laws.broken(values[rows])
        return values

    def _redraw(
        self,
        states: States,
        draw: Draw,
        values: NDArray[np.float64],
        rows: NDArray[np.intp],
        starts: NDArray[np.int64],
        allowed: dict[int, torch.Tensor],
        conditions: Conditions,
        rng: np.random.Generator,
    ) -> None:
        """Draw some rows anew from positions on, in place."""
        drawn = states.redraw(draw[rows], torch.from_numpy(starts), allowed).tokens
        draw.tokens[torch.from_numpy(rows)] = drawn
        tokens = drawn.numpy()
        kept = np.argsort(draw.order) < starts[:, None]
        fresh = np.where(kept, values[rows], self._values(tokens, conditions, rng))
        values[rows] = self._settle(fresh, tokens, conditions, rng)

    def breaking(
        self, values: NDArray[np.float64], settled: NDArray[np.int64], rng: np.random.Generator
    ) -> dict[int, NDArray[np.float64]]:
        """With which tokens rows would break a law at the column that settles it.

        All tokens of that column are tried, so what a law asks is known without waiting for a row that breaks it.
        A token counts only if several values drawn within it all break a law: others can be settled within the token.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded rows, on their columns' grids.
        settled : ndarray of shape (n_rows, n_laws)
            Column at which each law is settled in each row; -1 where that is of no interest.
        rng : numpy.random.Generator
            Source of values within tokens.

        Returns
        -------
        dict of int to ndarray of shape (n_rows, sizes[j])
            For the columns that settle laws: 1 where a row would break one with a token, else 0.
        """
        columns = (int(j) for j in np.unique(settled) if j != UNSETTLED)
        return {j: self._breaking_at(j, values, settled == j, rng) for j in columns}

    def _breaking_at(
        self, j: int, values: NDArray[np.float64], here: NDArray[np.bool_], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Of one column, which settles the laws in rows that a mask of shape (n_rows, n_laws) says."""
        size = self._codec.sizes[j]
        chosen = np.any(here, axis=0)
        laws = self._laws.subset(chosen)
        rows = np.repeat(np.flatnonzero(here.any(axis=1)), size)
        tokens = np.tile(np.arange(size), len(rows) // size)
        for _ in range(N_TRIES):
            tried = values[rows]
            tried[:, j] = self._schema.modelled[j].snap(self._codec.decode_column(j, tokens, None, rng))
            broken = (laws.broken(tried) & here[rows][:, chosen]).any(axis=1)
            rows, tokens = rows[broken], tokens[broken]
        costs = np.zeros((len(values), size))
        costs[rows, tokens] = 1.0
        return costs

    def _values(
        self, tokens: NDArray[np.int64], conditions: Conditions, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Values within tokens, on their grids."""
        return self._schema.snap(self._codec.decode(tokens, conditions, rng))

    def _settle(
        self,
        values: NDArray[np.float64],
        tokens: NDArray[np.int64],
        conditions: Conditions,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Values that keep the laws where their tokens let them."""

        def redraw(j: int, rows: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
            drawn = self._codec.decode_column(j, tokens[rows, j], conditions.allowed.get(j), rng)
            return self._schema.modelled[j].snap(drawn)

        return self._laws.settle(values, redraw, rng)


class _Plan:
    """From where rows that share an order are to be drawn anew.

    A row goes on from the first column that settles a broken law. Where no token keeps the laws there, it goes back to
    the column before that these laws speak of; the next time to the one before that; then it begins anew, a bounded
    number of times, and in the end stays as it is.
    """

    def __init__(self, draw: Draw, laws: Laws) -> None:
        self.order = np.array(draw.order)
        self._n_first = draw.n_first
        self._members = laws.columns[:, self.order]
        self._settled = self._members.shape[1] - 1 - self._members[:, ::-1].argmax(axis=1)
        self._done = np.full(len(draw.tokens), draw.n_first)
        self._n_back = np.zeros(len(draw.tokens), dtype=np.int64)

    def next(self, broken: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Rows with laws that are broken at columns not done with yet, and the first position of each."""
        places = np.where(broken & (self._settled >= self._done[:, None]), self._settled, len(self.order)).min(axis=1)
        rows = np.flatnonzero(places < len(self.order))
        self._done[rows] = places[rows] + 1
        return rows, places[rows]

    def columns(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Column that settles each law, where that is the one that a row starts with, of shape (n_rows, n_laws)."""
        return np.where(self._settled == starts[:, None], self.order[self._settled], UNSETTLED)

    def back(self, rows: NDArray[np.intp], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions to go back to; the number of columns for rows that stay."""
        out = np.full(len(rows), len(self.order))
        for place, (row, start) in enumerate(zip(rows, starts, strict=True)):
            spoken_of = np.flatnonzero(self._members[self._settled == start].any(axis=0))
            earlier = spoken_of[(spoken_of >= self._n_first) & (spoken_of < start)][::-1]
            n_back = self._n_back[row]
            if len(earlier) and n_back < MAX_RETURNS:
                out[place] = earlier[n_back] if n_back < min(N_STEPS_BACK, len(earlier)) else self._n_first
                self._done[row] = out[place]
                self._n_back[row] += 1
        return out
