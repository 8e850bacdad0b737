from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import (
    BudgetExceededError,
    ContextOverflowError,
    GrammarError,
    InterruptedTrainingWarning,
    LanguageModelError,
)
from skgensynth.mallm.checkpoint import Checkpoint
from skgensynth.mallm.discriminators import RowFeatures, make_discriminator
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.loop import FINISHED, Search, SearchSettings, batch_sizes
from skgensynth.mallm.optimizer import Proposal
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.sampling import Candidates
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame({"x": np.linspace(0, 10, 41) ** 1.0001})  # on no grid
SCHEMA = TableSchema.infer(TABLE)
VALUES = SCHEMA.encode(TABLE)
START = DataGenerationProcess("", "", CausalGraph(("x",)), "9")


def fine(values):
    return np.ones(len(values), dtype=bool), {}


class Judge:
    """Is right about rows by their mean, and by a tenth less after each update; row by row it goes by the noise."""

    seed = 0

    def __init__(self):
        self.updates, self.judged = [], []

    def update(self, real, generated):
        self.updates.append((real, generated))
        return self

    def accuracy(self, real, generated):
        self.judged.append((real, generated))
        return generated.mean() / 10 - 0.1 * len(self.updates)

    def predict(self, values):
        return values[:, 0] % 1 * 10 > values[:, 0] // 1 / 10


class World:
    """A generator whose rows are the number in the instruction, and an optimizer that goes through a list."""

    def __init__(self, instructions=(), bad=None, fails_at=None, error=None, n_each=1):
        self.instructions = list(instructions)
        self.bad = bad or {}
        self.fails_at, self.error = fails_at, error
        self.n_calls = 0
        self.n_each, self.shortened = n_each, ()
        self.pairs, self.groups, self.current = [], [], []

    def _count(self):
        self.n_calls += 1
        if self.n_calls == self.fails_at:
            raise self.error

    def generator_for(self, process):
        if process.instruction == "long":
            raise ContextOverflowError("too many tokens")

        def make_in_groups(groups, rng):
            self._count()
            self.groups.append(groups)
            places = np.repeat(np.arange(len(groups)), [self.n_each * len(group) for group in groups])
            n_bad = int(self.bad.get(process.instruction, 0) * len(places))
            places = np.sort(rng.permutation(places)[n_bad:])
            values = float(process.instruction) + 0.1 * rng.random((len(places), 1))
            return Candidates(values, {"out of range": n_bad} if n_bad else {}), places

        asker = SimpleNamespace(form=SimpleNamespace(schema=SCHEMA))
        left_out = ("half of it",) if process.instruction in self.shortened else ()
        return SimpleNamespace(make_in_groups=make_in_groups, asker=asker, left_out=left_out)

    @property
    def asked(self):
        """Rows of each call."""
        return [sum(map(len, groups)) for groups in self.groups]

    def propose(self, current, pairs, seed):
        self._count()
        self.current.append(current.instruction)
        self.pairs.append([(pair.process.instruction, pair.score) for pair in pairs])
        instruction = self.instructions[len(self.pairs) - 1]
        return Proposal(START.with_(START.graph, instruction), (f"proposed {instruction}",))


def search(world, judge=None, checkpoint=None, check=fine, **settings):
    defaults = {
        "n_epochs": 4, "batch_size": 41, "validation_size": 0.25, "n_pairs": 3, "min_yield": 0.8,
        "objective": "accuracy", "seed": 0,
    }  # fmt: skip
    judge = judge or Judge()
    settings = SearchSettings(**{**defaults, **settings})
    return Search(VALUES, START, world.generator_for, world, judge, check, settings, checkpoint)


