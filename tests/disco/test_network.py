from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch

from skgensynth.disco.blocks import NO_DROPOUT, Dropout, NetworkSettings
from skgensynth.disco.network import RowTransformer

SIZES = (3, 2, 4)


@pytest.fixture(scope="module")
def network():
    frequencies = [np.full(size, 1 / size) for size in SIZES]
    made = RowTransformer(SIZES, (0, 0, 4), frequencies, NetworkSettings(3, 16, 2), torch.Generator().manual_seed(0))
    with torch.no_grad():
        # Far from uniform, so that a wrong order or column would show.
        for head in made.heads:
            head.mul_(60)
    return made.requires_grad_(False)


def all_rows():
    return torch.tensor(list(itertools.product(*(range(size) for size in SIZES))))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_probabilities_of_all_rows_sum_to_one(network, order):
    rows = all_rows()

    log_probs = network.token_log_probs(rows, torch.tensor(order).repeat(len(rows), 1)).sum(dim=1)

    assert float(log_probs.double().exp().sum()) == pytest.approx(1, abs=1e-5)


def test_a_column_depends_on_earlier_columns_only(network):
    rows = torch.tensor([[0, 0, 0], [0, 1, 0], [0, 0, 3]])
    orders = torch.tensor([[1, 0, 2]]).repeat(3, 1)

    scores = network.token_log_probs(rows, orders)

    assert scores[0, 0] == pytest.approx(float(scores[2, 0]), abs=1e-6)
    assert abs(float(scores[0, 0] - scores[1, 0])) > 1e-3


def test_samples_come_as_often_as_their_probability(network):
    order = [2, 0, 1]
    n_rows = 40_000
    drawn = network.sample(n_rows, order, {}, torch.Generator().manual_seed(1))
    rows = all_rows()
    expected = network.token_log_probs(rows, torch.tensor(order).repeat(len(rows), 1)).sum(dim=1).exp().numpy()

    place = drawn @ torch.tensor([8, 4, 1])
    observed = np.bincount(place.numpy(), minlength=len(rows)) / n_rows

    assert observed == pytest.approx(expected, abs=5 * np.sqrt(0.25 / n_rows))


def test_conditions_on_several_columns_give_the_conditional_distribution(network):
    shares = {0: torch.tensor([1.0, 1.0, 0.0]), 2: torch.tensor([0.0, 1.0, 1.0, 0.5])}
    order = [0, 2, 1]
    n_rows = 40_000
    drawn = network.sample(n_rows, order, shares, torch.Generator().manual_seed(1))
    rows = all_rows()
    joint = network.token_log_probs(rows, torch.tensor(order).repeat(len(rows), 1)).sum(dim=1).exp()
    joint = joint * shares[0][rows[:, 0]] * shares[2][rows[:, 2]]
    expected = (joint / joint.sum()).numpy()

    observed = np.bincount((drawn @ torch.tensor([8, 4, 1])).numpy(), minlength=len(rows)) / n_rows

    assert observed == pytest.approx(expected, abs=0.015)
    assert (observed[expected == 0] == 0).all()


def test_columns_that_are_not_in_the_order_stay_empty(network):
    drawn = network.sample(100, [1, 0], {}, torch.Generator().manual_seed(1))

    assert (drawn[:, 2] == 0).all()
    assert drawn[:, 0].unique().numel() > 1


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 2, 0), (0, 1, 2)])
def test_probabilities_of_the_last_column_are_those_of_its_tokens(network, order):
    rows, last = all_rows(), order[-1]
    orders = torch.tensor(order).repeat(len(rows), 1)
    found = copy.deepcopy(network).requires_grad_(True)

    probs = found.last_probs(last, rows, orders)
    gradient = torch.autograd.grad(probs[torch.arange(len(rows)), rows[:, last]].log().sum(), found.value)[0]

    expected = found.token_log_probs(rows, orders)[:, last]
    assert probs.shape == (len(rows), SIZES[last])
    assert probs.sum(dim=1).detach().numpy() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(probs[torch.arange(len(rows)), rows[:, last]].log(), expected, atol=1e-5)
    assert torch.allclose(gradient, torch.autograd.grad(expected.sum(), found.value)[0], atol=1e-4)


def test_members_do_not_influence_each_other(network):
    tokens = torch.randint(2, (3, 5, 3), generator=torch.Generator().manual_seed(0))
    orders = torch.arange(3).expand(3, 5, 3)
    changed = tokens.clone()
    changed[0] = 1 - changed[0]

    first, second = network.hidden(tokens, orders, NO_DROPOUT), network.hidden(changed, orders, NO_DROPOUT)

    assert torch.equal(first[1:], second[1:])
    assert not torch.equal(first[0], second[0])


def test_dropout_hides_the_same_numbers_at_all_positions_of_a_row():
    dropout = Dropout(0.5, torch.Generator().manual_seed(0))

    out = dropout(torch.ones(2, 50, 4, 8))

    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(out, out[:, :, :1].expand_as(out))
