from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from skgensynth import DiscoTabSynthesizer
from skgensynth.disco.decoding import choice_log_probs, row_log_prob
from skgensynth.disco.feedback import pretrained, stage
from skgensynth.disco.feedback.pretrained import PretrainedLearner
from skgensynth.disco.feedback.rollouts import Credit, GradientSettings
from skgensynth.disco.feedback.settings import FeedbackSettings
from skgensynth.disco.pretrained import PretrainedPolicy
from skgensynth.disco.tuning import token_rows
from skgensynth.exceptions import SchemaMismatchError
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

N_ROWS = 60
KINDS = {"age": "continuous", "dose": "continuous"}
SETTINGS = GradientSettings(learning_rate=1e-2, clip=0.2, kl_weight=0.0, n_passes=1, n_steps=1000)


def make_frame(n_rows=N_ROWS):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(5, 120, n_rows),
            "city": rng.choice(["New", "New York", "Rome"], n_rows),
            "same": "one",
            "dose": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(0.0, 2.0, n_rows).round(1)),
            "sick": rng.choice(["no", "yes"], n_rows),
        }
    )


@pytest.fixture(scope="module")
def table():
    frame = make_frame()
    schema = TableSchema.infer(frame, column_kinds=KINDS)
    return schema, schema.encode(frame)


@pytest.fixture(scope="module")
def fitted(table, tiny_llama):
    schema, values = table
    policy = PretrainedPolicy(
        tiny_llama, n_epochs=2, batch_size=16, lora_rank=4, learning_rate=5e-3, sample_batch_size=32, device="cpu"
    )
    return policy.fit(values, schema, rng=np.random.default_rng(0))


@pytest.fixture
def policy(fitted):
    return copy.deepcopy(fitted)


def make_learner(policy, **settings):
    return PretrainedLearner(policy, GradientSettings(**{**vars(SETTINGS), **settings}))


def credit_for(rollout, columns=0.0, tokens=0.0):
    shape = rollout.orders.shape
    return Credit(
        np.broadcast_to(columns, shape).copy(), np.broadcast_to(tokens, rollout.units.tokens.shape).copy(), {}
    )


def in_drawn_order(policy, rollout):
    return token_rows(policy.runtime().codec, rollout.values, rollout.orders)


def log_prob(policy, rollout):
    """Log-probabilities of rows in the orders in which they were drawn."""
    runtime = policy.runtime()
    with torch.no_grad():
        return row_log_prob(runtime.network, runtime.codec, in_drawn_order(policy, rollout)).double().numpy()


def trainable(policy):
    return [parameter for parameter in policy.runtime().network.parameters() if parameter.requires_grad]


def cosine(found, wanted):
    one, two = (torch.cat([gradient.flatten() for gradient in gradients]).double() for gradients in (found, wanted))
    return float(one @ two / (one.norm() * two.norm()))


def gradient_of(policy, objective):
    """Gradient of a loss that is minus an objective."""
    return torch.autograd.grad(-objective, trainable(policy))


def test_rows_are_written_as_the_tokens_that_were_choices(policy, table):
    units = make_learner(policy).write(table[1])

    codec = policy.runtime().codec
    for row, tokens, columns in zip(table[1], units.tokens, units.columns, strict=True):
        wanted = []
        for index, value in enumerate(row):
            grammar = codec.grammars[index]
            spelled = (*grammar.tokens(value), codec.end)
            allowed = [grammar.allowed(spelled[:offset]) for offset in range(len(spelled))]
            wanted += [(token, index) for token, some in zip(spelled, allowed, strict=True) if len(some) > 1]
        n = len(wanted)
        assert list(zip(codec.vocabulary[tokens[:n]], columns[:n], strict=True)) == wanted
        assert (tokens[n:] == -1).all()
        assert (columns[n:] == -1).all()
    assert 2 not in units.columns  # a constant column leaves no choice
    assert units.tokens.max() < make_learner(policy).space.n_tokens


def test_numbers_beyond_the_range_count_as_its_bounds_and_other_values_are_refused(policy, table):
    learner = make_learner(policy)
    beyond, bound, missing = table[1][:1].copy(), table[1][:1].copy(), table[1][:1].copy()
    beyond[0, 0], bound[0, 0], missing[0, 0] = 1000.0, table[1][:, 0].max(), np.nan

    assert np.array_equal(learner.write(beyond).tokens, learner.write(bound).tokens)
    with pytest.raises(SchemaMismatchError, match="value that its schema does not"):
        learner.write(missing)


