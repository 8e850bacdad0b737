"""Ensembles of `RowTransformer` for a vocabulary: made in parts, joined after training, rebuilt from saved weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from skgensynth.disco.blocks import NetworkSettings
from skgensynth.disco.codecs import CompactCodec
from skgensynth.disco.network import RowTransformer

__all__ = ["join", "make_parts", "ordered", "restore"]

# Parts of an ensemble that train side by side; a constant, so that results do not depend on the number of cores.
N_PARTS = 2


def make_parts(
    codec: CompactCodec, tokens: NDArray[np.int64], shape: NetworkSettings, rng: np.random.Generator
) -> list[RowTransformer]:
    """Untrained parts of the ensemble, with about equally many members each."""
    # Half a count for each token: none is impossible.
    counts = [np.bincount(tokens[:, j], minlength=size) + 0.5 for j, size in enumerate(codec.sizes)]
    frequencies = [count / count.sum() for count in counts]
    members = [len(part) for part in np.array_split(np.arange(shape.n_members), min(N_PARTS, shape.n_members))]
    seeds = rng.integers(2**63, size=len(members))
    return [
        RowTransformer(
            codec.sizes,
            ordered(codec).tolist(),
            frequencies,
            NetworkSettings(n, shape.width, shape.n_layers),
            torch.Generator().manual_seed(int(seed)),
        )
        for n, seed in zip(members, seeds, strict=True)
    ]


def _blank(codec: CompactCodec, shape: NetworkSettings) -> RowTransformer:
    """A network whose weights are to be replaced."""
    even = [np.full(size, 1 / size) for size in codec.sizes]
    return RowTransformer(codec.sizes, ordered(codec).tolist(), even, shape, torch.Generator())


def join(parts: list[RowTransformer], codec: CompactCodec) -> RowTransformer:
    """One network of all members."""
    n_members = sum(part.settings.n_members for part in parts)
    network = _blank(codec, replace(parts[0].settings, n_members=n_members))
    states = [part.state_dict() for part in parts]
    network.load_state_dict({name: torch.cat([state[name] for state in states]) for name in states[0]})
    return network.requires_grad_(False)


def restore(
    weights: Mapping[str, torch.Tensor], codec: CompactCodec, shape: Mapping[str, int]
) -> dict[str, RowTransformer]:
    """Networks from saved weights, by the first part of the weights' names."""
    networks = {}
    for state in dict.fromkeys(name.partition(".")[0] for name in weights):
        start = f"{state}."
        networks[state] = _blank(codec, NetworkSettings(**shape)).requires_grad_(False)
        found = {name.removeprefix(start): tensor for name, tensor in weights.items() if name.startswith(start)}
        networks[state].load_state_dict(found)
    return networks


def ordered(codec: CompactCodec) -> NDArray[np.int64]:
    """How many of each column's first tokens are in order."""
    return np.array([column.size if column.ordered else 0 for column in codec.columns], dtype=np.int64)
