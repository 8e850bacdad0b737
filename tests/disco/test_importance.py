from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from common.policies import all_rows, small_frame, small_policy

from skgensynth.conditions import Conditions
from skgensynth.disco import importance
from skgensynth.disco.guided import draw_rows
from skgensynth.disco.importance import MAX_CANDIDATES, N_CANDIDATES, draw_given_target

TARGET = 2


@pytest.fixture(scope="module")
def policy():
    """The state of the features has learned nothing of the target, that of the labels all."""
    X, y = small_frame(400)
    learned = small_policy(X, y, n_epochs=40)[0]
    learned.states_.features = small_policy(X, y, n_epochs=1)[0].states_.features
    return learned


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def asked(policy, outcome):
    """What `draw_given_target` needs for rows of one outcome, less their number and the generator."""
    conditions = Conditions.parse({"outcome": outcome}, policy.schema_)
    shares = {j: torch.from_numpy(policy.codec_.shares(j, a)).float() for j, a in conditions.allowed.items()}
    return shares, conditions


def shares_of(policy, values):
    """Shares of all rows without the target."""
    return pd.DataFrame(values[:, :TARGET]).value_counts(normalize=True)


def expected(policy, outcome):
    """Shares of all rows without the target, were they drawn without a condition and had this outcome by `given`."""
    rows = all_rows(policy.codec_.sizes)
    rows = rows[rows[:, TARGET] == policy.schema_.target.levels.index(outcome)]
    states = dataclasses.replace(policy.states_, sharpening=policy.states_.given)
    orders = [torch.tensor(order).expand(len(rows), -1) for order in ([0, 1, 2], [1, 0, 2])]
    probs = np.mean([np.exp(states.log_prob(torch.from_numpy(rows), order)) for order in orders], axis=0)
    values = policy.codec_.decode(rows, Conditions(), np.random.default_rng(0))
    return pd.Series(probs / probs.sum(), pd.MultiIndex.from_frame(pd.DataFrame(values[:, :TARGET])))


def distance(found, wanted):
    return found.reindex(wanted.index, fill_value=0).sub(wanted).abs().sum() / 2


@pytest.mark.parametrize("outcome", ["ill", "well"])
def test_rows_under_a_condition_are_those_that_would_get_this_target_without_it(policy, rng, outcome):
    shares, conditions = asked(policy, outcome)

    values = draw_given_target(policy.states_, policy.decoder_, 6000, shares, conditions, rng)
    candidates = draw_rows(policy.states_, policy.decoder_, 6000, shares, conditions, rng)[1]

    assert conditions.mask(values).all()
    wanted = expected(policy, outcome)
    assert distance(shares_of(policy, values), wanted) < 0.08
    assert distance(shares_of(policy, candidates), wanted) > 0.2


class Counted:
    """Draws rows as `draw_rows` does, and keeps how many."""

    def __init__(self):
        self.drawn = []

    def __call__(self, states, decoder, n, *rest):
        self.drawn.append(n)
        return draw_rows(states, decoder, n, *rest)


@pytest.mark.parametrize(
    ("heavy", "rounds"), [(1.0, 1), (0.5, 2), (0.0, MAX_CANDIDATES // N_CANDIDATES)], ids=["all", "some", "none"]
)
def test_candidates_are_added_until_enough_of_them_count_and_there_is_an_end(policy, rng, monkeypatch, heavy, rounds):
    counted = Counted()
    monkeypatch.setattr(importance, "draw_rows", counted)
    weigh = lambda self, tokens: (np.arange(len(tokens)) < max(heavy * len(tokens), 1)) + 1e-9  # noqa: E731
    monkeypatch.setattr(type(policy.states_), "target_ratios", weigh)

    values = draw_given_target(policy.states_, policy.decoder_, 50, *asked(policy, "ill"), rng)

    assert len(values) == 50
    assert counted.drawn == [50 * N_CANDIDATES] * rounds


def test_no_candidate_is_taken_twice(policy, rng, monkeypatch):
    ages = np.arange(80.0)
    monkeypatch.setattr(importance, "draw_rows", lambda *args: (args[0].draw(80, [], {}, rng), ages[:, None]))

    values = draw_given_target(policy.states_, policy.decoder_, 20, *asked(policy, "ill"), rng)

    assert len(np.unique(values)) == 20


def test_the_ratio_is_what_the_states_say_of_the_target(policy):
    rows = torch.from_numpy(all_rows(policy.codec_.sizes))
    orders = policy.states_.orders(len(rows), None)

    ratios = policy.states_.target_ratios(rows)

    before = policy.states_.features.token_log_probs(rows, orders)[:, TARGET].exp().numpy()
    given = policy.states_.given.log_probs(policy.states_.labels, rows, orders).detach().exp()
    after = given[torch.arange(len(rows)), rows[:, TARGET]].numpy()
    assert ratios == pytest.approx(after / before, rel=1e-4)
    assert ratios.std() > 0.1
