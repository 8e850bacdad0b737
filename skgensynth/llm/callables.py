"""Any function as a language model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from skgensynth.exceptions import LanguageModelError, SkgensynthError
from skgensynth.llm.base import LanguageModel, Reply, Request

__all__ = ["CallableModel", "estimate_tokens", "most_tokens"]

_WORD = re.compile(rb" ?([A-Za-z]+)")  # with the space before it, which tokenizers write along with it


@dataclass(frozen=True)
class CallableModel:
    """A function that answers requests.

    Parameters
    ----------
    function : callable
        Takes a `Request` and returns the reply's text, or a `Reply`.
    is_local : bool, default=False
        Whether the function keeps prompts on this machine. It cannot be seen from outside: prompts with real rows are
        refused unless you say so here.
    context_length : int, default=None
        Tokens that prompt and reply may have together; None where it is not known.

    Examples
    --------
    >>> from skgensynth.llm import CallableModel, Message, Request, SamplingSettings, generate_all
    >>> model = CallableModel(lambda request: "63,1,0.9", is_local=True)
    >>> generate_all(model, [Request((Message("user", "One row, please."),), SamplingSettings(9), seed=0)])[0].text
    '63,1,0.9'
    """

    function: Callable[[Request], str | Reply] = field(repr=False)
    is_local: bool = False
    context_length: int | None = None

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @property
    def supports(self) -> frozenset[type]:
        """Nothing: a constraint is passed on within the request and may be ignored."""
        return frozenset()

    @property
    def estimates_tokens(self) -> bool:
        """Whether `count_tokens` estimates: True unless a subclass counts by itself."""
        return type(self).count_tokens is CallableModel.count_tokens

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, estimated."""
        return estimate_tokens(text)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Answer requests one after the other; see `LanguageModel.generate`."""
        for index, request in enumerate(requests):
            try:
                answer = self.function(request)
            except SkgensynthError:
                raise
            except Exception as error:  # whatever a client of some service raises
                raise LanguageModelError(f"The function {self.name} raised {type(error).__name__}: {error}") from error
            if isinstance(answer, Reply):
                yield index, answer
            elif isinstance(answer, str):
                yield index, unmetered_reply(self, request, answer)
            else:
                raise LanguageModelError(
                    f"The function {self.name} returned {type(answer).__name__}; it has to return a str or a Reply."
                )


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, where the tokenizer is out of reach: one for three bytes."""
    return -(-len(text.encode("utf-8")) // 3)


def most_tokens(model: LanguageModel, text: str) -> int:
    """Number of tokens that a text has at most, as far as can be known.

    Parameters
    ----------
    model : LanguageModel
        Whose tokens.
    text : str
        The text.

    Returns
    -------
    int
        What the model counts. Where it estimates (see `LanguageModel`), one token for three letters of a word without
        accents, and one for each other byte but the space before a word: many tokenizers write digits one by one.
    """
    if not getattr(model, "estimates_tokens", False):
        return model.count_tokens(text)
    data = text.encode("utf-8")
    return sum(-(-len(word) // 3) for word in _WORD.findall(data)) + len(_WORD.sub(b"", data))


def unmetered_reply(model: LanguageModel, request: Request, text: str) -> Reply:
    """A reply whose tokens nobody counted: estimates stand in."""
    n_prompt = sum(model.count_tokens(message.content) for message in request.messages)
    return Reply(text, "stop", n_prompt, model.count_tokens(text))
