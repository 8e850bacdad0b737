"""Fine-tune a language model on the rows of a table written as text."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.disco.adapters import adapter_weights, set_adapter_weights
from skgensynth.disco.decoding import row_log_prob
from skgensynth.disco.memory import shrinking
from skgensynth.disco.text import TextCodec, TokenRow
from skgensynth.exceptions import InterruptedTrainingWarning, SchemaMismatchError, SkgensynthError

WARM_UP_SHARE = 0.1
MIN_VALIDATION_ROWS = 5


@dataclass(frozen=True)
class TuningSettings:
    """Settings of `fine_tune`; see `skgensynth.disco.pretrained.PretrainedPolicy`."""

    n_epochs: int
    batch_size: int
    learning_rate: float
    validation_fraction: float


class Workers:
    """The processes that share one training run: this one alone, or those of ``accelerate launch``.

    Accelerate keeps a state for the whole process, so that it is touched only where a launcher asked for it.

    Parameters
    ----------
    device : str
        The user's choice.
    """

    def __init__(self, device: str) -> None:
        self.accelerator: Any = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import Accelerator

            self.accelerator = Accelerator(cpu=device == "cpu")

    @property
    def count(self) -> int:
        """Number of processes."""
        return 1 if self.accelerator is None else self.accelerator.num_processes

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return 0 if self.accelerator is None else self.accelerator.process_index

    def device(self, chosen: Any) -> Any:
        """The device of this process, where ``chosen`` is the one of a process that works alone."""
        return chosen if self.accelerator is None else self.accelerator.device

    def agree(self, value: Any) -> Any:
        """The first process's value, in all of them."""
        if self.accelerator is None:
            return value
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def prepare(self, network: Any, optimizer: Any) -> tuple[Any, Any]:
        """Wrap network and optimiser so that gradients are averaged over the processes."""
        if self.accelerator is None:
            return network, optimizer
        return self.accelerator.prepare(network, optimizer)


def fine_tune(
    network: Any,
    codec: TextCodec,
    values: NDArray[np.float64],
    settings: TuningSettings,
    rng: np.random.Generator,
    workers: Workers,
    verbose: int = 0,
) -> list[dict[str, float]]:
    """Train a network's adapter on rows in random column orders, drawn afresh in each epoch.

    The loss is the negative log-likelihood of the values under the very constraint that decoding uses; names,
    separators and every token without an alternative carry none. AdamW; the learning rate rises over the first tenth
    of the steps and then falls linearly to 0. The network ends in the state of the epoch with the lowest loss, on
    held-out rows where there are enough of them (ours).

    Parameters
    ----------
    network : peft.PeftModel
        From `skgensynth.disco.adapters.adapted_network`; changed in place.
    codec : TextCodec
        Codec of the table.
    values : ndarray of shape (n_rows, n_columns)
        Encoded training rows.
    settings : TuningSettings
        Epochs, batch size, learning rate, share of rows held out.
    rng : numpy.random.Generator
        Source of orders and batches; in the same state in all processes.
    workers : Workers
        The processes that share the work.
    verbose : int, default=0
        Above 0: a progress bar over the epochs.

    Returns
    -------
    list of dict
        For each finished epoch ``epoch`` (from 1), ``loss`` (mean negative log-probability of a training row, in
        nats), ``validation_loss`` (the same on held-out rows; absent without them), ``seconds``.

    Warns
    -----
    InterruptedTrainingWarning
        After a keyboard interrupt; the network keeps the best state so far.
    """
    train, held_out = _split(values, settings.validation_fraction, rng)
    checks = _ordered_rows(codec, held_out, rng)
    history: list[dict[str, float]] = []
    if not any(row.choices for row in _ordered_rows(codec, values[:1], rng)):
        return history  # Every column is constant: there is nothing to learn.
    trainer = _Trainer(network, codec, settings, len(train), workers)
    best = math.inf
    weights = None
    try:
        for epoch in _progress(settings.n_epochs, verbose):
            start = time.perf_counter()
            entry = {"epoch": epoch, "loss": trainer.epoch(train, rng)}
            if checks:
                entry["validation_loss"] = workers.agree(-float(trainer.log_prob(checks).mean()))
            entry["seconds"] = time.perf_counter() - start
            history.append(entry)
            judged = entry.get("validation_loss", entry["loss"])
            if judged < best:
                best, weights = judged, adapter_weights(network)
    except KeyboardInterrupt:
        warnings.warn(
            f"Training was interrupted after {len(history)} of {settings.n_epochs} epochs; the best state so far "
            "is kept.",
            InterruptedTrainingWarning,
            stacklevel=3,
        )
    if weights is not None:
        set_adapter_weights(network, weights)
    network.eval()
    return history


