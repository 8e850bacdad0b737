from __future__ import annotations

from dataclasses import replace

import pytest

from skgensynth.disco.feedback import discriminators, stage, trees


@pytest.fixture
def hasty(monkeypatch):
    """Discriminators that learn from few steps and rows, where it does not matter what they find."""
    monkeypatch.setattr(discriminators, "FIRST_STEPS", 6)
    monkeypatch.setattr(discriminators, "NEXT_STEPS", 2)
    monkeypatch.setattr(trees, "N_TREES", 10)
    monkeypatch.setattr(stage, "COMPACT", replace(stage.COMPACT, pool=(128, 4096)))
