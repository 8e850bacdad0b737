"""The policy gradient, against every row of a table that can be enumerated."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from common.policies import all_rows, small_frame, small_policy

from skgensynth.conditions import Conditions
from skgensynth.constraints import parse_constraint
from skgensynth.disco.feedback.compact import CompactLearner
from skgensynth.disco.feedback.rollouts import Credit, GradientSettings, Rollout
from skgensynth.laws import Laws

SETTINGS = GradientSettings(learning_rate=0.01, clip=0.2, kl_weight=0.0, n_passes=1, n_steps=100)


@pytest.fixture(scope="module", params=[0, 10], ids=["not taught", "taught by trees"])
def fitted(request):
    return small_policy(*small_frame(), n_target_trees=request.param)[0]


@pytest.fixture(scope="module")
def targetless():
    return small_policy(small_frame()[0])[0]


@pytest.fixture
def make(fitted):
    """A learner of a copy of the fitted policy, and the copy."""

    def make(policy=fitted, **settings):
        policy = copy.deepcopy(policy)
        learner = CompactLearner(policy, GradientSettings(**{**vars(SETTINGS), **settings}))
        policy.states_ = learner._states  # To see what is learned before it is finished.
        return learner, policy

    return make


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rollout_of(learner, tokens, orders):
    """Rows of tokens that were drawn in given orders."""
    tokens = np.asarray(tokens)
    units = learner.write(tokens.astype(float))
    return Rollout(tokens.astype(float), units, np.asarray(orders))


def credit_of(rollout, columns=None, costs=None):
    columns = np.zeros(rollout.orders.shape) if columns is None else np.asarray(columns, dtype=float)
    return Credit(columns, np.zeros(rollout.units.tokens.shape), costs or {})


def both_ways(rows):
    """Every row once with the target last and once with the target first."""
    orders = np.concatenate([np.tile([1, 0, 2], (len(rows), 1)), np.tile([2, 0, 1], (len(rows), 1))])
    return np.concatenate([rows, rows]), orders


def gradient(learner, rollout, credit):
    """Gradient of the loss by all parameters, and the divergence."""
    results = [learner._gradient(part) for part in learner._parts(rollout, credit)]
    total = []
    for parameter, *found in zip(learner._stepper.parameters, *(gradients for gradients, _ in results), strict=True):
        known = [part for part in found if part is not None]
        total.append(torch.stack(known).sum(dim=0) if known else torch.zeros_like(parameter))
    return total, sum(divergence for _, divergence in results)


def log_probs_by_hand(policy, tokens, orders):
    """Log-probability of each token, one row at a time, from the networks' own functions; differentiable."""
    features, target = policy.states_.features, policy.schema_.target_index
    out = []
    for row, order in zip(tokens, orders, strict=True):
        row, order = torch.as_tensor(row)[None], torch.as_tensor(order)[None]
        if target is None or order[0, 0] == target:
            out.append(features.token_log_probs(row, order)[0])
            continue
        scores = features.token_log_probs(row, order)[0]
        chosen = policy.states_.target_log_probs(row, order)[0, row[0, target]]
        out.append(torch.cat([scores[:target], chosen[None]]))
    return torch.stack(out)


def distributions_by_hand(policy, tokens, orders):
    """For each column, log-probabilities of all its tokens in each row."""
    out = []
    for j, size in enumerate(policy.codec_.sizes):
        tried = []
        for token in range(size):
            changed = tokens.copy()
            changed[:, j] = token
            tried.append(log_probs_by_hand(policy, changed, orders)[:, j])
        out.append(torch.stack(tried, dim=1))
    return out


def assert_same_gradient(found, loss, learner):
    expected = torch.autograd.grad(loss, learner._stepper.parameters, allow_unused=True)
    largest = 0.0
    for part, wanted in zip(found, expected, strict=True):
        wanted = torch.zeros_like(part) if wanted is None else wanted
        torch.testing.assert_close(part, wanted, atol=2e-5, rtol=1e-3)
        largest = max(largest, float(wanted.abs().max()))
    assert largest > 1e-3