def test_rows_are_drawn_in_several_orders_without_conditions(monkeypatch, policy):
    learner, decode, calls = make_learner(policy), policy.decode, []

    def note(n, order, rng, grammars, weighted):
        calls.append((decode(n, order, rng, grammars, weighted), order, grammars, weighted))
        return calls[-1][0]

    monkeypatch.setattr(policy, "decode", note)
    rollout = learner.draw(70, np.random.default_rng(0))

    assert [len(rows) for rows, *_ in calls] == [18, 18, 18, 16]
    assert np.array_equal(rollout.values, np.concatenate([rows for rows, *_ in calls]), equal_nan=True)
    assert np.array_equal(rollout.orders, np.concatenate([[order] * len(rows) for rows, order, *_ in calls]))
    assert len({tuple(order) for _, order, *_ in calls}) == 4
    assert not any(grammars or weighted for *_, grammars, weighted in calls)
    assert (np.sort(rollout.orders, axis=1) == np.arange(5)).all()
    assert np.array_equal(rollout.units.tokens, learner.write(rollout.values).tokens)


def test_drawing_follows_the_seed(policy):
    learner = make_learner(policy)

    one, two, other = (learner.draw(40, np.random.default_rng(seed)) for seed in (3, 3, 4))

    assert np.array_equal(one.values, two.values, equal_nan=True)
    assert np.array_equal(one.orders, two.orders)
    assert not np.array_equal(one.values, other.values, equal_nan=True)


def test_credit_of_whole_rows_moves_the_exact_log_probability(policy):
    learner = make_learner(policy)
    rollout = learner.draw(24, np.random.default_rng(0))
    worth = np.random.default_rng(1).normal(size=len(rollout))
    runtime = policy.runtime()
    exact = row_log_prob(runtime.network, runtime.codec, in_drawn_order(policy, rollout))
    wanted = gradient_of(policy, (exact * torch.from_numpy(worth)).mean())

    learner.update(rollout, credit_for(rollout, columns=worth[:, None]))

    assert cosine([parameter.grad for parameter in trainable(policy)], wanted) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("by_token", [True, False], ids=["token", "column"])
def test_credit_reaches_its_own_tokens(policy, by_token):
    learner = make_learner(policy)
    rollout = learner.draw(24, np.random.default_rng(0))
    # A row that was not drawn in the table's order, and the second token of its age.
    number = next(i for i, order in enumerate(rollout.orders) if list(order[:2]) != [0, 1] and order[0] != 0)
    columns = rollout.units.columns[number]
    place = int(np.flatnonzero(columns == 0)[1])
    credit = credit_for(rollout)
    if by_token:
        credit.tokens[number, place] = 1.0
    else:
        credit.columns[number, 0] = 1.0
    runtime, row = policy.runtime(), in_drawn_order(policy, rollout)[number]
    chosen = choice_log_probs(runtime.network, runtime.codec, [row]).chosen
    own = np.flatnonzero(np.array(row.columns) == 0)
    wanted = gradient_of(policy, chosen[own[1]] if by_token else chosen[own].sum())

    learner.update(rollout, credit)

    assert cosine([parameter.grad for parameter in trainable(policy)], wanted) == pytest.approx(1.0, abs=1e-4)


def test_divergence_is_0_at_first_and_then_that_of_the_distributions(policy):
    learner = make_learner(policy)
    before = copy.deepcopy(policy)
    rng = np.random.default_rng(0)

    first = learner.draw(32, rng)
    divergences = [learner.update(first, credit_for(first, columns=first.values[:, 4:] - 0.5)) for _ in range(3)]
    rollout = learner.draw(400, rng)
    ratios = log_prob(policy, rollout) - log_prob(before, rollout)
    measured = learner.update(rollout, credit_for(rollout))

    assert divergences[0] == pytest.approx(0.0, abs=1e-6)
    assert 0 < divergences[1] < divergences[2]
    assert measured == pytest.approx(ratios.mean(), abs=4 * ratios.std() / 20)


def test_weighted_divergence_leads_back(policy):
    learner = make_learner(policy)
    rollout = learner.draw(32, np.random.default_rng(0))
    for _ in range(4):
        learner.update(rollout, credit_for(rollout, columns=rollout.values[:, 4:] - 0.5))
    learner._settings = GradientSettings(**{**vars(SETTINGS), "kl_weight": 1.0})

    away, *_, back = (learner.update(rollout, credit_for(rollout)) for _ in range(8))

    assert back < away / 2


