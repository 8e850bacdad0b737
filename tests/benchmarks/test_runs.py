import json

import pandas as pd
import pytest

from benchmarks import runs


def test_what_the_file_holds_is_not_measured_again(tmp_path, capsys):
    path = tmp_path / "results" / "some.jsonl"
    measured = []

    def measure(table, seed):
        measured.append((table, seed))
        return {"table": table, "seed": seed, "utility": 1 / 3}

    first = runs.collect(path, ("table", "seed"), [("a", 0), ("a", 1)], measure)
    both = runs.collect(path, ("table", "seed"), [("a", 1), ("b", 0)], measure)
    assert measured == [("a", 0), ("a", 1), ("b", 0)]
    assert list(first["seed"]) == [0, 1]
    assert list(both["table"]) == ["a", "a", "b"]
    assert both["utility"].iloc[0] == 1 / 3
    assert "0.3333}" in capsys.readouterr().out


def test_what_was_measured_before_an_error_is_kept(tmp_path):
    path = tmp_path / "some.jsonl"

    def measure(table):
        if table == "b":
            raise ValueError("no such table")
        return [{"table": table, "variant": variant} for variant in (0, 1)]

    with pytest.raises(ValueError, match="no such table"):
        runs.collect(path, ("table",), [("a",), ("b",)], measure)
    assert [json.loads(line)["variant"] for line in path.read_text().splitlines()] == [0, 1]


def test_a_summary_stands_beside_its_results(tmp_path, capsys):
    runs.publish(tmp_path / "some.jsonl", "what came out")
    assert (tmp_path / "some.md").read_text() == "what came out"
    assert capsys.readouterr().out == "what came out\n"


def test_differences_are_of_splits_that_both_have():
    found = [("some", seed, 0.5 + 0.01 * seed, 3.0) for seed in range(5)]
    found += [("other", seed, 0.4, 3.0) for seed in range(6)]
    frame = pd.DataFrame(found, columns=["kind", "seed", "gain", "loss"]).assign(table="t")
    lines = runs.paired_differences(
        frame, "kind", [("some", "other")], {"gain": "Gain", "loss": "Loss"}, {"gain"}, {"some": "Some"}
    )
    # Five differences of one sign: 2 / 2 ** 5; of equal figures there is nothing to test.
    assert lines[2:] == [
        "| Gain | Some - other | +0.1200 | 5 of 5 | 0.062 |",
        "| Loss | Some - other | +0.0000 | 0 of 5 | 1 |",
    ]
