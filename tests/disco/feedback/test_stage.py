from __future__ import annotations

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from common.policies import small_policy

from skgensynth.conditions import Conditions
from skgensynth.constraints import parse_constraint
from skgensynth.disco.feedback import stage
from skgensynth.disco.feedback.settings import DEFAULT_WEIGHTS, FeedbackSettings
from skgensynth.disco.feedback.stage import MIN_ROWS, give_feedback
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

LAW = parse_constraint("if a is x then b is p")
QUICK = FeedbackSettings(n_cycles=2, n_batches=10, batch_size=96, learning_rate=0.03)


def lawful_frame(n=300, seed=0):
    """No row breaks the law; the class follows a."""
    rng = np.random.default_rng(seed)
    a = rng.choice(["x", "y", "z"], n, p=[0.5, 0.3, 0.2])
    X = pd.DataFrame({"a": a, "b": np.where(a == "x", "p", rng.choice(["p", "q"], n)), "age": rng.integers(20, 80, n)})
    return X, pd.Series(np.where(rng.random(n) < np.where(a == "z", 0.7, 0.2), "ill", "well"), name="outcome")


def improved(policy, values, *, dense=True, settings=QUICK, constraints=(LAW,), groups=(("a", "b"),), seed=0):
    laws = Laws(constraints, policy.schema_)
    history = give_feedback(
        policy,
        values,
        policy.schema_,
        laws,
        groups,
        dense=dense,
        settings=settings,
        rng=np.random.default_rng(seed),
    )
    return policy, history


def drawn(policy, n=6000):
    return policy.schema_.snap(policy.sample(n, Conditions(), np.random.default_rng(1)))


@pytest.fixture(scope="module")
def supervised():
    """A policy that has not learned the law well, and its training rows."""
    return small_policy(*lawful_frame(), n_epochs=6)


@pytest.mark.parametrize(("n_rows", "n_batches"), [(60, 4), (300, 12), (1200, 24)])
def test_few_rows_make_few_batches(monkeypatch, supervised, n_rows, n_batches):
    policy, values = supervised
    found = []
    monkeypatch.setattr(stage, "reinforce", lambda *arguments, verbose: found.append(arguments[4]))
    improved(policy, np.resize(values, (n_rows, values.shape[1])), settings=FeedbackSettings())
    assert [settings.n_batches for settings in found] == [n_batches]


@pytest.fixture(scope="module")
def whole(supervised):
    """The policy after feedback, and the history of it."""
    policy, values = supervised
    return improved(copy.deepcopy(policy), values)


# The stage as a whole ------------------------------------------------------------------------------------------------


def test_a_law_is_broken_five_times_less_often_without_rejection(supervised, whole):
    laws = Laws([LAW], supervised[0].schema_)

    before, after = (laws.broken(drawn(policy)).mean() for policy in (supervised[0], whole[0]))

    assert before > 0.05
    assert after < before / 5


def test_classes_and_levels_keep_their_shares(supervised, whole):
    values = supervised[1]

    rows = drawn(whole[0])

    for j in (0, 1, 3):
        real, made = (np.bincount(part[:, j].astype(int), minlength=2) / len(part) for part in (values, rows))
        allowed = 0.2 if j == 3 else 0.3
        assert made == pytest.approx(real, rel=allowed)
    assert np.quantile(rows[:, 2], [0.25, 0.5, 0.75]) == pytest.approx(
        np.quantile(values[:, 2], [0.25, 0.5, 0.75]), abs=6
    )


def test_the_history_says_so_too(whole):
    first, *_, last = whole[1]

    assert last["broken_rows"] < first["broken_rows"]
    assert last["kl"] > 0
    assert sum(last["class_shares"]) == pytest.approx(1)


def test_the_seed_settles_everything(supervised, hasty):
    policy, values = supervised
    settings = FeedbackSettings(n_cycles=1, n_batches=2, batch_size=24, learning_rate=0.04)
    first, again, other = (
        improved(copy.deepcopy(policy), values, settings=settings, dense=False, seed=seed) for seed in (1, 1, 2)
    )

    assert np.array_equal(drawn(first[0], 50), drawn(again[0], 50))
    assert not np.array_equal(drawn(first[0], 50), drawn(other[0], 50))
    clocks = [[{**entry, "seconds": 0} for entry in history] for _, history in (first, again)]
    assert clocks[0] == clocks[1]


# What it is given ----------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """What `reinforce` is called with, in its place."""
    calls = []
    monkeypatch.setattr(stage, "reinforce", lambda *args, **kwargs: calls.append((*args, kwargs)) or [])
    return calls


def test_tables_of_few_rows_have_no_second_stage(asked):
    policy, values = small_policy(*lawful_frame(MIN_ROWS - 1), n_epochs=1)
    before = policy.states_

    _, history = improved(policy, values)

    assert history == []
    assert not asked
    assert policy.states_ is before


def test_as_many_rows_as_are_needed_are_enough(asked):
    policy, values = small_policy(*lawful_frame(MIN_ROWS), n_epochs=1)

    improved(policy, values)

    assert len(asked) == 1


