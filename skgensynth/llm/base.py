"""What every language model offers: requests in, replies out.

A backend is anything with the five members of `LanguageModel`. It is a light description (a path, a name, a URL and
options) that copies, compares and pickles by value; weights and connections live in `skgensynth.llm.shared`, where all
copies find the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from skgensynth.exceptions import LanguageModelError, RemoteRowsError

__all__ = [
    "Constraint",
    "JsonSchema",
    "LanguageModel",
    "LarkGrammar",
    "Message",
    "Reply",
    "Request",
    "SamplingSettings",
    "check_may_leave",
    "generate_all",
]

Role: TypeAlias = Literal["system", "user", "assistant"]
FinishReason: TypeAlias = Literal["stop", "length", "other"]

# Metadata of a backend's parameter that changes how replies are made, but not what they say.
SAME_TEXT: Mapping[str, bool] = MappingProxyType({"same_text": True})


@dataclass(frozen=True)
class Message:
    """One turn of a conversation.

    Attributes
    ----------
    role : {"system", "user", "assistant"}
        Who speaks.
    content : str
        What is said.
    """

    role: Role
    content: str

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise ValueError(f"role={self.role!r} is none of {', '.join(get_args(Role))}.")
        try:
            self.content.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"content holds half a character (a lone surrogate) at position {error.start}.") from None


@dataclass(frozen=True)
class SamplingSettings:
    """How a reply is drawn from the model's probabilities.

    Attributes
    ----------
    max_tokens : int
        The reply ends after this many tokens, finished or not.
    temperature : float, default=0.7
        Divides the logits; 0 takes the likeliest token each time.
    top_p : float, default=0.9
        Only the likeliest tokens that together have this probability are drawn (nucleus sampling, Holtzman et al.,
        2020), after the constraint and the temperature.
    stop : tuple of str, default=()
        The reply ends before the first of these texts.
    """

    max_tokens: int
    temperature: float = 0.7
    top_p: float = 0.9
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens={self.max_tokens}, but a reply has at least 1 token.")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature={self.temperature}, but it must be a number from 0 on.")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p}, but it must be above 0 and at most 1.")
        if not isinstance(self.stop, tuple) or not all(self.stop):
            raise ValueError(f"stop={self.stop!r}, but it must be a tuple of texts that are not empty.")


@dataclass(frozen=True)
class JsonSchema:
    """The reply is a JSON document of this schema, written without spaces between its parts.

    Attributes
    ----------
    schema : dict
        A JSON schema.
    """

    schema: dict[str, Any]

    def __hash__(self) -> int:
        return hash(repr(self.schema))


@dataclass(frozen=True)
class LarkGrammar:
    """The reply is a text of this grammar.

    Attributes
    ----------
    text : str
        The grammar in llguidance's dialect of Lark; its first rule is ``start``.
    """

    text: str


Constraint: TypeAlias = JsonSchema | LarkGrammar | None


@dataclass(frozen=True)
class Request:
    """One question to a language model.

    Attributes
    ----------
    messages : tuple of Message
        The conversation so far; the model writes the next turn.
    settings : SamplingSettings
        How the reply is drawn.
    seed : int
        At least 0. The same request gets the same reply from a local backend on the same machine, whatever else is
        asked at the same time; a server is sent the seed and may do better or worse.
    constraint : JsonSchema or LarkGrammar, default=None
        What the reply has to look like. A backend that cannot decode under it (see `LanguageModel.supports`) leaves it
        out and says so in `Reply.constrained`.
    refused : tuple of str, default=()
        Texts of one line that are not wanted as a line of the reply, or between its commas and brackets as a member of
        an array, such as rows that the prompt shows. `LlamaCppModel` goes back where it has written one, and on with
        another token, so that each line is drawn as if it were asked for until it is none of them. At a temperature of
        0, where the constraint leaves nothing else, and after it went back very often, they stay. Other backends may
        write them all the same.
    expected_tokens : int, default=None
        Tokens that probably are enough, where ``settings.max_tokens`` leaves room beyond them: `Metered` lowers the
        limit where a budget has less left, and `ServerModel` where the server refuses it, but not below these. None
        never lowers it.
    """

    messages: tuple[Message, ...]
    settings: SamplingSettings
    seed: int
    constraint: Constraint = None
    refused: tuple[str, ...] = ()
    expected_tokens: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "messages", tuple(self.messages))
        if not isinstance(self.refused, tuple) or not all(map(_is_line, self.refused)):
            raise ValueError(
                f"refused={self.refused!r}, but it must be a tuple of texts that are not empty and have no line's end."
            )
        most = self.settings.max_tokens
        if not 1 <= self.least_tokens <= most:
            raise ValueError(f"expected_tokens={self.expected_tokens}, but it must be from 1 to max_tokens={most}.")
        if not self.messages:
            raise ValueError("messages is empty; give at least one message.")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}, but it cannot be below 0.")

    @property
    def least_tokens(self) -> int:
        """The lowest limit that the reply may be given."""
        return self.settings.max_tokens if self.expected_tokens is None else self.expected_tokens

    def limited_to(self, max_tokens: int) -> Request:
        """Lower the limit of the reply.

        Parameters
        ----------
        max_tokens : int
            The new limit; at least `least_tokens` is kept, and a limit that is lower already.

        Returns
        -------
        Request
        """
        limit = max(max_tokens, self.least_tokens)
        if limit >= self.settings.max_tokens:
            return self
        return replace(self, settings=replace(self.settings, max_tokens=limit))


def _is_line(text: str) -> bool:
    return isinstance(text, str) and text != "" and "\n" not in text


@dataclass(frozen=True)
class Reply:
    """What a language model answered.

    Attributes
    ----------
    text : str
        The completion alone, without the prompt.
    finish_reason : {"stop", "length", "other"}
        "stop": the model, the constraint or a stop text ended it; "length": it was cut after ``max_tokens``.
    n_prompt_tokens, n_completion_tokens : int
        Tokens read and written, with those that were taken back.
    constrained : bool
        Whether it was decoded under the request's constraint; if not, it needs a tolerant reader.
    """

    text: str
    finish_reason: FinishReason
    n_prompt_tokens: int
    n_completion_tokens: int
    constrained: bool = field(default=False, kw_only=True)


@runtime_checkable
class LanguageModel(Protocol):
    """A language model, wherever it runs.

    Its ``repr`` describes it without secrets, and it copies and pickles without weights or connections. It may say by
    an attribute ``shares_prompts`` that a prompt which several requests share is read only once, and by
    ``estimates_tokens`` that `count_tokens` does not know the tokenizer, so that limits are set with more room; without
    them, both are taken to be False.
    """

    @property
    def name(self) -> str:
        """What to call it in tables and messages."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether prompts stay on this machine."""
        ...

    @property
    def context_length(self) -> int | None:
        """Tokens that prompt and reply may have together; None where it is not known."""
        ...

    @property
    def supports(self) -> frozenset[type]:
        """The constraints it can decode under, out of `JsonSchema` and `LarkGrammar`."""
        ...

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, estimated where the tokenizer is out of reach."""
        ...

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Answer requests, yielding each reply with the position of its request as soon as it is there.

        An error is raised after everything that was ready has been yielded; leaving the loop early stops the work.
        """
        ...


