"""Policy gradient of a pretrained language model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skgensynth.disco.adapters import adapter_weights, set_adapter_weights
from skgensynth.disco.decoding import choice_log_probs
from skgensynth.disco.feedback.rollouts import Credit, GradientSettings, Rollout
from skgensynth.disco.feedback.stepping import Stepper
from skgensynth.disco.feedback.units import Units, UnitSpace
from skgensynth.disco.memory import shrinking
from skgensynth.disco.pretrained import PretrainedPolicy
from skgensynth.disco.text import TokenRow
from skgensynth.disco.tuning import Workers, token_rows
from skgensynth.laws import Laws

__all__ = ["PretrainedLearner"]

T = TypeVar("T")

# Column orders among which a batch is divided at least: with a single one, its rows would all be settled alike.
N_ORDERS = 4


class PretrainedLearner:
    """Changes the adapter of a pretrained policy by credit for its rows, in place.

    Rows are drawn as `sample` draws them, in random column orders. Log-probabilities are those of constrained
    decoding, and the divergence from the supervised policy is summed over all tokens that were allowed at each choice:
    both are exact for the order in which a row was drawn (ours). There is no dropout. Several processes do not share
    the work: each goes through it, and the first one's adapter is what all of them end with.

    Parameters
    ----------
    policy : PretrainedPolicy
        Fitted; its adapter is changed.
    settings : GradientSettings
        Settings of the steps.
    """

    def __init__(self, policy: PretrainedPolicy, settings: GradientSettings) -> None:
        self._policy = policy
        self._settings = settings
        self._runtime = policy.runtime()
        self._network = self._runtime.network.eval()
        self._reference = adapter_weights(self._network)
        self._stepper = Stepper([each for each in self._network.parameters() if each.requires_grad], settings)
        self._micro_batch = policy.batch_size
        n_tokens = len(self._runtime.codec.vocabulary)
        self.space = UnitSpace(n_tokens, len(policy.schema_.modelled), torch.zeros(n_tokens, 0))

    def write(self, values: NDArray[np.float64]) -> Units:
        """Write encoded rows as the tokens that were choices, in the order of the table; numbers within its ranges."""
        values = self._policy.schema_.snap(values)
        rows = token_rows(self._runtime.codec, values, np.tile(np.arange(values.shape[1]), (len(values), 1)))
        width = max((len(row.choices) for row in rows), default=0)
        tokens = np.full((len(rows), width), -1, dtype=np.int64)
        columns = tokens.copy()
        for number, row in enumerate(rows):
            tokens[number, : len(row.choices)] = [token for _, _, token in row.choices]
            columns[number, : len(row.choices)] = row.columns
        return Units(tokens, columns)

    def draw(self, n: int, rng: np.random.Generator) -> Rollout:
        """Draw rows, in chunks that share an order."""
        step = min(self._policy.sample_batch_size, math.ceil(n / N_ORDERS))
        sizes = [min(step, n - start) for start in range(0, n, step)]
        orders = [rng.permutation(self.space.n_columns) for _ in sizes]
        parts = [
            self._policy.decode(size, order.tolist(), rng, {}, ()) for size, order in zip(sizes, orders, strict=True)
        ]
        values = np.concatenate(parts)
        return Rollout(values, self.write(values), np.repeat(np.array(orders, dtype=np.int64), sizes, axis=0))

    def settled(self, rollout: Rollout, rng: np.random.Generator) -> NDArray[np.float64]:
        """The drawn rows themselves: sampling does nothing about laws."""
        return rollout.values

    def expected_violations(self, rollout: Rollout, laws: Laws, rng: np.random.Generator) -> None:
        """Not known: a token of text is not a value whose consequences could be tried."""
        return None

    def update(self, rollout: Rollout, credit: Credit) -> float:
        """Take the steps that the settings ask for on drawn rows.

        The objective is PPO's clipped one for each token that was a choice, with its column's credit and its own,
        minus the weighted divergence from the supervised policy.

        Parameters
        ----------
        rollout : Rollout
            From `draw`.
        credit : Credit
            What its tokens deserve.

        Returns
        -------
        float
            Divergence from the supervised policy before the steps, in nats per row.

        Raises
        ------
        SkgensynthError
            If memory runs out with single rows.
        """
        batch = self._batch(rollout, credit)
        before = 0.0
        for number in range(self._settings.n_passes):
            divergence = self._shrinking(lambda size: self._gradient(batch, size))
            before = before if number else divergence
            self._stepper.step()
        return before

    def _batch(self, rollout: Rollout, credit: Credit) -> _Batch:
        """Drawn rows in their own orders, with what the supervised policy says of them."""
        rows = token_rows(self._runtime.codec, rollout.values, rollout.orders)
        own = self.state()
        self.restore(self._reference)
        try:
            reference = self._shrinking(lambda size: self._log_probs(rows, size))
        finally:
            self.restore(own)
        return _Batch(rows, _deserved(rollout, credit), reference)

    @torch.no_grad()
    def _log_probs(self, rows: Sequence[TokenRow], size: int) -> Tensor:
        """Log-probabilities of all tokens at every choice of rows."""
        found = [choice_log_probs(self._network, self._runtime.codec, part).log_probs for part, _ in _parts(rows, size)]
        return torch.cat(found)

    def _gradient(self, batch: _Batch, size: int) -> float:
        """Gather the gradient of the loss over parts of a batch; the divergence, in nats per row."""
        self._stepper.forget()
        clip = self._settings.clip
        total, chosen = 0.0, []
        for rows, choices in _parts(batch.rows, size):
            now = choice_log_probs(self._network, self._runtime.codec, rows)
            chosen.append(now.chosen.detach())
            before = chosen[-1] if batch.before is None else batch.before[choices]
            ratio, deserved = (now.chosen - before).exp(), batch.deserved[choices].to(now.chosen)
            gain = torch.minimum(ratio * deserved, ratio.clamp(1 - clip, 1 + clip) * deserved).sum()
            # Tokens that are not allowed have the logarithm -inf in both.
            excess = (now.log_probs - batch.reference[choices]).masked_fill(now.log_probs == -math.inf, 0.0)
            divergence = (now.log_probs.exp() * excess).sum()
            ((self._settings.kl_weight * divergence - gain) / len(batch.rows)).backward()
            total += float(divergence.detach())
        if batch.before is None:
            batch.before = torch.cat(chosen)
        return total / len(batch.rows)

    def _shrinking(self, work: Callable[[int], T]) -> T:
        """Do work in parts no larger than memory has allowed so far."""
        result, self._micro_batch = shrinking(work, self._micro_batch, "batch_size")
        return result

    def state(self) -> Any:
        """Copy of the adapter."""
        return adapter_weights(self._network)

    def restore(self, state: Any) -> None:
        """Put the adapter back."""
        set_adapter_weights(self._network, state)

    def finish(self, rng: np.random.Generator) -> None:
        """Store the adapter, of several processes the first one's."""
        self._stepper.forget()
        self._policy.adapter_ = Workers(self._policy.device).agree(adapter_weights(self._network))
        set_adapter_weights(self._network, self._policy.adapter_)


