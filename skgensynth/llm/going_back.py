"""Draw a reply that is not one of the refused ones, from what was drawn when it was (ours).

A refused text that a model is likely to write, such as the example that it was just shown, would have to be drawn again
many times. But its draws tell how likely each of its tokens was, and so where a reply that is not the text leaves it:
after token ``i`` with a probability in proportion to ``p_1 ... p_(i-1) (1 - p_i)``. Drawing this place, another token
there, and going on is the same as drawing whole replies until one is another text, with the rest of one reply as the
cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skgensynth.llm.choosing import Choices

__all__ = ["Draw", "leave"]


@dataclass
class Draw:
    """A token that was drawn, and what might have been drawn instead.

    Attributes
    ----------
    n_tokens, n_bytes : int
        How much was written before.
    kept : float
        Probability of the token.
    others : ndarray of shape (n,)
        The other tokens.
    weights : ndarray of shape (n,), float64
        Their probabilities, but for a factor.
    outside : tuple of (int, float) or None
        The likeliest token outside the nucleus, and its weight relative to the nucleus.
    """

    n_tokens: int
    n_bytes: int
    kept: float
    others: NDArray[np.intp]
    weights: NDArray[np.float64]
    outside: tuple[int, float] | None

    @classmethod
    def of(cls, choices: Choices, place: int, n_tokens: int, n_bytes: int) -> Draw:
        """The draw of the token at a place among choices."""
        weights, total = choices.weights, float(choices.reached[-1])
        outside = None if choices.outside is None else (choices.outside[0], choices.outside[1] / total)
        kept = float(weights[place]) / total
        return cls(n_tokens, n_bytes, kept, np.delete(choices.tokens, place), np.delete(weights, place), outside)


def leave(draws: list[Draw], rng: np.random.Generator) -> int | None:
    """Take another token somewhere along a text, and forget what was drawn after it.

    Where the nucleus leaves no other token anywhere, the likeliest ones outside it are taken.

    Parameters
    ----------
    draws : list of Draw
        Those of the text. The last one afterwards is that of the other token; the ones before it have the probabilities
        that they have in replies other than the text.
    rng : numpy.random.Generator
        Asked for two numbers.

    Returns
    -------
    int or None
        The other token; None, and nothing changes, where there is none.
    """
    kept = np.array([draw.kept for draw in draws])
    leaving = np.cumprod(np.concatenate([[1.0], kept[:-1]])) * (1.0 - kept) if len(draws) else kept
    if leaving.sum() > 0:
        place = _draw(leaving, rng)
        draw = draws[place]
        chosen = _draw(draw.weights, rng)
        token, weights = int(draw.others[chosen]), np.delete(draw.weights, chosen)
        draw.kept = float(draw.weights[chosen] / draw.weights.sum())
        draw.others, draw.weights = np.delete(draw.others, chosen), weights
        # Of the ways on from each token before, the text itself is none any more.
        to_end = np.cumprod(kept[::-1])[::-1]
        for before in range(place):
            draws[before].kept *= (1.0 - to_end[before + 1]) / (1.0 - to_end[before])
    else:
        outside = np.array([0.0 if draw.outside is None else draw.outside[1] for draw in draws])
        if not outside.sum() > 0:
            return None
        place = _draw(outside, rng)
        draw = draws[place]
        assert draw.outside is not None
        token, draw.outside = draw.outside[0], None
    del draws[place + 1 :]
    return token


def _draw(weights: NDArray[np.float64], rng: np.random.Generator) -> int:
    reached = np.cumsum(weights)
    return min(int(np.searchsorted(reached, rng.random() * reached[-1], side="right")), len(weights) - 1)
