"""Supervised stage of the compact policy: likelihood of the rows in random column orders."""

from __future__ import annotations

import copy
import math
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skgensynth.disco.blocks import NO_DROPOUT, Dropout
from skgensynth.disco.network import RowTransformer
from skgensynth.disco.smoothing import Smoothing
from skgensynth.disco.threads import one_torch_thread, worker_threads
from skgensynth.exceptions import InterruptedTrainingWarning, SkgensynthError

__all__ = ["TrainingSettings", "train_members"]

# How far a number's target spreads where it is the table's target: hardly, since it is sharpened when it is drawn.
TARGET_SMOOTHING = 0.02
WARM_UP_STEPS = 20
AVERAGE_DECAY = 0.98
# Smaller tables hold no rows out: too few to judge by.
MIN_ROWS_TO_SPLIT = 50
# The early state may be as late as this, even after half of the passes.
EARLY_STEPS = 1000
MAX_HELD_OUT = 1000


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of `train_members`.

    Attributes
    ----------
    n_epochs : int
        Passes over the rows.
    early_epochs : int or None
        Passes after which an early state is kept; None keeps the state that is best on held-out rows, from a
        quarter of all passes up to a half, or up to 1,000 steps where these are more.
    batch_size : int
        Rows per step.
    learning_rate : float
        Step size of AdamW.
    dropout : float
        Share of inner numbers left out, in [0, 1).
    weight_decay : float
        Decay of weights, biases excepted but for those of the heads of columns with equally many tokens.
    smoothing : float
        How far the targets of numbers among the features spread, see `heat_kernel`.
    """

    n_epochs: int
    early_epochs: int | None
    batch_size: int
    learning_rate: float
    dropout: float
    weight_decay: float
    smoothing: float


def train_members(
    parts: list[RowTransformer],
    ordered: NDArray[np.int64],
    tokens: NDArray[np.int64],
    target: int | None,
    settings: TrainingSettings,
    rng: np.random.Generator,
    *,
    n_threads: int,
    verbose: int = 0,
) -> tuple[list[RowTransformer], list[dict[str, float]]]:
    """Train the parts of an ensemble, each in a thread of its own, on the rows of a table.

    The loss is the cross-entropy of each column's token after the columns before it, in a column order drawn afresh
    for each row and step. The targets of numbers spread over the bins nearby, which leaves the column's distribution
    as it is, see `heat_kernel`. Weights are averaged exponentially over the steps; the averages are what remains
    (ours). Parts do not depend on each other or on the number of threads.

    Each member leaves out a tenth of the rows, another one than the others do. These rows tell when the features have
    been learned as far as they generalise, which is when the early state is taken (ours).

    Parameters
    ----------
    parts : list of RowTransformer
        Networks; changed in place.
    ordered : ndarray of shape (n_columns,)
        How many of each column's first tokens are in order.
    tokens : ndarray of shape (n_rows, n_columns)
        Tokens of the training rows.
    target : int or None
        The column that does not count as a feature.
    settings : TrainingSettings
        Epochs, batches, step size, regularisation.
    rng : numpy.random.Generator
        Source of batches, orders and noise.
    n_threads : int
        Parts trained at the same time.
    verbose : int, default=0
        Above 0: a progress bar on standard error.

    Returns
    -------
    early : list of RowTransformer
        The parts in their early state.
    history : list of dict
        For each epoch ``epoch`` (from 1), ``loss`` (mean smoothed cross-entropy of a row, in nats),
        ``held_out_loss`` (mean cross-entropy of the features of a held-out row under a single member; absent where no
        rows are held out), ``seconds`` since the start.

    Warns
    -----
    InterruptedTrainingWarning
        After a keyboard interrupt; the averages so far are kept.
    """
    stop = threading.Event()
    seeds = rng.spawn(len(parts))
    runs = [_Run(part, ordered, tokens, target, settings, seed, stop) for part, seed in zip(parts, seeds, strict=True)]
    with one_torch_thread(), worker_threads(n_threads) as pool, _progress(runs, settings, verbose) as refresh:
        futures = [pool.submit(run.train) for run in runs]
        try:
            _wait_for(futures, refresh)
        except KeyboardInterrupt:
            stop.set()
            done = min(len(run.entries) for run in runs)
            warnings.warn(
                f"Training was interrupted after {done} of {settings.n_epochs} epochs; the state so far is kept.",
                InterruptedTrainingWarning,
                stacklevel=4,
            )
        except BaseException:
            # The pool waits for its threads: none shall go on for nothing.
            stop.set()
            raise
    for run in runs:
        _assign(run.network, run.average.parameters())
    if not all(torch.isfinite(p).all() for part in parts for p in part.parameters()):
        raise SkgensynthError(
            f"the weights are not finite after training; lower learning_rate, now {settings.learning_rate}"
        )
    return [run.early or run.average for run in runs], _history(runs)


def _history(runs: list[_Run]) -> list[dict[str, float]]:
    """Mean figures of the epochs that all parts have finished."""
    n_epochs = min(len(run.entries) for run in runs)
    by_epoch = zip(*(run.entries[:n_epochs] for run in runs), strict=True)
    return [
        {"epoch": epoch} | {name: float(np.mean([entry[name] for entry in entries])) for name in entries[0]}
        for epoch, entries in enumerate(by_epoch, start=1)
    ]


class _Run:
    """Training of one part."""

    def __init__(
        self,
        network: RowTransformer,
        ordered: NDArray[np.int64],
        tokens: NDArray[np.int64],
        target: int | None,
        settings: TrainingSettings,
        rng: np.random.Generator,
        stop: threading.Event,
    ) -> None:
        self.entries: list[dict[str, float]] = []
        self.network = network
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.early: RowTransformer | None = None
        self._best = math.inf
        self._settings = settings
        self._stop = stop
        self._tokens = torch.from_numpy(tokens)
        self._features = [j for j in range(tokens.shape[1]) if j != target]
        widths = [TARGET_SMOOTHING if j == target else settings.smoothing for j in range(tokens.shape[1])]
        self._smoothing = Smoothing(tokens, network, ordered, widths)
        self._generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        self._dropout = Dropout(settings.dropout, self._generator)
        self._split()
        self._parameters: list[Tensor] = list(network.parameters())
        decayed = [p for p in self._parameters if p.shape[1] > 1]
        others = [p for p in self._parameters if p.shape[1] == 1]
        self._optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )
        self._n_steps = 0

    def train(self) -> None:
        """Run all epochs, unless stopped."""
        start = time.perf_counter()
        for epoch in range(1, self._settings.n_epochs + 1):
            losses = []
            for batch in self._batches():
                if self._stop.is_set():
                    return
                losses.append(self._step(batch))
            entry = {"loss": float(torch.stack(losses).mean())}
            if self._held_out.numel() and self._features:
                entry["held_out_loss"] = self._held_out_loss()
            entry["seconds"] = time.perf_counter() - start
            self._keep_early(epoch, entry)
            self.entries.append(entry)

    def _split(self) -> None:
        """Choose the rows that each member leaves out, and the column orders in which they are judged."""
        members, n_rows = self.network.settings.n_members, len(self._tokens)
        n_held_out = min(n_rows // 10, MAX_HELD_OUT) if n_rows >= MIN_ROWS_TO_SPLIT else 0
        shuffled = torch.rand(members, n_rows, generator=self._generator).argsort(dim=1)
        self._held_out, self._kept = shuffled[:, :n_held_out], shuffled[:, n_held_out:]
        shape = (members, n_held_out, self._tokens.shape[1])
        self._held_out_orders = torch.rand(shape, generator=self._generator).argsort(dim=2)

    @torch.no_grad()
    def _held_out_loss(self) -> float:
        """Mean cross-entropy of the features of the rows that each member left out."""
        tokens = self._tokens[self._held_out]
        total = 0.0
        for columns, log_probs in self.average.log_probs(
            self.average.hidden(tokens, self._held_out_orders, NO_DROPOUT)
        ):
            chosen = tokens[:, :, columns].transpose(1, 2)[..., None]
            scores = log_probs.gather(3, chosen).mean(dim=(0, 2, 3))
            total -= sum(float(score) for j, score in zip(columns, scores, strict=True) if j in self._features)
        return total

    def _keep_early(self, epoch: int, entry: dict[str, float]) -> None:
        """Keep the present average if it is the early state so far."""
        wanted = self._settings.early_epochs
        # A single member overfits sooner than the average of all, so the first quarter is never too much. After half
        # of the passes, a membership attack gains more than the rows drawn do; few steps are too few, though.
        steps = self._n_steps / epoch
        first = math.ceil(self._settings.n_epochs / 4)
        last = max(math.ceil(self._settings.n_epochs / 2), EARLY_STEPS / steps)
        if wanted is None and "held_out_loss" in entry:
            chosen = first <= epoch <= last and entry["held_out_loss"] < self._best
            self._best = entry["held_out_loss"] if chosen else self._best
        else:
            chosen = epoch == (wanted or first)
        if chosen:
            self.early = copy.deepcopy(self.average)

    def _batches(self) -> Iterator[Tensor]:
        """Rows of one epoch, each member's in an order of its own, of shape (n_members, batch size)."""
        members, n_rows = self._kept.shape
        shuffled = self._kept.gather(1, torch.rand(members, n_rows, generator=self._generator).argsort(dim=1))
        size = min(self._settings.batch_size, n_rows)
        # The last rows that do not fill a batch wait for another epoch's order.
        for start in range(0, n_rows - size + 1, size):
            yield shuffled[:, start : start + size]

    def _step(self, batch: Tensor) -> Tensor:
        """Change the weights a little; the mean loss of a row."""
        tokens = self._tokens[batch]
        orders = torch.rand(tokens.shape, generator=self._generator).argsort(dim=2)
        loss = self._loss(tokens, orders)
        self._optimizer.zero_grad()
        loss.sum().backward()
        self._n_steps += 1
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * min(1.0, self._n_steps / WARM_UP_STEPS)
        self._optimizer.step()
        weight = 1 - min(AVERAGE_DECAY, self._n_steps / (self._n_steps + 9))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), self._parameters, weight)
        return loss.detach().mean() * tokens.shape[2]

    def _loss(self, tokens: Tensor, orders: Tensor) -> Tensor:
        """Smoothed cross-entropy per value, of shape (n_members,)."""
        total = torch.zeros(len(tokens))
        hidden = self.network.hidden(tokens, orders, self._dropout)
        for columns, log_probs in self.network.log_probs(hidden):
            chosen = tokens[:, :, columns].transpose(1, 2)
            total = total + self._smoothing.mean(columns, log_probs, chosen).sum((1, 2))
        return -total / orders[0].numel()


def _assign(network: RowTransformer, weights: Iterable[Tensor]) -> None:
    """Put weights into a network."""
    with torch.no_grad():
        for parameter, weight in zip(network.parameters(), weights, strict=True):
            parameter.copy_(weight)


def _wait_for(futures: list[Future[None]], refresh: Any) -> None:
    """Wait until all are done; raise what one of them raised."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=0.2)
        refresh()
        for future in done:
            future.result()


@contextmanager
def _progress(runs: list[_Run], settings: TrainingSettings, verbose: int) -> Iterator[Any]:
    """A function that brings the progress bar up to date."""
    if not verbose:
        yield lambda: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=settings.n_epochs, desc="training", unit="epoch") as bar:

        def refresh() -> None:
            done = min(len(run.entries) for run in runs)
            if done > bar.n:
                bar.set_postfix(loss=f"{np.mean([run.entries[-1]['loss'] for run in runs]):.3f}", refresh=False)
                bar.update(done - bar.n)

        yield refresh
        refresh()
