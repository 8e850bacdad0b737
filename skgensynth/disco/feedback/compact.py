"""Policy gradient of the compact policy."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skgensynth.conditions import Conditions
from skgensynth.disco.compact import CompactPolicy
from skgensynth.disco.feedback.rollouts import Credit, GradientSettings, Rollout
from skgensynth.disco.feedback.units import Units, UnitSpace
from skgensynth.disco.network import NO_DROPOUT, RowTransformer
from skgensynth.laws import Laws, last_columns

__all__ = ["CompactLearner"]

N_THREADS = 2
ROWS_PER_ORDER = 128
# Of every so many orders, one begins with the target, as sampling does where the target is conditioned.
TARGET_FIRST = 3
# Values drawn within a token before it is taken for one that breaks a law.
N_TRIES = 3


class CompactLearner:
    """Changes a compact policy by credit for its rows, in place.

    Rows are drawn in the two ways in which the policy samples: features by the early state and the target by the last
    one, or, where the target comes first, whole rows by the last state. Log-probabilities and divergences are those of
    the whole ensemble, exact for the order in which a row was drawn (ours).

    Parameters
    ----------
    policy : CompactPolicy
        Fitted; its networks are changed.
    settings : GradientSettings
        Settings of the steps.
    """

    def __init__(self, policy: CompactPolicy, settings: GradientSettings) -> None:
        self._policy = policy
        self._settings = settings
        self._target = policy.schema_.target_index
        self._reference = (policy.feature_network_, policy.network_)
        single = policy.feature_network_ is policy.network_
        policy.network_ = copy.deepcopy(policy.network_).requires_grad_(True)
        policy.feature_network_ = (
            policy.network_ if single else copy.deepcopy(policy.feature_network_).requires_grad_(True)
        )
        self._parameters = list(dict.fromkeys(p for network in self._networks for p in network.parameters()))
        self._optimizer = torch.optim.Adam(self._parameters, betas=(0.9, 0.99))
        self._n_steps = 0
        network = policy.network_
        self.space = UnitSpace(sum(network.sizes), len(network.sizes), network.ordinal)

    @property
    def _networks(self) -> tuple[RowTransformer, RowTransformer]:
        return self._policy.feature_network_, self._policy.network_

    def write(self, values: NDArray[np.float64]) -> Units:
        """Write encoded rows as one token per column, in the order of the table."""
        tokens = self._policy.codec_.encode(values)
        columns = np.tile(np.arange(tokens.shape[1]), (len(tokens), 1))
        return Units(tokens + self._policy.network_.offsets.numpy(), columns)

    def draw(self, n: int, rng: np.random.Generator) -> Rollout:
        """Draw rows, in chunks that share an order and have generators of their own."""
        step = min(ROWS_PER_ORDER, math.ceil(n / (2 * TARGET_FIRST)))
        sizes = [min(step, n - start) for start in range(0, n, step)]
        first = rng.integers(TARGET_FIRST)
        with ThreadPoolExecutor(N_THREADS) as pool:
            parts = list(
                pool.map(self._draw_chunk, sizes, (np.arange(len(sizes)) + first) % TARGET_FIRST, rng.spawn(len(sizes)))
            )
        tokens, orders = (np.concatenate(part) for part in zip(*parts, strict=True))
        values = self._policy.decode(tokens, Conditions(), rng)
        # A value may lie over the border of its bin once it is on its grid: the units say what was drawn.
        columns = np.tile(np.arange(tokens.shape[1]), (n, 1))
        return Rollout(values, Units(tokens + self._policy.network_.offsets.numpy(), columns), orders)

    @torch.no_grad()
    def _draw_chunk(self, n: int, kind: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens and orders of rows that share an order; kind 0 begins with the target."""
        policy, target = self._policy, self._target
        free = rng.permutation([j for j in range(len(policy.codec_.sizes)) if j != target])
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        if target is None:
            order = free
            tokens = policy.network_.sample(n, order.tolist(), {}, generator)
        elif kind == 0:
            order = np.array([target, *free])
            tokens = policy.network_.sample(n, order.tolist(), {}, generator)
        else:
            order = np.array([*free, target])
            tokens = policy.feature_network_.sample(n, free.tolist(), {}, generator)
            probs = policy.target_log_probs(policy.network_, tokens, torch.from_numpy(order).expand(n, -1)).exp()
            tokens[:, target] = torch.multinomial(probs, 1, generator=generator)[:, 0]
        return tokens.numpy(), np.tile(order, (n, 1)).astype(np.int64)

    def update(self, rollout: Rollout, credit: Credit) -> float:
        """Take the steps that the settings ask for on drawn rows.

        The objective is PPO's clipped one for each column's token, minus the weighted divergence from the supervised
        policy, which is exact: all of a column's probabilities are known.

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
        """
        parts = self._parts(rollout, credit)
        before = 0.0
        with ThreadPoolExecutor(N_THREADS) as pool:
            for number in range(self._settings.n_passes):
                results = list(pool.map(self._gradient, parts))
                before = before if number else sum(divergence for _, divergence in results)
                self._step([gradient for gradient, _ in results])
        return before

    def _step(self, gradients: Sequence[Sequence[Tensor | None]]) -> None:
        """One step along the sum of gradients."""
        for parameter, *found in zip(self._parameters, *gradients, strict=True):
            known = [gradient for gradient in found if gradient is not None]
            parameter.grad = torch.stack(known).sum(dim=0) if known else None
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.rate(self._n_steps)
        self._optimizer.step()
        self._n_steps += 1

    def _parts(self, rollout: Rollout, credit: Credit) -> list[_Part]:
        """Rows by the network that drew them, in halves for two threads."""
        tokens = rollout.units.tokens - self._policy.network_.offsets.numpy()
        deserved = credit.columns + np.nan_to_num(credit.tokens)
        ahead = np.zeros(len(rollout), dtype=bool)
        if self._target is not None:
            ahead = rollout.orders[:, 0] == self._target
            # A target that comes first has the table's shares, which are not to change.
            deserved = np.where(ahead[:, None] & (np.arange(tokens.shape[1]) == self._target), 0.0, deserved)
        parts = []
        for target_first in (True, False):
            for rows in np.array_split(np.flatnonzero(ahead == target_first), N_THREADS):
                if len(rows):
                    costs = {j: torch.from_numpy(cost[rows]).float() for j, cost in credit.costs.items()}
                    part = _Part(
                        target_first,
                        torch.from_numpy(tokens[rows]),
                        torch.from_numpy(rollout.orders[rows]),
                        torch.from_numpy(deserved[rows]).float(),
                        costs,
                        len(rows) / len(rollout),
                    )
                    parts.append(part)
        return parts

    def _gradient(self, part: _Part) -> tuple[Sequence[Tensor | None], float]:
        """Gradient of the loss on some rows, and their share of the mean divergence."""
        blocks = self._distributions(self._networks, part)
        if not part.reference:
            with torch.no_grad():
                part.reference = self._distributions(self._reference, part)
            part.before = [_chosen(columns, now, part).detach() for columns, now in blocks]
        gain, divergence, cost = torch.zeros(()), torch.zeros(()), torch.zeros(())
        clip = self._settings.clip
        for (columns, now), (_, reference), before in zip(blocks, part.reference, part.before, strict=True):
            ratio, deserved = (_chosen(columns, now, part) - before).exp(), part.deserved[:, columns].T
            gain = gain + torch.minimum(ratio * deserved, ratio.clamp(1 - clip, 1 + clip) * deserved).sum(0).mean()
            divergence = divergence + (now.exp() * (now - reference)).sum(dim=(0, 2)).mean()
            for place, j in enumerate(columns):
                if j in part.costs:
                    given = part.costs[j]
                    cost = cost + (now[place, :, : given.shape[1]].exp() * given).sum(dim=1).mean()
        loss = part.share * (self._settings.kl_weight * divergence + cost - gain)
        gradient = torch.autograd.grad(loss, self._parameters, allow_unused=True)
        return gradient, part.share * float(divergence.detach())

    def _distributions(self, networks: Sequence[RowTransformer], part: _Part) -> list[tuple[list[int], Tensor]]:
        """Log-probabilities of all tokens of columns, of shape (n_columns, n_rows, n_tokens), by groups of columns."""
        features, last = networks
        shared = (features.settings.n_members, *part.tokens.shape)
        tokens, orders = part.tokens.expand(shared), part.orders.expand(shared)
        target = None if part.target_first else self._target
        network = last if target is None else features
        blocks = []
        for columns, log_probs in network.log_probs(network.hidden(tokens, orders, NO_DROPOUT)):
            kept = [place for place, j in enumerate(columns) if j != target]
            mean = log_probs[:, kept].logsumexp(dim=0) - math.log(network.settings.n_members)
            blocks.append(([columns[place] for place in kept], mean))
        if target is not None:
            blocks.append(([target], self._policy.target_log_probs(last, part.tokens, part.orders)[None]))
        return blocks

    def expected_violations(
        self, rollout: Rollout, laws: Laws, rng: np.random.Generator
    ) -> dict[int, NDArray[np.float64]]:
        """With which tokens a row would break a law at the column that settles it.

        All tokens of that column are tried, so what a law asks is known without waiting for a row that breaks it.
        A token counts only if several values drawn within it all break a law: others can be settled within the token.

        Parameters
        ----------
        rollout : Rollout
            From `draw`.
        laws : Laws
            The laws.
        rng : numpy.random.Generator
            Source of values within tokens.

        Returns
        -------
        dict of int to ndarray of shape (n_rows, n_tokens)
            For the columns where there are any: 1 where a row would break a law, else 0.
        """
        codec, schema = self._policy.codec_, self._policy.schema_
        last = last_columns(rollout.orders, laws.columns)
        trials = [_trials(np.flatnonzero((last == j).any(axis=1)), int(j), codec.sizes[j]) for j in np.unique(last)]
        if not trials:
            return {}
        rows, columns, tokens = np.concatenate(trials, axis=1)
        for _ in range(N_TRIES):
            values = rollout.values[rows]
            for j in np.unique(columns):
                here = columns == j
                drawn = codec.decode_column(int(j), tokens[here], None, rng)
                values[here, j] = schema.modelled[j].snap(drawn)
            broken = (laws.broken(values) & (last[rows] == columns[:, None])).any(axis=1)
            rows, columns, tokens = rows[broken], columns[broken], tokens[broken]
        out = {int(j): np.zeros((len(rollout), codec.sizes[j])) for j in np.unique(columns)}
        for j, costs in out.items():
            costs[rows[columns == j], tokens[columns == j]] = 1.0
        return out

    def state(self) -> Any:
        """Copy of the networks."""
        return copy.deepcopy([network.state_dict() for network in self._networks])

    def restore(self, state: Any) -> None:
        """Put networks back."""
        for network, weights in zip(self._networks, state, strict=True):
            network.load_state_dict(weights)

    def finish(self, rng: np.random.Generator) -> None:
        """Freeze the networks, and give the target's classes or bins their shares back."""
        for network in self._networks:
            network.requires_grad_(False)
        self._policy.balance(rng)


@dataclass
class _Part:
    """Rows that one network drew and one thread works on, with what the first pass over them found."""

    target_first: bool
    tokens: Tensor
    orders: Tensor
    deserved: Tensor
    costs: dict[int, Tensor]
    share: float
    reference: list[tuple[list[int], Tensor]] = field(default_factory=list)
    before: list[Tensor] = field(default_factory=list)


def _trials(rows: NDArray[np.intp], j: int, size: int) -> NDArray[np.int64]:
    """Rows, columns and tokens of all tokens of column `j` in some rows, of shape (3, n_rows * size)."""
    return np.stack([np.repeat(rows, size), np.full(len(rows) * size, j), np.tile(np.arange(size), len(rows))])


def _chosen(columns: list[int], log_probs: Tensor, part: _Part) -> Tensor:
    """Log-probabilities of rows' own tokens, of shape (n_columns, n_rows)."""
    return log_probs.gather(2, part.tokens[:, columns].T[..., None])[..., 0]
