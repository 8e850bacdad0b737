import pytest
from common.learners import train_one_learner

from skgensynth.comparison import measuring


@pytest.fixture
def quick(monkeypatch):
    """One simple learner in the place of several does where it does not matter how well they learn."""
    train_one_learner(monkeypatch)


@pytest.fixture
def unmeasured(monkeypatch):
    """No figures, where what counts is which runs are done."""
    monkeypatch.setattr(measuring, "measure", lambda setting, synthetic, attempts: {})
    monkeypatch.setattr(measuring, "_of_real_rows", lambda setting, attempts: {})
