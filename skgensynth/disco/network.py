"""Small causal transformers side by side, over one token per column in any column order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skgensynth.disco.blocks import NO_DROPOUT, Block, Dropout, NetworkSettings

__all__ = ["Guide", "RowTransformer"]

N_ORDINAL_FEATURES = 4
PADDING = -1e9
# Rows drawn for each one kept under several conditions, and the least number of them.
POOL_FACTOR = 4
MIN_POOL = 256

# Called for each column in the order of drawing, with its number, its probabilities, of shape (n_rows, sizes[j]), all
# tokens so far, of shape (n_rows, n_columns), and the source of randomness; returns its tokens, of shape (n_rows,).
Guide = Callable[[int, Tensor, Tensor, torch.Generator], Tensor]


class RowTransformer(nn.Module):
    """An ensemble of causal transformers that give the probability of each column's token after any other columns.

    A position holds the embedding of the token before it and of the column to be predicted next; so one network knows
    every conditional distribution (ours, after the two-stream idea of XLNet, Yang et al., 2019). Tokens of ordered
    columns share smooth functions of their rank. The output starts at the observed frequencies of each column, so
    that training only adds what the columns say of each other. All members are computed in one batch.

    Parameters
    ----------
    sizes : sequence of int
        Tokens of each column.
    ordered : sequence of int
        For each column, how many of its first tokens are in order; 0 for categories.
    frequencies : sequence of ndarray of shape (sizes[j],)
        Starting probabilities of each column's tokens, above 0.
    settings : NetworkSettings
        Shape of the networks.
    generator : torch.Generator
        Source of the initial weights.
    """

    offsets: Tensor
    ordinal: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        ordered: Sequence[int],
        frequencies: Sequence[np.ndarray],
        settings: NetworkSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        self.settings = settings
        self.groups = _group_by_size(sizes)
        members, width, n_columns = settings.n_members, settings.width, len(sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self.register_buffer("offsets", torch.from_numpy(offsets), persistent=False)
        self.register_buffer("ordinal", _ordinal_features(sizes, ordered), persistent=False)

        def normal(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(members, *shape, generator=generator) * scale)

        self.value = normal(sum(sizes), width, scale=0.1)
        self.rank = normal(n_columns * N_ORDINAL_FEATURES, width, scale=0.2)
        self.upcoming = normal(n_columns, width, scale=0.1)
        self.start = normal(1, width, scale=0.1)
        self.blocks = nn.ModuleList(Block(settings, normal) for _ in range(settings.n_layers))
        self.scale = nn.Parameter(torch.ones(members, 1, width))
        self.heads = nn.ParameterList()
        self.biases = nn.ParameterList()
        for columns in self.groups:
            padded = max(sizes[j] for j in columns)
            bias = torch.full((len(columns), 1, padded), PADDING)
            for row, j in enumerate(columns):
                bias[row, 0, : sizes[j]] = torch.from_numpy(np.log(frequencies[j])).float()
            self.heads.append(normal(len(columns), width, padded, scale=0.01))
            self.biases.append(nn.Parameter(bias.repeat(members, 1, 1, 1)))

    def embeddings(self) -> Tensor:
        """Embedding of every token, of shape (n_members, n_tokens, width)."""
        return self.value + self.ordinal @ self.rank

    def hidden(self, tokens: Tensor, orders: Tensor, dropout: Dropout) -> Tensor:
        """What the networks know about each column from the columns before it.

        Parameters
        ----------
        tokens : Tensor of shape (n_members, n_rows, n_columns)
            Tokens of each column.
        orders : Tensor of shape (n_members, n_rows, n_columns)
            Column at each position.
        dropout : Dropout
            Noise of training.

        Returns
        -------
        Tensor of shape (n_members, n_columns, n_rows, width)
            By column, not by position.
        """
        state = self._read(tokens, orders, dropout)
        for block in self.blocks:
            state = block(state, dropout)
        state = self._normed(state)
        places = orders.argsort(dim=2)[..., None].expand(-1, -1, -1, self.settings.width)
        return state.gather(2, places).transpose(1, 2)

    def _read(self, tokens: Tensor, orders: Tensor, dropout: Dropout) -> Tensor:
        """What the first block sees, of shape (n_members, n_rows, n_columns, width), by position."""
        members, n_rows, _ = orders.shape
        flat = (tokens + self.offsets).gather(2, orders)[:, :, :-1]
        known = _lookup(self.embeddings(), flat)
        first = self.start[:, None].expand(members, n_rows, 1, self.settings.width)
        return dropout(torch.cat([first, known], dim=2) + _lookup(self.upcoming, orders))

    def _normed(self, state: Tensor) -> Tensor:
        return functional.rms_norm(state, (self.settings.width,)) * self.scale[:, None]

    def log_probs(self, hidden: Tensor) -> Iterator[tuple[list[int], Tensor]]:
        """Log-probabilities of tokens, for columns of like size at once.

        Parameters
        ----------
        hidden : Tensor of shape (n_members, n_columns, n_rows, width)
            From `hidden`.

        Yields
        ------
        columns : list of int
            The columns.
        log_probs : Tensor of shape (n_members, len(columns), n_rows, padded size)
            Normalised over each column's tokens; padding has probability 0.
        """
        members, _, n_rows, width = hidden.shape
        for columns, head, bias in zip(self.groups, self.heads, self.biases, strict=True):
            shape = (members * len(columns), -1, head.shape[-1])
            state = hidden[:, columns].reshape(members * len(columns), n_rows, width)
            logits = torch.baddbmm(bias.view(shape), state, head.view(shape[0], width, -1))
            yield columns, logits.log_softmax(dim=-1).view(members, len(columns), n_rows, -1)

    def token_log_probs(self, tokens: Tensor, orders: Tensor) -> Tensor:
        """Log-probability of each column's token, averaged as probabilities over the members.

        Parameters
        ----------
        tokens, orders : Tensor of shape (n_rows, n_columns)
            Tokens of each column, and the column at each position.

        Returns
        -------
        Tensor of shape (n_rows, n_columns)
            Natural logarithms, by column. Their sum is the log-probability of the row in that order.
        """
        members = self.settings.n_members
        shared = (members, *tokens.shape)
        hidden = self.hidden(tokens.expand(shared), orders.expand(shared), NO_DROPOUT)
        out = hidden.new_empty(tokens.shape)
        for columns, log_probs in self.log_probs(hidden):
            chosen = tokens[:, columns].T[None, :, :, None].expand(members, -1, -1, -1)
            mean = log_probs.gather(3, chosen)[..., 0].logsumexp(dim=0) - math.log(members)
            out[:, columns] = mean.T
        return out

    def last_probs(self, j: int, tokens: Tensor, orders: Tensor) -> Tensor:
        """Probabilities of the last column's tokens after all others, averaged over the members.

        Parameters
        ----------
        j : int
            The column.
        tokens, orders : Tensor of shape (n_rows, n_columns)
            Tokens of each column, and the column at each position, `j` last.

        Returns
        -------
        Tensor of shape (n_rows, sizes[j])
        """
        shared = (self.settings.n_members, *tokens.shape)
        state = self._read(tokens.expand(shared), orders.expand(shared), NO_DROPOUT)
        for number, block in enumerate(self.blocks, 1):
            state = block(state, NO_DROPOUT, last_only=number == len(self.blocks))
        return self._probs(j, state)

    def _probs(self, j: int, state: Tensor) -> Tensor:
        """Probabilities of a column's tokens by the last block's last position, averaged over the members."""
        group, row = next((g, columns.index(j)) for g, columns in enumerate(self.groups) if j in columns)
        head, bias = self.heads[group][:, row], self.biases[group][:, row]
        logits = torch.baddbmm(bias, self._normed(state)[:, :, -1], head)
        return logits[..., : self.sizes[j]].softmax(dim=-1).mean(dim=0)

    @torch.no_grad()
    def sample(
        self,
        n_rows: int,
        order: Sequence[int],
        shares: Mapping[int, Tensor],
        generator: torch.Generator,
        guide: Guide | None = None,
    ) -> Tensor:
        """Draw rows of tokens, column by column.

        Where several columns are restricted, a row drawn column by column comes as often as its probability divided
        by the mass that each restriction left it. So a pool of rows is drawn for the restricted columns and then
        resampled by that mass (sampling / importance resampling, Rubin, 1987), before the other columns follow.

        Parameters
        ----------
        n_rows : int
            Number of rows.
        order : sequence of int
            Columns in the order in which they are drawn, restricted ones first.
        shares : dict of int to Tensor of shape (sizes[j],)
            What of each token a condition allows; the distribution is restricted accordingly.
        generator : torch.Generator
            Source of randomness.
        guide : Guide, default=None
            May put other tokens in place of those drawn, column by column.

        Returns
        -------
        Tensor of shape (n_rows, n_columns)
            Tokens by column; 0 in columns that are not in the order.
        """
        pool = n_rows if len(shares) < 2 else max(POOL_FACTOR * n_rows, MIN_POOL)
        walk = _Walk(self, pool)
        # Logarithms: the product over many conditions would be too small for a number.
        weights = torch.zeros(pool, dtype=torch.float64)
        for position, j in enumerate(order):
            probs = walk.next_probs(j)
            if j in shares:
                # The floor keeps every allowed token possible where the network has all but excluded it.
                probs = probs.clamp_min(1e-12) * shares[j]
                weights += probs.double().sum(dim=-1).log()
            walk.take(j, torch.multinomial(probs, 1, generator=generator)[:, 0])
            if guide is not None:
                walk.take(j, guide(j, probs, walk.tokens, generator))
            if pool > n_rows and position + 1 == len(shares):
                likely = (weights - weights.max()).exp()
                walk.keep(torch.multinomial(likely, n_rows, replacement=True, generator=generator))
        return walk.tokens

    @torch.no_grad()
    def redraw(
        self, tokens: Tensor, order: Sequence[int], starts: Tensor, generator: torch.Generator, guide: Guide
    ) -> Tensor:
        """Draw rows anew from a position on.

        Parameters
        ----------
        tokens : Tensor of shape (n_rows, n_columns)
            Tokens by column.
        order : sequence of int
            Columns in the order in which they were drawn.
        starts : Tensor of shape (n_rows,)
            First position in the order that is drawn anew.
        generator : torch.Generator
            Source of randomness.
        guide : Guide
            May put other tokens in place of those drawn, column by column.

        Returns
        -------
        Tensor of shape (n_rows, n_columns)
            Tokens by column; as they were in columns that are not in the order.
        """
        walk = _Walk(self, len(tokens))
        for position, j in enumerate(order):
            probs = walk.next_probs(j)
            anew = torch.multinomial(probs, 1, generator=generator)[:, 0]
            walk.take(j, torch.where(starts <= position, anew, tokens[:, j]))
            walk.take(j, guide(j, probs, walk.tokens, generator))
        return torch.where(torch.isin(torch.arange(tokens.shape[1]), torch.tensor(order)), walk.tokens, tokens)


class _Walk:
    """Rows that are drawn column by column, with what the networks remember of them."""

    def __init__(self, network: RowTransformer, n_rows: int) -> None:
        self._network = network
        self._embeddings = network.embeddings()
        self._previous = network.start.expand(-1, n_rows, -1)
        self._caches: list[list[Tensor]] = [[] for _ in network.blocks]
        self.tokens = torch.zeros(n_rows, len(network.sizes), dtype=torch.int64)

    def next_probs(self, j: int) -> Tensor:
        """Probabilities of the tokens of column `j`, averaged over the members, of shape (n_rows, sizes[j])."""
        network = self._network
        state = (self._previous + network.upcoming[:, j : j + 1])[:, :, None]
        for block, cache in zip(network.blocks, self._caches, strict=True):
            state = block(state, NO_DROPOUT, cache)
        return network._probs(j, state)

    def take(self, j: int, tokens: Tensor) -> None:
        """Settle column `j`."""
        self.tokens[:, j] = tokens
        self._previous = self._embeddings[:, tokens + self._network.offsets[j]]

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the rows."""
        members = self._network.settings.n_members
        flat = (torch.arange(members)[:, None] * len(self.tokens) + rows).flatten()
        self._caches = [[part[flat] for part in cache] for cache in self._caches]
        self._previous = self._previous[:, rows]
        self.tokens = self.tokens[rows]


