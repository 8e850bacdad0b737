"""OpenAI-compatible servers: vLLM, llama.cpp's, Ollama, hosted ones."""

from __future__ import annotations

import ipaddress
import math
import os
import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from skgensynth.exceptions import LanguageModelError
from skgensynth.llm.base import SAME_TEXT, FinishReason, JsonSchema, Reply, Request
from skgensynth.llm.callables import estimate_tokens, unmetered_reply
from skgensynth.llm.chat import disarm
from skgensynth.llm.loading import needs

if TYPE_CHECKING:
    from skgensynth.llm.connection import Connection

__all__ = ["ServerModel"]

_RETRIED_STATUS = frozenset({408, 409, 425, 429})
_PAUSE, _MAX_PAUSE = 0.5, 30.0  # seconds, the first one and the longest
_NO_KEY = "none"  # servers on this machine take any key, but the client wants one
_DEFINITIONS = ("$defs", "definitions")  # of parts that a schema refers to from its root
_WRAPPED = re.compile(r'\s*\{\s*"reply"\s*:\s*')


@dataclass(frozen=True)
class ServerModel:
    """A language model behind an OpenAI-compatible server.

    Many requests are in flight at once. One that fails with 408, 409, 425, 429, 5xx, a time-out, a broken connection or
    a broken answer is sent again after a pause that doubles each time, with jitter, or after what ``Retry-After``
    says. A limit of tokens that the server refuses is lowered where the request allows it (``expected_tokens``). Each
    request gets exactly one reply or an error. The seed is sent along; whether it makes the server's reply reproducible
    is up to the server. Who stops listening early sends nothing more; what is under way then ends within its time-out,
    unheard, and does not keep Python from ending.

    Parameters
    ----------
    base_url : str
        Such as ``"http://localhost:8000/v1"``.
    model : str
        The model's name at that server.
    api_key_variable : str, default="OPENAI_API_KEY"
        Environment variable that holds the key. The key is read when a request is sent and stored nowhere.
    max_concurrency : int, default=8
        Requests in flight.
    deadline : float, default=600.0
        Seconds for one request with all its repetitions.
    timeout : float, default=300.0
        Seconds for one attempt to connect, to be answered, and to be answered to the end.
    max_context : int, default=None
        Tokens that prompt and reply may have together; servers do not tell.

    Raises
    ------
    LanguageModelError
        When a request was refused, or its deadline passed; says what the server said.

    Examples
    --------
    >>> from skgensynth.llm import ServerModel
    >>> ServerModel("http://localhost:8000/v1", "qwen2", max_concurrency=32).name
    'qwen2 at localhost:8000'
    """

    base_url: str
    model: str
    api_key_variable: str = field(default="OPENAI_API_KEY", metadata=SAME_TEXT)
    max_concurrency: int = field(default=8, metadata=SAME_TEXT)
    deadline: float = field(default=600.0, metadata=SAME_TEXT)
    timeout: float = field(default=300.0, metadata=SAME_TEXT)
    max_context: int | None = None

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("base_url must be an address such as 'http://localhost:8000/v1'.")
        if address.username or address.password or address.query or address.fragment:
            raise ValueError(
                "base_url must hold no user, password, query or fragment: put the key into an environment variable and "
                "name it in api_key_variable; the model has a parameter of its own."
            )
        if not self.model:
            raise ValueError("model is empty; give the model's name at the server, as in 'http://host:port/v1#name'.")
        for name in ("max_concurrency", "deadline", "timeout"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}, but it must be above 0.")

    @property
    def name(self) -> str:
        """The model's name and its server."""
        return f"{self.model} at {urlsplit(self.base_url).netloc}"

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine: its address is a loopback one."""
        host = urlsplit(self.base_url).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def context_length(self) -> int | None:
        """Tokens that prompt and reply may have together, if that was told."""
        return self.max_context

    @property
    def supports(self) -> frozenset[type]:
        """JSON schemas, until the server refuses one."""
        return frozenset({JsonSchema}) if self._connection().schema_forms else frozenset()

    @property
    def estimates_tokens(self) -> bool:
        """Whether `count_tokens` estimates: True unless a subclass counts by itself."""
        return type(self).count_tokens is ServerModel.count_tokens

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, estimated: one for three bytes."""
        return estimate_tokens(text)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Answer requests, several at once; see `LanguageModel.generate`."""
        connection = self._connection()
        leaving = threading.Event()
        unsent = iter(enumerate(requests))
        landed: SimpleQueue[tuple[int, Reply | BaseException]] = SimpleQueue()

        def fly(index: int, request: Request) -> None:
            try:
                landed.put((index, _ask(self, connection, request, leaving)))
            except BaseException as error:  # nobody may wait for a reply in vain
                landed.put((index, error))

        def send() -> int:
            following = next(unsent, None)
            if following is None:
                return 0
            threading.Thread(target=fly, args=following, name="skgensynth-llm", daemon=True).start()
            return 1

        failure: BaseException | None = None
        try:
            n_flying = sum(send() for _ in range(self.max_concurrency))
            while n_flying:
                index, answer = landed.get()
                n_flying -= 1
                if isinstance(answer, Reply):
                    n_flying += send() if failure is None else 0
                    yield index, answer
                else:
                    failure = failure or answer
                    leaving.set()  # requests in flight are still waited for, but not repeated
            if failure is not None:
                raise failure
        finally:
            leaving.set()

    def _connection(self) -> Connection:
        return _connect(self, os.getpid())


@lru_cache(maxsize=16)
def _connect(described: ServerModel, _: int) -> Connection:
    """The connection that all copies of a description share within a process; it does not survive a fork."""
    needs("openai", extra="openai")
    from skgensynth.llm.connection import Connection

    return Connection(described.base_url, is_local=described.is_local)


def _ask(model: ServerModel, connection: Connection, request: Request, leaving: threading.Event) -> Reply:
    """Send a request until it is answered, its deadline has passed, or nobody waits for it any more."""
    import openai

    begun, attempt = time.monotonic(), 0
    has_schema = isinstance(request.constraint, JsonSchema)
    while True:
        form = next(iter(connection.schema_forms), None) if has_schema else None
        left = model.deadline - (time.monotonic() - begun)
        try:
            return _attempt(model, connection, request, form, max(min(model.timeout, left), 0.001))
        except (openai.BadRequestError, openai.UnprocessableEntityError, openai.InternalServerError) as error:
            if form is not None and _is_about_the_schema(error):
                connection.schema_forms = [other for other in connection.schema_forms if other != form]
                continue
            if request.settings.max_tokens > request.least_tokens and _is_about_the_limit(error):
                request = request.limited_to(request.settings.max_tokens // 2)
                continue
            trouble: Exception = error
        except (openai.APIError, ValueError) as error:
            trouble = error
        if isinstance(trouble, openai.AuthenticationError):
            raise LanguageModelError(
                f"{model.name} refused the key in the environment variable {model.api_key_variable}, or there is none."
            ) from None
        pause = _pause(trouble, attempt)
        if pause is None:
            raise LanguageModelError(f"{model.name} refused a request: {_reason(trouble, model)}.") from None
        if time.monotonic() - begun + pause > model.deadline:
            raise LanguageModelError(
                f"{model.name} gave no reply within {model.deadline:g} seconds and {attempt + 1} attempts; the last: "
                f"{_reason(trouble, model)}."
            ) from None
        if leaving.wait(pause):
            raise LanguageModelError(f"{model.name} was not asked again: {_reason(trouble, model)}.") from None
        attempt += 1


def _attempt(model: ServerModel, connection: Connection, request: Request, form: str | None, timeout: float) -> Reply:
    """One request and its reply; ValueError for an answer that makes no sense."""
    settings = request.settings
    options: dict[str, Any] = {}
    if settings.stop:
        options["stop"] = list(settings.stop)
    wrapped = False
    if form is not None and isinstance(request.constraint, JsonSchema):
        schema, wrapped = _of_an_object(request.constraint.schema)
        described = {"json_schema": {"name": "reply", "schema": schema, "strict": True}}
        options["response_format"] = {"type": form, **(described if form == "json_schema" else {"schema": schema})}
    answer = connection.client.chat.completions.create(
        model=model.model,
        messages=[{"role": m.role, "content": disarm(m.content)} for m in request.messages],  # type: ignore[misc]
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        seed=request.seed % 2**31,  # the largest that every server takes
        timeout=timeout,
        extra_headers={"Authorization": f"Bearer {_key(model) or _NO_KEY}"},
        **options,
    )
    return _read(answer, model, request, form is not None, wrapped)


def _read(answer: Any, model: ServerModel, request: Request, constrained: bool, wrapped: bool) -> Reply:
    """The reply in an answer; ValueError for one that makes no sense. Types are only what the server makes of them."""
    choices = getattr(answer, "choices", None)
    choice: Any = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    text = "" if message is not None and message.content is None else getattr(message, "content", None)
    if not isinstance(text, str):
        raise ValueError("the answer holds no message")
    reason: FinishReason = choice.finish_reason if choice.finish_reason in ("stop", "length") else "other"
    start = _WRAPPED.match(text) if wrapped else None
    if start is not None:
        text = text[start.end() :].rstrip()
        text = text.removesuffix("}").rstrip() if reason == "stop" else text
    n_read, n_written = (getattr(answer.usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
    if not (isinstance(n_read, int) and isinstance(n_written, int)):
        estimate = unmetered_reply(model, request, text)
        n_read, n_written = estimate.n_prompt_tokens, estimate.n_completion_tokens
    return Reply(text, reason, n_read, n_written, constrained=constrained)


def _of_an_object(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A schema of an object, which is all that some servers take, and whether it had to be made one."""
    if schema.get("type") == "object":
        return schema, False
    inside = {key: value for key, value in schema.items() if key not in _DEFINITIONS}
    outside = {key: value for key, value in schema.items() if key in _DEFINITIONS}
    wrapping = {"type": "object", "properties": {"reply": inside}, "required": ["reply"], "additionalProperties": False}
    return {**wrapping, **outside}, True