@dataclass
class _Batch:
    """Rows in the orders in which they were drawn, and what is known of their choices, one row after the other."""

    rows: list[TokenRow]
    deserved: Tensor
    reference: Tensor
    before: Tensor | None = None


def _parts(rows: Sequence[TokenRow], size: int) -> Iterator[tuple[Sequence[TokenRow], slice]]:
    """Rows in parts of a size, with the places of their choices."""
    first = 0
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        last = first + sum(len(row.choices) for row in part)
        yield part, slice(first, last)
        first = last


def _deserved(rollout: Rollout, credit: Credit) -> Tensor:
    """Credit of every choice, row by row in the order in which it was drawn."""
    columns = rollout.units.columns
    both = np.take_along_axis(credit.columns, columns.clip(0), axis=1) + np.nan_to_num(credit.tokens)
    # When each unit was drawn: by the place of its column, after all columns where there is no unit.
    ranks = np.take_along_axis(np.argsort(rollout.orders, axis=1), columns.clip(0), axis=1)
    ranks = np.where(columns >= 0, ranks, rollout.orders.shape[1])
    drawn = np.argsort(ranks, axis=1, kind="stable")
    present = np.take_along_axis(columns, drawn, axis=1) >= 0
    return torch.from_numpy(np.take_along_axis(both, drawn, axis=1)[present])
