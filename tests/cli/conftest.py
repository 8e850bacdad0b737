import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def few_splits(monkeypatch):
    """A few splits do for tests, and save most of the time."""
    monkeypatch.setattr("skgensynth.report.measures._MAX_SPLITS", 4)
