"""The policy gradient: rows drawn, judged, and made more or less probable, cycle by cycle."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.disco.codecs import CompactCodec
from skgensynth.disco.feedback.discriminators import Corpus, Discriminators
from skgensynth.disco.feedback.frequencies import Frequencies
from skgensynth.disco.feedback.rewards import Judgement, RewardSettings, by_level, dense_credit, scalar_credit
from skgensynth.disco.feedback.rollouts import Learner, Rollout
from skgensynth.exceptions import InterruptedTrainingWarning
from skgensynth.laws import Laws, last_columns
from skgensynth.schema import TableSchema

__all__ = ["Guidance", "LoopSettings", "reinforce"]

# Real rows that discriminators learn from; more of a large table say little more.
MAX_REAL = 4096
# A state whose held-out detection AUC is by so many standard errors above the supervised policy's is not kept.
TOLERANCE = 2.0
# Share of rows that may break a law in spite of what sampling does about it.
MAX_UNSETTLED = 0.01
# Cycles in a row without a better state after which the stage ends.
PATIENCE = 2
N_BINS = 12


@dataclass(frozen=True)
class Guidance:
    """What generated rows are judged by.

    Attributes
    ----------
    laws : Laws
        Constraints that they should keep.
    groups : sequence of sequence of int
        Columns of each group of associated columns.
    shaped_columns : sequence of int
        Columns whose rare classes count for more.
    """

    laws: Laws
    groups: Sequence[Sequence[int]]
    shaped_columns: Sequence[int]


@dataclass(frozen=True)
class LoopSettings:
    """Settings of `reinforce`.

    Attributes
    ----------
    dense : bool
        Whether credit goes to what earned it; otherwise to all of a row alike.
    rewards : RewardSettings
        Weights of the rewards.
    n_cycles : int
        Times that the discriminators are refreshed, at most.
    n_batches : int
        Batches of rows in a cycle.
    batch_size : int
        Rows drawn and learned from at once.
    pool : (int, int), default=(512, 4096)
        Bounds of the rows that discriminators train on and that a state is judged by: twice the real ones within them.
    n_threads : int, default=2
        Threads that train discriminators; the result does not depend on it.
    """

    dense: bool
    rewards: RewardSettings
    n_cycles: int
    n_batches: int
    batch_size: int
    pool: tuple[int, int] = (512, 4096)
    n_threads: int = 2


def reinforce(
    learner: Learner,
    values: NDArray[np.float64],
    schema: TableSchema,
    guidance: Guidance,
    settings: LoopSettings,
    rng: np.random.Generator,
    *,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Improve a policy by feedback for the rows that it draws.

    In each cycle the discriminators are trained on rows as sampling gives them, and a number of batches are drawn,
    judged and learned from. A state counts as good while the held-out detection AUC of whole rows is not above that of
    the supervised policy, or 0.5, by more than two standard errors. What remains is the good state with the fewest rows
    that break constraints in spite of what sampling does about it, or, where that is less than one in a hundred, the
    one that is told from real rows the least, by a standard error at least. After a state that is not good, the best
    one is taken up again with constraints weighing half. It ends early when no discriminator has any trust and sampling
    settles the constraints: then there is nothing to learn, and steps would only move a policy that is as good as can
    be told; and after two cycles in a row that gave no better state (ours).

    Parameters
    ----------
    learner : Learner
        The policy, which ends in the best state.
    values : ndarray of shape (n_rows, n_columns)
        Encoded training rows.
    schema : TableSchema
        Their schema.
    guidance : Guidance
        Constraints, groups of columns, columns with rare classes.
    settings : LoopSettings
        Kind of credit, weights, cycles and batches.
    rng : numpy.random.Generator
        Source of all randomness.
    verbose : int, default=0
        Above 0: a progress bar over the batches.

    Returns
    -------
    list of dict
        For each state that was judged: ``cycle`` (0 is the supervised policy), ``kept`` (whether it was good),
        ``{level}_auc`` and ``{level}_trust`` for each level of discriminators, ``broken_rows`` (share of rows that
        break a constraint as they are drawn), ``unsettled_rows`` (the same once sampling is held to constraints),
        ``class_shares`` (of the target's levels, where it has any), ``seconds``. From cycle 1 on,
        means over its batches: ``{level}_reward``, ``violations`` (broken constraints of a row), ``kl`` (divergence
        from the supervised policy, in nats per row).

    Warns
    -----
    InterruptedTrainingWarning
        After a keyboard interrupt; the best state so far is kept.
    """
    loop: _Loop | None = None
    try:
        loop = _Loop(learner, values, schema, guidance, settings, rng)
        loop.run(verbose)
    except KeyboardInterrupt:
        n_done = max(len(loop.history) - 1, 0) if loop else 0
        warnings.warn(
            f"Feedback was interrupted after {n_done} of {settings.n_cycles} cycles; the best state so far is kept.",
            InterruptedTrainingWarning,
            stacklevel=4,
        )
    finally:
        if loop:
            learner.restore(loop.best)
        learner.finish(rng)
    return loop.history if loop else []


