from __future__ import annotations

import copy
import json
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError

from skgensynth.conditions import Conditions
from skgensynth.disco import decoding, tuning
from skgensynth.disco.pretrained import PretrainedPolicy
from skgensynth.exceptions import InterruptedTrainingWarning, ModelNotFoundError, SchemaMismatchError, SkgensynthError
from skgensynth.schema import TableSchema

N_ROWS = 60
KINDS = {"age": "continuous", "dose": "continuous", "seen": "continuous"}


def make_frame(n_rows=N_ROWS):
    rng = np.random.default_rng(0)
    sick = rng.random(n_rows) < 0.5
    return pd.DataFrame(
        {
            "age": rng.integers(40, 60, n_rows) + 30 * sick,
            "dose": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(0.0, 2.0, n_rows).round(1)),
            "city": rng.choice(np.array(["New", "New York", "a, b", "北京"], dtype=object), n_rows),
            "seen": pd.to_datetime(rng.choice(["2020-01-31", "2021-06-01", "2022-12-24"], n_rows))
            + pd.to_timedelta(rng.integers(0, 20, n_rows), unit="D"),
            "sick": np.where(sick, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def table():
    frame = make_frame()
    schema = TableSchema.infer(frame, column_kinds=KINDS)
    return schema, schema.encode(frame)


def make_policy(model, *, device="cpu", **settings):
    return PretrainedPolicy(
        model, **{"n_epochs": 2, "batch_size": 16, "lora_rank": 4, "learning_rate": 5e-3, **settings}, device=device
    )


@pytest.fixture(scope="module")
def fitted(table, tiny_llama):
    schema, values = table
    return make_policy(tiny_llama, n_epochs=3).fit(values, schema, rng=np.random.default_rng(0))


def draw(policy, n, conditions=None, seed=0):
    parsed = Conditions.parse(conditions, policy.schema_)
    return policy.sample(n, parsed, np.random.default_rng(seed)), parsed


def valid(values, schema):
    """Which rows have only levels, missing values and numbers that the schema knows."""
    out = np.ones(len(values), dtype=bool)
    for column, found in zip(schema.modelled, values.T, strict=True):
        known = found[~np.isnan(found)]
        out &= column.has_missing | ~np.isnan(found)
        if column.kind == "categorical":
            assert set(known) <= set(range(len(column.levels)))
        else:
            assert np.array_equal(column.snap(known), known)
    return out


def test_training_lowers_the_loss(tiny_model, table):
    schema, values = table

    policy = make_policy(tiny_model, n_epochs=4).fit(values, schema, rng=np.random.default_rng(0))

    losses = [entry["loss"] for entry in policy.history_]
    assert [entry["epoch"] for entry in policy.history_] == [1, 2, 3, 4]
    assert losses[-1] < losses[0] - 1.0
    assert all(entry["seconds"] > 0 and "validation_loss" in entry for entry in policy.history_)


def test_training_learns_what_goes_together(tiny_llama):
    frame = pd.DataFrame({"a": ["x", "y"] * 40, "b": ["u", "v"] * 40})
    schema = TableSchema.infer(frame)

    policy = make_policy(tiny_llama, n_epochs=15, learning_rate=2e-2)
    policy.fit(schema.encode(frame), schema, rng=np.random.default_rng(0))

    values, _ = draw(policy, 200)
    assert (values[:, 0] == values[:, 1]).mean() > 0.9
    assert 0.2 < values[:, 0].mean() < 0.8


@pytest.mark.parametrize(
    "conditions",
    [
        None,
        {"sick": "yes"},
        {"age": (45, 47), "dose": None},
        {"dose": (-0.3, 0.2)},
        {"city": {"New York", "北京"}, "seen": ("2020-02-03", "2020-02-03")},
        {"age": (70, None), "dose": {0.1, None}, "city": "a, b", "seen": ("2021-01-01", None), "sick": "no"},
    ],
)
def test_every_row_is_valid_and_fulfils_the_conditions(fitted, conditions):
    values, parsed = draw(fitted, 40, conditions)

    assert values.shape == (40, 5)
    assert valid(values, fitted.schema_).all()
    assert parsed.mask(values).all()
    assert len(fitted.schema_.decode(values, np.random.default_rng(0))) == 40


def test_rows_vary_and_follow_the_seed(fitted):
    first, _ = draw(fitted, 100, seed=1)

    assert np.array_equal(first, draw(fitted, 100, seed=1)[0], equal_nan=True)
    assert not np.array_equal(first, draw(fitted, 100, seed=2)[0], equal_nan=True)
    assert len(np.unique(first, axis=0)) > 50


def test_log_prob_of_impossible_rows_is_minus_infinity(fitted, table):
    values = table[1][:3].copy()
    values[1, 0] = 1000.0
    values[2, 4] = np.nan

    scores = fitted.log_prob(values)

    assert np.isfinite(scores[0])
    assert scores[0] < 0
    assert list(scores[1:]) == [-np.inf, -np.inf]


def test_log_prob_in_random_orders_differs_little_in_the_mean(fitted, table):
    fixed = fitted.log_prob(table[1])
    random = fitted.log_prob(table[1], np.random.default_rng(0))

    assert not np.allclose(fixed, random)
    assert random.mean() == pytest.approx(fixed.mean(), abs=2.0)


def test_fit_is_reproducible_and_leaves_the_global_generators_alone(tiny_gpt2, table):
    schema, values = table
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002

    one, two, other = (
        make_policy(tiny_gpt2, n_epochs=1).fit(values, schema, rng=np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    draw(one, 5)

    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert all(np.array_equal(one.adapter_[name], two.adapter_[name]) for name in one.adapter_)
    assert any(not np.array_equal(one.adapter_[name], other.adapter_[name]) for name in one.adapter_)


def test_saved_policy_gives_the_same_rows(fitted, table, tmp_path):
    state = json.loads(json.dumps(fitted.save(tmp_path)))
    loaded = PretrainedPolicy.load(tmp_path, state, fitted.schema_)

    assert [path.name for path in tmp_path.iterdir()] == ["adapter.safetensors"]
    assert loaded.history_ == fitted.history_
    assert np.array_equal(draw(loaded, 20)[0], draw(fitted, 20)[0], equal_nan=True)
    assert np.allclose(loaded.log_prob(table[1]), fitted.log_prob(table[1]))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda policy: pickle.loads(pickle.dumps(policy))])
def test_copies_give_the_same_rows(fitted, duplicate):
    assert np.array_equal(draw(duplicate(fitted), 10)[0], draw(fitted, 10)[0], equal_nan=True)


def test_pickle_holds_neither_the_model_nor_rows(fitted):
    assert len(pickle.dumps(fitted)) < sum(w.nbytes for w in fitted.adapter_.values()) + 20_000


def test_loading_needs_the_model_that_was_tuned(tiny_llama, tiny_gpt2, table, tmp_path):
    schema, values = table
    base = tmp_path / "base"
    shutil.copytree(tiny_llama, base)
    policy = make_policy(base, n_epochs=1).fit(values, schema, rng=np.random.default_rng(0))
    state = policy.save(tmp_path)

    shutil.rmtree(base)
    with pytest.raises(ModelNotFoundError, match="base"):
        PretrainedPolicy.load(tmp_path, state, schema)
    shutil.copytree(tiny_gpt2, base)
    with pytest.raises(SkgensynthError, match="not the one of the model that was fine-tuned"):
        PretrainedPolicy.load(tmp_path, state, schema)
    state["parameters"] = {**state["parameters"], "model": tiny_llama, "lora_rank": 3}
    with pytest.raises(SkgensynthError, match="is another one now"):
        PretrainedPolicy.load(tmp_path, state, schema)
    (tmp_path / "adapter.safetensors").unlink()
    with pytest.raises(ModelNotFoundError, match=r"adapter\.safetensors"):
        PretrainedPolicy.load(tmp_path, state, schema)


def interrupt_after(monkeypatch, n_updates):
    """Press Ctrl-C during the given step of the optimiser."""
    update, calls = tuning._Trainer._update, []

    def interrupted(self, rows):
        calls.append(rows)
        if len(calls) > n_updates:
            raise KeyboardInterrupt
        return update(self, rows)

    monkeypatch.setattr(tuning._Trainer, "_update", interrupted)


@pytest.mark.parametrize(("n_updates", "n_epochs"), [(2, 0), (9, 2)])
def test_interruption_keeps_the_best_state(monkeypatch, tiny_llama, table, n_updates, n_epochs):
    schema, values = table
    interrupt_after(monkeypatch, n_updates)  # 54 training rows are 4 steps an epoch

    with pytest.warns(InterruptedTrainingWarning, match=f"after {n_epochs} of 5 epochs"):
        policy = make_policy(tiny_llama, n_epochs=5).fit(values, schema, rng=np.random.default_rng(0))

    assert len(policy.history_) == n_epochs
    if n_epochs:
        held_out = min(entry["validation_loss"] for entry in policy.history_)
        assert np.isfinite(held_out)
    assert valid(draw(policy, 5)[0], schema).all()


def test_batches_shrink_when_memory_runs_out(monkeypatch, tiny_llama, table):
    schema, values = table
    score, sizes = decoding.row_log_prob, []

    def limited(network, codec, rows):
        if len(rows) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        sizes.append(len(rows))
        return score(network, codec, rows)

    settings = {"n_epochs": 1, "lora_dropout": 0.0}
    whole = make_policy(tiny_llama, **settings).fit(values, schema, rng=np.random.default_rng(0))
    monkeypatch.setattr(tuning, "row_log_prob", limited)
    parts = make_policy(tiny_llama, **settings).fit(values, schema, rng=np.random.default_rng(0))

    assert max(sizes) == 4  # 16, 8, 4
    assert parts.history_[0]["loss"] == pytest.approx(whole.history_[0]["loss"], rel=1e-4)
    assert parts.log_prob(values) == pytest.approx(whole.log_prob(values), rel=1e-3)


def test_memory_that_holds_no_single_row_names_the_setting(monkeypatch, tiny_llama, table):
    def full(network, codec, rows):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(tuning, "row_log_prob", full)

    with pytest.raises(SkgensynthError, match="batch_size=1"):
        make_policy(tiny_llama).fit(table[1], table[0], rng=np.random.default_rng(0))


def test_rows_of_another_table_are_refused(tiny_llama, table):
    values = table[1].copy()
    values[3, 0] = 1000.0

    with pytest.raises(SchemaMismatchError, match="training row"):
        make_policy(tiny_llama).fit(values, table[0], rng=np.random.default_rng(0))


def test_divergence_names_the_learning_rate(tiny_llama, table):
    with pytest.raises(SkgensynthError, match="learning_rate"):
        make_policy(tiny_llama, learning_rate=1e30, n_epochs=3).fit(table[1], table[0], rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"one": ["same"] * 6}),
        pd.DataFrame({"one": ["same"] * 6, "none": [None] * 6}),
        pd.DataFrame({"only": ["a", "b", "b", "a", "b", "b"]}),
        pd.DataFrame({"n": [1.5], "c": ["a"]}),
    ],
    ids=["constant", "constant and empty", "one column", "one row"],
)
def test_degenerate_tables(tiny_gpt2, frame):
    schema = TableSchema.infer(frame)

    policy = make_policy(tiny_gpt2, n_epochs=1).fit(schema.encode(frame), schema, rng=np.random.default_rng(0))

    values, _ = draw(policy, 7)
    assert valid(values, schema).all()
    assert np.isfinite(policy.log_prob(values)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_epochs", 0),
        ("batch_size", 1.5),
        ("lora_rank", True),
        ("sample_batch_size", -1),
        ("learning_rate", 0.0),
        ("lora_dropout", 1.0),
        ("validation_fraction", -0.1),
        ("device", "abacus"),
    ],
)
def test_bad_parameters_are_named(tiny_gpt2, table, name, value):
    with pytest.raises(SkgensynthError, match=name):
        make_policy(tiny_gpt2, **{name: value}).fit(table[1], table[0], rng=np.random.default_rng(0))