# Probabilities -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0)])
def test_probabilities_of_all_rows_sum_to_one_in_the_ways_rows_are_drawn(make, order):
    learner, policy = make()
    rows = all_rows(policy.codec_.sizes)
    rollout = rollout_of(learner, rows, np.tile(order, (len(rows), 1)))
    total = 0.0

    for part in learner._parts(rollout, credit_of(rollout)):
        blocks = learner._distributions(learner._states, part)
        scores = sum(
            now[place, torch.arange(len(part.tokens)), part.tokens[:, j]]
            for columns, now in blocks
            for place, j in enumerate(columns)
        )
        total += float(scores.exp().sum().detach())

    assert total == pytest.approx(1, abs=1e-5)


def test_probabilities_are_those_of_the_policy(make):
    learner, policy = make()
    rows = all_rows(policy.codec_.sizes)
    orders = np.tile(np.arange(3), (len(rows), 1))
    rollout = rollout_of(learner, rows, orders)

    found = [learner._distributions(learner._states, part) for part in learner._parts(rollout, credit_of(rollout))]
    by_hand = log_probs_by_hand(policy, rows, orders).sum(dim=1).detach().numpy()

    assert policy.log_prob(rows.astype(float)) == pytest.approx(by_hand, abs=1e-5)
    assert {tuple(columns) for part in found for columns, _ in part} >= {(2,)}


def test_the_drawn_rows_have_these_probabilities(make, rng):
    learner, policy = make()
    rows = all_rows(policy.codec_.sizes)

    rollout = learner.draw(12_000, rng)

    orders, counts = np.unique(rollout.orders, axis=0, return_counts=True)
    with torch.no_grad():
        by_order = [log_probs_by_hand(policy, rows, np.tile(order, (len(rows), 1))).sum(dim=1) for order in orders]
    expected = counts / counts.sum() @ torch.stack(by_order).exp().double().numpy()
    observed = np.array([(rollout.values == row).all(axis=1).mean() for row in rows])
    assert len(orders) == 4
    assert np.abs(observed - expected).max() < 0.015


# Gradient ------------------------------------------------------------------------------------------------------------


def test_the_gradient_of_credit_is_that_of_the_log_probabilities(make, rng):
    learner, policy = make()
    tokens, orders = both_ways(all_rows(policy.codec_.sizes))
    rollout = rollout_of(learner, tokens, orders)
    deserved = rng.normal(size=tokens.shape)

    found, _ = gradient(learner, rollout, credit_of(rollout, deserved))

    # A target that comes first has the table's shares, which are not to change.
    counted = np.where((orders[:, :1] == 2) & (np.arange(3) == 2), 0.0, deserved)
    log_probs = log_probs_by_hand(policy, tokens, orders)
    loss = -(log_probs * torch.from_numpy(counted).float()).sum(dim=1).mean()
    assert_same_gradient(found, loss, learner)


def test_credit_of_single_tokens_is_added(make, rng):
    learner, policy = make()
    tokens, orders = both_ways(all_rows(policy.codec_.sizes))
    rollout = rollout_of(learner, tokens, orders)
    deserved = rng.normal(size=tokens.shape)

    split = Credit(deserved / 4, np.where(deserved > 2, np.nan, 0.75 * deserved), {})
    found, _ = gradient(learner, rollout, split)
    wanted, _ = gradient(learner, rollout, credit_of(rollout, np.where(deserved > 2, deserved / 4, deserved)))

    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("column", [0, 2])
def test_the_gradient_of_costs_is_that_of_the_expected_cost(make, rng, column):
    learner, policy = make()
    tokens, orders = both_ways(all_rows(policy.codec_.sizes))
    rollout = rollout_of(learner, tokens, orders)
    costs = rng.uniform(0, 5, (len(tokens), policy.codec_.sizes[column]))

    found, _ = gradient(learner, rollout, credit_of(rollout, costs={column: costs}))

    probs = distributions_by_hand(policy, tokens, orders)[column].exp()
    loss = (probs * torch.from_numpy(costs).float()).sum(dim=1).mean()
    assert_same_gradient(found, loss, learner)


