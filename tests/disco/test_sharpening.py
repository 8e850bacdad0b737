from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from skgensynth.disco.blocks import NetworkSettings
from skgensynth.disco.network import RowTransformer
from skgensynth.disco.sharpening import TargetSharpening, balance_classes


def sharpened(probs, temperature, offsets):
    raw = np.log(probs) / temperature + offsets
    out = np.exp(raw - raw.max(axis=1, keepdims=True))
    return out / out.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.25, 0.5, 2.0])
def test_shares_stay_where_one_class_is_rare(temperature):
    rng = np.random.default_rng(0)
    risk = rng.beta(0.5, 9, 5000)
    probs = np.column_stack([1 - risk, risk]).clip(1e-6)
    shares = np.array([0.95, 0.05])

    offsets = balance_classes(probs, shares, temperature)

    assert sharpened(probs, temperature, offsets).mean(axis=0) == pytest.approx(shares, rel=5e-3)


def test_sharpening_makes_probabilities_more_extreme():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([2, 2, 2], 4000)

    out = sharpened(probs, 0.5, balance_classes(probs, np.full(3, 1 / 3), 0.5))

    assert out.max(axis=1).mean() > probs.max(axis=1).mean() + 0.1
    assert (out.argmax(axis=1) == probs.argmax(axis=1)).mean() > 0.95


def test_one_class_needs_no_offset():
    assert balance_classes(np.ones((10, 1)), np.ones(1), 0.5).tolist() == [0.0]


# The target's probabilities -----------------------------------------------------------------------------------------


@pytest.fixture
def network():
    shares = [np.full(3, 1 / 3), np.array([0.8, 0.2])]
    return RowTransformer([3, 2], [0, 0], shares, NetworkSettings(2, 8, 1), torch.Generator().manual_seed(0))


@pytest.fixture
def rows():
    return torch.tensor([[0, 0], [1, 1], [2, 0]]), torch.tensor([[0, 1]]).expand(3, -1)


def test_shares_are_those_of_the_tokens_with_half_a_count_for_each():
    found = TargetSharpening.of_tokens(1, np.array([0, 0, 2]), 4, 0.5)

    assert found.shares == pytest.approx(np.array([2.5, 0.5, 1.5, 0.5]) / 5)
    assert found.offsets is None


def test_nothing_is_sharpened_before_the_offsets_are_fitted_nor_at_temperature_1(network, rows):
    sharpening = TargetSharpening(1, np.array([0.8, 0.2]), 1.0)
    plain = network.last_probs(1, *rows)
    sharpening.fit(plain.detach().numpy())

    assert not sharpening.changes
    assert sharpening.offsets is None
    torch.testing.assert_close(sharpening.log_probs(network, *rows).exp(), plain)
    torch.testing.assert_close(TargetSharpening(1, np.ones(2), 0.5).log_probs(network, *rows).exp(), plain)


def test_probabilities_are_sharpened_by_the_offsets_and_can_be_differentiated(network, rows):
    plain = network.last_probs(1, *rows).detach().double().numpy()
    sharpening = TargetSharpening(1, np.array([0.5, 0.5]), 0.5)
    sharpening.fit(plain)

    found = sharpening.log_probs(network, *rows)

    expected = sharpened(plain, 0.5, sharpening.offsets)
    assert found.exp().detach().numpy() == pytest.approx(expected, abs=1e-5)
    assert expected.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.01)
    found[:, 0].sum().backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


@pytest.mark.parametrize("offsets", [None, np.array([0.5, -0.5])])
def test_it_comes_back_from_json(offsets):
    sharpening = TargetSharpening(1, np.array([0.7, 0.3]), 0.5, offsets)

    back = TargetSharpening.from_dict(json.loads(json.dumps(sharpening.to_dict())), 1, 0.5)

    assert back.shares == pytest.approx(sharpening.shares)
    assert back.offsets is None if offsets is None else back.offsets == pytest.approx(offsets)
