"""Draw a reply that is not one of the refused ones, from what was drawn when it was (ours).

A refused text that a model is likely to write, such as the example that it was just shown, would have to be drawn again
many times. But its draws tell how likely each of its tokens was, and so where a reply that is not the text leaves it:
after token ``i`` with a probability in proportion to ``p_1 ... p_(i-1) (1 - p_i)``. Drawing this place, another token
there, and going on is the same as drawing whole replies until one is another text, with the rest of one reply as the
cost. What led to the text is taken out of the probabilities along it (after Shi, Bieber and Sutton, 2020, who sample
without replacement so), and the next refused text is left in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skgensynth.llm.choosing import Choices, draw_place

__all__ = ["Draw", "leave"]


@dataclass
class Draw:
    """A token that was drawn, and what might have been drawn instead.

    Attributes
    ----------
    n_tokens, n_bytes : int
        How much was written before.
    choices : Choices
        What it was drawn from.
    place : int
        Its place there.
    """

    n_tokens: int
    n_bytes: int
    choices: Choices
    place: int

    @property
    def token(self) -> int:
        """The token."""
        return int(self.choices.tokens[self.place])

    @property
    def share(self) -> float:
        """Its probability."""
        return float(self.choices.weights[self.place] / self.choices.reached[-1])


def leave(draws: list[Draw], rng: np.random.Generator) -> int | None:
    """Take another token somewhere along a text.

    Where no nucleus has another token left, the likeliest ones outside are taken.

    Parameters
    ----------
    draws : list of Draw
        Those of the text. Afterwards their choices have the probabilities that they have in replies other than the
        text, and the one where it is left has another token.
    rng : numpy.random.Generator
        Asked for two numbers, or for one outside the nuclei.

    Returns
    -------
    int or None
        Where the text is left; None, and nothing changes, where there is no other token.
    """
    shares = np.array([draw.share for draw in draws])
    leaving = np.cumprod(np.concatenate([[1.0], shares[:-1]])) * (1.0 - shares)
    if not leaving.sum() > 0:
        return _leave_nuclei(draws, rng)
    place = draw_place(np.cumsum(leaving), rng)
    left = draws[place]
    other = left.choices.scaled(left.place, 0.0).draw(rng)
    to_end = 1.0  # probability of the text's rest behind a token
    for draw, share in zip(reversed(draws), reversed(shares), strict=True):
        draw.choices = draw.choices.scaled(draw.place, 1.0 - to_end)
        to_end *= share
    left.place = other
    return place


def _leave_nuclei(draws: list[Draw], rng: np.random.Generator) -> int | None:
    outside = np.array([0.0 if draw.choices.outside is None else draw.choices.outside[1] for draw in draws])
    if not outside.sum() > 0:
        return None
    place = draw_place(np.cumsum(outside), rng)
    found = draws[place].choices.outside
    assert found is not None
    draws[place].choices, draws[place].place = Choices(np.array([found[0]]), np.ones(1)), 0
    return place
