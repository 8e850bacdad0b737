import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder():
    """Folder of public tables; they are not carried in the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SKGENSYNTH_DATA", beside))
    if not folder.is_dir():
        pytest.skip("the public tables are not here: set SKGENSYNTH_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def save_tiny_model():
    """The function that saves a tiny language model of a kind in a folder."""
    from common.tiny_models import save_model  # torch only where it is needed

    return save_model


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory, save_tiny_model):
    return save_tiny_model(tmp_path_factory.mktemp("tiny_gpt2"), "gpt2")


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory, save_tiny_model):
    return save_tiny_model(tmp_path_factory.mktemp("tiny_llama"), "llama")


@pytest.fixture(params=["gpt2", "llama"])
def tiny_model(request, tiny_gpt2, tiny_llama):
    """Folder of a tiny model, once with tokens of several digits and once without."""
    return {"gpt2": tiny_gpt2, "llama": tiny_llama}[request.param]
