import json

import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import PersistenceError
from skgensynth.mallm.checkpoint import Checkpoint, State
from skgensynth.mallm.discriminators import RowFeatures, make_discriminator
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.mallm.trajectory import Iteration
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame({"x": np.linspace(0, 10, 41)})
SCHEMA = TableSchema.infer(TABLE)
VALUES = SCHEMA.encode(TABLE)
START = DataGenerationProcess("", "", CausalGraph(("x",)), "Go.")


def learner(seed=0):
    return make_discriminator("logistic", RowFeatures(VALUES, SCHEMA), seed)


def state():
    iteration = Iteration(0, 0, START.graph, "Go.", 0.7, None, 0.9, 5, True, ("a note",))
    empty = Iteration(0, 1, START.graph, "Go.", None, None, 0.0, 0, False)
    rows = [np.array([[1.5], [2.5]]), np.empty((0, 1))]
    folds = [np.array([0, 3]), np.empty(0, dtype=np.intp)]
    return State(START, 7, [iteration, empty], rows, folds, START.with_(START.graph, "On."), ("why",))


def test_a_state_comes_back_with_the_discriminator(tmp_path):
    checkpoint = Checkpoint(tmp_path, {"a": 1}, VALUES)
    discriminator = learner(7).update(VALUES[:20], VALUES[20:] + 5)
    assert checkpoint.load(learner()) is None
    checkpoint.save(state(), discriminator)
    restored = learner()
    found = Checkpoint(tmp_path, {"a": 1}, VALUES).load(restored)
    kept = state()
    assert (found.start, found.seed, found.iterations, found.proposed, found.notes) == (
        kept.start, 7, kept.iterations, kept.proposed, kept.notes,
    )  # fmt: skip
    for name in ("made", "folds"):
        for part, expected in zip(getattr(found, name), getattr(kept, name), strict=True):
            np.testing.assert_array_equal(part, expected)
            assert part.dtype == expected.dtype
    np.testing.assert_array_equal(restored.predict(VALUES), discriminator.predict(VALUES))
    assert restored.seed == 7


def test_there_is_one_state_and_no_pickle(tmp_path):
    checkpoint = Checkpoint(tmp_path, {}, VALUES)
    later = state()
    checkpoint.save(later, learner())
    later.proposed = None
    checkpoint.save(later, learner())
    assert sorted(path.suffix for path in checkpoint.folder.iterdir()) == [".json", ".safetensors"]
    assert checkpoint.load(learner()).proposed is None


def test_another_search_or_other_rows_have_another_folder(tmp_path):
    folders = {Checkpoint(tmp_path, {"a": a}, values).folder for a in (1, 2) for values in (VALUES, VALUES + 1)}
    assert len(folders) == 4


def test_what_can_be_no_folder_is_refused_at_once(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(PersistenceError, match=r"checkpoint='.*notes.txt' cannot be used as a folder"):
        Checkpoint(path, {}, VALUES)


@pytest.mark.parametrize("damage", ["json", "arrays", "format", "start", "seed", "notes"])
def test_damaged_files_are_named(tmp_path, damage):
    checkpoint = Checkpoint(tmp_path, {}, VALUES)
    checkpoint.save(state(), learner())
    path = checkpoint.folder / "search.json"
    document = json.loads(path.read_text())
    if damage == "json":
        path.write_text("{")
    elif damage == "arrays":
        next(checkpoint.folder.glob("*.safetensors")).write_bytes(b"no")
    else:
        path.write_text(json.dumps({**document, damage: 9 if damage == "format" else None}))
    with pytest.raises(PersistenceError, match="delete the folder to start anew"):
        checkpoint.load(learner())
