import subprocess
import sys

import pytest

import skgensynth.llm


def test_importing_the_backends_loads_none_of_their_libraries():
    code = "import sys, skgensynth.llm; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"torch", "transformers", "llama_cpp", "llguidance", "openai", "diskcache", "pandas"} & set(loaded)


@pytest.mark.parametrize("name", skgensynth.llm.__all__)
def test_public_names_exist(name):
    assert getattr(skgensynth.llm, name) is not None
