from __future__ import annotations

import numpy as np
import pytest
import torch

from skgensynth.disco.blocks import NetworkSettings
from skgensynth.disco.network import RowTransformer
from skgensynth.disco.smoothing import Smoothing, heat_kernel

COUNTS = np.array([100.0, 5.0, 40.0, 55.0, 30.0])


def test_the_distribution_of_a_column_stays_as_it_is():
    kernel = heat_kernel(COUNTS, 4, 0.2)

    assert kernel.sum(axis=1) == pytest.approx(np.ones(5))
    assert COUNTS @ kernel == pytest.approx(COUNTS)


def test_tokens_without_an_order_keep_their_heat():
    kernel = heat_kernel(COUNTS, 4, 0.2)

    assert kernel[4] == pytest.approx([0, 0, 0, 0, 1])
    assert kernel[:4, 4] == pytest.approx(np.zeros(4))
    assert heat_kernel(COUNTS, 0, 0.2) == pytest.approx(np.eye(5))


def test_nothing_spreads_over_no_width():
    assert heat_kernel(COUNTS, 4, 0.0) == pytest.approx(np.eye(5))


def test_everything_becomes_the_column_over_a_great_width():
    kernel = heat_kernel(COUNTS[:4], 4, 20.0)

    assert kernel == pytest.approx(np.tile(COUNTS[:4] / COUNTS[:4].sum(), (4, 1)), abs=1e-6)


@pytest.mark.parametrize("n_bins", [40, 80])
def test_the_width_is_a_standard_deviation_in_ranks(n_bins):
    kernel = heat_kernel(np.full(n_bins, 10.0), n_bins, 0.08)
    middle = n_bins // 2
    ranks = (np.arange(n_bins) - middle) / n_bins

    assert kernel[middle] @ ranks == pytest.approx(0, abs=1e-3)
    assert np.sqrt(kernel[middle] @ ranks**2) == pytest.approx(0.08, rel=0.01)


def test_frequent_values_keep_more_than_rare_ones():
    kernel = heat_kernel(np.array([20.0, 400.0, 20.0]), 3, 0.1)

    assert kernel[1, 1] > 0.9 > kernel[0, 0]


def make_smoothing(tokens, sizes, ordered, width):
    even = [np.full(size, 1 / size) for size in sizes]
    network = RowTransformer(sizes, ordered, even, NetworkSettings(2, 16, 1), torch.Generator().manual_seed(0))
    return network, Smoothing(tokens, network, np.array(ordered), [width] * len(sizes))


def test_columns_without_an_order_get_the_log_probability_of_their_token():
    tokens = np.array([[0, 1], [1, 0], [1, 1]])
    network, smoothing = make_smoothing(tokens, [2, 2], [0, 0], 0.3)
    log_probs = torch.randn(2, 2, 3, 2, generator=torch.Generator().manual_seed(1))
    chosen = torch.from_numpy(tokens.T).expand(2, 2, 3)

    out = smoothing.mean(network.groups[0], log_probs, chosen)

    torch.testing.assert_close(out, log_probs.gather(3, chosen[..., None])[..., 0])


def test_means_are_those_of_each_columns_own_kernel():
    tokens = np.column_stack([np.repeat([0, 1, 2, 3], [10, 20, 30, 40]), np.repeat([0, 1, 2, 0], 25)])
    network, smoothing = make_smoothing(tokens, [4, 3], [4, 3], 0.15)
    (columns,) = network.groups
    log_probs = torch.randn(2, 2, 100, 4, generator=torch.Generator().manual_seed(1)).log_softmax(dim=-1)
    log_probs[:, columns.index(1), :, 3] = -1e9  # padding
    chosen = torch.from_numpy(tokens.T[columns]).expand(2, 2, 100)

    out = smoothing.mean(columns, log_probs, chosen)

    for place, j in enumerate(columns):
        size = [4, 3][j]
        kernel = heat_kernel(np.bincount(tokens[:, j], minlength=size) + 0.5, size, 0.15)
        expected = (log_probs[1, place, :, :size].numpy() * kernel[tokens[:, j]]).sum(axis=1)
        np.testing.assert_allclose(out[1, place].numpy(), expected, rtol=1e-5)
