"""Which states are kept and what is recorded, with a learner whose rows are scripted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from common.policies import small_frame

from skgensynth.constraints import parse_constraint
from skgensynth.disco.feedback.loop import Guidance, LoopSettings, reinforce
from skgensynth.disco.feedback.rewards import RewardSettings
from skgensynth.disco.feedback.rollouts import Rollout
from skgensynth.disco.feedback.settings import DEFAULT_WEIGHTS, LEVELS
from skgensynth.disco.feedback.units import Units, UnitSpace
from skgensynth.exceptions import InterruptedTrainingWarning
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

X, Y = small_frame(300)
X.loc[X["a"] == "x", "b"] = "p"
SCHEMA = TableSchema.infer(X, Y)
VALUES = SCHEMA.encode(X, Y)
LAWS = Laws([parse_constraint("if a is x then b is p")], SCHEMA)
SIZES = np.array([3, 2, 2])
OFFSETS = np.array([0, 3, 5])
SPACE = UnitSpace(int(SIZES.sum()), 3, torch.zeros(int(SIZES.sum()), 0))
WEIGHT = 6.0

pytestmark = pytest.mark.usefixtures("hasty")


class Scripted:
    """Draws training rows, in a state's share of which a law is broken and in another the target is always ill."""

    space = SPACE

    def __init__(self, *states, fail=None, settles=False):
        self.settles = settles
        self.states = dict(enumerate(states))
        self.present = 0
        self.n_updates = 0
        self.fail = fail
        self.finished = False
        self.credits = []
        self.drawn = []

    def write(self, values):
        return Units(values.astype(np.int64) + OFFSETS, np.tile(np.arange(3), (len(values), 1)))

    def draw(self, n, rng):
        broken, ill = self.states[self.present]
        values = VALUES[rng.integers(len(VALUES), size=n)].copy()
        values[(values[:, 0] == 0) & (rng.random(n) < broken), 1] = 1
        values[rng.random(n) < ill, 2] = 0
        self.drawn.append(n)
        orders = rng.permuted(np.tile(np.arange(3), (n, 1)), axis=1)
        return Rollout(values, self.write(values), orders)

    def settled(self, rollout, rng):
        values = rollout.values.copy()
        if self.settles:
            values[values[:, 0] == 0, 1] = 0
        return values

    def expected_violations(self, rollout, laws, rng):
        return {1: np.tile([0.0, 1.0], (len(rollout), 1))}

    def update(self, rollout, credit):
        self.n_updates += 1
        if self.fail is not None and self.n_updates == self.fail[0]:
            raise self.fail[1]
        self.credits.append(credit)
        self.present = min(self.n_updates, len(self.states) - 1)
        return 0.25 * self.n_updates

    def state(self):
        return self.present

    def restore(self, state):
        self.present = state

    def finish(self, rng):
        self.finished = True


def run(learner, *, n_cycles=3, n_batches=1, dense=True, guidance=None, weight=WEIGHT, verbose=0):
    rewards = RewardSettings(DEFAULT_WEIGHTS, weight, 1.0)
    return reinforce(
        learner,
        VALUES,
        SCHEMA,
        guidance or Guidance(LAWS, [[0, 1]], [2]),
        LoopSettings(dense, rewards, n_cycles, n_batches, 64),
        np.random.default_rng(0),
        verbose=verbose,
    )


# What is kept --------------------------------------------------------------------------------------------------------


def test_the_good_state_with_the_fewest_broken_rows_remains():
    learner = Scripted((0.4, 0), (0.05, 0), (0.2, 0), (0.1, 0))

    history = run(learner)

    assert [entry["kept"] for entry in history] == [True] * 4
    assert learner.present == 1
    assert learner.finished


def test_laws_that_sampling_settles_are_no_reason_to_change_the_policy():
    learner = Scripted((0.4, 0), (0.0, 0), settles=True)

    history = run(learner)

    assert learner.n_updates == 0
    [entry] = history
    assert entry["broken_rows"] > 0.1
    assert entry["unsettled_rows"] == 0


