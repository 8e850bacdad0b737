from __future__ import annotations

import re

import pytest

from skgensynth.llm import CATALOG
from skgensynth.llm.catalog import find_entry


def test_the_papers_models_are_there():
    assert len(CATALOG) == 21
    assert {entry.kind for entry in CATALOG.values()} == {"base", "instruct", "chat"}
    for name, entry in CATALOG.items():
        assert name == entry.name == name.lower()
        for repository in (entry.repository, entry.gguf_repository):
            assert repository is None or re.fullmatch(r"[\w.-]+/[\w.-]+", repository)
        size = re.search(r"(\d+)b\b", name)
        assert size is None or entry.n_parameters == pytest.approx(float(size[1]), rel=0.25)


@pytest.mark.parametrize("name", ["zephyr-7b-beta", "Zephyr-7B-beta", "HuggingFaceH4/zephyr-7b-beta"])
def test_names_and_repositories_are_found_whatever_their_capitals(name):
    assert find_entry(name) is CATALOG["zephyr-7b-beta"]


def test_unknown_names_are_not():
    assert find_entry("gpt-17") is None
