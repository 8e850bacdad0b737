"""The adversarial search for a data generation process."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skgensynth.copies import COPIED
from skgensynth.exceptions import (
    BudgetExceededError,
    ContextOverflowError,
    GrammarError,
    InterruptedTrainingWarning,
    LanguageModelError,
)
from skgensynth.mallm.checkpoint import Checkpoint, State
from skgensynth.mallm.crossfitting import cross_fit, make_folds
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
FEWEST_ROWS = 4  # of a batch: of fewer there are hardly some to learn from and some to judge by
# Of a batch, so many new rows have to be there for a process to count (ours): a low score of one or two is luck.
LEAST_SHARE = 0.5
NOTHING_JUDGED = ", but no process had enough good rows to be judged by, so the first one stays"
# Independent streams of random numbers: nothing depends on what was drawn before, so that a search can be resumed.
_SPLIT, _ORDER, _OPTIMIZER, _ROWS = range(4)


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
        Share of rows, real and generated, that the discriminator is judged by and never trained on; as the nearest of
        a half, a third, a quarter and so on.
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
    """Training rows of each batch of an epoch; no batch is too small for a score."""
    n_batches = max(1, min(math.ceil(n_rows / batch_size), n_rows // FEWEST_ROWS))
    return [n_rows // n_batches + (place < n_rows % n_batches) for place in range(n_batches)]


class Search:
    """Two language models and a classifier that play against each other (MALLM-GAN, arXiv:2406.10521, 2024).

    In each iteration the generator makes rows from a batch of training rows; the discriminator learns from them and is
    judged on held-out ones; and the optimizer, who sees the best processes so far with what the current discriminator
    makes of their rows, proposes the process of the next iteration.

    Ours: training rows are dealt out to folds, and a row that is made from a training row is in its fold. The first
    fold is held out in all iterations, so that copying an example well is no way to deceive the discriminator; rows of
    the same process are judged together; and the final choice is by discriminators that are fitted crosswise over all
    folds, so that all rows of a process count.

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
        self._discriminator, self._untrained = discriminator, copy.deepcopy(discriminator)
        self._check = check
        self._settings = settings
        self._checkpoint = checkpoint
        self._state = (checkpoint and checkpoint.load(discriminator)) or State(start, settings.seed)
        self._untrained.seed = self._state.seed
        self._sizes = batch_sizes(len(values), settings.batch_size)
        self._folds = make_folds(len(values), settings.validation_size, self._rng(_SPLIT), len(self._sizes))
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
        ContextOverflowError, GrammarError
            If a request turns out to be too long, or its form to be none, before the first iteration is done.

        Warns
        -----
        InterruptedTrainingWarning
            After a keyboard interrupt, and where a model fails later; the best process so far is chosen.
        """
        stop_reason, n_before = FINISHED, len(self._state.iterations)
        try:
            for _ in self._steps():
                if progress is not None:
                    progress(len(self._state.iterations), self._n_steps)
        except BudgetExceededError as error:
            stop_reason = f"a limit was reached ({str(error).rstrip('.')})"
            if len(self._state.iterations) == n_before:
                # With a checkpoint, too, every further try would end here.
                stop_reason += "; not one iteration fits into it: raise it, or keep replies with cache"
        except KeyboardInterrupt:
            stop_reason = "it was interrupted"
            self._warn(stop_reason)
        except (LanguageModelError, ContextOverflowError, GrammarError) as error:
            if not self._state.iterations:
                raise
            stop_reason = f"a language model failed ({str(error).rstrip('.')})"
            self._warn(stop_reason)
        return self._outcome(stop_reason)

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
        seed = int(self._rng(_OPTIMIZER, len(self._state.iterations)).integers(2**31))
        # What a reply leaves out stays as it is in the best process, not in the last one, which may make no good rows.
        pairs = self.best_pairs() or [ScoredProcess(self._state.start, None)]
        current = pairs[-1].process
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
        rows = self._batch(epoch, batch)
        generator = self._generator_for(process)
        if generator.left_out:
            notes = (
                *notes,
                f"to fit into the context, the prompt is short of something: {', '.join(generator.left_out)}",
            )
        made, folds, yield_rate = self._make(generator, rows, self._rng(_ROWS, number))
        held_out, score = folds == 0, None
        if held_out.any() and not held_out.all():
            self._discriminator.update(self._values[rows[self._folds[rows] > 0]], made[~held_out])
            score = self._discriminator.accuracy(self._values[self._folds == 0], made[held_out])
        if score is None or len(made) < LEAST_SHARE * len(rows):
            notes = (*notes, f"{len(made)} good rows of {len(rows)} are too few to judge the process by")
        in_history = score is not None and len(made) >= LEAST_SHARE * len(rows)
        in_history &= yield_rate >= self._settings.min_yield
        iteration = Iteration(
            epoch, batch, process.graph, process.instruction, score, None, yield_rate, len(made), in_history, notes
        )
        self._state.iterations.append(iteration)
        self._state.made.append(made)
        self._state.folds.append(folds)
        self._state.proposed, self._state.notes = None, ()

    def _batch(self, epoch: int, batch: int) -> NDArray[np.intp]:
        """Places of the training rows of a batch, fold by fold; each batch has its share of every fold."""
        order = self._rng(_ORDER, epoch).permutation(len(self._values))
        return order[np.argsort(self._folds[order], kind="stable")][batch :: len(self._sizes)]

    def _make(
        self, generator: RowGenerator, rows: NDArray[np.intp], rng: np.random.Generator
    ) -> tuple[np.ndarray, NDArray[np.intp], float]:
        """Good new rows, as many as examples or a few less, their folds, and the share of good rows among all."""
        good, folds, n_made, n_invalid = [], [], 0, 0
        wanted = rows
        for turn in range(2):
            groups = [self._values[wanted[self._folds[wanted] == fold]] for fold in range(self._folds.max() + 1)]
            made, origins = generator.make_in_groups(groups, rng)
            if made.stopped is not None:
                raise made.stopped
            values = generator.asker.form.schema.snap(made.values)
            ok, reasons = self._check(values)
            copied = reasons.get(COPIED, np.zeros(len(values), dtype=bool))
            n_made += max(len(wanted), len(made))
            n_invalid += sum(made.reasons.values()) - made.reasons.get(COPIED, 0) + int((~ok & ~copied).sum())
            good.append(values[ok])
            folds.append(origins[ok])
            n_lacking = len(rows) - sum(map(len, good))
            if turn or n_lacking <= 0:
                break
            n_again = min(n_lacking, max(1, int(ASKED_AGAIN * len(rows))))
            wanted = rng.choice(rows, n_again, replace=False)
        found = np.concatenate(good)
        # Replies may hold more rows than were asked for: then some from everywhere.
        kept = np.linspace(0, len(found) - 1, min(len(found), len(rows))).round().astype(np.intp)
        return found[kept], np.concatenate(folds)[kept], max(0.0, 1.0 - n_invalid / n_made)

    # Scores ----------------------------------------------------------------------------------------------------------

    def best_pairs(self) -> list[ScoredProcess]:
        """The best processes of the history with the current discriminator's scores, the best last."""
        real = self._values[self._folds == 0]
        scores = {}
        for process, numbers in self._history().items():
            held_out = np.concatenate([self._state.made[i][self._state.folds[i] == 0] for i in numbers])
            scores[process] = self._loss(self._discriminator.accuracy(real, held_out))
        # The latest first: of two that are equally good, the earlier is better.
        ordered = sorted(reversed(scores), key=lambda process: scores[process], reverse=True)
        return [ScoredProcess(process, scores[process]) for process in ordered[-self._settings.n_pairs :]]

    def _history(self) -> dict[DataGenerationProcess, list[int]]:
        """Iterations of each process with enough good rows, in the order in which the processes were first tried."""
        numbers: dict[DataGenerationProcess, list[int]] = {}
        for number, iteration in enumerate(self._state.iterations):
            if iteration.in_history:
                numbers.setdefault(self._process_of(iteration), []).append(number)
        return numbers

    def _loss(self, accuracy: float) -> float:
        return abs(accuracy - 0.5) if self._settings.objective == "distance_to_chance" else accuracy

    def _outcome(self, stop_reason: str) -> Outcome:
        """The process whose rows are told least by discriminators that learned from other rows."""
        iterations, history = self._state.iterations, self._history()
        fitted = None
        if iterations:
            made, folds = self._state.made, self._state.folds
            fitted = cross_fit(self._values, self._folds, made, folds, lambda: copy.deepcopy(self._untrained))
        if fitted is None or not history:
            return Outcome(self._state.start, tuple(iterations), stop_reason + NOTHING_JUDGED * bool(iterations))
        scores = {process: fitted.accuracy(numbers) for process, numbers in history.items()}
        trajectory = [
            replace(iteration, adjusted_score=scores.get(self._process_of(iteration)) if iteration.in_history else None)
            for iteration in iterations
        ]
        # Of two that are equally good, the first one that was tried.
        return Outcome(min(scores, key=lambda process: self._loss(scores[process])), tuple(trajectory), stop_reason)

    def _process_of(self, iteration: Iteration) -> DataGenerationProcess:
        return self._state.start.with_(iteration.graph, iteration.instruction)

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self._state.seed, *stream])