def generate_all(model: LanguageModel, requests: Iterable[Request]) -> list[Reply]:
    """Answer requests and return the replies in their order.

    Parameters
    ----------
    model : LanguageModel
        Who answers.
    requests : iterable of Request
        The questions.

    Returns
    -------
    list of Reply
        One for each request.

    Raises
    ------
    LanguageModelError
        If one of them got no reply; its ``replies`` holds the others that did.

    Examples
    --------
    >>> from skgensynth.llm import Message, Request, SamplingSettings, generate_all, resolve
    >>> echo = resolve(lambda request: request.messages[-1].content.upper())
    >>> request = Request((Message("user", "hello"),), SamplingSettings(max_tokens=5), seed=0)
    >>> generate_all(echo, [request])[0].text
    'HELLO'
    """
    requests = list(requests)
    replies: dict[int, Reply] = {}
    try:
        for index, reply in model.generate(requests):
            replies[index] = reply
    except LanguageModelError as error:
        error.replies = replies
        raise
    return [replies[index] for index in range(len(requests))]


def check_may_leave(model: LanguageModel, *, contains_rows: bool, allow_remote_rows: bool) -> None:
    """Refuse to send real rows to a machine that is not this one.

    Parameters
    ----------
    model : LanguageModel
        Where the prompt would go.
    contains_rows : bool
        Whether the prompt holds rows of the training table.
    allow_remote_rows : bool
        Whether the user allows that.

    Raises
    ------
    RemoteRowsError
        If rows would leave this machine without permission.
    """
    if contains_rows and not model.is_local and not allow_remote_rows:
        raise RemoteRowsError(
            f"The prompt holds real rows, and {model.name} does not run on this machine as far as is known. Choose a "
            "prompt without rows or a local model, or give allow_remote_rows=True if these rows may be sent there."
        )