def test_credited_rows_become_more_probable(policy):
    learner = make_learner(policy)
    rng = np.random.default_rng(0)
    before = learner.draw(200, rng).values[:, 4].mean()

    for _ in range(5):
        rollout = learner.draw(32, rng)
        credit = credit_for(rollout)
        credit.columns[:, 4] = rollout.values[:, 4] - rollout.values[:, 4].mean()
        learner.update(rollout, credit)

    assert learner.draw(200, rng).values[:, 4].mean() > before + 0.15


@pytest.mark.parametrize("worth", [1.0, -1.0])
@pytest.mark.parametrize(("clip", "stops"), [(1e-9, True), (100.0, False)])
def test_a_token_whose_probability_moved_beyond_the_clip_moves_no_more(policy, worth, clip, stops):
    learner = make_learner(policy, n_passes=2, clip=clip)
    rollout = learner.draw(8, np.random.default_rng(0))
    credit = credit_for(rollout)
    credit.tokens[3, 1] = worth

    learner.update(rollout, credit)

    # The gradient of the second pass, which begins where the first step led.
    assert all((parameter.grad == 0).all() for parameter in trainable(policy)) == stops


def test_states_are_kept_and_put_back(policy):
    learner = make_learner(policy)
    rollout = learner.draw(24, np.random.default_rng(0))
    state, start = learner.state(), log_prob(policy, rollout)

    learner.update(rollout, credit_for(rollout, columns=rollout.values[:, 4:] - 0.5))
    moved = log_prob(policy, rollout)
    learner.restore(state)

    assert not np.allclose(moved, start)
    assert np.array_equal(log_prob(policy, rollout), start)


def test_finishing_stores_the_adapter(policy):
    learner = make_learner(policy)
    rollout = learner.draw(24, np.random.default_rng(0))
    learner.update(rollout, credit_for(rollout, columns=rollout.values[:, 4:] - 0.5))
    learner.finish(np.random.default_rng(0))

    rebuilt = copy.deepcopy(policy)  # made of the stored adapter

    assert np.allclose(log_prob(rebuilt, rollout), log_prob(policy, rollout), atol=1e-5)
    assert not policy.runtime().network.training
    assert all(parameter.grad is None for parameter in trainable(policy))


def test_all_processes_end_with_the_first_one_s_adapter(monkeypatch, policy):
    first = {name: weights + 1 for name, weights in policy.adapter_.items()}
    monkeypatch.setattr(pretrained.Workers, "agree", lambda self, value: first)

    make_learner(policy).finish(np.random.default_rng(0))

    assert policy.adapter_ is first
    found = dict(policy.runtime().network.named_parameters())
    assert all(np.array_equal(found[name].detach().numpy(), weights) for name, weights in first.items())


def test_feedback_leaves_the_global_generators_alone(policy):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    learner = make_learner(policy)

    rollout = learner.draw(8, np.random.default_rng(0))
    learner.update(rollout, credit_for(rollout, columns=1.0))

    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_parts_shrink_when_memory_runs_out(monkeypatch, policy):
    other, sizes = copy.deepcopy(policy), []

    def limited(network, codec, rows):
        if len(rows) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        sizes.append(len(rows))
        return choice_log_probs(network, codec, rows)

    whole, parts = make_learner(policy, n_passes=2), make_learner(other, n_passes=2)
    rollout = whole.draw(24, np.random.default_rng(0))
    credit = credit_for(rollout, columns=rollout.values[:, 4:] - 0.5)
    whole.update(rollout, credit)
    monkeypatch.setattr(pretrained, "choice_log_probs", limited)
    parts.update(rollout, credit)

    assert max(sizes) == 4  # 16, 8, 4
    assert log_prob(other, rollout) == pytest.approx(log_prob(policy, rollout), abs=1e-2)


def test_settings_that_are_left_open_are_chosen_for_a_language_model(monkeypatch, policy, table):
    schema, values = table
    found = {}

    def note(learner, values, schema, guidance, settings, rng, verbose):
        found.update(learner=learner, settings=settings)
        return []

    monkeypatch.setattr(stage, "reinforce", note)
    arguments = {"dense": True, "rng": np.random.default_rng(0)}
    laws = Laws((), schema)
    stage.give_feedback(policy, values, schema, laws, [], settings=FeedbackSettings(), **arguments)
    chosen, gradient = found["settings"], found["learner"]._settings
    stage.give_feedback(policy, values, schema, laws, [], settings=FeedbackSettings(n_batches=3), **arguments)

    assert (chosen.n_batches, chosen.batch_size, chosen.pool) == (8, 64, (256, 1024))
    assert (gradient.learning_rate, gradient.n_steps) == (1e-4, FeedbackSettings().n_cycles * 8 * 2)
    assert found["settings"].n_batches == 3