def test_a_policy_that_is_told_from_real_rows_is_changed_though_its_laws_are_settled():
    learner = Scripted((0.4, 1.0), (0.0, 0.0), settles=True)

    history = run(learner)

    assert history[0]["row_trust"] > 0
    assert learner.n_updates > 0


def test_it_ends_when_there_is_nothing_to_learn():
    """No law is broken after the first cycle, and nothing tells the rows from real ones."""
    learner = Scripted((0.3, 0), (0.0, 0.0), (0.0, 1.0))

    history = run(learner, n_cycles=2)

    assert [entry["cycle"] for entry in history] == [0, 1]
    assert learner.present == 1


def test_a_state_that_is_easier_to_tell_from_real_rows_is_not_kept():
    """It breaks no law, but all of its rows are ill."""
    learner = Scripted((0.2, 0), (0.1, 0), (0.0, 1.0))

    history = run(learner, n_cycles=2)

    assert [entry["kept"] for entry in history] == [True, True, False]
    assert history[2]["row_auc"] > history[0]["row_auc"] + 0.1
    assert learner.present == 1


def test_after_a_bad_state_the_last_good_one_is_taken_up_and_laws_weigh_half():
    learner = Scripted((0.2, 0), (0.0, 1.0), (0.1, 0), (0.0, 1.0), (0.1, 0))
    starts = []
    update = learner.update

    def watched(rollout, credit):
        starts.append(learner.present)
        return update(rollout, credit)

    learner.update = watched
    history = run(learner, n_cycles=4)

    assert [entry["kept"] for entry in history] == [True, False, True, False, True]
    assert starts == [0, 0, 2, 2]
    assert [credit.costs[1].max() for credit in learner.credits] == [WEIGHT, WEIGHT / 2, WEIGHT / 2, WEIGHT / 4]


def test_where_nothing_gets_better_the_supervised_policy_remains():
    learner = Scripted((0.1, 0), (0.0, 1.0), (0.0, 1.0))

    run(learner, n_cycles=2)

    assert learner.present == 0


def test_it_ends_after_two_cycles_in_a_row_without_a_better_state():
    learner = Scripted((0.3, 0), (0.4, 0), (0.1, 0), (0.4, 0), (0.4, 0), (0.0, 0))

    history = run(learner, n_cycles=12)

    assert [entry["cycle"] for entry in history] == [0, 1, 2, 3, 4]
    assert learner.present == 2


def test_feedback_ends_where_there_is_nothing_to_learn():
    learner = Scripted((0.3, 0), (0.0, 0.0), (0.0, 0.0))

    history = run(learner, n_cycles=12)

    nothing = [not entry["broken_rows"] and not any(entry[f"{level}_trust"] for level in LEVELS) for entry in history]
    assert len(history) < 13
    assert nothing == [False] * (len(history) - 1) + [True]


# What is recorded ----------------------------------------------------------------------------------------------------


def test_the_history_has_what_its_docstring_says():
    learner = Scripted((0.4, 0), (0.2, 0), (0.1, 0), (0.1, 0), (0.1, 0), (0.1, 0), (0.1, 0))
    states = {"cycle", "kept", "broken_rows", "unsettled_rows", "class_shares", "seconds"}
    states |= {f"{level}_{figure}" for level in LEVELS for figure in ("auc", "trust")}
    means = {"violations", "kl", *(f"{level}_reward" for level in LEVELS)}

    history = run(learner, n_cycles=3, n_batches=2)

    assert [entry["cycle"] for entry in history] == [0, 1, 2, 3]
    assert history[0].keys() == states
    assert all(entry.keys() == states | means for entry in history[1:])
    assert np.diff([entry["seconds"] for entry in history]).min() > 0
    # Two updates a cycle gave 0.25 and 0.5, then 0.75 and 1, ...
    assert [entry["kl"] for entry in history[1:]] == pytest.approx([0.375, 0.875, 1.375])
    share_x = (X["a"] == "x").mean()
    assert history[0]["broken_rows"] == pytest.approx(0.4 * share_x, abs=0.08)
    assert history[1]["violations"] == pytest.approx(0.3 * share_x, abs=0.12)
    assert history[0]["class_shares"] == pytest.approx([(Y == "ill").mean(), (Y == "well").mean()], abs=0.12)


