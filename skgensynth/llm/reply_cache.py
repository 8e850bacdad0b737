"""Replies kept on disk, so that the same question to the same model is not paid for twice."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from skgensynth.exceptions import LanguageModelError
from skgensynth.llm.base import JsonSchema, LanguageModel, Reply, Request
from skgensynth.llm.callables import CallableModel
from skgensynth.llm.loading import needs
from skgensynth.llm.wrapping import Wrapper

__all__ = ["Cached", "description_of"]


def description_of(model: LanguageModel) -> str | None:
    """What decides about a model's replies, in words; None for a function, which nothing describes."""
    described: Any = model
    while isinstance(described, Wrapper):
        described = described.model
    if not dataclasses.is_dataclass(described) or isinstance(described, CallableModel):
        return None
    shown = [f.name for f in dataclasses.fields(described) if not f.metadata.get("same_text")]
    return repr([type(described).__name__, *((name, getattr(described, name)) for name in shown)])


class Cached(Wrapper):
    """A language model whose replies are kept in a folder.

    A reply is found again by the model (its name or path, not the contents of its files), messages, settings,
    constraint and seed. The folder holds the replies and hashes of the questions, not the questions. Nothing in it is
    pickled, and nothing is deleted: to start anew, delete the folder.

    Parameters
    ----------
    model : LanguageModel
        Who answers what is not there.
    folder : str or Path
        Where replies are kept; made if it does not exist.

    Raises
    ------
    ValueError
        If the model is not described by its parameters, as a function is not: another one would get its replies.

    Examples
    --------
    >>> from skgensynth.llm import Cached, resolve
    >>> Cached(resolve("http://localhost:8000/v1#qwen2"), "replies").name
    'qwen2 at localhost:8000'
    """

    def __init__(self, model: LanguageModel, folder: str | Path) -> None:
        needs("diskcache", extra="cache")
        described = description_of(model)
        if described is None:
            raise ValueError(
                f"Replies of {model.name} cannot be kept: they could not be told from another model's. Give a model "
                "that is described by a file, a folder or an address."
            )
        super().__init__(model)
        self._described = described
        self.folder = str(Path(folder).expanduser())

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Answer requests, from the folder where it holds the reply; see `LanguageModel.generate`."""
        store = _open(self.folder)
        keys = [self._key(request) for request in requests]
        unknown = []
        for index, key in enumerate(keys):
            found = store.get(key)
            if found is None:
                unknown.append(index)
            else:
                yield index, Reply(**json.loads(found))
        for position, reply in self.model.generate([requests[index] for index in unknown]):
            index = unknown[position]
            store.set(keys[index], json.dumps(dataclasses.asdict(reply)))
            yield index, reply

    def __repr__(self) -> str:
        return f"Cached({self.model!r}, {self.folder!r})"

    def _key(self, request: Request) -> str:
        """Hash of everything that decides about a reply."""
        constraint = request.constraint
        described: dict[str, Any] = {
            "model": self._described,
            "messages": [[message.role, message.content] for message in request.messages],
            "settings": dataclasses.asdict(request.settings),
            "seed": request.seed,
            "constraint": None if constraint is None else [type(constraint).__name__, _content(constraint)],
            "refused": request.refused,
        }
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _content(constraint: Any) -> Any:
    # A schema's order of properties is the order in which they are written.
    return json.dumps(constraint.schema) if isinstance(constraint, JsonSchema) else constraint.text


@lru_cache(maxsize=4)
def _open(folder: str) -> Any:
    import diskcache

    class Texts(diskcache.JSONDisk):
        """Reads no pickles, whoever wrote them: they may run code."""

        def fetch(self, mode: int, *args: Any) -> Any:
            if mode == diskcache.core.MODE_PICKLE:
                raise LanguageModelError(f"The folder {folder!r} holds a pickle, so that it is none of replies.")
            return super().fetch(mode, *args)

    return diskcache.Cache(folder, disk=Texts, eviction_policy="none")