PARAMS = {
    "n_epochs": 4,
    "batch_size": 16,
    "learning_rate": 5e-3,
    "policy_params": {"lora_rank": 4, "device": "cpu"},
    "constraints": ["low <= high"],
    "column_kinds": {"low": "continuous", "high": "continuous"},
    "copies": "allow",
    "random_state": 0,
}
CYCLES = {"n_cycles": 2, "n_batches": 6, "batch_size": 48, "learning_rate": 2e-2}


def ordered_frame(n_rows=80):
    rng = np.random.default_rng(0)
    ends = np.sort(rng.integers(0, 10, (n_rows, 2)), axis=1)
    return pd.DataFrame({"low": ends[:, 0], "high": ends[:, 1], "kind": rng.choice(["a", "b"], n_rows)})


@pytest.fixture(scope="module")
def improved(tiny_llama):
    return DiscoTabSynthesizer(tiny_llama, feedback_params=CYCLES, **PARAMS).fit(ordered_frame())


def test_a_law_is_broken_less_after_feedback(improved, tiny_llama):
    supervised = DiscoTabSynthesizer(tiny_llama, feedback=None, **PARAMS).fit(ordered_frame())

    before, after = ((X["low"] > X["high"]).mean() for X in (s.sample(400) for s in (supervised, improved)))

    assert before > 0.2
    assert after < 0.7 * before
    cycles = [entry for entry in improved.history_ if "cycle" in entry]
    assert [entry["cycle"] for entry in cycles] == [0, 1, 2]
    assert cycles[0]["broken_rows"] == pytest.approx(before, abs=0.08)
    assert cycles[-1]["kl"] > 0


def test_the_same_seed_gives_the_same_rows(improved, tiny_llama):
    again = DiscoTabSynthesizer(tiny_llama, feedback_params=CYCLES, **PARAMS).fit(ordered_frame())

    pd.testing.assert_frame_equal(again.sample(50), improved.sample(50))


def test_a_saved_synthesizer_gives_the_same_rows_and_can_be_improved(improved, tmp_path):
    improved.save(tmp_path / "model")
    loaded = DiscoTabSynthesizer.load(tmp_path / "model")
    rows = loaded.sample(50)

    loaded.improve(ordered_frame(), n_cycles=1)

    pd.testing.assert_frame_equal(rows, improved.sample(50))
    assert not loaded.sample(50).equals(rows)
    assert len(loaded.history_) == len(improved.history_) + 2


@pytest.mark.parametrize(
    ("feedback", "frame"),
    [("scalar", ordered_frame()[["kind"]]), ("hierarchical", pd.DataFrame({"one": ["same"] * 50}))],
)
def test_tables_with_little_to_learn(tiny_gpt2, feedback, frame):
    params = {**PARAMS, "constraints": (), "column_kinds": None, "n_epochs": 1}
    settings = {"n_cycles": 1, "n_batches": 1, "batch_size": 8}

    synthesizer = DiscoTabSynthesizer(tiny_gpt2, feedback=feedback, feedback_params=settings, **params).fit(frame)

    assert synthesizer.sample(5).shape == (5, 1)
    assert any("cycle" in entry for entry in synthesizer.history_) == (frame.nunique().max() > 1)


@pytest.mark.slow
def test_smollm2_learns_from_credit():
    frame = make_frame(8)[["city", "sick"]]
    schema = TableSchema.infer(frame)
    policy = PretrainedPolicy("smollm2-135m", n_epochs=1, validation_fraction=0.0, device="cpu")
    policy.fit(schema.encode(frame), schema, rng=np.random.default_rng(0))
    learner = make_learner(policy, learning_rate=1e-3)
    rollout = learner.draw(8, np.random.default_rng(0))
    worth = rollout.values[:, 0] - rollout.values[:, 0].mean()
    start = log_prob(policy, rollout)

    divergences = [learner.update(rollout, credit_for(rollout, columns=worth[:, None])) for _ in range(2)]

    assert divergences[0] == pytest.approx(0.0, abs=1e-6)
    assert divergences[1] > 0
    assert worth @ log_prob(policy, rollout) > worth @ start + 0.1
