from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from skgensynth.conditions import Conditions
from skgensynth.decimals import number_decimals
from skgensynth.disco import runtime as module
from skgensynth.disco import tuning
from skgensynth.disco.adapters import adapter_weights, private_torch_rng
from skgensynth.disco.runtime import Runtime
from skgensynth.exceptions import SkgensynthError
from skgensynth.schema import TableSchema

FRAME = pd.DataFrame({"age": np.arange(40, 80), "sick": ["yes", "no", "no", "yes"] * 10})


@pytest.fixture(scope="module")
def table():
    schema = TableSchema.infer(FRAME, column_kinds={"age": "continuous"})
    return schema, schema.encode(FRAME)


def build(model, table, *, batch_size=64, lora_rank=4, seed=0):
    schema, values = table
    device = torch.device("cpu")
    with private_torch_rng(seed, device):
        return Runtime.build(
            model,
            schema,
            number_decimals(values, schema),
            device,
            lora_rank=lora_rank,
            lora_dropout=0.0,
            batch_size=batch_size,
        )


def rows_of(runtime, table):
    return [runtime.codec.row(row, [0, 1]) for row in table[1]]


def draw(runtime, n, seed=0, grammars=None):
    grammars = grammars or {}
    return runtime.decode(n, [0, 1], np.random.default_rng(seed), grammars, set(grammars))


def test_a_new_adapter_changes_nothing_and_its_weights_follow_the_seed(tiny_llama, table):
    one, same, other = (build(tiny_llama, table, seed=seed) for seed in (0, 0, 1))

    assert not one.network.training
    weights, again, different = (adapter_weights(runtime.network) for runtime in (one, same, other))
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    assert any(not np.array_equal(weights[name], different[name]) for name in weights)
    assert np.allclose(one.score(rows_of(one, table)), other.score(rows_of(other, table)))


def test_a_restored_adapter_scores_and_draws_as_before(tiny_llama, table):
    before = build(tiny_llama, table)
    for parameter in before.network.parameters():
        if parameter.requires_grad:
            torch.nn.init.constant_(parameter, 0.05)
    after = build(tiny_llama, table, seed=1)
    fresh = after.score(rows_of(after, table))

    after.restore(before.codec.vocabulary.tolist(), adapter_weights(before.network))

    scores = after.score(rows_of(after, table))
    assert np.array_equal(scores, before.score(rows_of(before, table)))
    assert not np.allclose(scores, fresh)
    assert np.array_equal(draw(after, 20), draw(before, 20))


def test_an_adapter_of_another_model_is_refused(tiny_llama, table):
    runtime, wider = build(tiny_llama, table), build(tiny_llama, table, lora_rank=5)
    vocabulary, adapter = runtime.codec.vocabulary.tolist(), adapter_weights(wider.network)

    with pytest.raises(SkgensynthError, match="not the one of the model that was fine-tuned; put that model back"):
        runtime.restore(vocabulary[1:], adapter)
    with pytest.raises(SkgensynthError, match="is another one now"):
        runtime.restore(vocabulary, adapter)


def test_row_longer_than_the_context_is_refused(tmp_path, table, save_tiny_model):
    model = save_tiny_model(tmp_path, "gpt2", positions=8)

    with pytest.raises(SkgensynthError, match=r"A row may need \d+ tokens, but .* reads 8"):
        build(model, table)


def test_draws_follow_the_seed(tiny_llama, table):
    runtime = build(tiny_llama, table, batch_size=16)

    rows = draw(runtime, 30, seed=1)

    assert rows.shape == (30, 2)
    assert np.array_equal(rows, draw(runtime, 30, seed=1))
    assert not np.array_equal(rows, draw(runtime, 30, seed=2))
    assert set(rows[:, 1]) <= {0.0, 1.0}
    assert ((rows[:, 0] >= 40) & (rows[:, 0] <= 79)).all()


def test_drawing_starts_anew_in_smaller_batches_when_memory_runs_out(monkeypatch, tiny_llama, table):
    decode = module.decode_rows

    def limited(network, codec, n_rows, *rest):
        if max(n_rows, rest[-1]) > 10:  # the pool counts
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")
        return decode(network, codec, n_rows, *rest)

    runtime = build(tiny_llama, table, batch_size=32)
    allowed = Conditions.parse({"age": (60, 72)}, table[0]).allowed
    grammars = {0: runtime.codec.grammar(0, allowed[0])}
    expected = draw(build(tiny_llama, table, batch_size=8), 30, grammars=grammars)
    monkeypatch.setattr(module, "decode_rows", limited)

    rows = draw(runtime, 30, grammars=grammars)

    assert runtime.batch_size == 8
    assert np.array_equal(rows, expected)
    assert ((rows[:, 0] >= 60) & (rows[:, 0] <= 72)).all()


def test_scoring_shrinks_when_memory_runs_out_and_remembers(monkeypatch, tiny_llama, table):
    runtime = build(tiny_llama, table, batch_size=16)
    expected = runtime.score(rows_of(runtime, table))
    score, sizes = tuning.row_log_prob, []

    def limited(network, codec, rows):
        sizes.append(len(rows))
        if len(rows) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return score(network, codec, rows)

    monkeypatch.setattr(tuning, "row_log_prob", limited)

    assert runtime.score(rows_of(runtime, table)) == pytest.approx(expected, rel=1e-4)
    assert runtime.batch_size == 4
    assert sizes[:3] == [16, 8, 4]


def test_memory_that_holds_no_single_row_names_the_setting(monkeypatch, tiny_llama, table):
    def full(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(module, "decode_rows", full)

    with pytest.raises(SkgensynthError, match="sample_batch_size=1"):
        draw(build(tiny_llama, table), 3)
