"""What the policy gradient needs of a policy, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skgensynth.disco.feedback.units import Units, UnitSpace
from skgensynth.laws import Laws

__all__ = ["Credit", "GradientSettings", "Learner", "Rollout"]


@dataclass(frozen=True)
class Rollout:
    """Rows that the present policy has drawn.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Encoded rows, on their columns' grids.
    units : Units
        The same rows as tokens.
    orders : ndarray of shape (n_rows, n_columns), int64
        Column at each place of the order in which a row was drawn.
    """

    values: NDArray[np.float64]
    units: Units
    orders: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Credit:
    """How much better than usual each part of a row is, in nats.

    Attributes
    ----------
    columns : ndarray of shape (n_rows, n_columns)
        For all tokens of a column.
    tokens : ndarray of shape (n_rows, length)
        To be added for single tokens, in the places of the rollout's units.
    costs : dict of int to ndarray of shape (n_rows, n_tokens)
        By column, what each of its tokens would cost in each row, whether or not it was drawn.
    """

    columns: NDArray[np.float64]
    tokens: NDArray[np.float64]
    costs: Mapping[int, NDArray[np.float64]]


@dataclass(frozen=True)
class GradientSettings:
    """Settings of the policy gradient.

    Attributes
    ----------
    learning_rate : float
        Highest step size of Adam; it rises over the first steps and falls linearly to the end.
    clip : float
        Probabilities may change by this share before a token's credit stops counting (PPO, Schulman et al., 2017).
    kl_weight : float
        Weight of the divergence from the supervised policy, in nats per row.
    n_passes : int
        Steps on the same rows.
    n_steps : int
        Steps to be taken in all.
    """

    learning_rate: float
    clip: float
    kl_weight: float
    n_passes: int
    n_steps: int

    def rate(self, step: int) -> float:
        """Step size of a step, counted from 0."""
        return self.learning_rate * min(1.0, (step + 1) / 10) * max(0.05, 1 - step / max(self.n_steps, 1))


class Learner(Protocol):
    """A policy that can be changed by credit for its own rows."""

    space: UnitSpace

    def write(self, values: NDArray[np.float64]) -> Units:
        """Write encoded rows as tokens."""

    def draw(self, n: int, rng: np.random.Generator) -> Rollout:
        """Draw rows in the way that `sample` does, but for conditions and laws."""

    def settled(self, rollout: Rollout, rng: np.random.Generator) -> NDArray[np.float64]:
        """As many encoded rows as the policy's users get them now, held to laws where sampling can do that."""

    def expected_violations(
        self, rollout: Rollout, laws: Laws, rng: np.random.Generator
    ) -> dict[int, NDArray[np.float64]] | None:
        """By column, with which of its tokens a row would break a law there; None where that is not known."""

    def update(self, rollout: Rollout, credit: Credit) -> float:
        """Make rows with credit more probable; the divergence from the supervised policy before it, nats per row."""

    def state(self) -> Any:
        """Copy of the present weights."""

    def restore(self, state: Any) -> None:
        """Put weights back."""

    def finish(self, rng: np.random.Generator) -> None:
        """Leave the policy ready to sample."""
