"""Learners that are quick to train."""

from functools import partial

from skgensynth.comparison import measuring


def train_one_learner(monkeypatch):
    """Let comparisons train one simple learner in the place of several."""
    for name in ("tstr", "trtr"):
        monkeypatch.setattr(measuring, name, partial(getattr(measuring, name), learners=["linear"]))
    monkeypatch.setattr(measuring, "detection_auc", partial(measuring.detection_auc, learner="linear"))
