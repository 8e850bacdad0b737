import numpy as np
import pandas as pd

from skgensynth.schema import TableSchema
from skgensynth.synllm.examples import choose_examples


def chosen(X, y, n, seed=0):
    schema = TableSchema.infer(X, y, column_kinds={"a": "continuous"})
    return choose_examples(schema.encode(X, y), schema, n, np.random.default_rng(seed))


def test_examples_are_different_rows_of_the_table():
    X = pd.DataFrame({"a": [1, 1, 1, 1, 2, 3]})
    rows = chosen(X, None, 4)
    assert sorted(rows[:, 0]) == [1, 2, 3]


def test_there_are_so_many_of_each_class_and_classes_take_turns():
    X = pd.DataFrame({"a": np.arange(100)})
    y = pd.Series(np.where(np.arange(100) < 97, "common", np.where(np.arange(100) < 99, "rare", "single")))
    for seed in range(5):
        labels = chosen(X, y, 3, seed)[:, 1].tolist()
        assert sorted(labels[:3]) == [0, 1, 2]
        assert sorted(labels[3:5]) == [0, 1]
        assert labels[5:] == [0]


def test_another_seed_chooses_other_rows():
    X = pd.DataFrame({"a": np.arange(100)})
    assert len({tuple(chosen(X, None, 3, seed)[:, 0]) for seed in range(5)}) == 5
    np.testing.assert_array_equal(chosen(X, None, 3, 1), chosen(X, None, 3, 1))
