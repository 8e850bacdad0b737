"""The feedback stage as a whole: from a fitted policy and the training rows to an improved policy."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.disco.compact import CompactPolicy
from skgensynth.disco.feedback.compact import CompactLearner
from skgensynth.disco.feedback.loop import Guidance, LoopSettings, reinforce
from skgensynth.disco.feedback.pretrained import PretrainedLearner
from skgensynth.disco.feedback.rewards import RewardSettings
from skgensynth.disco.feedback.rollouts import GradientSettings, Learner
from skgensynth.disco.feedback.settings import DEFAULT_WEIGHTS, MIN_ROWS, FeedbackSettings
from skgensynth.disco.policies import Policy
from skgensynth.disco.pretrained import PretrainedPolicy
from skgensynth.disco.threads import one_torch_thread
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

__all__ = ["give_feedback"]

# Training rows for each batch of a cycle: the supervised stage of few rows is short, too.
ROWS_PER_BATCH = 24
# Groups of associated columns that are judged, the strongest ones.
MAX_GROUPS = 40


@dataclass(frozen=True)
class _Scale:
    """What is chosen for a kind of policy: settings that are None, and bounds of the rows that it is judged by."""

    learning_rate: float
    min_batches: int
    n_batches: int
    batch_size: int
    pool: tuple[int, int]


COMPACT = _Scale(3e-3, 4, 24, 128, LoopSettings.pool)
# A row of a language model costs a hundred times as much.
PRETRAINED = _Scale(1e-4, 8, 8, 64, (256, 1024))


def give_feedback(
    policy: Policy,
    values: NDArray[np.float64],
    schema: TableSchema,
    laws: Laws,
    groups: Sequence[Sequence[str]],
    *,
    dense: bool,
    settings: FeedbackSettings,
    rng: np.random.Generator,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Improve a fitted policy in place.

    Parameters
    ----------
    policy : CompactPolicy or PretrainedPolicy
        The policy.
    values : ndarray of shape (n_rows, n_columns)
        Encoded training rows.
    schema : TableSchema
        Their schema.
    laws : Laws
        Laws of the table.
    groups : sequence of sequence of str
        Names of columns that are associated, the strongest groups first.
    dense : bool
        Whether credit goes to what earned it; otherwise to all of a row alike.
    settings : FeedbackSettings
        Everything else.
    rng : numpy.random.Generator
        Source of all randomness.
    verbose : int, default=0
        Above 0: a progress bar.

    Returns
    -------
    list of dict
        See `reinforce`; empty where there are fewer than 40 rows or all are the same, and no policy is changed.
    """
    if len(values) < MIN_ROWS or np.array_equal(values, np.tile(values[0], (len(values), 1)), equal_nan=True):
        return []
    places = {column.name: place for place, column in enumerate(schema.modelled)}
    known = [[places[name] for name in group if name in places] for group in groups[:MAX_GROUPS]]
    guidance = Guidance(laws, [group for group in known if group], _shaped_columns(schema, settings.shaping))
    rewards = RewardSettings(
        {**DEFAULT_WEIGHTS, **(settings.weights or {})}, settings.violation_weight, settings.frequency_weight
    )
    scale = COMPACT if isinstance(policy, CompactPolicy) else PRETRAINED
    n_batches = settings.n_batches or int(np.clip(len(values) // ROWS_PER_BATCH, scale.min_batches, scale.n_batches))
    batch_size = settings.batch_size or scale.batch_size
    n_steps = settings.n_cycles * n_batches * settings.n_passes
    rate = settings.learning_rate or scale.learning_rate
    gradient = GradientSettings(rate, settings.clip, settings.kl_weight, settings.n_passes, n_steps)
    n_threads = policy.n_threads if isinstance(policy, CompactPolicy) else LoopSettings.n_threads
    loop = LoopSettings(dense, rewards, settings.n_cycles, n_batches, batch_size, scale.pool, n_threads)
    # A small network's operations gain nothing from threads: parts of a batch are worked on side by side instead.
    with one_torch_thread() if isinstance(policy, CompactPolicy) else nullcontext():
        return reinforce(_learner(policy, gradient), values, schema, guidance, loop, rng, verbose=verbose)


def _learner(policy: Policy, settings: GradientSettings) -> Learner:
    """Who computes the gradient of a policy."""
    if isinstance(policy, CompactPolicy):
        return CompactLearner(policy, settings)
    assert isinstance(policy, PretrainedPolicy)
    return PretrainedLearner(policy, settings)


def _shaped_columns(schema: TableSchema, shaping: str | None) -> list[int]:
    """Places of the categorical columns whose rare levels count for more: the target, or all."""
    if shaping is None:
        return []
    places = range(len(schema.modelled)) if shaping == "categories" else [schema.target_index]
    return [place for place in places if place is not None and schema.modelled[place].kind == "categorical"]
