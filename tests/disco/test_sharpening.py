from __future__ import annotations

import numpy as np
import pytest

from skgensynth.disco.sharpening import balance_classes


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
