from __future__ import annotations

import numpy as np
import pytest
import torch

from skgensynth.disco import training
from skgensynth.disco.blocks import NetworkSettings
from skgensynth.disco.network import RowTransformer
from skgensynth.disco.training import TrainingSettings, train_members
from skgensynth.exceptions import InterruptedTrainingWarning, SkgensynthError

SIZES = (5, 2)
ORDERED = np.array([5, 0])


def make_parts(n_parts=2):
    frequencies = [np.full(size, 1 / size) for size in SIZES]
    return [
        RowTransformer(SIZES, ORDERED, frequencies, NetworkSettings(2, 16, 1), torch.Generator().manual_seed(seed))
        for seed in range(n_parts)
    ]


def make_tokens(n_rows=200):
    rng = np.random.default_rng(0)
    first = rng.integers(5, size=n_rows)
    return np.column_stack([first, first >= 3])


def train(parts, n_threads=1, seed=0, **settings):
    chosen = {
        "n_epochs": 30,
        "early_epochs": 5,
        "batch_size": 32,
        "learning_rate": 5e-3,
        "dropout": 0.1,
        "weight_decay": 0.01,
        "smoothing": 0.05,
    }
    chosen.update(settings)
    return train_members(
        parts,
        ORDERED,
        make_tokens(),
        1,
        TrainingSettings(**chosen),
        np.random.default_rng(seed),
        n_threads=n_threads,
    )


def weights(parts):
    return torch.cat([parameter.detach().flatten() for part in parts for parameter in part.parameters()])


def test_a_dependence_is_learned():
    parts = make_parts()

    _, history = train(parts)

    tokens = torch.from_numpy(make_tokens())
    scores = parts[0].token_log_probs(tokens, torch.tensor([[0, 1]]).repeat(len(tokens), 1))
    assert [entry["epoch"] for entry in history] == list(range(1, 31))
    assert history[-1]["loss"] < history[0]["loss"] - 0.3
    assert float(scores[:, 1].detach().exp().mean()) > 0.9


def test_neither_threads_nor_torch_settings_change_the_result():
    first, second = make_parts(), make_parts()
    before = torch.get_num_threads()

    train(first, n_threads=1)
    train(second, n_threads=2)

    assert torch.equal(weights(first), weights(second))
    assert torch.get_num_threads() == before


def test_the_early_state_is_the_end_of_a_shorter_training():
    long, short = make_parts(), make_parts()

    early, _ = train(long, n_epochs=6, early_epochs=2)
    late, _ = train(short, n_epochs=2, early_epochs=4)

    assert torch.equal(weights(early), weights(short))
    assert torch.equal(weights(late), weights(short))
    assert not torch.equal(weights(long), weights(short))


def test_the_early_state_is_the_best_on_held_out_rows():
    # The first column has nothing to learn but its frequencies, with which training starts: it can only get worse.
    parts = make_parts(1)

    early, history = train(parts, n_epochs=40, early_epochs=None, learning_rate=2e-2, dropout=0.0)

    losses = [entry["held_out_loss"] for entry in history]
    best = 9 + int(np.argmin(losses[9:]))
    again = make_parts(1)
    train(again, n_epochs=best + 1, early_epochs=1, learning_rate=2e-2, dropout=0.0)
    assert losses[-1] > losses[best]
    assert torch.equal(weights(early), weights(again))


def test_the_early_state_is_no_later_than_half_of_the_passes(monkeypatch):
    monkeypatch.setattr(training, "EARLY_STEPS", 0)
    parts, halves = make_parts(1), make_parts(1)

    early, history = train(parts, n_epochs=6, early_epochs=None)
    train(halves, n_epochs=3, early_epochs=1)

    assert int(np.argmin([entry["held_out_loss"] for entry in history])) + 1 > 3
    assert torch.equal(weights(early), weights(halves))


def test_the_seed_decides_the_result():
    first, second = make_parts(), make_parts()

    train(first, seed=0, n_epochs=1)
    train(second, seed=1, n_epochs=1)

    assert not torch.equal(weights(first), weights(second))


def test_torch_s_own_generator_is_left_alone():
    before = torch.random.get_rng_state()

    train(make_parts(), n_epochs=1)

    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_interrupt_keeps_the_state_so_far(monkeypatch):
    parts = make_parts()
    start = weights(parts)
    step = training._Run._step
    seen = []

    def interrupted(run, batch):
        seen.append(1)
        if len(seen) == 40:
            raise KeyboardInterrupt
        return step(run, batch)

    monkeypatch.setattr(training._Run, "_step", interrupted)

    with pytest.warns(InterruptedTrainingWarning, match="of 10000 epochs"):
        _, history = train(parts, n_epochs=10_000, early_epochs=9_000)

    assert len(history) < 10_000
    assert not torch.equal(weights(parts), start)
    assert torch.isfinite(weights(parts)).all()


def test_a_failure_in_a_thread_is_not_lost(monkeypatch):
    def fail(run, batch):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(training._Run, "_step", fail)

    with pytest.raises(RuntimeError, match="broken on purpose"):
        train(make_parts())


def test_weights_that_overflow_are_an_error():
    with pytest.raises(SkgensynthError, match="learning_rate"):
        train(make_parts(), learning_rate=1e38)
