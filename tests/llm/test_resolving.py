from __future__ import annotations

import os
import socket

import pytest
from sklearn.base import BaseEstimator, clone

from skgensynth.exceptions import ModelNotFoundError
from skgensynth.llm import Budget, CallableModel, LlamaCppModel, Metered, ServerModel, TransformersModel, resolve


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of Hugging Face, and a function that puts files into it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))

    def put(repository, *names):
        folder = tmp_path / "cache" / f"models--{repository.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text("abc")
        snapshot = folder / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        for name in names:
            (snapshot / name).write_bytes(b"")
        return snapshot

    return put


def test_names_files_and_addresses_find_their_backends(tmp_path):
    assert resolve("smollm2-135m") == LlamaCppModel("smollm2-135m")
    (tmp_path / "m.gguf").write_bytes(b"")
    assert resolve(tmp_path / "m.gguf") == LlamaCppModel(str(tmp_path / "m.gguf"))
    [entry] = os.scandir(tmp_path)  # path-like, but no Path
    assert resolve(entry) == LlamaCppModel(str(tmp_path / "m.gguf"))
    assert resolve("http://host:1/v1#a/b") == ServerModel("http://host:1/v1", "a/b")


def test_options_reach_the_backend():
    assert resolve("smollm2-135m", n_threads=1) == LlamaCppModel("smollm2-135m", n_threads=1)
    assert resolve("http://host:1/v1#m", max_concurrency=2) == ServerModel("http://host:1/v1", "m", max_concurrency=2)
    assert resolve(str, is_local=True) == CallableModel(str, is_local=True)
    with pytest.raises(TypeError, match="max_concurrency"):
        resolve("smollm2-135m", max_concurrency=2)
    with pytest.raises(TypeError, match="n_threads: options of a backend are given when it is made"):
        resolve(LlamaCppModel("smollm2-135m"), n_threads=2)


@pytest.mark.parametrize("model", [LlamaCppModel("m.gguf"), Metered(CallableModel(str), Budget(1))])
def test_a_backend_is_itself(model):
    assert resolve(model) is model


def test_folders_of_transformers_and_of_gguf_files(tiny_gpt2, tmp_path):
    assert resolve(tiny_gpt2) == TransformersModel(tiny_gpt2)
    for name in ("m-Q8_0.gguf", "m-Q4_K_M.gguf", "mmproj-f16.gguf"):
        (tmp_path / name).write_bytes(b"")
    assert resolve(tmp_path) == LlamaCppModel(str(tmp_path / "m-Q4_K_M.gguf"))


def test_a_folder_of_several_models_is_not_guessed_at(tmp_path):
    for name in ("m-Q8_0.gguf", "m-Q5_0.gguf"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelNotFoundError, match=r"several models \(m-Q5_0\.gguf, m-Q8_0\.gguf\)"):
        resolve(tmp_path)


def test_the_first_part_stands_for_a_model_in_parts(tmp_path):
    for part in (1, 2):
        (tmp_path / f"m-0000{part}-of-00002.gguf").write_bytes(b"")
    assert resolve(tmp_path) == LlamaCppModel(str(tmp_path / "m-00001-of-00002.gguf"))


def test_catalogue_names_are_found_in_the_cache_gguf_first(cache):
    with pytest.raises(ModelNotFoundError, match=r"hf download TheBloke/zephyr-7B-beta-GGUF --include '\*\[Qq\]4_"):
        resolve("zephyr-7b-beta")
    cache("HuggingFaceH4/zephyr-7b-beta", "config.json", "model.safetensors")
    assert resolve("Zephyr-7B-beta") == TransformersModel("HuggingFaceH4/zephyr-7b-beta")
    file = cache("TheBloke/zephyr-7B-beta-GGUF", "zephyr.Q4_K_M.gguf") / "zephyr.Q4_K_M.gguf"
    assert resolve("zephyr-7b-beta") == LlamaCppModel(str(file))


def test_other_names_are_found_in_the_cache(cache):
    cache("someone/else", "config.json", "model.safetensors")
    assert resolve("someone/else") == TransformersModel("someone/else")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpt2", "hf download openai-community/gpt2"),
        ("someone/unknown", "hf download someone/unknown.*zephyr-7b-beta"),
        ("./nowhere", "There is no folder"),
        ("nowhere/m.gguf", "There is no GGUF file"),
    ],
)
def test_what_is_not_here_says_how_to_get_it_without_asking_the_network(cache, monkeypatch, name, message):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address))
    with pytest.raises(ModelNotFoundError, match=message):
        resolve(name)
    assert asked == []


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="llm=3 is no language model"):
        resolve(3)


def test_what_generates_but_is_no_backend_is_refused():
    class Half:
        def generate(self, requests):
            raise AssertionError

        def __call__(self, request):
            raise AssertionError

    with pytest.raises(TypeError, match="Half generates, but is no backend: it lacks name, is_local, supports, count"):
        resolve(Half())


def test_finding_a_backend_does_not_load_it():
    class Lazy(LlamaCppModel):
        @property
        def context_length(self):
            raise AssertionError

    assert resolve(model := Lazy("m.gguf")) is model


class Estimator(BaseEstimator):
    def __init__(self, llm="smollm2-135m"):
        self.llm = llm


@pytest.mark.parametrize("llm", [LlamaCppModel("smollm2-135m"), ServerModel("http://localhost:1/v1", "m")])
def test_estimators_with_a_backend_can_be_cloned(llm):
    copied = clone(Estimator(llm))

    assert copied.llm == llm
