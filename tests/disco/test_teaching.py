from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from skgensynth.disco.blocks import NetworkSettings
from skgensynth.disco.codecs import CompactCodec
from skgensynth.disco.ensembles import join, make_parts
from skgensynth.disco.teaching import TargetForest, teach_target
from skgensynth.schema import TableSchema

SHAPE = NetworkSettings(4, 16, 1)


def table(n_rows=120, *, number=False, seed=0):
    """The target rises with a, more so in group q; a is sometimes missing; noise says nothing."""
    rng = np.random.default_rng(seed)
    a, group = rng.normal(size=n_rows), rng.choice(["p", "q"], n_rows)
    level = a * np.where(group == "q", 3, 1)
    X = pd.DataFrame({"a": np.where(rng.random(n_rows) < 0.1, np.nan, a), "group": group})
    return X.assign(noise=rng.normal(size=n_rows)), np.exp(level) if number else np.where(level > 0.3, "ill", "well")


def encoded(X, y):
    schema = TableSchema.infer(X, y)
    values = schema.encode(X, y)
    codec = CompactCodec.fit(values, schema, 12)
    return codec, codec.encode(values)


def forest_of(codec, tokens, n_trees=100):
    return TargetForest(codec, tokens.shape[1] - 1, tokens, n_trees, np.random.default_rng(0))


@pytest.mark.parametrize("number", [False, True])
def test_a_forest_knows_the_target_of_other_rows(number):
    codec, tokens = encoded(*table(600, number=number))
    known, others = tokens[:150], tokens[150:]

    probs = forest_of(codec, known).probs(others)

    shares = np.bincount(known[:, -1], minlength=probs.shape[1]) / len(known)
    surprise = -np.log(probs[np.arange(len(others)), others[:, -1]]).mean()
    assert surprise < 0.8 * -np.log(shares[others[:, -1]]).mean()
    assert (probs > 0).all()
    assert probs.sum(axis=1) == pytest.approx(1)


def test_a_forest_does_not_look_at_the_target_of_the_rows():
    codec, tokens = encoded(*table())
    forest, changed = forest_of(codec, tokens), tokens.copy()
    changed[:, -1] = 1 - changed[:, -1]

    assert np.array_equal(forest.probs(tokens), forest.probs(changed))


@pytest.mark.parametrize("n_alike", [1, 2, 3])
@pytest.mark.parametrize("number", [False, True])
def test_a_forest_does_not_repeat_the_target_of_a_training_row(number, n_alike):
    """Where the target is chance, rows at training rows' places get other rows' targets, not their own."""
    rng = np.random.default_rng(5)
    X = pd.DataFrame(np.repeat(rng.normal(size=(150 // n_alike, 5)), n_alike, axis=0), columns=list("abcde"))
    y = rng.normal(size=len(X))
    codec, tokens = encoded(X, y if number else np.where(y > 0, "ill", "well"))

    probs = forest_of(codec, tokens, 200).probs(tokens)

    places = np.arange(len(tokens))
    own = probs[places, tokens[:, -1]]
    others = np.mean([probs[places, np.roll(tokens[:, -1], k)] for k in range(7, 40)], axis=0)
    for which in range(n_alike):
        # All trees together give a row's own class 1.3 times, and its own bin 3.3 times what they give to others'.
        assert own[which::n_alike].mean() < 1.2 * others[which::n_alike].mean()


def test_of_many_rows_that_are_alike_one_is_left_out_at_a_time():
    X = pd.DataFrame({"a": np.tile(["p", "q"], 60)})
    codec, tokens = encoded(X, np.where(np.arange(120) % 3, "ill", "well"))

    asked = forest_of(codec, tokens)._asked(tokens)

    assert 0.3 < asked.mean() < 0.44  # trees are grown without 0.37 of the rows
    assert len(np.unique(asked[::2], axis=0)) > 20


def test_distances_are_gowers():
    codec, tokens = encoded(*table(60))
    forest = forest_of(codec, tokens)
    [size_a, _, size_noise, _] = (column.size for column in codec.columns)

    def distance(one, other):
        missing = (one[0] == size_a) != (other[0] == size_a)
        a = 1.0 if missing else abs(one[0] - other[0]) / (size_a - 1)
        return a + (one[1] != other[1]) + abs(one[2] - other[2]) / (size_noise - 1)

    expected = [[distance(one, other) for other in tokens] for one in tokens[:20]]
    assert forest._distances(tokens[:20].astype(np.int32)) == pytest.approx(np.array(expected), abs=1e-6)


@pytest.mark.parametrize("y", [np.arange(60).astype(str), np.where(np.arange(60) % 2, 0.5, 1.5)])
def test_targets_of_two_numbers_or_of_many_classes_are_no_trouble(y):
    codec, tokens = encoded(table(60)[0], y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probs = forest_of(codec, tokens).probs(tokens)
    assert probs.shape == (60, codec.sizes[-1])
    assert probs.sum(axis=1) == pytest.approx(1)


def test_what_no_tree_may_say_is_the_tables_shares():
    codec, tokens = encoded(*table(40))
    one_tree = TargetForest(codec, 3, tokens, 1, np.random.default_rng(0))
    probs = one_tree.probs(tokens)
    shares = np.bincount(tokens[:, 3]) / 40

    plain = np.isclose(probs, shares, atol=0.02).all(axis=1)
    assert 0.4 < plain.mean() < 0.95  # the tree saw about 0.63 of the rows
    assert probs.sum(axis=1) == pytest.approx(1)


def test_a_network_learns_what_it_is_taught_and_its_start_stays():
    codec, tokens = encoded(*table(400))
    rng = np.random.default_rng(0)
    start = join(make_parts(codec, tokens, SHAPE, rng), codec)
    before = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    wanted = forest_of(codec, tokens).probs(tokens)

    taught = teach_target(start, 3, tokens, wanted, rng)

    rows, orders = torch.from_numpy(tokens), torch.arange(4).expand(len(tokens), -1)
    found = taught.last_probs(3, rows, orders).numpy()
    assert np.abs(found - wanted).mean() < 0.05 < np.abs(wanted.mean(axis=0) - wanted).mean()
    assert all(torch.equal(tensor, before[name]) for name, tensor in start.state_dict().items())
    assert not any(parameter.requires_grad for parameter in taught.parameters())