def _key(model: ServerModel) -> str:
    """The key, without the line's end that comes along where it is read from a file; "" where there is none."""
    key = os.environ.get(model.api_key_variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise LanguageModelError(
            f"The key in the environment variable {model.api_key_variable} holds characters that a key cannot have, "
            "such as typographic quotes or a line's end."
        )
    return key


def _is_about_the_schema(error: Any) -> bool:
    """Whether a server complains about the JSON schema and not about anything else."""
    text = str(error).lower()
    return any(word in text for word in ("response_format", "json_schema", "schema", "grammar", "guided"))


def _is_about_the_limit(error: Any) -> bool:
    """Whether a server complains that the reply might become too long, alone or behind its prompt."""
    text = str(error).lower()
    return any(words in text for words in ("max_tokens", "max_completion_tokens", "context length", "maximum context"))


def _pause(error: Exception, attempt: int) -> float | None:
    """Seconds to wait before the next attempt; None where another would fare no better."""
    import openai

    if isinstance(error, openai.APIStatusError):
        if error.status_code not in _RETRIED_STATUS and error.status_code < 500:
            return None
        if error.code == "insufficient_quota":  # with 429, although waiting does not help
            return None
        told = _seconds(error.response.headers.get("retry-after"))
        if told is not None:
            return told
    # Jitter keeps many clients from coming back at the same moment; it decides nothing about the rows.
    return min(_PAUSE * 2.0 ** min(attempt, 10), _MAX_PAUSE) * random.SystemRandom().uniform(0.5, 1.0)


def _seconds(header: str | None) -> float | None:
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _reason(error: Exception, model: ServerModel) -> str:
    """What went wrong, in a line, without the key, which some servers quote."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    key = _key(model)
    if key:
        text = text.replace(key, "(the key)")
    return text[:300].rstrip(".")
