"""Draw the next token: temperature and nucleus over the tokens that a constraint allows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skgensynth.exceptions import LanguageModelError
from skgensynth.llm.base import SamplingSettings

__all__ = ["Choices", "choices", "draw_place"]


@dataclass(frozen=True)
class Choices:
    """The tokens that may be drawn next.

    Attributes
    ----------
    tokens : ndarray of shape (n,)
        The nucleus, likeliest first.
    reached : ndarray of shape (n,), float64
        Their weights, summed up to each.
    outside : tuple of (int, float) or None
        The likeliest token that the nucleus leaves out, and its weight relative to the nucleus; only where it was asked
        for.
    settled : bool
        Whether nothing is left to chance.
    """

    tokens: NDArray[np.intp]
    reached: NDArray[np.float64]
    outside: tuple[int, float] | None = None
    settled: bool = False

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each token."""
        return np.diff(self.reached, prepend=0.0)

    def draw(self, rng: np.random.Generator) -> int:
        """Draw a place among the tokens; asks for one number, or for none where there is no choice."""
        if self.settled:
            return 0
        return draw_place(self.reached, rng)

    def scaled(self, place: int, factor: float) -> Choices:
        """The same with another weight of one token."""
        weights = self.weights
        weights[place] *= factor
        return replace(self, reached=np.cumsum(weights))


def draw_place(reached: NDArray[np.float64], rng: np.random.Generator) -> int:
    """Draw a place by weights that are summed up to each; asks for one number."""
    return min(int(np.searchsorted(reached, rng.random() * reached[-1], side="right")), len(reached) - 1)


def choices(
    logits: NDArray[np.float32],
    allowed: NDArray[np.intp] | None,
    settings: SamplingSettings,
    *,
    with_outside: bool = False,
) -> Choices:
    """The tokens that temperature and nucleus leave.

    Parameters
    ----------
    logits : ndarray of shape (n_tokens,)
        The model's scores of all tokens.
    allowed : ndarray of shape (n_allowed,) or None
        The tokens that may be drawn; None for all.
    settings : SamplingSettings
        Temperature and nucleus.
    with_outside : bool, default=False
        Whether the likeliest token outside the nucleus is wanted, too.

    Returns
    -------
    Choices

    Raises
    ------
    LanguageModelError
        If the scores are not numbers.
    """
    scores = logits if allowed is None else logits[allowed]
    if len(scores) == 1 or settings.temperature == 0:
        found = Choices(np.array([np.argmax(scores)]), np.ones(1), settled=True)
    else:
        found = _nucleus(scores, settings, with_outside)
    if allowed is None:
        return found
    outside = None if found.outside is None else (int(allowed[found.outside[0]]), found.outside[1])
    return replace(found, tokens=allowed[found.tokens], outside=outside)


def _nucleus(scores: NDArray[np.float32], settings: SamplingSettings, with_outside: bool) -> Choices:
    largest = scores.max()
    if not np.isfinite(largest):
        raise LanguageModelError(
            "The model's scores of the next token are not numbers: the type of its weights is too narrow (float32 and "
            "bfloat16 are safe) or its file is damaged."
        )
    weights = np.exp((scores - largest) / np.float32(settings.temperature))
    total = float(weights.sum(dtype=np.float64))
    # Tokens below this weight have less than 1 - top_p together: the nucleus is full before it comes to them.
    floor = (1.0 - settings.top_p) * total / len(weights)
    candidates = np.flatnonzero(weights >= floor)
    candidates = candidates[np.argsort(-weights[candidates], kind="stable")]
    reached = np.cumsum(weights[candidates], dtype=np.float64)
    size = int(np.searchsorted(reached, settings.top_p * total)) + 1
    outside = None
    if with_outside:
        weights[candidates[:size]] = 0.0
        best = int(np.argmax(weights))
        outside = (best, float(weights[best]) / float(reached[:size][-1])) if weights[best] > 0 else None
    return Choices(candidates[:size], reached[:size], outside)