def test_batches_are_even_and_cover_all_rows():
    assert batch_sizes(41, 50) == [41]
    assert batch_sizes(101, 50) == [34, 34, 33]
    assert batch_sizes(9, 4) == [5, 4]
    assert batch_sizes(3, 4) == [3]
    world = World(["9"] * 3)
    found = search(world, n_epochs=2, batch_size=21).run()
    assert world.asked == [21, 20, 21, 20]
    assert [(i.epoch, i.batch) for i in found.trajectory] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_the_best_process_is_chosen_and_the_optimizer_sees_the_best_last():
    world = World(["7", "2", "5"])
    found = search(world, n_pairs=2).run()
    assert found.process.instruction == "2"
    assert found.stop_reason == FINISHED
    assert [i.instruction for i in found.trajectory] == ["9", "7", "2", "5"]
    assert [[name for name, _ in pairs] for pairs in world.pairs] == [["9"], ["9", "7"], ["7", "2"]]
    assert [i.notes for i in found.trajectory] == [(), ("proposed 7",), ("proposed 2",), ("proposed 5",)]


def test_earlier_processes_are_scored_again_by_the_current_discriminator():
    world = World(["9.0", "9.00", "9.000"])
    found = search(world).run()
    # About 0.9 of rows like these are told, a tenth less with each update.
    assert [round(i.score, 1) for i in found.trajectory] == [0.8, 0.7, 0.6, 0.5]
    adjusted = [i.adjusted_score for i in found.trajectory]
    assert max(adjusted) - min(adjusted) < 0.15
    for pairs, expected in zip(world.pairs, [0.8, 0.7, 0.6], strict=True):
        assert [round(score, 1) for _, score in pairs] == [expected] * len(pairs)


def test_processes_of_too_few_good_rows_are_neither_seen_nor_chosen():
    world = World(["1", "5", "6"], bad={"1": 0.5})
    found = search(world).run()
    assert found.trajectory[1].yield_rate == pytest.approx(1 - 24 / 49)
    assert [i.in_history for i in found.trajectory] == [True, False, True, True]
    assert not [pairs for pairs in world.pairs if "1" in dict(pairs)]
    assert found.process.instruction == "5"
    low = search(World(["1", "5", "6"], bad={"1": 0.5}), min_yield=0.4).run()
    assert low.process.instruction == "1"


def test_without_any_good_process_the_first_one_stays():
    found = search(World(["1", "2", "3"], bad=dict.fromkeys("9123", 0.6))).run()
    assert found.process == START
    assert not any(i.in_history for i in found.trajectory)


def test_rows_of_one_process_are_judged_together():
    judge = Judge()
    found = search(World(["9", "9", "9"]), judge).run()
    assert len({i.adjusted_score for i in found.trajectory}) == 1
    assert len(judge.judged[-2][1]) == 3 * 11  # before the last iteration


def test_of_two_that_are_equally_good_the_earlier_is_chosen():
    class Undecided(Judge):
        def accuracy(self, real, generated):
            return 0.5

        def predict(self, values):
            return np.ones(len(values), dtype=bool)

    assert search(World(["7", "2", "5"]), Undecided()).run().process == START


def test_the_distance_to_chance_may_be_what_counts():
    # Three of four real rows are told, and of generated ones as many tenths as their number: chance lies at 2.5.
    assert search(World(["7", "0", "3"])).run().process.instruction == "0"
    found = search(World(["7", "0", "3"]), objective="distance_to_chance").run()
    assert found.process.instruction == "3"


@pytest.mark.parametrize(("batch_size", "validation_size"), [(4, 0.2), (14, 0.05)])
def test_every_batch_has_rows_to_judge_by(batch_size, validation_size):
    n_batches = len(batch_sizes(41, batch_size))
    world = World(["9"] * n_batches)
    found = search(world, n_epochs=1, batch_size=batch_size, validation_size=validation_size).run()
    assert len(found.trajectory) == n_batches
    assert all(iteration.score is not None for iteration in found.trajectory)


