"""Which tokens a grammar or a JSON schema allows next, by llguidance."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.exceptions import GrammarError, LanguageModelError
from skgensynth.llm.base import Constraint, JsonSchema, LarkGrammar

__all__ = ["Guide", "Guides"]


class Guide:
    """Where one reply stands in its grammar.

    Parameters
    ----------
    matcher : llguidance.LLMatcher
        The state, owned by this guide.
    n_tokens : int
        Size of the vocabulary.
    """

    def __init__(self, matcher: Any, n_tokens: int) -> None:
        self._matcher = matcher
        self._bits: NDArray[np.int32] = np.empty((n_tokens + 31) // 32, dtype=np.int32)

    @property
    def finished(self) -> bool:
        """Whether nothing can follow any more."""
        return bool(self._matcher.is_stopped())

    def allowed(self) -> NDArray[np.intp]:
        """Tokens that may come next, sorted; those that end the reply are among them where it may end."""
        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        self._check()
        # Mostly a few tokens out of many thousands are allowed: only words with a bit set are looked at.
        words = np.flatnonzero(self._bits)
        bits = np.unpackbits(self._bits[words].view(np.uint8), bitorder="little").reshape(-1, 32)
        rows, columns = np.nonzero(bits)
        return words[rows] * 32 + columns

    def accept(self, token: int) -> list[int]:
        """Note the token that was drawn; the tokens that have to follow it, which are noted too."""
        self._matcher.consume_token(token)
        forced: list[int] = [] if self.finished else self._matcher.compute_ff_tokens()
        if forced:
            self._matcher.consume_tokens(forced)
        self._check()
        return forced

    def begin(self) -> list[int]:
        """Tokens that every reply starts with, which are noted."""
        forced: list[int] = self._matcher.compute_ff_tokens()
        if forced:
            self._matcher.consume_tokens(forced)
        self._check()
        return forced

    def restart(self, tokens: list[int]) -> None:
        """Go back to where these tokens lead from the start."""
        self._matcher.reset()
        self._matcher.consume_tokens(tokens)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise LanguageModelError(
                f"The constraint could not be followed to its end ({_first_line(self._matcher.get_error())}). Ask for "
                "fewer rows at a time or simplify the constraint."
            )


class Guides:
    """Guides for one tokenizer; a grammar that was asked for lately is not read again.

    Parameters
    ----------
    tokenizer : llguidance.LLTokenizer
        The model's tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._compiled = lru_cache(maxsize=16)(self._compile)

    def guide(self, constraint: Constraint) -> Guide | None:
        """A guide at the start of a constraint; None for no constraint.

        Raises
        ------
        GrammarError
            If the constraint cannot be read; says what llguidance makes of it.
        """
        if constraint is None:
            return None
        return Guide(self._compiled(_source(constraint)).deep_copy(), self._tokenizer.vocab_size)

    def _compile(self, source: str) -> Any:
        from llguidance import LLMatcher

        matcher = LLMatcher(self._tokenizer, source, log_level=0, limits=_limits())
        if matcher.is_error():
            raise GrammarError(
                f"The grammar or JSON schema of a reply cannot be read: {_first_line(matcher.get_error())}."
            )
        return matcher


def _source(constraint: JsonSchema | LarkGrammar) -> str:
    """The constraint as llguidance reads it."""
    from llguidance import LLMatcher

    if isinstance(constraint, JsonSchema):
        return LLMatcher.grammar_from_json_schema(
            json.dumps(constraint.schema), overrides={"whitespace_flexible": False}
        )
    return LLMatcher.grammar_from_lark(constraint.text)


def _limits() -> Any:
    """Errors without the parser's state: it holds what was written so far."""
    from llguidance import LLParserLimits

    return LLParserLimits(verbose_errors=False)


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "no reason given").rstrip(".")