def _lookup(table: Tensor, index: Tensor) -> Tensor:
    """Rows of each member's table, of shape (*index.shape, width)."""
    members, _, width = table.shape
    flat = index.reshape(members, -1, 1).expand(-1, -1, width)
    return table.gather(1, flat).view(*index.shape, width)


def _group_by_size(sizes: Sequence[int]) -> list[list[int]]:
    """Columns whose token counts lie within a factor of two, so that padding them to one size wastes little."""
    groups: dict[int, list[int]] = {}
    for j, size in enumerate(sizes):
        groups.setdefault(max(2, (size - 1).bit_length()), []).append(j)
    return [groups[key] for key in sorted(groups)]


def _ordinal_features(sizes: Sequence[int], ordered: Sequence[int]) -> Tensor:
    """Smooth functions of the rank of each token of an ordered column, of shape (n_tokens, 4 * n_columns)."""
    out = torch.zeros(sum(sizes), len(sizes), N_ORDINAL_FEATURES)
    offset = 0
    for j, (size, n_ordered) in enumerate(zip(sizes, ordered, strict=True)):
        rank = (2 * torch.arange(n_ordered) + 1) / max(n_ordered, 1) - 1
        features = torch.stack([rank, rank**2 - 1 / 3, rank**3, torch.sin(math.pi * rank)], dim=1)
        out[offset : offset + n_ordered, j] = features
        offset += size
    return out.view(sum(sizes), -1)