def test_rows_that_judge_are_never_learned_from():
    judge, world = Judge(), World(["7", "2"])
    search(world, judge, n_epochs=1, batch_size=20).run()
    real = np.concatenate([real for real, _ in judge.updates])
    held_out = judge.judged[0][0]
    assert len(held_out) == 11
    assert not np.isin(held_out, real).any()
    assert len(np.unique(real)) == 30
    # What is made from a held-out row may resemble it, so it is judged as well.
    assert np.array_equal(np.sort(np.concatenate([groups[0] for groups in world.groups]), axis=0), held_out)
    assert [len(groups[0]) for groups in world.groups] == [4, 4, 3]
    assert [len(generated) for _, generated in judge.updates] == [10, 10, 10]
    learned = np.concatenate([generated for _, generated in judge.updates])
    judged = np.concatenate([generated for _, generated in judge.judged])
    assert not np.isin(judged, learned).any()


def test_copying_examples_with_a_little_noise_is_no_way_to_a_good_score():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(700, 6)) @ rng.normal(size=(6, 6))
    schema = TableSchema.infer(pd.DataFrame(cloud))
    values, fresh = schema.encode(pd.DataFrame(cloud))[:100], cloud[100:]

    class Copier(World):
        def generator_for(self, process):
            def make_in_groups(groups, rng):
                shown, places = np.concatenate(groups), np.repeat(np.arange(len(groups)), list(map(len, groups)))
                if process.instruction.startswith("copy"):
                    return Candidates(shown + 0.02 * values.std(axis=0) * rng.normal(size=shown.shape)), places
                return Candidates(fresh[rng.permutation(len(fresh))[: len(shown)]]), places

            asker = SimpleNamespace(form=SimpleNamespace(schema=schema))
            return SimpleNamespace(make_in_groups=make_in_groups, asker=asker, left_out=())

    gaps = []
    for seed in range(6):
        words = ["copy 1", "fresh 2", "copy 3", "fresh 4", "copy 5", "fresh 6", "copy 7"]
        world, judge = Copier(words), make_discriminator("xgboost", RowFeatures(values, schema), seed)
        settings = SearchSettings(4, 50, 0.2, 3, 0.8, "accuracy", seed)
        found = Search(values, START, world.generator_for, world, judge, fine, settings).run()
        scores = {
            word: [i.adjusted_score for i in found.trajectory if word in i.instruction] for word in ("copy", "fresh")
        }
        gaps.append(np.mean(scores["copy"]) - np.mean(scores["fresh"]))
    # Were rows in other folds than their examples, it would be -0.16.
    assert np.mean(gaps) > -0.06


def test_bad_rows_are_asked_for_again_but_for_no_more_than_a_fifth():
    world = World(bad={"9": 0.25})
    found = search(world, n_epochs=1).run()
    assert world.asked == [41, 8]
    assert found.trajectory[0].n_rows == 31 + 6
    assert found.trajectory[0].yield_rate == pytest.approx(1 - 12 / 49)


def test_rows_that_the_check_rejects_are_bad_unless_they_are_copies():
    def check(values):
        return np.arange(len(values)) >= 4, {"exact copy of a training row": np.arange(len(values)) < 3}

    [iteration] = search(World(), check=check, n_epochs=1).run().trajectory
    assert iteration.n_rows == 37  # four of the second asking, which are too few for the check
    assert iteration.yield_rate == pytest.approx(1 - 2 / 45)


def test_too_few_rows_give_no_score():
    found = search(World(["8", "7", "6"], bad={"9": 1.0})).run()
    first = found.trajectory[0]
    assert (first.score, first.adjusted_score, first.n_rows) == (None, None, 0)
    assert first.notes == ("0 good rows of 41 are too few to judge the process by",)
    assert found.process.instruction == "6"


def test_a_process_with_few_new_rows_does_not_count_though_they_are_good():
    def check(values):
        copied = np.arange(len(values)) % 10 > 1
        return ~copied, {"exact copy of a training row": copied}

    found = search(World(["1", "2", "3"]), check=check).run()
    first = found.trajectory[0]
    assert (first.yield_rate, first.n_rows, first.in_history) == (1.0, 9 + 2, False)
    assert first.score is not None
    assert found.process == START
    assert (
        found.stop_reason == f"{FINISHED}, but no process had enough good rows to be judged by, so the first one stays"
    )


