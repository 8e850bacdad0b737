from __future__ import annotations

import numpy as np
import pytest
import torch
from common.policies import all_rows, small_frame, small_policy


@pytest.fixture(scope="module")
def policy():
    return small_policy(*small_frame())[0]


@pytest.fixture(scope="module")
def states(policy):
    return policy.states_


@pytest.fixture(scope="module")
def targetless():
    return small_policy(small_frame()[0])[0].states_


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_target_is_drawn_last_unless_asked_for_first(states, rng):
    orders = [states.draw(2, first, {}, rng).order for first in ((), (2,), (1,)) for _ in range(20)]

    assert all(sorted(order) == [0, 1, 2] for order in orders)
    assert {tuple(order) for order in orders[:20]} == {(0, 1, 2), (1, 0, 2)}
    assert {tuple(order) for order in orders[20:40]} == {(2, 0, 1), (2, 1, 0)}
    assert {tuple(order) for order in orders[40:]} == {(1, 0, 2)}


def test_without_a_target_one_state_draws_all_columns(targetless, rng):
    draw = targetless.draw(50, (), {}, rng)

    assert targetless.features is targetless.labels
    assert targetless.target is None
    assert sorted(draw.order) == [0, 1]
    assert draw.tokens.shape == (50, 2)


def test_rows_are_drawn_as_probable_as_they_are_said_to_be(states, rng):
    rows = all_rows(states.features.sizes)
    drawn = np.concatenate([states.draw(500, (), {}, rng).tokens.numpy() for _ in range(30)])
    orders = [torch.tensor(order).expand(len(rows), -1) for order in ([0, 1, 2], [1, 0, 2])]

    expected = np.mean([np.exp(states.log_prob(torch.from_numpy(rows), order)) for order in orders], axis=0)
    observed = np.array([(drawn == row).all(axis=1).mean() for row in rows])

    assert expected.sum() == pytest.approx(1, abs=1e-5)
    assert np.abs(observed - expected).max() < 0.015


def test_what_a_condition_allows_is_all_that_is_drawn(states, rng):
    draw = states.draw(200, [2], {2: torch.tensor([1.0, 0.0])}, rng)

    assert draw.n_first == 1
    assert (draw.tokens[:, 2] == 0).all()


def test_some_rows_of_a_draw_share_its_order(states, rng):
    draw = states.draw(10, (), {}, rng)

    part = draw[np.array([3, 7])]

    assert torch.equal(part.tokens, draw.tokens[[3, 7]])
    assert part.orders.tolist() == [draw.order, draw.order]


class Insisting:
    """Puts one token in the place of every one that is drawn, and keeps what it was shown."""

    def __init__(self, token):
        self.token = token
        self.calls = []

    def __call__(self, j, probs, tokens, generator):
        self.calls.append((j, probs, tokens.clone()))
        return torch.full((len(tokens),), self.token)


@pytest.mark.parametrize("first", [(), (2,)])
def test_a_guide_has_the_last_word_on_every_column(states, rng, first):
    guide = Insisting(1)

    draw = states.draw(300, first, {}, rng, guide)

    assert (draw.tokens == 1).all()
    assert [j for j, _, _ in guide.calls] == draw.order
    for place, (j, probs, tokens) in enumerate(guide.calls):
        assert probs.shape == (300, states.features.sizes[j])
        assert probs.sum(dim=1).numpy() == pytest.approx(1, abs=1e-4)
        # What was drawn is shown, and what the guide said of the columns before.
        assert len(set(tokens[:, j].tolist())) > 1
        assert (tokens[:, draw.order[:place]] == 1).all()


@pytest.mark.parametrize("first", [(), (2,)])
@pytest.mark.parametrize("start", [1, 2])
def test_columns_before_the_start_stay(states, rng, first, start):
    draw = states.draw(300, first, {}, rng)
    before = draw.tokens.clone()

    after = states.redraw(draw, torch.full((300,), start), lambda j, probs, tokens, generator: tokens[:, j]).tokens

    assert torch.equal(draw.tokens, before)
    assert torch.equal(after[:, draw.order[:start]], before[:, draw.order[:start]])
    for place in range(start, 3):
        assert (after[:, draw.order[place]] != before[:, draw.order[place]]).any()


def test_rows_may_start_at_different_positions(states, rng):
    draw = states.draw(400, (), {}, rng)
    starts = torch.arange(4).clamp_max(2).repeat(100)
    place_of = np.argsort(draw.order)

    def first_token(j, probs, tokens, generator):
        return torch.where(starts == place_of[j], torch.zeros(len(tokens), dtype=torch.int64), tokens[:, j])

    after = states.redraw(draw, starts, first_token).tokens

    for row, start in enumerate(starts.tolist()):
        assert after[row, draw.order[start]] == 0
        assert torch.equal(after[row, draw.order[:start]], draw.tokens[row, draw.order[:start]])


def test_orders_end_with_the_target_and_are_random_only_with_a_generator(states, targetless, rng):
    assert states.orders(2, None).tolist() == [[0, 1, 2], [0, 1, 2]]
    assert targetless.orders(1, None).tolist() == [[0, 1]]
    assert {tuple(order) for order in states.orders(50, rng).tolist()} == {(0, 1, 2), (1, 0, 2)}


def test_the_log_probability_of_a_row_is_the_features_plus_the_sharpened_target(states):
    rows, orders = torch.tensor([[0, 1, 1]]), torch.tensor([[1, 0, 2]])

    features = states.features.token_log_probs(rows, orders)[0, :2].sum()
    target = states.sharpening.log_probs(states.labels, rows, orders)[0, 1]

    assert states.log_prob(rows, orders)[0] == pytest.approx(float((features + target).detach()), abs=1e-5)