class _Trainer:
    """Optimiser and batch size of one training run."""

    def __init__(self, network: Any, codec: TextCodec, settings: TuningSettings, n_rows: int, workers: Workers) -> None:
        import torch

        self._codec = codec
        self._settings = settings
        self._workers = workers
        self._micro_batch = settings.batch_size
        self._n_steps = settings.n_epochs * math.ceil(n_rows / settings.batch_size)
        self._step = 0
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._parameters = parameters
        self._plain = network
        optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate)
        self._network, self._optimizer = workers.prepare(network, optimizer)

    def epoch(self, values: NDArray[np.float64], rng: np.random.Generator) -> float:
        """Train on all rows once; the mean negative log-probability of a row."""
        self._network.train()
        shuffled = values[rng.permutation(len(values))]
        total = 0.0
        for start in range(0, len(values), self._settings.batch_size):
            batch = shuffled[start : start + self._settings.batch_size]
            total -= self._update(_ordered_rows(self._codec, batch, rng))
        return total / len(values)

    def log_prob(self, rows: Sequence[TokenRow]) -> NDArray[np.float64]:
        """Log-probability of rows, without dropout."""
        self._plain.eval()
        return score_rows(self._plain, self._codec, rows, self._micro_batch)[0]

    def _update(self, rows: Sequence[TokenRow]) -> float:
        """One step of the optimiser; the log-probability of the batch."""
        import torch

        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * self._rate()
        if self._workers.count > 1:
            log_prob = self._shared_gradient(rows)
        else:
            log_prob, self._micro_batch = shrinking(
                lambda size: self._gradient(rows, size), self._micro_batch, "batch_size"
            )
        if not math.isfinite(log_prob):
            raise SkgensynthError(
                f"The loss is not a number after {self._step} steps; lower learning_rate, now "
                f"{self._settings.learning_rate}."
            )
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self._step += 1
        return log_prob

    def _gradient(self, rows: Sequence[TokenRow], size: int) -> float:
        """Gradient of the mean loss per choice, gathered over parts of the batch."""
        self._optimizer.zero_grad()
        n_choices = max(sum(len(row.choices) for row in rows), 1)
        total = 0.0
        for start in range(0, len(rows), size):
            log_prob = row_log_prob(self._network, self._codec, rows[start : start + size]).sum()
            (-log_prob / n_choices).backward()
            total += float(log_prob.detach())
        return total

    def _shared_gradient(self, rows: Sequence[TokenRow]) -> float:
        """As `_gradient`, with each process taking its share; the average over them is the whole batch's."""
        workers = self._workers
        self._optimizer.zero_grad()
        n_choices = max(sum(len(row.choices) for row in rows), 1)
        share = rows[workers.rank :: workers.count]
        # All processes must run backwards together: one without a row of its own takes another's with weight 0.
        log_prob = row_log_prob(self._network, self._codec, share or rows[:1]).sum() * float(bool(share))
        try:
            workers.accelerator.backward(-log_prob * workers.count / n_choices)
        except RuntimeError as error:
            raise SkgensynthError(
                f"Training on {workers.count} processes failed ({error}). If memory ran out, lower batch_size, now "
                f"{self._settings.batch_size}: batches cannot shrink by themselves on several processes."
            ) from error
        return float(workers.accelerator.reduce(log_prob.detach(), reduction="sum"))

    def _rate(self) -> float:
        """Factor of the learning rate at the present step."""
        warm_up = max(WARM_UP_SHARE * self._n_steps, 1.0)
        return min((self._step + 1) / warm_up, (self._n_steps - self._step) / max(self._n_steps - warm_up, 1.0), 1.0)


def score_rows(
    network: Any, codec: TextCodec, rows: Sequence[TokenRow], batch_size: int, setting: str = "batch_size"
) -> tuple[NDArray[np.float64], int]:
    """Log-probability of rows in batches that shrink when memory runs out, and the batch size that fitted."""
    import torch

    def work(size: int) -> NDArray[np.float64]:
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        with torch.inference_mode():
            scores = [row_log_prob(network, codec, part).double().cpu().numpy() for part in parts]
        return np.concatenate([np.empty(0), *scores])

    return shrinking(work, batch_size, setting)


def token_rows(codec: TextCodec, values: NDArray[np.float64], orders: NDArray[np.int64]) -> list[TokenRow]:
    """Rows as tokens, each in its column order; a `SchemaMismatchError` where the schema does not hold a value."""
    rows = []
    for values_of_row, order in zip(values, orders, strict=True):
        row = codec.row(values_of_row, order.tolist())
        if row is None:
            raise SchemaMismatchError(
                "A training row holds a value that its schema does not; infer the schema from it."
            )
        rows.append(row)
    return rows


def _split(
    values: NDArray[np.float64], fraction: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows to train on and rows held out; none are held out where they would be too few to judge by."""
    n_held_out = int(fraction * len(values))
    if n_held_out < MIN_VALIDATION_ROWS:
        return values, values[:0]
    shuffled = values[rng.permutation(len(values))]
    return shuffled[n_held_out:], shuffled[:n_held_out]


def _ordered_rows(codec: TextCodec, values: NDArray[np.float64], rng: np.random.Generator) -> list[TokenRow]:
    """Training rows as tokens, each in a column order of its own."""
    return token_rows(codec, values, rng.permuted(np.tile(np.arange(values.shape[1]), (len(values), 1)), axis=1))


def _progress(n_epochs: int, verbose: int) -> Any:
    epochs = range(1, n_epochs + 1)
    if not verbose:
        return epochs
    from tqdm.auto import tqdm

    return tqdm(epochs, desc="fine-tuning", unit="epoch")
