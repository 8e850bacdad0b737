import json

import numpy as np
import pandas as pd
import pytest

from skgensynth.cli import main
from skgensynth.exceptions import SamplingError


def _rows(n, seed):
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 90, n)
    return pd.DataFrame(
        {
            "code": rng.choice(["007", "112"], n),
            "age": age,
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "died": np.where(age + rng.normal(0, 10, n) > 60, "yes", "no"),
        }
    )


@pytest.fixture(autouse=True)
def tables(folder):
    frames = {"real": _rows(60, 0), "held": _rows(40, 1), "made": _rows(80, 2)}
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return frames


def _run(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


ALL = ("real.csv", "made.csv", "--holdout", "held.csv", "--target", "died")


def test_everything_from_files(folder, capsys):
    outputs = ("--report", "report.html", "--json", "report.json")
    code, out, err = _run(capsys, *ALL, *outputs)
    saved = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert code == 0
    assert saved["headline"] in out
    assert saved["headline"] in page
    assert (saved["n_train"], saved["n_test"], saved["n_synthetic"]) == (60, 40, 80)
    assert "made.csv: 80 synthetic rows against real.csv" in page
    assert "if the synthesizer was fitted to real.csv and never saw held.csv" in out
    assert "real.csv: 60 rows, 4 columns" in err
    assert "measuring privacy" in err


def test_the_figures_are_those_of_the_library(folder, tables, capsys):
    from skgensynth import evaluate

    _run(capsys, *ALL, "--json", "report.json", "--seed", "3", "--quiet")
    report = evaluate(tables["real"], tables["held"], tables["made"], target="died", random_state=3)
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == report.to_dict()


def test_without_held_out_rows_neither_utility_nor_privacy_is_claimed(folder, capsys):
    code, out, err = _run(capsys, "real.csv", "made.csv", "--target", "died", "--json", "report.json", "--quiet")
    saved = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert code == 0
    assert err == ""
    assert "Utility and privacy were not judged" in out
    assert "AUC of the membership attack" not in out
    assert saved["scores"]["utility"] is saved["scores"]["privacy"] is None


def test_parquet_and_csv_may_be_mixed(folder, tables, capsys):
    tables["real"].to_parquet(folder / "real.parquet")
    tables["made"].to_csv(folder / "made.csv.gz", index=False)
    code, out, _ = _run(capsys, "real.parquet", "made.csv.gz", "--json", "report.json", "--quiet")
    assert code == 0
    assert "Changed type" not in out


def test_codes_of_digits_are_read_as_in_the_real_table(folder, tables, capsys):
    tables["made"].assign(code="112").to_csv(folder / "made.csv", index=False)
    _, out, _ = _run(capsys, "real.csv", "made.csv", "--json", "report.json", "--quiet")
    saved = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    # Half of the real rows have the code 112: some overlap, but for one level.
    assert 0.1 < saved["columns"]["code"]["divergence"] < 0.5
    assert "code (always 112)" in out


def test_columns_can_be_left_out(folder, tables, capsys):
    tables["real"].assign(patient=range(60)).to_csv(folder / "real.csv", index=False)
    code, _, err = _run(capsys, "real.csv", "made.csv")
    assert code == 2
    assert "made.csv has no column 'patient', which real.csv has" in err
    code, _, _ = _run(capsys, "real.csv", "made.csv", "--ignore", "patient", "--ignore", "day", "--json", "report.json")
    assert code == 0
    columns = json.loads((folder / "report.json").read_text(encoding="utf-8"))["columns"]
    assert list(columns) == ["code", "age", "died"]


def test_rules_come_from_a_file(folder, capsys):
    (folder / "rules.txt").write_text("# of the ward\n\nage >= 18\nage <= 60\n", encoding="utf-8")
    code, out, _ = _run(capsys, "real.csv", "made.csv", "--rules", "rules.txt", "--json", "report.json", "--quiet")
    rules = json.loads((folder / "report.json").read_text(encoding="utf-8"))["rules"]
    assert code == 0
    assert "rows that break a rule" in out
    assert len(rules) == 2
    assert [rule["violations"] > 0 for rule in rules] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.csv", "made.csv"), "none.csv"),
        (("real.csv", "none.csv"), "none.csv"),
        (("real.csv", "made.csv", "--holdout", "none.csv"), "none.csv"),
        (("real.csv", "made.txt"), "must end in"),
        (("empty.csv", "made.csv"), "the file is empty"),
        (("bare.csv", "made.csv"), "has no rows"),
        (("real.csv", "made.csv", "--report", "nowhere/r.html"), "no folder nowhere"),
        (("real.csv", "made.csv", "--json", "folder.json"), "is a folder"),
        (("real.csv", "made.csv", "--target", "height"), "real.csv has no column 'height'"),
        (("real.csv", "made.csv", "--ignore", "height"), "--ignore 'height'"),
        (("real.csv", "made.csv", "--target", "died", "--ignore", "died"), "the target cannot be left out"),
        (("real.csv", "short.csv"), "short.csv has no column 'age'"),
        (("short.csv", "made.csv"), "short.csv has no column 'age'"),
        (("real.csv", "words.csv"), "Column 'age' of synthetic"),
        (("gap.csv", "gap.csv", "--holdout", "gap.csv", "--target", "y"), "'y' has missing values"),
        (("real.csv", "made.csv", "--rules", "none.txt"), "none.txt"),
        (("real.csv", "made.csv", "--rules", "blank.txt"), "blank.txt: there is no rule"),
        (("real.csv", "made.csv", "--rules", "bad.txt"), "bad.txt, line 2"),
        (("real.csv", "made.csv", "--rules", "level.txt"), "level.txt, line 1"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(folder, tables, capsys, arguments, message):
    (folder / "folder.json").mkdir()
    (folder / "empty.csv").write_text("")
    (folder / "bare.csv").write_text("code,age,day,died\n")
    (folder / "gap.csv").write_text("x,y\n" + "1,a\n2,b\n" * 30 + "3,\n")
    (folder / "blank.txt").write_text("# nothing\n")
    (folder / "bad.txt").write_text("age >= 18\nif weather then\n")
    (folder / "level.txt").write_text("died is maybe\n")
    tables["made"].drop(columns="age").to_csv(folder / "short.csv", index=False)
    tables["made"].assign(age="old").to_csv(folder / "words.csv", index=False)
    code, out, err = _run(capsys, *arguments)
    error = err.strip().splitlines()[-1]
    assert code == 2
    assert error.startswith("skgensynth: error: ")
    assert message in error
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(
    "arguments",
    [[], ["real.csv"], ["real.csv", "made.csv", "--jobs", "0"], ["real.csv", "made.csv", "--seed", "x"]],
)
def test_wrong_usage_is_one_line_and_exit_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", *arguments])
    _, err = capsys.readouterr()
    assert caught.value.code == 2
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SamplingError("No valid row."), 1, "No valid row."),
        (MemoryError(), 1, "MemoryError"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_on_the_way_have_codes_of_their_own(capsys, monkeypatch, error, code, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("skgensynth.report.evaluate", fail)
    assert main(["evaluate", "real.csv", "made.csv", "--quiet"]) == code
    assert capsys.readouterr().err == f"skgensynth: error: {message}\n"


def test_missing_extras_are_said_before_the_work(capsys, monkeypatch):
    monkeypatch.setattr("skgensynth.cli.terminal.find_spec", lambda name: None)
    assert "skgensynth[report]" in _run(capsys, "real.csv", "made.csv", "--report", "r.html")[2]
    assert "skgensynth[parquet]" in _run(capsys, "real.csv", "made.parquet")[2]
