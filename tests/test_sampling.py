import pickle
from collections import Counter

import numpy as np
import pytest

from skgensynth.exceptions import BudgetExceededError, SamplingError
from skgensynth.sampling import CUT_OFF, REPLY_CUT_OFF, Candidates, gather, make_generator


def uniform(n, rng):
    return rng.random((n, 2))


def below(share):
    """A check that accepts about this share of uniform candidates."""

    def check(values):
        ok = values[:, 0] < share
        return ok, {"too large": ~ok}

    return check


@pytest.mark.parametrize("n_samples", [1, 7, 100, 1000])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.05])
def test_gives_exactly_the_rows_asked_for(n_samples, share):
    values, summary = gather(uniform, n_samples, rng=np.random.default_rng(0), check=below(share), batch_size=64)
    assert values.shape == (n_samples, 2)
    assert (values[:, 0] < share).all()
    assert summary.n_accepted >= n_samples
    assert summary.n_candidates == summary.n_accepted + summary.reasons["too large"]


def test_a_good_generator_is_not_asked_for_more_than_needed():
    values, summary = gather(uniform, 1000, rng=np.random.default_rng(0), batch_size=300)
    assert len(values) == summary.n_candidates == summary.n_accepted == 1000
    assert summary.yield_rate == 1.0
    assert not summary.reasons


def test_batches_are_bounded_and_each_has_its_own_seed():
    sizes, firsts = [], []

    def generate(n, rng):
        sizes.append(n)
        values = uniform(n, rng)
        firsts.append(values[0, 0])
        return values

    gather(generate, 250, rng=np.random.default_rng(0), batch_size=100)
    assert sizes == [100, 100, 50]
    assert len(set(firsts)) == 3


def test_the_seed_decides_the_rows():
    def draw(seed):
        return gather(uniform, 50, rng=np.random.default_rng(seed), check=below(0.5), batch_size=16)[0]

    np.testing.assert_array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))


def test_a_generator_that_uses_more_random_numbers_does_not_change_later_batches():
    def wasteful(n, rng):
        values = uniform(n, rng)
        rng.random(17)
        return values

    thrifty = gather(uniform, 50, rng=np.random.default_rng(0), batch_size=10)[0]
    np.testing.assert_array_equal(gather(wasteful, 50, rng=np.random.default_rng(0), batch_size=10)[0], thrifty)


def test_gives_up_when_no_candidate_is_good():
    with pytest.raises(SamplingError, match="Only 0 of 5 rows") as caught:
        gather(uniform, 5, rng=np.random.default_rng(0), check=below(-1.0))
    error = caught.value
    assert error.partial.shape == (0, 2)
    assert error.n_requested == 5
    assert set(error.reasons) == {"too large"}
    assert 0 < len(error.examples) <= 5
    assert "too large" in str(error)


@pytest.mark.parametrize(("n_lost", "advice"), [(501, "replies were cut off"), (500, "Loosen what rejects most")])
def test_says_what_to_do_where_most_rows_are_cut_off(n_lost, advice):
    reasons = {CUT_OFF: 100, REPLY_CUT_OFF: n_lost - 100, "too large": 1000 - n_lost}
    with pytest.raises(SamplingError, match=advice):
        gather(lambda n, rng: Candidates(np.empty((0, 2)), reasons), 10, rng=np.random.default_rng(0))


def test_gives_up_when_the_yield_falls_below_the_bound_and_keeps_what_was_made():
    with pytest.raises(SamplingError) as caught:
        gather(uniform, 10_000, rng=np.random.default_rng(0), check=below(0.05), max_candidates_per_row=10)
    assert len(caught.value.partial) > 0
    assert (caught.value.partial[:, 0] < 0.05).all()
    rejected = caught.value.reasons["too large"]
    assert rejected <= 10 * 10 + 4096


def test_the_work_is_bounded_by_the_yield():
    asked = []

    def generate(n, rng):
        asked.append(n)
        return uniform(n, rng)

    with pytest.raises(SamplingError):
        gather(generate, 10, rng=np.random.default_rng(0), check=below(-1.0), batch_size=50, max_candidates_per_row=20)
    assert 200 <= sum(asked) <= 250


