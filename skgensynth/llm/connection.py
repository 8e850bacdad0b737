"""The HTTP client of a server, and what was learnt about the server."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from typing import Any

import openai

__all__ = ["Connection"]

# The client's own HTTP library, which is httpx or its successor, by its release.
httpx: Any = importlib.import_module(openai.DefaultHttpxClient.__bases__[0].__module__.partition(".")[0])


class Connection:
    """A client with its pool of connections.

    Parameters
    ----------
    base_url : str
        The server's address.
    is_local : bool
        Whether it runs on this machine.

    Attributes
    ----------
    client : openai.OpenAI
        It repeats nothing and has no key: the key goes with each request.
    schema_forms : list of str
        Ways to send a JSON schema that the server has not refused, the best first: "json_schema" is OpenAI's,
        "json_object" with a schema in it that of older servers.
    """

    def __init__(self, base_url: str, *, is_local: bool) -> None:
        self.schema_forms = ["json_schema", "json_object"]
        # A proxy or a redirect would take the prompts for a server on this machine somewhere else.
        http_client = openai.DefaultHttpxClient(
            trust_env=not is_local,
            follow_redirects=not is_local,
            base_url=base_url,
            event_hooks={"response": [_end_in_time]},
        )
        self.client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, http_client=http_client)


def _end_in_time(response: Any) -> None:
    """Let the body come within the time-out: httpx's own starts anew with each piece, and some servers drip."""
    response.stream = _Bounded(response.stream, response.request)


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: Any, request: Any) -> None:
        self._stream = stream
        self._request = request
        self._until = time.monotonic() + request.extensions["timeout"]["read"]

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("the answer did not end in time", request=self._request)
            yield piece

    def close(self) -> None:
        self._stream.close()
