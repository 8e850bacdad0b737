"""The adversarial search for a data generation process."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skgensynth.copies import COPIED
from skgensynth.exceptions import (
    BudgetExceededError,
    ContextOverflowError,
    InterruptedTrainingWarning,
    LanguageModelError,
)
from skgensynth.mallm.checkpoint import Checkpoint, State
from skgensynth.mallm.discriminators import Discriminator
from skgensynth.mallm.generator import RowGenerator
from skgensynth.mallm.optimizer import ProcessOptimizer, Proposal, ScoredProcess
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.mallm.trajectory import Iteration
from skgensynth.sampling import Check

__all__ = ["FEWEST_ROWS", "FINISHED", "Outcome", "Search", "SearchSettings", "batch_sizes"]

FINISHED = "all epochs are done"
# Of a batch, so many rows are asked for again where they are no rows or copies: it bounds what a step costs (ours).
ASKED_AGAIN = 0.2
FEWEST_ROWS = 4  # of a step, for a score: two to learn from, two to judge by
# Independent streams of random numbers: nothing depends on what was drawn before, so that a search can be resumed.
_SPLIT, _ORDER, _OPTIMIZER, _ROWS, _HELD_OUT = range(5)


@dataclass(frozen=True)
class SearchSettings:
    """How a search goes on.

    Attributes
    ----------
    n_epochs : int
        Passes over the training rows.
    batch_size : int
        Training rows of a step at most.
    validation_size : float
        Share of rows, real and generated, that the discriminator is judged by and never trained on.
    n_pairs : int
        Processes that the optimizer sees.
    min_yield : float
        Share of good rows below which a process is not shown to the optimizer.
    objective : {"accuracy", "distance_to_chance"}
        What is to be low.
    seed : int
        Of all that is random.
    """

    n_epochs: int
    batch_size: int
    validation_size: float
    n_pairs: int
    min_yield: float
    objective: str
    seed: int


class Outcome(NamedTuple):
    """What a search found: the best process, the iterations, and why it ended."""

    process: DataGenerationProcess
    trajectory: tuple[Iteration, ...]
    stop_reason: str


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Training rows of each batch of an epoch."""
    n_batches = math.ceil(n_rows / batch_size)
    return [n_rows // n_batches + (place < n_rows % n_batches) for place in range(n_batches)]


class Search:
    """Two language models and a classifier that play against each other (MALLM-GAN, arXiv:2406.10521, 2024).

    In each iteration the generator makes rows from a batch of training rows; the discriminator learns from them and is
    judged on held-out ones; and the optimizer, who sees the best processes so far with what the current discriminator
    makes of their rows, proposes the process of the next iteration. Held-out training rows are the same in all
    iterations, and rows of the same process are judged together (ours).

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_modelled)
        Encoded training rows on the grids of their columns, at least two.
    start : DataGenerationProcess
        The process that the search begins with.
    generator_for : callable
        Gives the generator that makes rows by a process, or raises ContextOverflowError.
    optimizer : ProcessOptimizer
        Proposes processes.
    discriminator : Discriminator
        That has learned nothing yet.
    check : callable
        Says which rows are good, as `skgensynth.sampling.gather` wants it.
    settings : SearchSettings
        How to go on.
    checkpoint : Checkpoint or None
        Where the state is kept.
    """

    def __init__(
        self,
        values: np.ndarray,
        start: DataGenerationProcess,
        generator_for: Callable[[DataGenerationProcess], RowGenerator],
        optimizer: ProcessOptimizer,
        discriminator: Discriminator,
        check: Check,
        settings: SearchSettings,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._values = values
        self._generator_for = generator_for
        self._optimizer = optimizer
        self._discriminator = discriminator
        self._check = check
        self._settings = settings
        self._checkpoint = checkpoint
        self._state = (checkpoint and checkpoint.load(discriminator)) or State(start, settings.seed)
        held_out = self._rng(_SPLIT).permutation(len(values))[: _share(len(values), settings.validation_size)]
        self._is_held_out = np.isin(np.arange(len(values)), held_out)
        self._sizes = batch_sizes(len(values), settings.batch_size)
        self._n_steps = settings.n_epochs * len(self._sizes)

    def run(self, progress: Callable[[int, int], None] | None = None) -> Outcome:
        """Search until all epochs are done or something is used up, and choose the best process.

        Parameters
        ----------
        progress : callable, default=None
            Told how many iterations of how many are done.

        Returns
        -------
        Outcome
            Where no iteration was finished, with the process of the start.

        Raises
        ------
        LanguageModelError
            If a model fails before the first iteration is done. A budget that is used up is no failure.

        Warns
        -----
        InterruptedTrainingWarning
            After a keyboard interrupt, and where a model fails later; the best process so far is chosen.
        """
        stop_reason = FINISHED
        try:
            for _ in self._steps():
                if progress is not None:
                    progress(len(self._state.iterations), self._n_steps)
        except BudgetExceededError as error:
            stop_reason = f"a limit was reached ({str(error).rstrip('.')})"
        except KeyboardInterrupt:
            stop_reason = "it was interrupted"
            self._warn(stop_reason)
        except LanguageModelError as error:
            if not self._state.iterations:
                raise
            stop_reason = f"a language model failed ({str(error).rstrip('.')})"
            self._warn(stop_reason)
        return Outcome(self._choose(), tuple(self._adjusted()), stop_reason)

    def _warn(self, reason: str) -> None:
        n_done = len(self._state.iterations)
        warnings.warn(
            f"The search for a data generation process ended after {n_done} of {self._n_steps} iterations: {reason}; "
            "the best process so far is kept.",
            InterruptedTrainingWarning,
            stacklevel=3,
        )

    # One iteration ---------------------------------------------------------------------------------------------------

    def _steps(self) -> Iterator[None]:
        """Iterate; the state is kept whenever a model has answered."""
        while len(self._state.iterations) < self._n_steps:
            if self._state.iterations and self._state.proposed is None:
                self._propose()
                self._keep()
            self._try()
            self._keep()
            yield

    def _keep(self) -> None:
        if self._checkpoint is not None:
            self._checkpoint.save(self._state, self._discriminator)

    def _propose(self) -> None:
        """Ask the optimizer for the next process."""
        last = self._state.iterations[-1]
        current = self._process_of(last)
        seed = int(self._rng(_OPTIMIZER, len(self._state.iterations)).integers(2**31))
        # Without anything to learn from there is no better process.
        pairs = self.best_pairs() or [ScoredProcess(current, 1.0 if last.score is None else self._loss(last.score))]
        proposal = self._optimizer.propose(current, pairs, seed)
        try:
            self._generator_for(proposal.process)
        except ContextOverflowError as error:
            proposal = Proposal(current, (*proposal.notes, f"the proposed process is too long: {error}"))
        self._state.proposed, self._state.notes = proposal

    def _try(self) -> None:
        """Make rows by the process that comes next, and let the discriminator learn from them."""
        number = len(self._state.iterations)
        epoch, batch = divmod(number, len(self._sizes))
        process, notes = self._state.proposed or self._state.start, self._state.notes
        order = self._rng(_ORDER, epoch).permutation(len(self._values))
        rows = np.split(order, np.cumsum(self._sizes)[:-1])[batch]
        generator = self._generator_for(process)
        generated, yield_rate = self._make(generator, self._values[rows], self._rng(_ROWS, number))
        score, held_out = None, generated[:0]
        if len(generated) >= FEWEST_ROWS:
            shuffled = generated[self._rng(_HELD_OUT, number).permutation(len(generated))]
            n_held_out = _share(len(generated), self._settings.validation_size)
            held_out = shuffled[:n_held_out]
            self._discriminator.update(self._real(rows), shuffled[n_held_out:])
            score = self._discriminator.accuracy(self._values[self._is_held_out], held_out)
        else:
            notes = (*notes, f"{len(generated)} good rows are too few for a score")
        in_history = score is not None and yield_rate >= self._settings.min_yield
        iteration = Iteration(
            epoch, batch, process.graph, process.instruction, score, None, yield_rate, len(generated), in_history, notes
        )
        self._state.iterations.append(iteration)
        self._state.held_out.append(held_out)
        self._state.proposed, self._state.notes = None, ()

    def _real(self, rows: np.ndarray) -> np.ndarray:
        """Training rows of a batch that are not held out; all of them where the batch has none."""
        training = rows[~self._is_held_out[rows]]
        return self._values[training if len(training) else ~self._is_held_out]

    def _make(
        self, generator: RowGenerator, examples: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, float]:
        """Good new rows, as many as examples or a few less, and the share of good rows among all."""
        good, n_asked, n_invalid = [], 0, 0
        wanted = examples
        for turn in range(2):
            made = generator.make(wanted, rng)
            if made.stopped is not None:
                raise made.stopped
            values = generator.asker.form.schema.snap(made.values)
            ok, reasons = self._check(values)
            copied = reasons.get(COPIED, np.zeros(len(values), dtype=bool))
            n_asked += len(wanted)
            n_invalid += sum(made.reasons.values()) - made.reasons.get(COPIED, 0) + int((~ok & ~copied).sum())
            good.append(values[ok])
            n_lacking = len(examples) - sum(map(len, good))
            if turn or n_lacking <= 0:
                break
            n_again = min(n_lacking, max(1, int(ASKED_AGAIN * len(examples))))
            wanted = examples[rng.choice(len(examples), n_again, replace=False)]
        return np.concatenate(good)[: len(examples)], max(0.0, 1.0 - n_invalid / n_asked)

    # Scores ----------------------------------------------------------------------------------------------------------

    def best_pairs(self) -> list[ScoredProcess]:
        """The best processes of the history with the current discriminator's scores, the best last."""
        scored = sorted(self._rescored(), key=lambda pair: pair.score, reverse=True)
        return scored[-self._settings.n_pairs :]

    def _rescored(self) -> list[ScoredProcess]:
        """All processes of the history, the latest first: of two that are equally good, the earlier is better."""
        rows: dict[DataGenerationProcess, list[np.ndarray]] = {}
        for iteration, held_out in zip(self._state.iterations, self._state.held_out, strict=False):
            if iteration.in_history:
                rows.setdefault(self._process_of(iteration), []).append(held_out)
        real = self._values[self._is_held_out]
        return [
            ScoredProcess(process, self._loss(self._discriminator.accuracy(real, np.concatenate(parts))))
            for process, parts in reversed(rows.items())
        ]

    def _loss(self, accuracy: float) -> float:
        return abs(accuracy - 0.5) if self._settings.objective == "distance_to_chance" else accuracy

    def _choose(self) -> DataGenerationProcess:
        """The best process by the last discriminator; the first one where none was good enough to be judged."""
        pairs = self.best_pairs()
        return pairs[-1].process if pairs else self._state.start

    def _adjusted(self) -> Iterator[Iteration]:
        """The iterations with the last discriminator's scores."""
        real = self._values[self._is_held_out]
        for iteration, held_out in zip(self._state.iterations, self._state.held_out, strict=False):
            scored = len(held_out) > 0
            yield replace(iteration, adjusted_score=self._discriminator.accuracy(real, held_out) if scored else None)

    def _process_of(self, iteration: Iteration) -> DataGenerationProcess:
        return self._state.start.with_(iteration.graph, iteration.instruction)

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self._state.seed, *stream])


def _share(n: int, share: float) -> int:
    """A share of n things, at least one of them and at most all but one."""
    return min(max(1, round(share * n)), n - 1)
