import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from common.runs import make_run
from common.scripted import SCRIPTED, write_rows
from common.ward import ward
from sklearn.base import clone

from skgensynth import DiscoTabSynthesizer, SynLLMSynthesizer
from skgensynth.comparison.records import RunFile, describe, digest, table_digest
from skgensynth.constraints import parse_constraint
from skgensynth.llm import ServerModel

DONE = make_run(utility=0.5, seconds=1.5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.jsonl"


def test_what_is_kept_is_found_again(path):
    RunFile(path).add(DONE)
    found = RunFile(path).find(DONE.fingerprint)
    assert found.to_dict() == DONE.to_dict()
    assert np.isnan(found.figures["privacy"])
    assert RunFile(path).find("another") is None
    assert len(path.read_text().splitlines()) == 1


def test_a_run_is_on_the_disk_at_once(path):
    file = RunFile(path)
    for n in range(1, 4):
        file.add(make_run(prompt=str(n)))
        assert len(path.read_text().splitlines()) == n


def test_failed_runs_are_kept_but_are_no_result(path):
    file = RunFile(path)
    file.add(make_run(error="SamplingError: none"))
    assert file.find(DONE.fingerprint) is None
    assert "SamplingError: none" in path.read_text()
    file.add(DONE)
    assert RunFile(path).find(DONE.fingerprint).error == ""


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = RunFile(None)
    file.add(DONE)
    assert file.find(DONE.fingerprint) is DONE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [5, 20, 200, -2])
def test_a_line_that_was_cut_off_costs_that_run_alone(path, cut):
    RunFile(path).add(make_run(prompt="first"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole.replace(b"first", b"second")[:cut])
    file = RunFile(path)
    assert file.find(make_run(prompt="first").fingerprint) is not None
    assert file.find(make_run(prompt="second").fingerprint) is None
    file.add(DONE)
    again = RunFile(path)
    assert again.find(DONE.fingerprint) is not None
    assert again.find(make_run(prompt="first").fingerprint) is not None


def test_a_last_line_without_its_end_is_no_loss(path):
    RunFile(path).add(make_run(prompt="first"))
    path.write_bytes(path.read_bytes()[:-1])
    RunFile(path).add(DONE)
    assert all(RunFile(path).find(run.fingerprint) for run in (make_run(prompt="first"), DONE))


@pytest.mark.parametrize(
    ("text", "line"), [("age,sex\n61,F\n", 1), ('{"comparison": 1\n[]', 2), ('{"a": 1}\n', 1), ("plain", 1)]
)
def test_a_file_of_something_else_is_left_alone(path, text, line):
    path.write_text(text)
    with pytest.raises(ValueError, match=f"line {line}: no run of a comparison; give another file"):
        RunFile(path)
    assert path.read_text() == text


def test_a_folder_that_is_not_there_is_said_before_the_work(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        RunFile(tmp_path / "nowhere" / "runs.jsonl")


# What tells runs apart ------------------------------------------------------------------------------------------------


def test_equal_tables_have_equal_digests():
    assert table_digest(ward()) == table_digest(ward().copy())
    mixed = pd.DataFrame({0: [1, "a", None], ("x", 1): pd.Categorical(["a", "b", "a"])})
    assert table_digest(mixed) == table_digest(mixed.copy())


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace({"sex": {"F": "f"}}),
        lambda t: t.astype({"age": float}),
        lambda t: t.rename(columns={"age": "years"}),
        lambda t: t[::-1],
        lambda t: t[["weight", "age", "sex", "died"]],
        lambda t: t.assign(weight=t["weight"].where(t.index != 3)),
        lambda t: t.iloc[:-1],
        lambda t: t.astype({"sex": "category"}),
    ],
)
def test_other_tables_have_other_digests(change):
    assert table_digest(change(ward())) != table_digest(ward())


def test_levels_and_their_order_are_told_apart():
    tables = [
        pd.DataFrame({"a": pd.Categorical(["x", "y"], categories=levels, ordered=ordered)})
        for levels in (["x", "y"], ["y", "x"], ["x", "y", "z"])
        for ordered in (False, True)
    ]
    assert len({table_digest(table) for table in tables}) == 6


def test_objects_of_several_types_are_told_apart():
    assert table_digest(pd.DataFrame({"a": [1, "1"]}, dtype=object)) != table_digest(
        pd.DataFrame({"a": ["1", 1]}, dtype=object)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"llm": "zephyr-7b-beta"},
        {"prompt": "seed_ex"},
        {"temperature": 0.6},
        {"rules": ["age > 3"]},
        {"rules": [parse_constraint("age > 4")]},
        {"context": "x"},
        {"feature_descriptions": {"age": "years"}},
        {"random_state": 1},
    ],
)
def test_what_changes_rows_changes_the_description(change):
    plain = SynLLMSynthesizer(random_state=0)
    assert describe(clone(plain).set_params(**change)) != describe(plain)
    json.dumps(describe(clone(plain).set_params(**change)))


@pytest.mark.parametrize(
    "change",
    [{"verbose": 1}, {"cache": "folder"}, {"allow_remote_rows": True}, {"max_requests": 3}, {"max_tokens_total": 9}],
)
def test_what_changes_costs_alone_does_not(change):
    plain = SynLLMSynthesizer(random_state=0)
    assert describe(clone(plain).set_params(**change)) == describe(plain)


def test_models_and_estimators_are_described_by_value():
    one, other = (ServerModel("http://localhost:1/v1", name) for name in ("a", "b"))
    assert describe(one) == describe(ServerModel("http://localhost:1/v1", "a")) != describe(other)
    assert describe(SCRIPTED) != describe(one)
    assert describe(DiscoTabSynthesizer()) == describe(DiscoTabSynthesizer())
    assert describe(np.array([1, 2])) == [1, 2]
    assert describe(ward()) != describe(ward(seed=1))
    assert describe(ward()["age"]) != describe(ward()["weight"])


def test_the_fingerprint_is_the_same_in_every_process():
    class Plain:
        pass

    values = [SynLLMSynthesizer(SCRIPTED, "seed_ex"), write_rows, Plain(), {"b": 1, "a": (2, None)}]
    assert "0x" not in json.dumps(describe(values))
    code = (
        "from common.scripted import SCRIPTED, write_rows; from common.ward import ward; "
        "from skgensynth import SynLLMSynthesizer; "
        "from skgensynth.comparison.records import describe, digest, table_digest; "
        "print(digest([table_digest(ward()), describe([SynLLMSynthesizer(SCRIPTED, 'seed_ex'), write_rows])]))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="tests")
    assert other.stdout.strip() == digest([table_digest(ward()), describe(values[:2])])