def test_unfitted(tiny_gpt2, table, tmp_path):
    policy = PretrainedPolicy(tiny_gpt2)

    for use in (
        lambda: policy.sample(1, Conditions.parse(None, table[0]), np.random.default_rng(0)),
        lambda: policy.log_prob(table[1]),
        lambda: policy.save(tmp_path),
    ):
        with pytest.raises(NotFittedError):
            use()


def test_fitting_and_sampling_are_silent(tiny_gpt2, table, capfd):
    policy = make_policy(tiny_gpt2, n_epochs=1).fit(table[1], table[0], rng=np.random.default_rng(0))
    draw(policy, 3)

    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_smollm2_trains_samples_and_reloads(tmp_path):
    frame = make_frame(30)
    schema = TableSchema.infer(frame, column_kinds=KINDS)
    policy = PretrainedPolicy("smollm2-135m", n_epochs=1, batch_size=8, validation_fraction=0.0, device="cpu")

    policy.fit(schema.encode(frame), schema, rng=np.random.default_rng(0))
    values, parsed = draw(policy, 8, {"age": (65, None), "sick": "yes"})
    state = policy.save(tmp_path)
    loaded = PretrainedPolicy.load(tmp_path, state, schema)

    assert np.isfinite(policy.history_[0]["loss"])
    assert valid(values, schema).all()
    assert parsed.mask(values).all()
    assert state["parameters"]["model"] == "smollm2-135m"
    assert np.array_equal(draw(loaded, 8, {"age": (65, None), "sick": "yes"})[0], values, equal_nan=True)