def test_settings_go_where_they_belong(asked, supervised):
    policy, values = supervised
    settings = FeedbackSettings(
        n_cycles=3,
        n_batches=5,
        batch_size=7,
        n_passes=4,
        clip=0.1,
        kl_weight=0.5,
        weights={"row": 9.0},
        violation_weight=8.0,
        frequency_weight=0.25,
    )

    improved(copy.deepcopy(policy), values, settings=settings, dense=False)

    learner, *_, loop, _, _ = asked[0]
    assert (loop.dense, loop.n_cycles, loop.n_batches, loop.batch_size) == (False, 3, 5, 7)
    assert loop.rewards.weights == {**DEFAULT_WEIGHTS, "row": 9.0}
    assert (loop.rewards.violation_weight, loop.rewards.frequency_weight) == (8.0, 0.25)
    steps = learner._settings
    assert (steps.clip, steps.kl_weight, steps.n_passes, steps.n_steps) == (0.1, 0.5, 4, 3 * 5 * 4)


def test_groups_are_places_and_their_number_is_bounded(asked, supervised, monkeypatch):
    policy, values = supervised
    monkeypatch.setattr(stage, "MAX_GROUPS", 3)
    groups = [("a", "outcome"), ("patient_id",), ("b", "patient_id", "age"), ("a", "b")]

    improved(copy.deepcopy(policy), values, groups=groups)

    assert asked[0][3].groups == [[0, 3], [1, 2]]


@pytest.mark.parametrize(("shaping", "columns"), [("class", [3]), ("categories", [0, 1, 3]), (None, [])])
def test_what_is_rare_counts_for_more_where_that_is_asked(asked, supervised, shaping, columns):
    policy, values = supervised

    improved(copy.deepcopy(policy), values, settings=FeedbackSettings(shaping=shaping))

    assert asked[0][3].shaped_columns == columns


@pytest.mark.parametrize("with_target", [False, True])
def test_without_classes_none_is_shaped(asked, with_target):
    X, _ = lawful_frame(60)
    y = X.pop("age") + 0.5 if with_target else None
    policy, values = small_policy(X, y, n_epochs=1)

    improved(policy, values)

    assert asked[0][3].shaped_columns == []


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_policys_own_number_of_threads_is_used_one_for_each_operation(monkeypatch, supervised, n_threads):
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr(
            stage, "reinforce", lambda *args, **kwargs: seen.append((args[4].n_threads, torch.get_num_threads())) or []
        )
        policy = copy.deepcopy(supervised[0])
        policy.n_threads = n_threads
        improved(policy, supervised[1])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

    assert seen == [(n_threads, 1)]


def test_the_number_of_threads_changes_no_row(supervised, hasty):
    settings = FeedbackSettings(n_cycles=1, n_batches=2, batch_size=24, learning_rate=0.04)
    rows = []
    for n_threads in (1, 3):
        policy = copy.deepcopy(supervised[0])
        policy.n_threads = n_threads
        rows.append(drawn(improved(policy, supervised[1], settings=settings)[0], 50))

    assert np.array_equal(*rows)


# Tables of every sort ------------------------------------------------------------------------------------------------

TINY = FeedbackSettings(n_cycles=1, n_batches=1, batch_size=6)


def odd_tables():
    rng = np.random.default_rng(0)
    word = pd.Series(rng.choice(["u", "v"], 50))
    missing = pd.Series(np.where(rng.random(50) < 0.5, np.nan, rng.normal(size=50)))
    numbers = pd.Series(rng.normal(size=50))
    return {
        "one column": (word.to_frame("a"), None),
        "one number": (numbers.to_frame("a"), None),
        "a constant": (pd.DataFrame({"a": [1.5] * 50, "b": word}), None),
        "nothing but missing values": (pd.DataFrame({"a": [np.nan] * 50, "b": word}), None),
        "missing values": (pd.DataFrame({"a": missing, "b": word}), word.rename("y")),
        "one class": (pd.DataFrame({"a": word}), pd.Series(["ill"] * 50, name="y")),
        "a number as target": (pd.DataFrame({"a": word}), numbers.rename("y")),
        "a rare class": (pd.DataFrame({"a": numbers}), pd.Series(["ill"] + ["well"] * 49, name="y")),
    }


@pytest.mark.parametrize("name", odd_tables())
@pytest.mark.parametrize("dense", [True, False])
def test_any_table_can_have_a_second_stage(name, dense, hasty):
    X, y = odd_tables()[name]
    policy, values = small_policy(X, y, n_epochs=1)

    _, history = improved(policy, values, constraints=[], groups=[], settings=TINY, dense=dense)

    assert len(history) >= 1
    assert drawn(policy, 20).shape == (20, values.shape[1])
    assert ("class_shares" in history[0]) == (y is not None and y.dtype.kind not in "fi")


def test_a_target_alone_can_have_a_second_stage(hasty):
    X = pd.DataFrame({"patient_id": [f"P{1000 + 7 * row}" for row in range(60)]})
    y = pd.Series(["ill", "well"] * 30, name="y")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schema = TableSchema.infer(X, y)
        policy, values = small_policy(X, y, n_epochs=1)

    _, history = improved(policy, values, constraints=[], groups=[], settings=TINY)

    assert len(schema.modelled) == 1
    assert history