def test_the_divergence_and_its_gradient_are_exact(make, rng):
    learner, policy = make(kl_weight=0.7)
    before = copy.deepcopy(policy)
    tokens, orders = both_ways(all_rows(policy.codec_.sizes))
    rollout = rollout_of(learner, tokens, orders)
    with torch.no_grad():
        for parameter in learner._stepper.parameters:
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)), alpha=0.1)

    found, divergence = gradient(learner, rollout, credit_of(rollout))

    now = distributions_by_hand(policy, tokens, orders)
    then = [log_probs.detach() for log_probs in distributions_by_hand(before, tokens, orders)]
    expected = sum((a.exp() * (a - b)).sum(dim=1) for a, b in zip(now, then, strict=True)).mean()
    assert divergence > 0.01
    assert divergence == pytest.approx(float(expected.detach()), rel=1e-3)
    assert_same_gradient(found, 0.7 * expected, learner)


def test_the_state_of_the_labels_is_trained_by_rows_whose_target_it_drew(make, rng):
    learner, policy = make()
    rows = all_rows(policy.codec_.sizes)
    tokens, orders = both_ways(rows)
    first = orders[:, 0] == 2

    def touched(chosen):
        rollout = rollout_of(learner, tokens[chosen], orders[chosen])
        gradients, _ = gradient(learner, rollout, credit_of(rollout, rng.normal(size=(chosen.sum(), 3))))
        by_id = {id(p): bool(g.abs().max() > 0) for p, g in zip(learner._stepper.parameters, gradients, strict=True)}
        return {name for name, net in policy.states_.named().items() if any(by_id[id(p)] for p in net.parameters())}

    assert touched(first) == {"features"}
    assert touched(~first) == {"features", "labels"}


def test_without_a_target_one_network_draws_and_learns(make, targetless, rng):
    learner, policy = make(targetless)
    rollout = learner.draw(60, rng)

    gradients, _ = gradient(learner, rollout, credit_of(rollout, rng.normal(size=(60, 2))))

    assert policy.states_.labels is policy.states_.features
    assert max(float(g.abs().max()) for g in gradients) > 0


def test_beyond_the_clip_credit_counts_only_against_a_token_that_went_too_far(make):
    learner, policy = make()
    tokens, orders = both_ways(all_rows(policy.codec_.sizes))
    rollout = rollout_of(learner, tokens, orders)

    def size(sign, ratio):
        """Size of the gradient of a credit of one sign, if all probabilities have changed by a ratio."""
        total = 0.0
        for part in learner._parts(rollout, credit_of(rollout, np.full(tokens.shape, sign))):
            learner._gradient(part)
            part.before = [log_prob - np.log(ratio) for log_prob in part.before]
            gradients, _ = learner._gradient(part)
            total += sum(float(g.abs().sum()) for g in gradients if g is not None)
        return total

    assert size(1.0, 1.1) > 1e-2
    assert size(1.0, 1.3) == 0
    assert size(-1.0, 1.3) > 1e-2
    assert size(-1.0, 0.7) == 0
    assert size(1.0, 0.7) > 1e-2


# Steps ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["fitted", "targetless"])
def test_rows_with_credit_become_more_probable(make, which, request, rng):
    learner, policy = make(request.getfixturevalue(which))
    x = 0  # the first level of a
    rows = all_rows(policy.codec_.sizes).astype(float)

    def share():
        return float(np.exp(policy.log_prob(rows))[rows[:, 0] == x].sum())

    before = share()
    for _ in range(15):
        rollout = learner.draw(96, rng)
        has = rollout.values[:, 0] == x
        credit = np.zeros(rollout.values.shape)
        credit[:, 0] = has - has.mean()
        learner.update(rollout, credit_of(rollout, credit))

    assert share() > before + 0.1


def test_the_divergence_is_0_before_any_step_and_above_0_after(make, rng):
    learner, _ = make(n_passes=2, learning_rate=0.05)
    rollout = learner.draw(60, rng)
    credit = credit_of(rollout, rng.normal(size=(60, 3)))

    divergences = [learner.update(rollout, credit) for _ in range(3)]

    assert divergences[0] == pytest.approx(0, abs=1e-6)
    assert min(divergences[1:]) > 1e-5


