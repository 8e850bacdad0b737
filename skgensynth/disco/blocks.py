"""What the networks are made of: their shape, blocks of attention and feed-forward layers, and dropout."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["NO_DROPOUT", "Block", "Dropout", "NetworkSettings"]


@dataclass(frozen=True)
class NetworkSettings:
    """Shape of a `RowTransformer`.

    Attributes
    ----------
    n_members : int
        Independent networks; probabilities are averaged over them.
    width : int
        Numbers per token inside a network; a multiple of 8.
    n_layers : int
        Transformer blocks.
    """

    n_members: int
    width: int
    n_layers: int

    @property
    def n_heads(self) -> int:
        """Attention heads, of 8 to 16 numbers each."""
        return max(1, self.width // 16) if self.width >= 32 else max(1, self.width // 8)

    def to_dict(self) -> dict[str, int]:
        """JSON form."""
        return asdict(self)


class Dropout:
    """Dropout with a generator of its own; one mask for all positions of a row.

    Parameters
    ----------
    rate : float
        Share of numbers that are left out, in [0, 1).
    generator : torch.Generator or None
        Source of the masks; None only with rate 0.
    """

    def __init__(self, rate: float, generator: torch.Generator | None) -> None:
        self._rate = rate
        self._generator = generator

    def __call__(self, state: Tensor) -> Tensor:
        """Drop parts of a state of shape (n_members, n_rows, n_positions, width)."""
        if self._rate == 0:
            return state
        members, n_rows, _, width = state.shape
        noise = torch.rand(members, n_rows, 1, width, generator=self._generator)
        return state * noise.ge_(self._rate).div_(1 - self._rate)


NO_DROPOUT = Dropout(0.0, None)


class Block(nn.Module):
    """Causal self-attention and a feed-forward layer, each behind a normalisation and around a residual path."""

    def __init__(self, settings: NetworkSettings, normal: Any) -> None:
        super().__init__()
        members, width = settings.n_members, settings.width
        self.n_heads = settings.n_heads
        into = 1 / math.sqrt(width)
        self.qkv = normal(width, 3 * width, scale=into)
        self.out = normal(width, width, scale=into / 2)
        self.up = normal(width, 4 * width, scale=into)
        self.down = normal(4 * width, width, scale=into / 4)
        self.qkv_bias = nn.Parameter(torch.zeros(members, 1, 3 * width))
        self.out_bias = nn.Parameter(torch.zeros(members, 1, width))
        self.up_bias = nn.Parameter(torch.zeros(members, 1, 4 * width))
        self.down_bias = nn.Parameter(torch.zeros(members, 1, width))
        self.attention_scale = nn.Parameter(torch.ones(members, 1, width))
        self.feed_scale = nn.Parameter(torch.ones(members, 1, width))

    def forward(
        self, state: Tensor, dropout: Dropout, cache: list[Tensor] | None = None, *, last_only: bool = False
    ) -> Tensor:
        """Next state, of all positions or of the last one only.

        With a cache, `state` is the newest position only and the earlier ones come from there.
        """
        members, n_rows, n_positions, width = state.shape
        flat = state.reshape(members, n_rows * n_positions, width)
        normed = functional.rms_norm(flat, (width,)) * self.attention_scale
        qkv = torch.baddbmm(self.qkv_bias, normed, self.qkv)
        split = qkv.view(members * n_rows, n_positions, 3, self.n_heads, width // self.n_heads).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)
        if cache is not None:
            if cache:
                key, value = torch.cat([cache[0], key], dim=2), torch.cat([cache[1], value], dim=2)
            cache[:] = [key, value]
        if last_only:
            state, query = state[:, :, -1:], query[:, :, -1:]
        if query.shape[2] == 1:
            mixed = _attend(query, key, value)
        else:
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        shape = state.shape
        flat_shape = (members, n_rows * shape[2], width)
        mixed = mixed.transpose(1, 2).reshape(flat_shape)
        state = state + dropout(torch.baddbmm(self.out_bias, mixed, self.out).view(shape))
        normed = functional.rms_norm(state.reshape(flat_shape), (width,)) * self.feed_scale
        inner = functional.gelu(torch.baddbmm(self.up_bias, normed, self.up))
        inner = dropout(inner.view(*shape[:3], -1)).view(inner.shape)
        return state + dropout(torch.baddbmm(self.down_bias, inner, self.down).view(shape))


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of one position each; for heads as narrow as these, faster than the general function."""
    weights = (query * key).sum(-1, keepdim=True).div_(math.sqrt(query.shape[-1])).softmax(dim=-2)
    return (weights * value).sum(-2, keepdim=True)