class _Loop:
    """State of a run."""

    def __init__(
        self,
        learner: Learner,
        values: NDArray[np.float64],
        schema: TableSchema,
        guidance: Guidance,
        settings: LoopSettings,
        rng: np.random.Generator,
    ) -> None:
        self._learner = learner
        self._schema = schema
        self._guidance = guidance
        self._settings = settings
        self._rewards = settings.rewards
        self._rng = rng
        self._codec = CompactCodec.fit(values, schema, N_BINS)
        self._frequencies = Frequencies(self._codec.encode(values))
        some = values if len(values) <= MAX_REAL else values[rng.choice(len(values), MAX_REAL, replace=False)]
        real = Corpus(some, learner.write(some))
        self._groups = np.zeros((len(guidance.groups), values.shape[1]), dtype=bool)
        for place, group in enumerate(guidance.groups):
            self._groups[place, list(group)] = True
        self._discriminators = Discriminators(learner.space, guidance.groups, real, learner.write, rng)
        self._n_pool = int(np.clip(2 * len(some), *settings.pool))
        self._error = float(np.sqrt((1 / len(some) + 1 / self._n_pool) / 12))
        self._start = time.perf_counter()
        self._limit = 1.0
        self._best_figures = (np.inf, np.inf)
        self._n_idle = 0
        self.best: Any = learner.state()
        self.history: list[dict[str, Any]] = []

    def run(self, verbose: int) -> None:
        """All cycles."""
        settings = self._settings
        with _progress(settings.n_cycles * settings.n_batches, verbose) as bar:
            self._judge({"cycle": 0})
            if self._nothing_to_learn():
                return
            for cycle in range(1, settings.n_cycles + 1):
                batches = []
                for _ in range(settings.n_batches):
                    batches.append(self._batch())
                    bar.update()
                means = {name: float(np.mean([batch[name] for batch in batches])) for name in batches[0]}
                if not self._judge({"cycle": cycle, **means}):
                    self._learner.restore(self.best)
                    self._rewards = replace(self._rewards, violation_weight=self._rewards.violation_weight / 2)
                elif self._nothing_to_learn():
                    return
                if self._n_idle >= PATIENCE:
                    return

    def _nothing_to_learn(self) -> bool:
        """Whether sampling settles the laws, and no discriminator knows rows of the present state from real ones."""
        return self.history[-1]["unsettled_rows"] <= MAX_UNSETTLED and not any(self._discriminators.trust_.values())

    def _judge(self, entry: dict[str, Any]) -> bool:
        """Refresh the discriminators on rows of the present state; keep it if it is the best; whether it is good."""
        drawn = self._learner.draw(self._n_pool, self._rng)
        # What users get decides, not what sampling puts right.
        pool = self._learner.settled(drawn, self._rng)
        self._discriminators.refresh(Corpus(pool, self._learner.write(pool)), n_threads=self._settings.n_threads)
        auc = self._discriminators.auc_
        broken, unsettled = (self._guidance.laws.broken(rows).any(axis=1).mean() for rows in (drawn.values, pool))
        if not self.history:
            self._limit = max(auc["row"], 0.5) + TOLERANCE * self._error
            self._frequencies.update(self._codec.encode(drawn.values))
        good = auc["row"] <= self._limit
        self._n_idle += 1
        if good and self._is_better(unsettled, auc["row"]):
            self.best, self._best_figures = self._learner.state(), (unsettled, auc["row"])
            self._n_idle = 0
        entry |= {f"{level}_auc": value for level, value in auc.items()}
        entry |= {f"{level}_trust": value for level, value in self._discriminators.trust_.items()}
        entry |= {"broken_rows": float(broken), "unsettled_rows": float(unsettled), "kept": good}
        entry |= self._class_shares(pool)
        self.history.append({**entry, "seconds": time.perf_counter() - self._start})
        return good

    def _is_better(self, unsettled: float, auc: float) -> bool:
        """Whether fewer rows break laws than in the best state, or as few, and less is told from real rows."""
        best_unsettled, best_auc = self._best_figures
        fewer = max(best_unsettled, MAX_UNSETTLED) - max(unsettled, MAX_UNSETTLED)
        return fewer > 0 or (fewer == 0 and auc < best_auc - self._error)

    def _class_shares(self, values: NDArray[np.float64]) -> dict[str, list[float]]:
        """Share of each of the target's levels among generated rows."""
        target = self._schema.target
        if target is None or target.kind != "categorical":
            return {}
        counts = np.bincount(values[:, -1].astype(np.int64), minlength=len(target.levels))
        return {"class_shares": (counts / len(values)).tolist()}

    def _batch(self) -> dict[str, float]:
        """Draw rows, judge them, change the policy; mean rewards of a row and the divergence."""
        rollout = self._learner.draw(self._settings.batch_size, self._rng)
        found = self._judgement(rollout)
        columns = rollout.units.columns
        if self._settings.dense:
            expected = self._learner.expected_violations(rollout, self._guidance.laws, self._rng)
            credit = dense_credit(found, columns, self._rewards, expected)
        else:
            credit = scalar_credit(found, columns, self._rewards)
        return {**by_level(found), "kl": self._learner.update(rollout, credit)}

    def _judgement(self, rollout: Rollout) -> Judgement:
        """What is found out about drawn rows."""
        codes = self._codec.encode(rollout.values)
        self._frequencies.update(codes)
        laws = self._guidance.laws
        return Judgement(
            self._discriminators.scores(Corpus(rollout.values, rollout.units)),
            laws.broken(rollout.values),
            last_columns(rollout.orders, laws.columns),
            last_columns(rollout.orders, self._groups),
            self._frequencies.rewards(codes),
            self._frequencies.factors(codes, self._guidance.shaped_columns),
        )


def _progress(n_batches: int, verbose: int) -> Any:
    """A progress bar, silent unless asked for."""
    from tqdm.auto import tqdm

    return tqdm(total=n_batches, desc="feedback", unit="batch", disable=not verbose)
