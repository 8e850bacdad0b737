"""A reply in the making, whatever computes the logits."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skgensynth.llm.base import FinishReason, Reply, SamplingSettings
from skgensynth.llm.choosing import Choices, choices
from skgensynth.llm.going_back import Draw, leave
from skgensynth.llm.guidance import Guide

__all__ = ["Draft", "Vocabulary"]

# What stands before and after a line, or a member of an array.
_BEFORE, _AFTER = b"\n[,", b"\n],"
# A reply goes back no more once it has taken back this many times the tokens that it may have.
_MAX_FORGOTTEN = 4


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
    refused : tuple of str, default=()
        Texts that no line and no member of the reply may be; see `Request`. Only for decoders that look at
        ``n_decoded``.

    Attributes
    ----------
    pending : list of int
        Tokens that are written and to be decoded.
    n_decoded : int
        Tokens of prompt and reply that are decoded and stay so; it becomes less where the reply goes back.
    """

    def __init__(
        self,
        index: int,
        prompt: list[int],
        settings: SamplingSettings,
        seed: int,
        guide: Guide | None,
        refused: tuple[str, ...] = (),
    ) -> None:
        self.index = index
        self.prompt = prompt
        self._settings = settings
        self._guide = guide
        self._rng = np.random.default_rng(seed)
        self._refused = tuple(text.encode("utf-8") for text in refused)
        self._written = bytearray()
        self._tokens: list[int] = []
        # Bytes that a refused text, and a stop text behind it, may have.
        self._reach = max(map(len, self._refused), default=0) + max(
            (4 * len(text) for text in settings.stop), default=0
        )
        self._draws: list[Draw] = []
        # What is left to be drawn behind tokens that led to refused texts.
        self._left: dict[tuple[int, ...], Choices] = {}
        self._n_forgotten = 0
        self.pending: list[int] = []
        self.n_decoded = len(prompt)
        self.finish_reason: FinishReason | None = None

    def advance(self, vocabulary: Vocabulary, logits: NDArray[np.float32]) -> None:
        """Write what the constraint leaves no choice about at the start; else draw a token and what has to follow."""
        if self._guide is not None and not self._tokens:
            forced = self._guide.begin()
            if forced:
                self._write(vocabulary, forced)
                return
        before = len(self._written)
        self._take(vocabulary, self._drawn(logits))
        while self._refused and (begin := self._found_refused(before)) is not None:
            if not self._go_back(vocabulary, begin):
                return
            before = self._draws[-1].n_bytes

    def repeat(self) -> None:
        """Have everything that is written decoded again."""
        self.pending = list(self._tokens)
        self.n_decoded = len(self.prompt)

    def reply(self) -> Reply:
        """The finished reply; its tokens are counted with those that were taken back."""
        return Reply(
            text=bytes(self._written).decode("utf-8", "replace"),
            finish_reason=self.finish_reason or "other",
            n_prompt_tokens=len(self.prompt),
            n_completion_tokens=len(self._tokens) + self._n_forgotten,
            constrained=self._guide is not None,
        )

    def _drawn(self, logits: NDArray[np.float32]) -> int:
        found = self._left.get(tuple(self._tokens)) if self._left else None
        if found is None:
            allowed = None if self._guide is None else self._guide.allowed()
            found = choices(logits, allowed, self._settings, with_outside=bool(self._refused))
        place = found.draw(self._rng)
        if self._refused and not found.settled:
            n_bytes = len(self._written)
            while self._draws and self._draws[0].n_bytes < n_bytes - self._reach:
                del self._draws[0]  # a large vocabulary's nuclei are large
            self._draws.append(Draw(len(self._tokens), n_bytes, found, place))
        return int(found.tokens[place])

    def _take(self, vocabulary: Vocabulary, token: int) -> None:
        """Write a token and what has to follow it, or end."""
        if token in vocabulary.ends:
            self.finish_reason = "stop"
            return
        forced = [] if self._guide is None else self._guide.accept(token)
        self._write(vocabulary, [token, *forced])

    def _write(self, vocabulary: Vocabulary, tokens: list[int]) -> None:
        """Add tokens, and finish where a stop text, the constraint or the limit says so."""
        room = self._settings.max_tokens - len(self._tokens)
        complete = self._guide is not None and self._guide.finished and len(tokens) <= room
        self.pending = tokens[:room]
        before = len(self._written)
        for token in self.pending:
            self._written += vocabulary.piece(token)
        self._tokens += self.pending
        if self._stopped(before) or complete:
            self.finish_reason = "stop"
        elif len(self._tokens) >= self._settings.max_tokens:
            self.finish_reason = "length"

    def _found_refused(self, before: int) -> int | None:
        """Where the first refused text begins that the bytes from ``before`` on have completed."""
        ended = self.finish_reason == "stop"
        before = min(before, len(self._written))  # a stop text may have been cut off
        found = []
        for text in self._refused:
            begin = self._written.find(text, max(before - len(text), 0))
            while begin >= 0:
                end = begin + len(text)
                whole = ended if end == len(self._written) else self._written[end] in _AFTER
                if whole and (begin == 0 or self._written[begin - 1] in _BEFORE):
                    found.append(begin)
                    break
                begin = self._written.find(text, begin + 1)
        return min(found, default=None)

    def _go_back(self, vocabulary: Vocabulary, begin: int) -> bool:
        """Leave a text, which has just been completed, at one of its tokens; whether it was possible."""
        if self._n_forgotten > _MAX_FORGOTTEN * self._settings.max_tokens:
            return False
        first = sum(draw.n_bytes < begin for draw in self._draws)
        along = self._draws[first:]
        place = leave(along, self._rng)
        if place is None:
            return False
        self._left = {tokens: left for tokens, left in self._left.items() if len(tokens) > along[0].n_tokens}
        for draw in along[place + 1 :]:
            self._left[tuple(self._tokens[: draw.n_tokens])] = draw.choices
        del self._draws[first + place + 1 :]
        n_tokens = along[place].n_tokens
        self._n_forgotten += len(self._tokens) - n_tokens
        del self._tokens[n_tokens:]
        self._written = bytearray(b"".join(map(vocabulary.piece, self._tokens)))
        self.n_decoded = len(self.prompt) + n_tokens
        self.pending = []
        self.finish_reason = None
        if self._guide is not None:
            self._guide.restart(self._tokens)
        self._take(vocabulary, along[place].token)
        return True

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