def test_a_table_without_classes_has_no_class_shares():
    schema = TableSchema.infer(X)

    class Narrow(Scripted):
        def write(self, values):
            return Units(values.astype(np.int64) + OFFSETS[:2], np.tile(np.arange(2), (len(values), 1)))

        def draw(self, n, rng):
            found = VALUES[rng.integers(len(VALUES), size=n), :2]
            return Rollout(found, self.write(found), np.tile(np.arange(2), (n, 1)))

    learner = Narrow((0, 0), (0, 0))
    learner.space = UnitSpace(5, 2, torch.zeros(5, 0))
    settings = LoopSettings(False, RewardSettings(DEFAULT_WEIGHTS, 1.0, 1.0), 1, 1, 16)

    history = reinforce(
        learner, VALUES[:, :2], schema, Guidance(Laws([], schema), [], []), settings, np.random.default_rng(0)
    )

    assert "class_shares" not in history[0]
    assert history[0]["broken_rows"] == 0


def test_scalar_credit_is_one_number_for_a_row_and_knows_no_costs():
    learner = Scripted((0.4, 0), (0.4, 0))

    run(learner, n_cycles=1, dense=False)

    (credit,) = learner.credits
    assert credit.costs == {}
    assert np.ptp(credit.columns, axis=1).max() < 1e-12
    assert np.ptp(credit.columns[:, 0]) > WEIGHT / 2


def test_dense_credit_differs_by_column():
    learner = Scripted((0.4, 0), (0.4, 0))

    run(learner, n_cycles=1)

    assert np.ptp(learner.credits[0].columns, axis=1).max() > 1e-3


def test_batches_and_cycles_are_as_many_as_asked():
    learner = Scripted((0.3, 0), (0.3, 0))

    run(learner, n_cycles=2, n_batches=3)

    assert learner.n_updates == 6
    assert learner.drawn.count(64) == 6
    assert len(learner.drawn) == 9


def test_progress_is_silent_unless_asked(capfd):
    run(Scripted((0.3, 0), (0.3, 0)), n_cycles=1)
    assert capfd.readouterr().err == ""

    run(Scripted((0.3, 0), (0.3, 0)), n_cycles=1, verbose=1)

    assert "feedback" in capfd.readouterr().err


# Interruption --------------------------------------------------------------------------------------------------------


def test_after_an_interrupt_the_best_state_is_kept_and_told():
    learner = Scripted((0.4, 0), (0.05, 0), (0.3, 0), (0.3, 0), fail=(3, KeyboardInterrupt()))

    with pytest.warns(InterruptedTrainingWarning, match="after 2 of 5 cycles; the best state so far is kept"):
        history = run(learner, n_cycles=5)

    assert [entry["cycle"] for entry in history] == [0, 1, 2]
    assert learner.present == 1
    assert learner.finished


def test_an_interrupt_before_the_first_cycle_leaves_the_supervised_policy():
    learner = Scripted((0.4, 0), fail=(1, KeyboardInterrupt()))

    with pytest.warns(InterruptedTrainingWarning, match="after 0 of 3 cycles"):
        history = run(learner)

    assert len(history) == 1
    assert learner.present == 0


def test_any_other_error_is_passed_on_with_the_policy_in_its_best_state():
    learner = Scripted((0.4, 0), (0.05, 0), (0.3, 0), fail=(3, MemoryError()))

    with pytest.raises(MemoryError):
        run(learner)

    assert learner.present == 1
    assert learner.finished
