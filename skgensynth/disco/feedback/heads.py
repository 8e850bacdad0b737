"""Discriminators of single tokens, of one column's value in its row, and of groups of columns, as small networks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from skgensynth.disco.feedback.units import UnitSpace

__all__ = ["REAL", "FeatureHead", "SentenceHead", "TokenHead"]

# What a discriminator tells apart, in this order: real rows, generated ones, and real ones with shuffled values.
N_SORTS = 3
REAL, GENERATED, SHUFFLED = range(N_SORTS)
WIDTH = 24
N_HEADS = 2


class _Embedding(nn.Module):
    """A vector for each token in its column."""

    known: Tensor

    def __init__(self, space: UnitSpace, generator: torch.Generator) -> None:
        super().__init__()
        self.tokens = _normal(generator, space.n_tokens, WIDTH, scale=0.3)
        self.columns = _normal(generator, space.n_columns, WIDTH, scale=0.3)
        self.features = _normal(generator, space.features.shape[1], WIDTH, scale=0.3)
        self.register_buffer("known", space.features, persistent=False)

    def forward(self, tokens: Tensor, columns: Tensor) -> Tensor:
        """Vectors of shape (n_rows, length, WIDTH), 0 where there is no token."""
        table = self.tokens + self.known @ self.features
        state = functional.embedding(tokens.clamp_min(0), table)
        state = state + functional.embedding(columns.clamp_min(0), self.columns)
        return state * (tokens >= 0)[..., None]


class TokenHead(nn.Module):
    """Two scores for each token of a row: with the token, and from the tokens around it alone.

    A long short-term memory reads the tokens before, another one those after. The difference of both scores is what the
    token itself adds: a broken token does not speak against its neighbours (ours).

    Parameters
    ----------
    space : UnitSpace
        The tokens.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, space: UnitSpace, generator: torch.Generator) -> None:
        super().__init__()
        self.embedding = _Embedding(space, generator)
        # Made without initial weights, which would come from torch's own generator.
        self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True, bidirectional=True, device="meta").to_empty(device="cpu")
        for parameter in self.lstm.parameters():
            with torch.no_grad():
                parameter.uniform_(-(WIDTH**-0.5), WIDTH**-0.5, generator=generator)
        self.judge = _Judge(2 * WIDTH, space, generator)

    def forward(self, tokens: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Scores with and without the token itself, each of shape (n_rows, length, N_SORTS)."""
        state = self.embedding(tokens, columns)
        before, after = self.lstm(state)[0].split(WIDTH, dim=-1)
        none = before.new_zeros(len(before), 1, WIDTH)
        around = torch.cat([none, before[:, :-1]], dim=1), torch.cat([after[:, 1:], none], dim=1)
        return self.judge(state, torch.cat(around, dim=-1), columns)


class SentenceHead(nn.Module):
    """Two scores for each column's value in its row: with the value, and from all other columns alone.

    Attention in both directions, from which each column's own value is left out. The difference of both scores is what
    the value adds to the rest of its row (ours).

    Parameters
    ----------
    space : UnitSpace
        The tokens.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, space: UnitSpace, generator: torch.Generator) -> None:
        super().__init__()
        self.embedding = _Embedding(space, generator)
        self.n_columns = space.n_columns
        self.query = _normal(generator, space.n_columns, WIDTH, scale=1.0)
        self.key_value = _Linear(WIDTH, 2 * WIDTH, generator)
        self.judge = _Judge(WIDTH, space, generator)

    def forward(self, tokens: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Scores with and without the value itself, each of shape (n_rows, n_columns, N_SORTS)."""
        pairs = _by_column(self.embedding(tokens, columns), columns, self.n_columns)
        n_rows, n_columns, _ = pairs.shape
        if n_columns == 1:
            return self.judge(pairs, torch.zeros_like(pairs), torch.zeros(n_rows, 1, dtype=torch.int64))
        shape = (n_rows, n_columns, N_HEADS, WIDTH // N_HEADS)
        key, value = (part.reshape(shape).transpose(1, 2) for part in self.key_value(pairs).split(WIDTH, dim=-1))
        # What a column looks for in the others depends on the column, not on its value.
        query = self.query.expand(n_rows, -1, -1).reshape(shape).transpose(1, 2)
        others = ~torch.eye(n_columns, dtype=torch.bool)
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=others).transpose(1, 2)
        return self.judge(pairs, context.flatten(2), torch.arange(n_columns).expand(n_rows, -1))


class _Judge(nn.Module):
    """Scores of a thing in its context, and of the context alone."""

    def __init__(self, n_context: int, space: UnitSpace, generator: torch.Generator) -> None:
        super().__init__()
        self.columns = _normal(generator, space.n_columns, WIDTH, scale=0.3)
        self.up = _Linear(2 * WIDTH + n_context, 2 * WIDTH, generator)
        self.out = _Linear(2 * WIDTH, N_SORTS, generator)
        self.up_alone = _Linear(WIDTH + n_context, 2 * WIDTH, generator)
        self.out_alone = _Linear(2 * WIDTH, N_SORTS, generator)

    def forward(self, state: Tensor, context: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Both scores, of the shape of the state but for its last dimension."""
        around = torch.cat([context, functional.embedding(columns.clamp_min(0), self.columns)], dim=-1)
        alone = self.out_alone(functional.gelu(self.up_alone(around)))
        return self.out(functional.gelu(self.up(torch.cat([state, around], dim=-1)))), alone


class FeatureHead(nn.Module):
    """One score for each group of associated columns, which sees these columns and no others.

    Parameters
    ----------
    space : UnitSpace
        The tokens.
    groups : sequence of sequence of int
        Columns of each group.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, space: UnitSpace, groups: Sequence[Sequence[int]], generator: torch.Generator) -> None:
        super().__init__()
        self.groups = [list(group) for group in groups]
        self.n_columns = space.n_columns
        self.embedding = _Embedding(space, generator)
        self.up = nn.ModuleList(_Linear(len(group) * WIDTH, 2 * WIDTH, generator) for group in groups)
        self.out = nn.ModuleList(_Linear(2 * WIDTH, N_SORTS, generator) for _ in groups)

    def forward(self, tokens: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of shape (n_rows, n_groups, N_SORTS), and those of no columns, which are 0."""
        pairs = _by_column(self.embedding(tokens, columns), columns, self.n_columns)
        scores = [pairs.new_zeros((len(tokens), 0, N_SORTS))]
        for group, up, out in zip(self.groups, self.up, self.out, strict=True):
            scores.append(out(functional.gelu(up(pairs[:, group].flatten(1))))[:, None])
        joined = torch.cat(scores, dim=1)
        return joined, torch.zeros_like(joined)


class _Linear(nn.Module):
    """A linear layer whose initial weights come from a generator."""

    def __init__(self, n_in: int, n_out: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = _normal(generator, n_out, n_in, scale=n_in**-0.5)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, state: Tensor) -> Tensor:
        """Apply it to the last dimension."""
        return functional.linear(state, self.weight, self.bias)


def _normal(generator: torch.Generator, *shape: int, scale: float) -> nn.Parameter:
    """Normal numbers."""
    return nn.Parameter(torch.randn(shape, generator=generator) * scale)


def _by_column(state: Tensor, columns: Tensor, n_columns: int) -> Tensor:
    """Mean vector of each column's tokens, of shape (n_rows, n_columns, WIDTH)."""
    present = columns >= 0
    place = columns.clamp_min(0)
    counts = torch.zeros(len(columns), n_columns).scatter_add(1, place, present.float())
    total = torch.zeros(len(columns), n_columns, state.shape[-1])
    total = total.scatter_add(1, place[..., None].expand_as(state), state * present[..., None])
    return total / counts.clamp_min(1)[..., None]