def test_a_weight_on_the_divergence_keeps_the_policy_near(make):
    ends = []
    for weight in (0.0, 10.0):
        learner, _ = make(kl_weight=weight)
        rng = np.random.default_rng(0)
        for _ in range(10):
            rollout = learner.draw(96, rng)
            has = rollout.values[:, 0] == 0
            last = learner.update(rollout, credit_of(rollout, np.tile((has - has.mean())[:, None], (1, 3))))
        ends.append(last)

    assert ends[1] < 0.3 * ends[0]


def test_costs_make_what_they_charge_rare(make, rng):
    learner, policy = make(learning_rate=0.03)
    rows = all_rows(policy.codec_.sizes).astype(float)

    def share():
        return float(np.exp(policy.log_prob(rows))[rows[:, 1] == 1].sum())

    before = share()
    for _ in range(15):
        rollout = learner.draw(96, rng)
        learner.update(rollout, credit_of(rollout, costs={1: np.tile([0.0, 5.0], (96, 1))}))

    assert share() < 0.3 * before


def test_the_global_generator_is_left_alone(make, rng):
    before = torch.get_rng_state()
    learner, _ = make()

    rollout = learner.draw(20, rng)
    learner.update(rollout, credit_of(rollout, rng.normal(size=(20, 3))))

    assert torch.equal(torch.get_rng_state(), before)


# Drawing -------------------------------------------------------------------------------------------------------------


def test_drawn_rows_are_the_tables_and_say_what_was_drawn(make, rng):
    learner, policy = make()

    rollout = learner.draw(100, rng)

    assert len(rollout) == len(rollout.values) == 100
    assert np.array_equal(np.sort(rollout.orders, axis=1), np.tile(np.arange(3), (100, 1)))
    assert np.array_equal(rollout.units.tokens, learner.write(rollout.values).tokens)
    assert np.array_equal(rollout.units.columns, np.tile(np.arange(3), (100, 1)))
    offsets = policy.states_.features.offsets.numpy()
    assert (rollout.units.tokens >= offsets).all()
    assert rollout.units.tokens.max() < learner.space.n_tokens == sum(policy.codec_.sizes)
    assert learner.space.n_columns == 3


@pytest.mark.parametrize("n", [1, 2, 5, 700])
def test_any_number_of_rows_can_be_drawn(make, rng, n):
    assert len(make()[0].draw(n, rng)) == n