def test_missing_candidates_count_as_rejected():
    values, summary = gather(lambda n, rng: uniform(-(-n // 3), rng), 200, rng=np.random.default_rng(0))
    assert len(values) == 200
    assert summary.reasons["no row produced"] == summary.n_candidates - summary.n_accepted > 0


def test_a_generator_that_makes_nothing_is_bounded_too():
    with pytest.raises(SamplingError, match="no row produced") as caught:
        gather(lambda n, rng: np.empty((0, 2)), 20, rng=np.random.default_rng(0))
    assert caught.value.partial.shape == (0, 2)


def test_an_interrupt_passes_through():
    def interrupted(n, rng):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather(interrupted, 3, rng=np.random.default_rng(0), progress=True)


def test_progress_counts_rows_on_standard_error_only_when_asked(capsys):
    gather(uniform, 30, rng=np.random.default_rng(0))
    quiet = capsys.readouterr()
    assert quiet.out == quiet.err == ""
    gather(uniform, 30, rng=np.random.default_rng(0), check=below(0.3), progress=True, desc="drawing")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "drawing" in shown.err
    assert "30.0/30.0" in shown.err
    assert "rows/s" in shown.err


def test_the_error_survives_the_way_back_from_a_worker():
    error = pickle.loads(pickle.dumps(SamplingError("no", partial=[1], n_requested=3, reasons=Counter(bad=2))))
    assert (str(error), error.partial, error.n_requested, error.reasons) == ("no", [1], 3, Counter(bad=2))


def test_an_int_gives_the_same_generator_and_streams_differ():
    first, again = make_generator(5, "sample"), make_generator(5, "sample")
    assert first.random() == again.random()
    draws = {make_generator(5, stream).random() for stream in ("fit", "sample", "resample")}
    assert len(draws) == 3
    assert make_generator(0).random() != make_generator(1).random()
    assert make_generator(np.int64(5)).random() == make_generator(5).random()


def test_a_random_state_is_advanced_and_a_generator_is_used_as_it_is():
    legacy = np.random.RandomState(0)
    assert make_generator(legacy).random() != make_generator(legacy).random()
    generator = np.random.default_rng(0)
    assert make_generator(generator) is generator


def test_none_is_new_every_time_and_leaves_the_global_generator_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert make_generator(None).random() != make_generator(None).random()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_what_came_to_nothing_is_counted_by_its_own_reasons():
    def generate(n, rng):
        return Candidates(rng.random((n // 2, 2)), {"no number": n // 4}, ["x"])

    values, summary = gather(generate, 30, rng=np.random.default_rng(0), check=below(0.5), batch_size=8)
    assert len(values) == 30
    reasons = summary.reasons
    assert reasons["no number"] == reasons["no row produced"] > 0
    assert summary.n_candidates == summary.n_accepted + reasons.total()


def test_more_candidates_than_asked_for_are_all_judged():
    def generate(n, rng):
        return Candidates(rng.random((n, 2)), {"no number": 3 * n})

    _, summary = gather(generate, 30, rng=np.random.default_rng(0))
    assert summary.n_candidates == summary.n_accepted + summary.reasons["no number"]


def test_examples_of_what_came_to_nothing_are_shown():
    def generate(n, rng):
        return Candidates(np.empty((0, 2)), {"no number": n}, ["x", "y"])

    with pytest.raises(SamplingError, match="no number: 116") as caught:
        gather(generate, 3, rng=np.random.default_rng(0), max_candidates_per_row=10, batch_size=50)
    assert caught.value.examples == ["x", "y", "x", "y", "x"]


@pytest.mark.parametrize("n_samples", [5, 6])
def test_a_stopped_generator_raises_unless_its_rows_are_enough(n_samples):
    def generate(n, rng):
        return Candidates(rng.random((5, 2)), stopped=BudgetExceededError("no more"))

    if n_samples == 5:
        values, summary = gather(generate, 5, rng=np.random.default_rng(0))
        assert len(values) == summary.n_candidates == 5
        return
    with pytest.raises(BudgetExceededError, match="no more") as caught:
        gather(generate, 6, rng=np.random.default_rng(0))
    assert caught.value.partial.shape == (5, 2)
