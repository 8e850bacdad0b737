"""Small policies for a few binary and ternary columns, whose rows can all be enumerated."""

import itertools

import numpy as np
import pandas as pd

from skgensynth.disco.compact import CompactPolicy
from skgensynth.schema import TableSchema

SETTINGS = {"n_epochs": 10, "n_members": 2, "width": 8, "n_layers": 1, "batch_size": 32, "n_threads": 1}


def small_frame(n=200, seed=0):
    """b is mostly p where a is x; the class follows a."""
    rng = np.random.default_rng(seed)
    a = rng.choice(["x", "y", "z"], n, p=[0.5, 0.3, 0.2])
    b = np.where(a == "x", np.where(rng.random(n) < 0.9, "p", "q"), rng.choice(["p", "q"], n))
    y = np.where(rng.random(n) < np.where(a == "z", 0.7, 0.2), "ill", "well")
    return pd.DataFrame({"a": a, "b": b}), pd.Series(y, name="outcome")


def small_policy(X, y=None, seed=0, **settings):
    """A compact policy and the encoded rows that it was fitted on."""
    schema = TableSchema.infer(X, y)
    values = schema.encode(X, y)
    policy = CompactPolicy(**{**SETTINGS, **settings}).fit(values, schema, rng=np.random.default_rng(seed))
    return policy, values


def all_rows(sizes):
    """Every row of tokens."""
    return np.array(list(itertools.product(*map(range, sizes))))
