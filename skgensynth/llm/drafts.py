"""A reply in the making, whatever computes the logits."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skgensynth.llm.base import FinishReason, Reply, SamplingSettings
from skgensynth.llm.choosing import choose_token
from skgensynth.llm.guidance import Guide

__all__ = ["Draft", "Vocabulary"]


class Vocabulary(Protocol):
    """What a draft needs to know about a model's tokens."""

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end a reply."""
        ...

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; none for a control token."""
        ...


class Draft:
    """A reply in the making.

    Parameters
    ----------
    index : int
        Position of its request.
    prompt : list of int
        The prompt's tokens.
    settings : SamplingSettings
        How tokens are drawn.
    seed : int
        Seed of the draws.
    guide : Guide or None
        The constraint.
    """

    def __init__(
        self, index: int, prompt: list[int], settings: SamplingSettings, seed: int, guide: Guide | None
    ) -> None:
        self.index = index
        self.prompt = prompt
        self._settings = settings
        self._guide = guide
        self._rng = np.random.default_rng(seed)
        self._written = bytearray()
        self._n_written = 0
        self.pending: list[int] = []
        self.n_decoded = len(prompt)
        self.finish_reason: FinishReason | None = None

    def advance(self, vocabulary: Vocabulary, logits: NDArray[np.float32]) -> None:
        """Write what the constraint leaves no choice about at the start; else draw a token and what has to follow."""
        if self._guide is not None and self._n_written == 0:
            forced = self._guide.begin()
            if forced:
                self._write(vocabulary, forced)
                return
        allowed = None if self._guide is None else self._guide.allowed()
        token = choose_token(logits, allowed, self._settings, self._rng)
        if token in vocabulary.ends:
            self.finish_reason = "stop"
            return
        forced = [] if self._guide is None else self._guide.accept(token)
        self._write(vocabulary, [token, *forced])

    def reply(self) -> Reply:
        """The finished reply."""
        return Reply(
            text=bytes(self._written).decode("utf-8", "replace"),
            finish_reason=self.finish_reason or "other",
            n_prompt_tokens=len(self.prompt),
            n_completion_tokens=self._n_written,
            constrained=self._guide is not None,
        )

    def _write(self, vocabulary: Vocabulary, tokens: list[int]) -> None:
        """Add tokens, and finish where a stop text, the constraint or the limit says so."""
        room = self._settings.max_tokens - self._n_written
        complete = self._guide is not None and self._guide.finished and len(tokens) <= room
        self.pending = tokens[:room]
        before = len(self._written)
        for token in self.pending:
            self._written += vocabulary.piece(token)
        self._n_written += len(self.pending)
        if self._stopped(before) or complete:
            self.finish_reason = "stop"
        elif self._n_written >= self._settings.max_tokens:
            self.finish_reason = "length"

    def _stopped(self, before: int) -> bool:
        """Whether the bytes from ``before`` on complete a stop text; it and what follows it are cut off."""
        found = []
        for text in self._settings.stop:
            data = text.encode("utf-8")
            found.append(self._written.find(data, max(before - len(data) + 1, 0)))
        ends = [position for position in found if position >= 0]
        if ends:
            del self._written[min(ends) :]
        return bool(ends)
