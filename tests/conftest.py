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
