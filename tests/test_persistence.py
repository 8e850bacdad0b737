import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from common.tables import mixed_table
from common.toy import MarginalsSynthesizer

from skgensynth.exceptions import ModelNotFoundError, PersistenceError

TABLE = pd.DataFrame({"a": [1.5, 2.5, 3.5, 4.0], "b": list("xyxy")})


class Other(MarginalsSynthesizer):
    pass


@pytest.fixture
def saved(tmp_path):
    MarginalsSynthesizer(random_state=0).fit(*mixed_table(60)).save(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "parameters",
    [
        {"sampling_strategy": {0: 3, 1: 4}},
        {"sampling_strategy": {"x": np.int64(3)}},
        {"sampling_strategy": 0.5},
        {"categorical_features": ["b"]},
        {"categorical_features": ("b",)},
        {"categorical_features": np.array([False, True])},
        {"column_kinds": {"a": "continuous"}},
        {"copies": "allow", "verbose": 2, "random_state": np.int64(7)},
        {"verbose": True},
    ],
)
def test_parameters_come_back(parameters, tmp_path):
    MarginalsSynthesizer(**parameters).fit(TABLE).save(tmp_path)
    loaded = MarginalsSynthesizer.load(tmp_path).get_params()
    for name, value in parameters.items():
        assert type(loaded[name]) is type(value.tolist() if hasattr(value, "tolist") else value)
        np.testing.assert_equal(loaded[name], value.tolist() if hasattr(value, "tolist") else value)


@pytest.mark.parametrize(
    "parameters", [{"sampling_strategy": lambda y: {}}, {"random_state": np.random.RandomState(0)}]
)
def test_objects_are_refused_before_anything_is_written(parameters, tmp_path):
    synthesizer = MarginalsSynthesizer(**parameters).fit(TABLE)
    with pytest.raises(PersistenceError, match=next(iter(parameters))):
        synthesizer.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_text_paths_work(tmp_path):
    MarginalsSynthesizer(random_state=0).fit(TABLE).save(str(tmp_path))
    assert len(MarginalsSynthesizer.load(str(tmp_path)).sample(2)) == 2


def test_an_interrupted_save_does_not_look_complete(tmp_path):
    class Interrupted(MarginalsSynthesizer):
        def _save_model(self, folder):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted().fit(TABLE).save(tmp_path)
    with pytest.raises(ModelNotFoundError):
        Interrupted.load(tmp_path)


def test_another_class_is_refused_by_name(saved):
    with pytest.raises(PersistenceError, match=r"MarginalsSynthesizer.load"):
        Other.load(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"class": "MarginalsSynthesizer"}'])
def test_damaged_or_foreign_files_are_refused(saved, text):
    (saved / "model.json").write_text(text, encoding="utf-8")
    with pytest.raises(PersistenceError, match=r"model\.json"):
        MarginalsSynthesizer.load(saved)


def test_a_file_is_not_a_folder(saved):
    with pytest.raises(ModelNotFoundError):
        MarginalsSynthesizer.load(saved / "model.json")
    with pytest.raises(ModelNotFoundError):
        MarginalsSynthesizer.load(Path(saved) / "nothing")


def test_a_loaded_synthesizer_holds_no_training_rows(saved):
    loaded = MarginalsSynthesizer.load(saved)
    assert not hasattr(loaded, "_training_values")
    assert "_training_values" not in (saved / "model.json").read_text(encoding="utf-8")


def test_the_folder_can_be_moved(saved, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "model"
    saved.rename(moved)
    assert len(MarginalsSynthesizer.load(moved).sample(3)[0]) == 3


def test_missing_values_and_levels_survive(saved):
    X, _ = mixed_table(60)
    X_new, _ = MarginalsSynthesizer.load(saved).sample(200)
    pd.testing.assert_series_equal(X_new.dtypes, X.dtypes)
    assert X_new["visits"].isna().any()


def test_only_plain_json_is_written(saved):
    document = json.loads((saved / "model.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert document["format"] == 1
