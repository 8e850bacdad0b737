"""States of one ensemble that draw rows together: one the features, another the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skgensynth.disco.network import Guide, RowTransformer
from skgensynth.disco.sharpening import TargetSharpening

__all__ = ["Draw", "States"]

# Probabilities of a target below this count as this, so that no ratio is above a thousand.
MIN_PROB = 1e-3
# Names under which states are saved.
FEATURES, LABELS = "features", "labels"


@dataclass(frozen=True)
class Draw:
    """Rows that share an order of columns.

    Attributes
    ----------
    tokens : Tensor of shape (n_rows, n_columns)
        Tokens by column.
    order : list of int
        Columns in the order in which they were drawn.
    n_first : int
        How many of them were asked to come first.
    generator : torch.Generator
        What drew them.
    """

    tokens: Tensor
    order: list[int]
    n_first: int
    generator: torch.Generator

    @property
    def orders(self) -> Tensor:
        """The order, for each row."""
        return torch.tensor(self.order).expand(len(self.tokens), -1)

    def __getitem__(self, rows: NDArray[np.intp]) -> Draw:
        return replace(self, tokens=self.tokens[torch.from_numpy(rows)])


@dataclass
class States:
    """How rows of tokens are drawn, and how probable they are.

    Attributes
    ----------
    features : RowTransformer
        The state that draws the features, and whole rows where the target is among the first columns.
    labels : RowTransformer
        The state that draws the target from the features; the same object as `features` without a target.
    sharpening : TargetSharpening or None
        Of the target after all features; None without a target.
    given : TargetSharpening or None
        The same where a condition asks for the target, by `target_ratios`.
    """

    features: RowTransformer
    labels: RowTransformer
    sharpening: TargetSharpening | None = None
    given: TargetSharpening | None = None

    @property
    def networks(self) -> list[RowTransformer]:
        """The states, each once."""
        return list(self.named().values())

    def named(self) -> dict[str, RowTransformer]:
        """The states by name, each once, for `of_named`."""
        named = {FEATURES: self.features}
        return named if self.labels is self.features else named | {LABELS: self.labels}

    @classmethod
    def of_named(cls, networks: Mapping[str, RowTransformer], sharpenings: Sequence[TargetSharpening]) -> States:
        """The states of `named` networks and `sharpenings`."""
        features = networks[FEATURES]
        return cls(features, networks.get(LABELS, features), *sharpenings)

    @property
    def sharpenings(self) -> list[TargetSharpening]:
        """Both sharpenings of the target; none without a target."""
        return [one for one in (self.sharpening, self.given) if one is not None]

    @property
    def target(self) -> int | None:
        """Place of the target."""
        return None if self.sharpening is None else self.sharpening.column

    def draw(
        self,
        n: int,
        first: Sequence[int],
        shares: Mapping[int, Tensor],
        rng: np.random.Generator,
        guide: Guide | None = None,
    ) -> Draw:
        """Draw rows in one random order, the target last unless it is to come first.

        A target that comes first, and what follows from it, is what the state that draws the features makes of it; how
        much that differs from the state that draws the target is what `target_ratios` says.

        Parameters
        ----------
        n : int
            Number of rows.
        first : sequence of int
            Columns that come first, among them those with shares.
        shares : dict of int to Tensor of shape (sizes[j],)
            What of each token a condition allows.
        rng : numpy.random.Generator
            Source of the order and of all draws.
        guide : Guide, default=None
            May put other tokens in place of those drawn, column by column.

        Returns
        -------
        Draw
        """
        target = None if self.target in first else self.target
        free = [j for j in range(len(self.features.sizes)) if j not in first and j != target]
        order = [int(j) for j in (*rng.permutation(list(first)), *rng.permutation(free))]
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        if target is None:
            return Draw(self.features.sample(n, order, shares, generator, guide), order, len(first), generator)
        tokens = self.features.sample(n, order, shares, generator, guide)
        draw = Draw(tokens, [*order, target], len(first), generator)
        self._draw_target(draw, guide)
        return draw

    def redraw(self, draw: Draw, starts: Tensor, guide: Guide) -> Draw:
        """Draw rows anew from a position on; see `RowTransformer.redraw`.

        Parameters
        ----------
        draw : Draw
            From `draw`.
        starts : Tensor of shape (n_rows,)
            First position that is drawn anew, not among the first columns.
        guide : Guide
            May put other tokens in place of those drawn, column by column.

        Returns
        -------
        Draw
        """
        if self.target != draw.order[-1] or len(draw.order) <= draw.n_first:
            tokens = self.features.redraw(draw.tokens, draw.order, starts, draw.generator, guide)
            return replace(draw, tokens=tokens)
        tokens = self.features.redraw(draw.tokens, draw.order[:-1], starts, draw.generator, guide)
        result = replace(draw, tokens=tokens)
        self._draw_target(result, guide)
        return result

    @torch.no_grad()
    def _draw_target(self, draw: Draw, guide: Guide | None) -> None:
        """Draw the target of rows, in place."""
        target = draw.order[-1]
        probs = self.target_probs(draw.tokens, draw.orders).clamp_min(1e-12)
        draw.tokens[:, target] = torch.multinomial(probs, 1, generator=draw.generator)[:, 0]
        if guide is not None:
            draw.tokens[:, target] = guide(target, probs, draw.tokens, draw.generator)

    def target_log_probs(self, tokens: Tensor, orders: Tensor) -> Tensor:
        """Sharpened log-probabilities of the target's tokens, of shape (n_rows, n_target_tokens); differentiable."""
        assert self.sharpening is not None
        return self.sharpening.log_probs(self.labels, tokens, orders)

    @torch.no_grad()
    def target_probs(self, tokens: Tensor, orders: Tensor) -> Tensor:
        """Sharpened probabilities of the target's tokens, of shape (n_rows, n_target_tokens)."""
        return self.target_log_probs(tokens, orders).exp()

    @torch.no_grad()
    def target_ratios(self, tokens: Tensor) -> NDArray[np.float64]:
        """How much more probable rows' targets are, given the features, than the state of the features has them.

        Parameters
        ----------
        tokens : Tensor of shape (n_rows, n_columns)
            Rows of tokens.

        Returns
        -------
        ndarray of shape (n_rows,)
            Ratios of the probability by the state that draws the target, as sharp as `given` has it, to that by the
            state that draws the features.
        """
        assert self.target is not None
        assert self.given is not None
        orders, own = self.orders(len(tokens), None), (torch.arange(len(tokens)), tokens[:, self.target])
        before = self.features.last_probs(self.target, tokens, orders)[own].clamp_min(MIN_PROB)
        after = self.given.log_probs(self.labels, tokens, orders)[own].exp()
        return (after.double() / before).numpy()

    @torch.no_grad()
    def log_prob(self, tokens: Tensor, orders: Tensor) -> NDArray[np.float64]:
        """Log-probabilities of rows of tokens, the target last in their orders, of shape (n_rows,)."""
        scores = self.features.token_log_probs(tokens, orders).double()
        if self.target is not None:
            own = self.target_probs(tokens, orders).double()[torch.arange(len(tokens)), tokens[:, self.target]]
            scores[:, self.target] = own.clamp_min(1e-300).log()
        return scores.sum(dim=1).numpy()

    def orders(self, n: int, rng: np.random.Generator | None) -> Tensor:
        """Orders of the columns with the target last, of shape (n, n_columns); without a generator, the table's own."""
        free = [j for j in range(len(self.features.sizes)) if j != self.target]
        orders = np.tile(np.array(free, dtype=np.int64), (n, 1))
        if rng is not None:
            orders = rng.permuted(orders, axis=1)
        if self.target is not None:
            orders = np.column_stack([orders, np.full(n, self.target)])
        return torch.from_numpy(orders)