def test_the_seed_settles_the_rows(make):
    learner, _ = make()

    first, again, other = (learner.draw(50, np.random.default_rng(seed)).values for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_target_comes_first_in_a_third_of_large_draws(make, rng):
    orders = make()[0].draw(6 * 128, rng).orders

    assert (orders[:, 0] == 2).mean() == pytest.approx(1 / 3, abs=0.01)
    assert ((orders[:, 0] == 2) | (orders[:, -1] == 2)).all()


# Laws ----------------------------------------------------------------------------------------------------------------


def test_expected_violations_are_those_of_every_token_in_turn(make, rng):
    learner, policy = make()
    sentences = ["if a is x then b is p", "if b is q then outcome is well", "if a is z then outcome is ill"]
    laws = Laws([parse_constraint(sentence) for sentence in sentences], policy.schema_)
    rollout = learner.draw(30, rng)

    found = learner.expected_violations(rollout, laws, rng)

    expected = {j: np.zeros((30, size)) for j, size in enumerate(policy.codec_.sizes)}
    for row in range(30):
        order = rollout.orders[row].tolist()
        for law, columns in zip(laws.constraints, laws.columns, strict=True):
            j = max(np.flatnonzero(columns), key=order.index)
            for token in range(policy.codec_.sizes[j]):
                values = rollout.values[[row]].copy()
                values[0, j] = token
                X, y = policy.schema_.decode(values, rng)
                expected[j][row, token] = max(expected[j][row, token], float(~law.check(X, y)[0]))
    assert len(found) > 1
    for j, cost in expected.items():
        assert np.array_equal(found.get(j, np.zeros_like(cost)), cost)


def test_without_a_law_nothing_is_expected_to_break(make, rng):
    learner, policy = make()

    assert learner.expected_violations(learner.draw(10, rng), Laws([], policy.schema_), rng) == {}


def test_a_level_that_training_did_not_have_is_written_as_none(make):
    learner, _ = make()

    units = learner.write(np.array([[0.0, 1.0, 1.0], [3.0, 0.0, 0.0]]))

    assert units.tokens.tolist() == [[0, 4, 6], [-1, 3, 5]]
    assert units.columns.tolist() == [[0, 1, 2], [-1, 1, 2]]


# What users get ------------------------------------------------------------------------------------------------------


def test_settled_rows_are_those_of_the_present_networks_held_to_laws(make, rng):
    learner, policy = make(learning_rate=0.1)
    law = parse_constraint("if a is x then b is p")
    drawn = learner.draw(400, rng)
    free = learner.settled(drawn, np.random.default_rng(1))
    policy.obey(Laws([law], policy.schema_))

    held = learner.settled(drawn, np.random.default_rng(1))
    learner.update(drawn, credit_of(drawn, rng.normal(size=(400, 3))))
    changed = learner.settled(drawn, np.random.default_rng(1))

    def broken(values):
        return float((~law.check(*policy.schema_.decode(values, np.random.default_rng(0)))).mean())

    assert len(free) == len(held) == 400
    assert broken(free) > 0.05
    assert broken(held) == 0
    assert not np.array_equal(changed, held)


# State ---------------------------------------------------------------------------------------------------------------


def test_a_state_put_back_draws_the_same_rows(make, rng):
    learner, policy = make(learning_rate=0.1)
    state = learner.state()
    before = policy.sample(50, Conditions(), np.random.default_rng(0))
    rollout = learner.draw(50, rng)
    learner.update(rollout, credit_of(rollout, rng.normal(size=(50, 3))))
    changed = policy.sample(50, Conditions(), np.random.default_rng(0))

    learner.restore(state)

    assert not np.array_equal(changed, before)
    assert np.array_equal(policy.sample(50, Conditions(), np.random.default_rng(0)), before)


def test_a_finished_policy_is_frozen_and_has_the_tables_class_shares(make, rng):
    learner, policy = make(learning_rate=0.05)
    for _ in range(5):
        rollout = learner.draw(96, rng)
        ill = rollout.values[:, 2] == 0
        learner.update(rollout, credit_of(rollout, np.tile((ill - ill.mean())[:, None], (1, 3))))

    learner.finish(rng)

    for network in policy.states_.networks:
        assert not any(parameter.requires_grad for parameter in network.parameters())
    drawn = policy.sample(6000, Conditions(), rng)[:, 2]
    shares = np.bincount(drawn.astype(int), minlength=2) / len(drawn)
    assert shares == pytest.approx(policy.states_.sharpening.shares, abs=0.03)


def test_without_a_change_that_is_kept_the_policy_stays_as_it_is(fitted, rng):
    policy = copy.deepcopy(fitted)
    before = policy.sample(200, Conditions(), np.random.default_rng(0))
    learner = CompactLearner(policy, SETTINGS)
    start = learner.state()
    rollout = learner.draw(50, rng)
    learner.update(rollout, credit_of(rollout, rng.normal(size=(50, 3))))

    learner.restore(start)
    learner.finish(rng)

    assert np.array_equal(policy.sample(200, Conditions(), np.random.default_rng(0)), before)


def test_only_the_policy_at_hand_is_changed(make, fitted, rng):
    before = fitted.sample(30, Conditions(), np.random.default_rng(0))
    learner, _ = make(learning_rate=0.1)
    rollout = learner.draw(30, rng)

    learner.update(rollout, credit_of(rollout, rng.normal(size=(30, 3))))

    assert np.array_equal(fitted.sample(30, Conditions(), np.random.default_rng(0)), before)
