import os
import runpy
import sys

import pytest

import skgensynth
from skgensynth.cli import main


@pytest.mark.parametrize("arguments", [[], ["invent"], ["--rows"]])
def test_wrong_usage_is_one_line_and_exit_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    _, err = capsys.readouterr()
    assert caught.value.code == 2
    assert len(err.strip().splitlines()) == 1
    assert "error: " in err


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "generate" in out
    assert "evaluate" in out
    assert "compare" in out


def test_a_reader_who_has_seen_enough_is_no_error(monkeypatch, capsys):
    read_end, write_end = os.pipe()
    os.close(read_end)
    monkeypatch.setattr("skgensynth.cli.evaluate.run", lambda args: print("figures"))
    with os.fdopen(write_end, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["evaluate", "real.csv", "made.csv"]) == 1
    assert capsys.readouterr().err == ""


def test_the_module_runs_like_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["skgensynth", "--version"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("skgensynth", run_name="__main__")
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"skgensynth {skgensynth.__version__}\n"
