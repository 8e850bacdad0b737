import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from common.tables import mixed_table
from common.toy import MarginalsSynthesizer

from skgensynth import DiscoTabSynthesizer
from skgensynth.constraints import (
    Constraint,
    ConstraintSet,
    Decimals,
    Dependency,
    Domain,
    Implication,
    Item,
    Order,
    Sum,
)
from skgensynth.disco.feedback import discriminators, stage
from skgensynth.exceptions import ModelNotFoundError, PersistenceError

TABLE = pd.DataFrame({"a": [1.5, 2.5, 3.5, 4.0], "b": list("xyxy")})


ONE_OF_EACH_KIND = [
    Domain(Item("sex", "is", ("F", "M"))),
    Decimals("bmi", 1),
    Implication(
        (Item("age", "<", ("18",)), Item("sex", "is", ("F",))), (Item("copd", "missing"),), support=np.int64(40)
    ),
    Order("admitted", "discharged", strict=True, soft=True),
    Dependency("degree", "years", (("BSc", "16"), ("MSc", "18"))),
    Dependency("degree", "years"),
    Sum(("men", "women"), "all"),
]


class Other(MarginalsSynthesizer):
    pass


class Lawful(MarginalsSynthesizer):
    """Has constraints among its parameters, and does nothing with them."""

    def __init__(self, *, constraints=(), forbidden_rules=()):
        super().__init__()
        self.constraints = constraints
        self.forbidden_rules = forbidden_rules


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
        {"categorical_features": pd.Index(["b"])},
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


@pytest.mark.parametrize(
    "given",
    [
        ONE_OF_EACH_KIND[0],
        ConstraintSet(ONE_OF_EACH_KIND),
        ONE_OF_EACH_KIND,
        tuple(ONE_OF_EACH_KIND),
        [ONE_OF_EACH_KIND[3], "age >= 18", ("age", "sex"), ["men", "women"]],
    ],
    ids=["alone", "set", "list", "tuple", "mixed"],
)
def test_constraints_come_back_equal(given, tmp_path):
    Lawful(constraints=given, forbidden_rules=given).fit(TABLE).save(tmp_path)
    loaded = Lawful.load(tmp_path)
    for found in (loaded.constraints, loaded.forbidden_rules):
        assert type(found) is type(given)
        assert found == given
    json.loads((tmp_path / "model.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_every_kind_of_constraint_keeps_its_support(tmp_path):
    kinds = [cls for cls in Constraint.__subclasses__() if cls.__module__.startswith("skgensynth")]
    assert {type(constraint) for constraint in ONE_OF_EACH_KIND} == set(kinds)
    Lawful(constraints=ONE_OF_EACH_KIND).fit(TABLE).save(tmp_path)
    found = Lawful.load(tmp_path).constraints
    assert [constraint.support for constraint in found] == [None, None, 40, None, None, None, None]


def test_a_kind_of_constraint_that_is_not_known_says_what_to_do(tmp_path):
    Lawful(constraints=[ONE_OF_EACH_KIND[3]]).fit(TABLE).save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"order"', '"parity"'), encoding="utf-8")
    with pytest.raises(PersistenceError, match=r"model\.json .*'parity' are not known.* fit and save again"):
        Lawful.load(tmp_path)


def test_constraints_with_what_json_lacks_are_refused_before_anything_is_written(tmp_path):
    synthesizer = Lawful(constraints=[Order("a", "b", support=object())]).fit(TABLE)
    with pytest.raises(PersistenceError, match=r"'constraints' holds a object.*set_params"):
        synthesizer.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_synthesizer_with_constraints_improves_and_samples_after_loading(tmp_path, monkeypatch):
    monkeypatch.setattr(discriminators, "FIRST_STEPS", 2)
    monkeypatch.setattr(discriminators, "NEXT_STEPS", 2)
    monkeypatch.setattr(stage, "COMPACT", replace(stage.COMPACT, pool=(128, 256)))
    rng = np.random.default_rng(0)
    low = rng.integers(0, 9, 60)
    table = pd.DataFrame({"low": low, "high": low + rng.integers(0, 9, 60), "c": rng.choice(["a", "b"], 60)})
    law = Order("low", "high")
    DiscoTabSynthesizer(
        n_epochs=1,
        policy_params={"n_members": 2, "width": 8},
        feedback=None,
        feedback_params={"n_cycles": 1, "n_batches": 1, "batch_size": 12},
        constraints=[law],
        forbidden_rules=Decimals("low", 0),
        violations="refuse",
        random_state=0,
    ).fit(table).save(tmp_path)

    loaded = DiscoTabSynthesizer.load(tmp_path)

    assert loaded.get_params()["constraints"] == [law]
    assert loaded.get_params()["forbidden_rules"] == Decimals("low", 0)
    assert law in loaded.constraints_
    assert Decimals("low", 0) not in loaded.constraints_
    assert law.check(loaded.sample(100)).all()
    loaded.set_params(feedback="hierarchical").improve(table)
    assert law.check(loaded.sample(100)).all()


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


@pytest.mark.parametrize("change", [{"params": {"nonsense": 1}}, {"state": {}}, {"schema": {}}])
def test_what_cannot_be_rebuilt_says_which_version_wrote_it(saved, change):
    document = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    (saved / "model.json").write_text(json.dumps(document | change), encoding="utf-8")
    with pytest.raises(PersistenceError, match="was written by skgensynth"):
        MarginalsSynthesizer.load(saved)


def test_a_saving_that_is_interrupted_leaves_the_older_model_whole(tmp_path, monkeypatch):
    X, y = mixed_table(60)
    few = {"n_epochs": 1, "feedback": None, "policy_params": {"n_members": 1, "width": 8, "n_layers": 1}}
    older = DiscoTabSynthesizer(random_state=0, **few).fit(X, y)
    older.save(tmp_path)
    newer = DiscoTabSynthesizer(random_state=0, **few).fit(X.iloc[:, :2], y)

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", interrupted)
        with pytest.raises(KeyboardInterrupt):
            newer.save(tmp_path)

    pd.testing.assert_frame_equal(DiscoTabSynthesizer.load(tmp_path).sample(5)[0], older.sample(5)[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "policy.safetensors"]
    newer.save(tmp_path)
    assert DiscoTabSynthesizer.load(tmp_path).n_features_in_ == 2


def test_a_file_is_not_a_folder(saved):
    with pytest.raises(PersistenceError, match="there is a file of that name"):
        MarginalsSynthesizer(random_state=0).fit(TABLE).save(saved / "model.json")
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
    assert document["format"] == 3