def test_replies_may_hold_more_rows_than_were_asked_for():
    world = World(bad={"9": 0.2}, n_each=5)
    [iteration] = search(world, n_epochs=1).run().trajectory
    assert iteration.yield_rate == pytest.approx(0.8)
    assert iteration.n_rows == 41
    assert iteration.in_history


def test_what_a_reply_leaves_out_stays_as_in_the_best_process():
    world = World(["5", "1", "8"], bad={"1": 1.0})
    search(world).run()
    assert world.current == ["9", "5", "5"]


def test_without_a_process_to_show_there_is_no_score():
    world = World(["8", "7", "6"], bad={"9": 1.0})
    search(world).run()
    assert world.pairs[0] == [("9", None)]


def test_a_process_that_is_too_long_is_not_tried():
    found = search(World(["long", "5", "6"])).run()
    assert found.trajectory[1].instruction == "9"
    assert found.trajectory[1].notes == ("proposed long", "the proposed process is too long: too many tokens")


def test_a_prompt_that_a_process_makes_too_long_is_noted():
    world = World(["7", "2", "5"])
    world.shortened = ("2",)
    notes = [i.notes[-1] for i in search(world).run().trajectory[1:]]
    assert notes == [
        "proposed 7",
        "to fit into the context, the prompt is short of something: half of it",
        "proposed 5",
    ]


# Ends -----------------------------------------------------------------------------------------------------------------


def test_a_budget_ends_the_search_with_the_best_process():
    world = World(["2", "5", "6"], fails_at=5, error=BudgetExceededError("The budget of max_requests=4 is used up."))
    found = search(world).run()
    assert found.process.instruction == "2"
    assert len(found.trajectory) == 2
    assert found.stop_reason == "a limit was reached (The budget of max_requests=4 is used up)"


def test_a_budget_that_suffices_for_nothing_leaves_the_first_process_and_says_so():
    found = search(World(fails_at=1, error=BudgetExceededError("Used up."))).run()
    assert (found.process, found.trajectory) == (START, ())
    assert "not one iteration fits into it" in found.stop_reason


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        LanguageModelError("The server is gone."),
        ContextOverflowError("Too long."),
        GrammarError("No grammar."),
    ],
)
def test_an_interruption_keeps_the_best_process(error):
    with pytest.warns(InterruptedTrainingWarning, match="ended after 2 of 4 iterations"):
        found = search(World(["2", "5", "6"], fails_at=4, error=error)).run()
    assert found.process.instruction == "2"


def test_a_model_that_fails_at_once_is_an_error():
    with pytest.raises(LanguageModelError, match="no such server"):
        search(World(fails_at=1, error=LanguageModelError("no such server"))).run()


# Going on -------------------------------------------------------------------------------------------------------------


def learner(kind):
    return make_discriminator(kind, RowFeatures(VALUES, SCHEMA), seed=0)


@pytest.mark.parametrize("kind", ["logistic", "xgboost", "neural"])
@pytest.mark.parametrize("fails_at", [2, 3, 5, 6])
def test_a_search_goes_on_as_if_it_had_not_stopped(tmp_path, kind, fails_at):
    whole = search(World(["7", "2", "5"]), learner(kind), seed=3).run()
    checkpoint = Checkpoint(tmp_path, {"seed": 3}, VALUES)
    broken = World(["7", "2", "5"], fails_at=fails_at, error=BudgetExceededError("Used up."))
    assert len(search(broken, learner(kind), checkpoint, seed=3).run().trajectory) == fails_at // 2
    rest = World(["7", "2", "5"][len(broken.pairs) :])
    # What the discriminator and the seed were is in the checkpoint.
    resumed = search(rest, learner(kind), checkpoint, seed=99).run()
    assert resumed == whole
    assert rest.n_calls == 7 - (fails_at - 1)
    again = search(World(), learner(kind), checkpoint).run()
    assert again == whole
