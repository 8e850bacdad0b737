"""Policy gradient of the compact policy."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skgensynth.conditions import Conditions
from skgensynth.disco.blocks import NO_DROPOUT
from skgensynth.disco.compact import CompactPolicy
from skgensynth.disco.feedback.rollouts import Credit, GradientSettings, Rollout
from skgensynth.disco.feedback.stepping import Stepper
from skgensynth.disco.feedback.units import Units, UnitSpace
from skgensynth.disco.lawful import Decoder
from skgensynth.disco.states import States
from skgensynth.disco.threads import worker_threads
from skgensynth.laws import Laws, last_columns

__all__ = ["CompactLearner"]

# Parts of a batch; a constant, so that results do not depend on the number of threads.
N_PARTS = 2
ROWS_PER_ORDER = 128
# Of every so many orders, one begins with the target, as sampling does where the target is conditioned.
TARGET_FIRST = 3


class CompactLearner:
    """Changes a compact policy by credit for its rows; the policy takes up the result at the end.

    Rows are drawn in the two ways in which the policy samples: the features by one state and the target by another, or,
    where the target comes first, whole rows by the state of the features. Log-probabilities and divergences are those
    of the whole ensemble, exact for the order in which a row was drawn (ours).

    Parameters
    ----------
    policy : CompactPolicy
        Fitted; as it was until `finish`.
    settings : GradientSettings
        Settings of the steps.
    """

    def __init__(self, policy: CompactPolicy, settings: GradientSettings) -> None:
        self._policy = policy
        self._settings = settings
        self._reference = policy.states_
        # What remains if the policy is never changed is the very same networks.
        self._states = copy.deepcopy(policy.states_)
        self._networks = self._states.networks
        parameters = [p for network in self._networks for p in network.requires_grad_(True).parameters()]
        self._stepper = Stepper(parameters, settings)
        network = self._states.features
        self._offsets = network.offsets.numpy()
        self.space = UnitSpace(sum(network.sizes), len(network.sizes), network.ordinal)

    def write(self, values: NDArray[np.float64]) -> Units:
        """Write encoded rows as one token per column, in the order of the table; none for a level without a token."""
        return self._units(self._policy.codec_.encode(values))

    def _units(self, tokens: NDArray[np.int64]) -> Units:
        """Tokens numbered over all columns."""
        known = tokens >= 0
        columns = np.tile(np.arange(tokens.shape[1]), (len(tokens), 1))
        return Units(np.where(known, tokens + self._offsets, -1), np.where(known, columns, -1))

    def draw(self, n: int, rng: np.random.Generator) -> Rollout:
        """Draw rows, in chunks that share an order and have generators of their own."""
        step = min(ROWS_PER_ORDER, math.ceil(n / TARGET_FIRST))
        sizes = [min(step, n - start) for start in range(0, n, step)]
        kinds = (np.arange(len(sizes)) + rng.integers(TARGET_FIRST)) % TARGET_FIRST
        target = self._states.target
        first = [[target] if target is not None and kind == 0 else [] for kind in kinds]
        with worker_threads(self._policy.n_threads) as pool:
            draws = list(
                pool.map(lambda *what: self._states.draw(*what), sizes, first, repeat({}), rng.spawn(len(sizes)))
            )
        tokens = np.concatenate([draw.tokens.numpy() for draw in draws])
        orders = np.concatenate([draw.orders.numpy() for draw in draws])
        # A value may lie over the border of its bin once it is on its grid: the units say what was drawn.
        return Rollout(self._policy.decoder_.decode(tokens, Conditions(), rng), self._units(tokens), orders)

    def settled(self, rollout: Rollout, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw as many rows with the present networks, held to the laws that the policy obeys."""
        policy = copy.copy(self._policy)
        policy.states_ = self._states
        return policy.sample(len(rollout), Conditions(), rng)

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
        with worker_threads(self._policy.n_threads) as pool:
            for number in range(self._settings.n_passes):
                results = list(pool.map(self._gradient, parts))
                before = before if number else sum(divergence for _, divergence in results)
                for parameter, *found in zip(self._stepper.parameters, *(each for each, _ in results), strict=True):
                    known = [gradient for gradient in found if gradient is not None]
                    parameter.grad = torch.stack(known).sum(dim=0) if known else None
                self._stepper.step()
        return before

    def _parts(self, rollout: Rollout, credit: Credit) -> list[_Part]:
        """Rows by the network that drew them, in halves for two threads."""
        tokens = rollout.units.tokens - self._offsets
        target = self._states.target
        deserved = credit.columns + np.nan_to_num(credit.tokens)
        ahead = np.zeros(len(rollout), dtype=bool)
        if target is not None:
            ahead = rollout.orders[:, 0] == target
            # A target that comes first has the table's shares, which are not to change.
            deserved = np.where(ahead[:, None] & (np.arange(tokens.shape[1]) == target), 0.0, deserved)
        parts = []
        for target_first in (True, False):
            for rows in np.array_split(np.flatnonzero(ahead == target_first), N_PARTS):
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
        blocks = self._distributions(self._states, part)
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
        gradient = torch.autograd.grad(loss, self._stepper.parameters, allow_unused=True)
        return gradient, part.share * float(divergence.detach())

    def _distributions(self, states: States, part: _Part) -> list[tuple[list[int], Tensor]]:
        """Log-probabilities of all tokens of columns, of shape (n_columns, n_rows, n_tokens), by groups of columns."""
        target = None if part.target_first else states.target
        network = states.features
        shared = (network.settings.n_members, *part.tokens.shape)
        tokens, orders = part.tokens.expand(shared), part.orders.expand(shared)
        blocks = []
        for columns, log_probs in network.log_probs(network.hidden(tokens, orders, NO_DROPOUT)):
            kept = [place for place, j in enumerate(columns) if j != target]
            mean = log_probs[:, kept].logsumexp(dim=0) - math.log(network.settings.n_members)
            blocks.append(([columns[place] for place in kept], mean))
        if target is not None:
            blocks.append(([target], states.target_log_probs(part.tokens, part.orders)[None]))
        return blocks

    def expected_violations(
        self, rollout: Rollout, laws: Laws, rng: np.random.Generator
    ) -> dict[int, NDArray[np.float64]]:
        """With which tokens a row would break a law at the column that settles it; see `Decoder.breaking`.

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
            For the columns that settle laws: 1 where a row would break one, else 0.
        """
        decoder = Decoder(self._policy.codec_, self._policy.schema_, laws)
        return decoder.breaking(rollout.values, last_columns(rollout.orders, laws.columns), rng)

    def state(self) -> Any:
        """Copy of the networks."""
        return copy.deepcopy([network.state_dict() for network in self._networks])

    def restore(self, state: Any) -> None:
        """Put networks back."""
        for network, weights in zip(self._networks, state, strict=True):
            network.load_state_dict(weights)

    def finish(self, rng: np.random.Generator) -> None:
        """Freeze the networks and give the target its shares back; without a change all stays as it was."""
        for network in self._networks:
            network.requires_grad_(False)
        if self._is_unchanged():
            return
        self._policy.states_ = self._states
        self._policy.balance(rng)

    def _is_unchanged(self) -> bool:
        """Whether the networks are those of the supervised policy."""
        states = (self._states, self._reference)
        now, before = ([p for network in each.networks for p in network.parameters()] for each in states)
        return all(map(torch.equal, now, before))


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


def _chosen(columns: list[int], log_probs: Tensor, part: _Part) -> Tensor:
    """Log-probabilities of rows' own tokens, of shape (n_columns, n_rows)."""
    return log_probs.gather(2, part.tokens[:, columns].T[..., None])[..., 0]
