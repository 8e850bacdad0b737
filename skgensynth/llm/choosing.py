"""Draw the next token: temperature and nucleus over the tokens that a constraint allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skgensynth.exceptions import LanguageModelError
from skgensynth.llm.base import SamplingSettings

__all__ = ["choose_token"]


def choose_token(
    logits: NDArray[np.float32],
    allowed: NDArray[np.intp] | None,
    settings: SamplingSettings,
    rng: np.random.Generator,
) -> int:
    """Draw a token.

    Parameters
    ----------
    logits : ndarray of shape (n_tokens,)
        The model's scores of all tokens.
    allowed : ndarray of shape (n_allowed,) or None
        The tokens that may be drawn; None for all.
    settings : SamplingSettings
        Temperature and nucleus.
    rng : numpy.random.Generator
        Asked for one number, or for none where there is no choice.

    Returns
    -------
    int
        The token.

    Raises
    ------
    LanguageModelError
        If the scores are not numbers.
    """
    scores = logits if allowed is None else logits[allowed]
    settled = len(scores) == 1 or settings.temperature == 0
    best = int(np.argmax(scores)) if settled else _draw(scores, settings, rng)
    return best if allowed is None else int(allowed[best])


def _draw(scores: NDArray[np.float32], settings: SamplingSettings, rng: np.random.Generator) -> int:
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
    reached = reached[:size]
    return int(candidates[min(int(np.searchsorted(reached, rng.random() * reached[-1], side="right")), size - 1)])
