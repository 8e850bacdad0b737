from __future__ import annotations

import copy
import pickle
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace

import pytest
from common.requests import PERSON, ROWS, ask

from skgensynth.exceptions import LanguageModelError
from skgensynth.llm import (
    Cached,
    CallableModel,
    JsonSchema,
    LlamaCppModel,
    Metered,
    Reply,
    SamplingSettings,
    ServerModel,
    TransformersModel,
    generate_all,
)
from skgensynth.llm.callables import estimate_tokens

diskcache = pytest.importorskip("diskcache")

ASKED: list = []


@dataclass(frozen=True)
class Recording:
    """Answers with the number of requests so far, and remembers them."""

    version: int = 1
    name = "recording"
    is_local = True
    context_length = None
    supports = frozenset()

    def count_tokens(self, text):
        return estimate_tokens(text)

    def generate(self, requests):
        for index, request in enumerate(requests):
            ASKED.append(request)
            yield index, Reply(f"{len(ASKED)} ☃", "length", 3, 5, constrained=True)


@pytest.fixture(autouse=True)
def _nothing_asked():
    ASKED.clear()


def test_a_question_is_asked_once(tmp_path):
    first = generate_all(Cached(Recording(), tmp_path), [ask("a"), ask("b")])
    again = generate_all(Cached(Recording(), tmp_path), [ask("b"), ask("c"), ask("a")])

    assert [request.messages[0].content for request in ASKED] == ["a", "b", "c"]
    assert [again[2], again[0]] == first
    assert again[1].text == "3 ☃"


REQUEST = ask("a", system="b", constraint=PERSON)
REORDERED = JsonSchema({**PERSON.schema, "properties": dict(reversed(PERSON.schema["properties"].items()))})


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, seed=1),
        replace(REQUEST, refused=("75,male",)),
        replace(REQUEST, constraint=None),
        replace(REQUEST, constraint=ROWS),
        replace(REQUEST, constraint=REORDERED),
        replace(REQUEST, messages=REQUEST.messages[::-1]),
        replace(REQUEST, settings=SamplingSettings(40, temperature=0.8)),
    ],
)
def test_everything_that_matters_makes_another_question(tmp_path, other):
    generate_all(Cached(Recording(), tmp_path), [REQUEST, other])

    assert len(ASKED) == 2


def test_another_model_is_asked_again(tmp_path):
    generate_all(Cached(Recording(1), tmp_path), [REQUEST])
    generate_all(Cached(Recording(2), tmp_path), [REQUEST])

    assert len(ASKED) == 2


def test_what_does_not_change_the_text_does_not_ask_again(tmp_path):
    def key(model):
        return Cached(model, tmp_path)._key(REQUEST)

    server = ServerModel("http://localhost:1/v1", "m")
    assert key(replace(server, max_concurrency=2, deadline=1, timeout=1, api_key_variable="KEY")) == key(server)
    assert key(replace(server, model="n")) != key(server)
    assert key(LlamaCppModel("a.gguf", n_threads=1, max_parallel=1)) == key(LlamaCppModel("a.gguf"))
    assert key(TransformersModel("a", batch_size=1)) != key(TransformersModel("a"))


def test_nothing_is_deleted_from_the_folder(tmp_path):
    generate_all(Cached(Recording(), tmp_path), [REQUEST])

    assert diskcache.Cache(tmp_path).eviction_policy == "none"


def test_a_pickle_in_the_folder_is_not_read(tmp_path):
    cached = Cached(Recording(), tmp_path)
    generate_all(cached, [REQUEST])
    path = tmp_path / "ran"
    with closing(sqlite3.connect(tmp_path / "cache.db")) as database, database:
        code = b"cposix\nsystem\n(S'touch " + str(path).encode() + b"'\ntR."
        database.execute("UPDATE Cache SET mode = 4, value = ?", (code,))

    with pytest.raises(LanguageModelError, match="holds a pickle"):
        generate_all(cached, [REQUEST])
    assert not path.exists()


def test_a_copy_and_a_pickle_find_the_same_replies(tmp_path):
    cached = Cached(Recording(), tmp_path)
    first = generate_all(cached, [REQUEST])

    assert generate_all(copy.deepcopy(cached), [REQUEST]) == first
    assert pickle.loads(pickle.dumps(cached))._key(REQUEST) == cached._key(REQUEST)
    assert repr(cached) == f"Cached(Recording(version=1), {str(tmp_path)!r})"


def test_replies_from_the_folder_cost_nothing(tmp_path):
    metered = Metered(Recording())
    for _ in range(3):
        generate_all(Cached(metered, tmp_path), [REQUEST])

    assert metered.usage.n_requests == 1


def test_the_folder_holds_no_question(tmp_path):
    generate_all(Cached(Recording(), tmp_path), [ask("a telling question")])

    assert all(b"telling" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_function_is_not_kept(tmp_path):
    with pytest.raises(ValueError, match="Replies of str cannot be kept"):
        Cached(Metered(CallableModel(str)), tmp_path)


def test_the_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'skgensynth\[cache\]'"):
        Cached(Recording(), tmp_path)
