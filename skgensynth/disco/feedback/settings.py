"""Settings of the feedback stage, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["DEFAULT_WEIGHTS", "LEVELS", "MIN_ROWS", "FeedbackSettings"]

DEFAULT_WEIGHTS = {"token": 0.2, "sentence": 0.3, "feature": 0.2, "row": 0.3}
LEVELS = tuple(DEFAULT_WEIGHTS)
# Fewer rows have no halves that discriminators could learn from.
MIN_ROWS = 40


@dataclass(frozen=True)
class FeedbackSettings:
    """Settings of the feedback stage, the ``feedback_params`` of `DiscoTabSynthesizer`.

    Attributes
    ----------
    n_cycles : int, default=3
        Times that the discriminators are refreshed, at most: two cycles in a row without a better state are the last.
    n_batches : int, default=None
        Batches of rows in a cycle. None is, for the compact policy, one for every 24 training rows, but at least 4
        and at most 24; for a pretrained one it is 8.
    batch_size : int, default=None
        Rows in a batch. None is 128 for the compact policy and 64 for a pretrained one.
    n_passes : int, default=2
        Steps on the rows of a batch.
    learning_rate : float, default=None
        Highest step size of Adam. None is 3e-3 for the compact policy and 1e-4 for a pretrained one.
    clip : float, default=0.2
        Probabilities may change by this share before a token's credit stops counting.
    kl_weight : float, default=1.0
        Weight of the divergence from the supervised policy.
    weights : dict of str to float, default=None
        Weights of the levels "token", "sentence", "feature" and "row"; those left out keep 0.2, 0.3, 0.2 and 0.3.
    violation_weight : float, default=10.0
        What a row that breaks constraints loses, in nats.
    frequency_weight : float, default=1.0
        Weight of the guard of the columns' distributions.
    shaping : {"class", "categories"} or None, default="class"
        Whose rare values count for more: the classes of the target, these and the levels of all categorical columns,
        or none.
    """

    n_cycles: int = 3
    n_batches: int | None = None
    batch_size: int | None = None
    n_passes: int = 2
    learning_rate: float | None = None
    clip: float = 0.2
    kl_weight: float = 1.0
    weights: Mapping[str, float] | None = None
    violation_weight: float = 10.0
    frequency_weight: float = 1.0
    shaping: str | None = "class"

    def __post_init__(self) -> None:
        for name in ("n_cycles", "n_batches", "batch_size", "n_passes"):
            value = getattr(self, name)
            if value is None and name in ("n_batches", "batch_size"):
                continue
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
                raise ValueError(f"feedback_params gives {name}={value!r}; it must be a whole number of at least 1")
        for name in ("learning_rate", "clip"):
            value = getattr(self, name)
            automatic = name == "learning_rate" and value is None
            if not automatic and not (_is_number(value) and value > 0):
                raise ValueError(f"feedback_params gives {name}={value!r}; it must be above 0")
        for name in ("kl_weight", "violation_weight", "frequency_weight"):
            value = getattr(self, name)
            if not (_is_number(value) and value >= 0):
                raise ValueError(f"feedback_params gives {name}={value!r}; it must be 0 or more")
        unknown = [level for level in self.weights or {} if level not in DEFAULT_WEIGHTS]
        if unknown:
            raise ValueError(f"feedback_params weighs the level {unknown[0]!r}; there are {', '.join(DEFAULT_WEIGHTS)}")
        for level, weight in (self.weights or {}).items():
            if not (_is_number(weight) and weight >= 0):
                raise ValueError(f"feedback_params weighs the level {level!r} by {weight!r}; it must be 0 or more")
        if self.shaping not in ("class", "categories", None):
            raise ValueError(f"feedback_params gives shaping={self.shaping!r}; it is 'class', 'categories' or None")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> FeedbackSettings:
        """Settings from what a user gives; an unknown name is a ValueError."""
        known = [field.name for field in fields(cls)]
        unknown = [name for name in params if name not in known]
        if unknown:
            raise ValueError(f"feedback_params names {unknown[0]!r}, which is not there; it has {', '.join(known)}")
        return cls(**params)


def _is_number(value: Any) -> bool:
    """Whether a value is a number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)
