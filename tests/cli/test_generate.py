import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from common.toy import MarginalsSynthesizer

import skgensynth
from skgensynth.cli import main
from skgensynth.constraints import ConstraintSet, parse_constraint
from skgensynth.disco.synthesizer import DiscoTabSynthesizer
from skgensynth.exceptions import SamplingError, SkgensynthError
from skgensynth.files import read_table


class _Synthesizer(MarginalsSynthesizer):
    """The stand-in for a method, with the parameters that the command line sets; keeps what it was fitted to."""

    fitted = ()

    def __init__(
        self,
        *,
        policy="compact",
        n_epochs=None,
        feedback="hierarchical",
        constraints=(),
        forbidden_rules=(),
        violations="allow",
        column_kinds=None,
        identifiers="regenerate",
        random_state=None,
        verbose=0,
    ):
        super().__init__(column_kinds=column_kinds, identifiers=identifiers, random_state=random_state, verbose=verbose)
        self.policy = policy
        self.n_epochs = n_epochs
        self.feedback = feedback
        self.constraints = constraints
        self.forbidden_rules = forbidden_rules
        self.violations = violations

    def fit(self, X, y=None):
        type(self).fitted = (*self.fitted, (self.get_params(), X, y))
        super().fit(X, y)
        found = ["age >= 0"] if self.constraints else []
        self.constraints_ = ConstraintSet(map(parse_constraint, [*self.constraints, *found]))
        return self


@pytest.fixture(autouse=True)
def synthesizer(monkeypatch):
    """Puts the stand-in in the place of the method."""
    fresh = type("Fresh", (_Synthesizer,), {"__init__": _Synthesizer.__init__})
    monkeypatch.setitem(vars(skgensynth), "DiscoTabSynthesizer", fresh)
    return fresh


@pytest.fixture
def table(folder):
    rng = np.random.default_rng(0)
    n = 80
    rows = pd.DataFrame(
        {
            "code": rng.choice(["007", "012"], n),
            "age": rng.integers(20, 90, n),
            "region": rng.choice(["north", "east", "south"], n),
            "died": rng.choice(["yes", "no"], n),
            "bmi": np.where(rng.random(n) < 0.3, np.nan, rng.normal(25, 3, n).round(1)),
        }
    )
    rows.to_csv(folder / "ward.csv", index=False)
    return rows


def _run(capsys, *arguments):
    code = main(["generate", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_rows_come_out_like_the_table(table, capsys):
    code, out, _ = _run(capsys, "ward.csv", "--target", "died", "--rows", 50, "--out", "made.csv", "--no-evaluation")
    made = read_table("made.csv")
    assert code == 0
    assert list(made.columns) == list(table.columns)
    assert len(made) == 50
    assert set(made["code"]) <= {"007", "012"}
    assert made["age"].dtype == "int64"
    assert "made.csv: 50 synthetic rows" in out


def test_as_many_rows_as_the_table_has_unless_asked(table, capsys):
    _run(capsys, "ward.csv", "--out", "made.csv", "--no-evaluation")
    assert len(read_table("made.csv")) == len(table)


def test_conditions_hold_in_every_row(table, capsys):
    arguments = [
        "--condition",
        "age=65..",
        "--condition",
        "region=north,east",
        "--condition",
        "bmi=",
        "--no-evaluation",
    ]
    code, out, _ = _run(capsys, "ward.csv", "--target", "died", "--rows", 40, "--out", "made.parquet", *arguments)
    made = read_table("made.parquet")
    assert code == 0
    assert (made["age"] >= 65).all()
    assert made["region"].isin(["north", "east"]).all()
    assert made["bmi"].isna().all()
    assert "age is at least 65" in out


def test_the_figures_come_from_rows_never_seen_and_the_rows_from_all(table, synthesizer, folder, capsys):
    options = ("--target", "died", "--out", "made.csv", "--holdout", 0.25, "--seed", 3, "--rows", 30)
    _, out, err = _run(capsys, "ward.csv", *options, "--report", "report.html")
    (parameters, X_train, y_train), (parameters_all, X, y) = synthesizer.fitted
    assert parameters == parameters_all
    assert parameters["random_state"] == 3
    assert (len(X_train), len(X)) == (60, 80)
    assert set(X_train.index) < set(X.index)
    assert y_train.value_counts(normalize=True)["yes"] == pytest.approx(y.value_counts(normalize=True)["yes"], abs=0.02)
    assert "target died (classification)" in out
    assert "20 held-out rows that the synthesizer behind them never saw" in out
    for words in ("macro F1", "Jensen-Shannon divergence", "AUC of the membership attack", "exact copies", "reference"):
        assert words in out
    assert "measuring privacy" in err
    text = " ".join((folder / "report.html").read_text(encoding="utf-8").split())
    assert "fitted on 60 training rows and never saw the 20 held-out rows" in text
    assert "fitted afterwards to all 80 rows" in text
    assert "30 synthetic rows made from ward.csv" in text


def test_without_a_target_utility_is_left_out(table, synthesizer, capsys):
    _, out, err = _run(capsys, "ward.csv", "--out", "made.csv", "--quiet")
    assert "macro F1" not in out
    assert "Fidelity" in out
    assert synthesizer.fitted[0][2] is None
    assert err == ""


def test_settings_reach_the_method(table, synthesizer, capsys):
    options = ["--policy", "gpt2", "--epochs", "7", "--seed", "5", "--identifiers", "drop", "--kind", "age=categorical"]
    _run(capsys, "ward.csv", "--out", "made.csv", "--no-evaluation", "--quiet", *options)
    ((parameters, _, _),) = synthesizer.fitted
    expected = {"policy": "gpt2", "n_epochs": 7, "random_state": 5, "identifiers": "drop", "verbose": 0}
    assert expected | {"column_kinds": {"age": "categorical"}} == {
        name: parameters[name] for name in (*expected, "column_kinds")
    }


def test_unless_asked_the_method_has_its_own_defaults(table, synthesizer, capsys):
    _, out, _ = _run(capsys, "ward.csv", "--out", "made.csv", "--no-evaluation")
    ((parameters, _, _),) = synthesizer.fitted
    defaults = DiscoTabSynthesizer().get_params()
    for name in ("feedback", "constraints", "forbidden_rules", "violations"):
        assert parameters[name] == (list(defaults[name]) if defaults[name] == () else defaults[name])
    assert "laws" not in out


@pytest.mark.parametrize(("option", "value"), [("scalar", "scalar"), ("none", None)])
def test_the_second_stage_can_be_chosen(table, synthesizer, capsys, option, value):
    _run(capsys, "ward.csv", "--out", "made.csv", "--no-evaluation", "--feedback", option)
    assert synthesizer.fitted[0][0]["feedback"] == value


def test_laws_and_vetoes_reach_the_method(table, synthesizer, capsys):
    laws = ["age >= 18", "usually bmi < 40"]
    vetoes = ["code", "age, region", "if age < 30 then died is no"]
    options = [part for text in laws for part in ("--constraint", text)]
    options += [part for text in vetoes for part in ("--forbid", text)]
    code, _, _ = _run(
        capsys, "ward.csv", "--out", "made.csv", "--no-evaluation", *options, "--violations", "refuse", "--quiet"
    )
    ((parameters, _, _),) = synthesizer.fitted
    assert code == 0
    assert parameters["constraints"] == laws
    assert parameters["forbidden_rules"] == ["code", ("age", "region"), "if age < 30 then died is no"]
    assert parameters["violations"] == "refuse"


def test_a_name_that_holds_a_comma_is_a_name(table, synthesizer, capsys):
    table.rename(columns={"age": "age, years", "bmi": "years"}).to_csv("odd.csv", index=False)
    vetoes = ["--forbid", "age, years", "--forbid", '"age, years",code']
    _run(capsys, "odd.csv", "--out", "made.csv", "--no-evaluation", *vetoes)
    assert synthesizer.fitted[0][0]["forbidden_rules"] == ["age, years", ("age, years", "code")]


def test_laws_are_counted_and_so_are_the_rows_that_break_a_hard_one(table, folder, capsys):
    laws = ["--constraint", "age >= 60", "--constraint", "if region is north then died is no"]
    laws += ["--constraint", "usually age < 0"]
    _, out, _ = _run(capsys, "ward.csv", "--out", "made.csv", "--target", "died", *laws, "--report", "report.html")
    made = read_table("made.csv")
    n_broken = ((made["age"] < 60) | ((made["region"] == "north") & (made["died"] == "yes"))).sum()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert 0 < n_broken < 80
    assert f"laws of the table: 3 given, 1 found; {n_broken} of 80 rows break one\n" in out
    assert f"3 given, 1 found; {n_broken} of 80 rows break one" in page
    assert page.count("if region is north then died is no") > 1  # a setting, and a rule that was measured


@pytest.mark.filterwarnings("default::skgensynth.exceptions.ConstraintWarning")
def test_the_method_itself_keeps_laws(table, capsys, monkeypatch):
    monkeypatch.setitem(vars(skgensynth), "DiscoTabSynthesizer", DiscoTabSynthesizer)
    table.assign(later=table["age"] + 5).to_csv("ages.csv", index=False)
    laws = ["--constraint", "age < later", "--constraint", "age >= 30", "--violations", "refuse", "--feedback", "none"]
    code, out, err = _run(capsys, "ages.csv", "--out", "made.csv", "--no-evaluation", "--epochs", 1, *laws)
    made = read_table("made.csv")
    assert code == 0
    assert (made["age"] < made["later"]).all()
    assert (made["age"] >= 30).all()
    assert f"{(table['age'] < 30).sum()} of 80 rows break 'age >= 30'" in err
    assert "laws of the table: 2 given, " in out
    assert "; 0 of 80 rows break one" in out


def test_the_same_seed_writes_the_same_file(table, folder, capsys):
    for name in ("one.csv", "two.csv"):
        _run(capsys, "ward.csv", "--out", name, "--no-evaluation", "--seed", 4)
    assert (folder / "one.csv").read_bytes() == (folder / "two.csv").read_bytes()


@pytest.mark.filterwarnings("default::skgensynth.exceptions.IdentifierWarning")
def test_identifiers_are_warned_about_and_kept_out_of_the_figures(table, folder, capsys):
    table.assign(patient=[f"P-{i:05d}" for i in range(len(table))]).to_csv("ids.csv", index=False)
    code, _, err = _run(capsys, "ids.csv", "--out", "made.csv", "--report", "report.html")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert code == 0
    assert err.count("warning: ") == 1
    assert "patient" in err
    assert "<b>patient</b>" not in page
    assert "patient" in page
    assert read_table("made.csv")["patient"].is_unique


def test_other_warnings_are_left_alone(table, capsys, monkeypatch, synthesizer):
    def fit(self, X, y=None):
        warnings.warn("from elsewhere", UserWarning, stacklevel=1)
        return _Synthesizer.fit(self, X, y)

    monkeypatch.setattr(synthesizer, "fit", fit)
    with pytest.warns(UserWarning, match="from elsewhere"):
        _run(capsys, "ward.csv", "--out", "made.csv", "--no-evaluation")


def test_progress_goes_to_the_error_stream_or_nowhere(table, capsys):
    _, out, err = _run(capsys, "ward.csv", "--out", "made.csv", "--no-evaluation")
    assert "fitting to all 80 rows" in err
    assert "fitting to all" not in out
    _, _, err = _run(capsys, "ward.csv", "--out", "made.csv", "--no-evaluation", "--quiet")
    assert err == ""


def test_a_shipped_table_brings_its_target(capsys):
    code, _, _ = _run(capsys, "--dataset", "iris", "--rows", 20, "--out", "made.csv", "--no-evaluation")
    assert code == 0
    assert len(read_table("made.csv")) == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv", "--out", "x.csv"], "none.csv"),
        (["ward.csv", "--out", "x.txt"], "must end in"),
        (["ward.csv", "--out", "nowhere/x.csv"], "no folder nowhere"),
        (["ward.csv", "--out", "folder.csv"], "is a folder"),
        (["ward.csv", "--target", "height", "--out", "x.csv"], "no column 'height'"),
        (["ward.csv", "--condition", "age=old", "--out", "x.csv"], "Column 'age'"),
        (["ward.csv", "--condition", "age=200..", "--out", "x.csv"], "age"),
        (["ward.csv", "--condition", "region=west", "--out", "x.csv"], "region"),
        (["ward.csv", "--kind", "age=number", "--out", "x.csv"], "--kind 'age=number'"),
        (["ward.csv", "--constraint", "age old", "--out", "x.csv"], "--constraint: cannot read 'age old'"),
        (["ward.csv", "--constraint", "height > 3", "--out", "x.csv"], "there is no column 'height'"),
        (["ward.csv", "--constraint", "region is west", "--out", "x.csv"], "it has the values east, north, south"),
        (["ward.csv", "--forbid", "height", "--out", "x.csv"], "--forbid: write a column, columns with commas"),
        (["ward.csv", "--forbid", "age,height", "--out", "x.csv"], "cannot read 'age,height'"),
        (["ward.csv", "--forbid", "", "--out", "x.csv"], "--forbid: write a column"),
        (["ward.csv", "--forbid", "height > 3", "--out", "x.csv"], "there is no column 'height'"),
        (["ward.csv", "--holdout", "0.05", "--out", "x.csv"], "too few to hold out"),
        (["ward.csv", "--no-evaluation", "--report", "r.html", "--out", "x.csv"], "--no-evaluation"),
        (["gap.csv", "--target", "y", "--out", "x.csv"], "y"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(table, folder, capsys, synthesizer, arguments, message):
    (folder / "folder.csv").mkdir()
    (folder / "gap.csv").write_text("x,y\n" + "1,a\n2,b\n" * 30 + "3,\n")
    code, out, err = _run(capsys, *arguments)
    error = err.strip().splitlines()[-1]
    assert code == 2
    assert error.startswith("skgensynth: error: ")
    assert message in error
    assert "Traceback" not in err
    assert out == ""
    assert synthesizer.fitted == ()


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate"],
        ["generate", "ward.csv"],
        ["generate", "ward.csv", "--out", "x.csv", "--rows", "0"],
        ["generate", "ward.csv", "--out", "x.csv", "--rows", "1.5"],
        ["generate", "ward.csv", "--out", "x.csv", "--epochs", "many"],
        ["generate", "ward.csv", "--out", "x.csv", "--holdout", "1"],
        ["generate", "ward.csv", "--out", "x.csv", "--holdout", "half"],
        ["generate", "ward.csv", "--dataset", "iris", "--out", "x.csv"],
        ["generate", "ward.csv", "--out", "x.csv", "--feedback", "None"],
        ["generate", "ward.csv", "--out", "x.csv", "--violations", "forbid"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    _, err = capsys.readouterr()
    assert caught.value.code == 2
    assert len(err.strip().splitlines()) == 1
    assert "error: " in err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SamplingError("No valid row\nin 1,000 candidates."), 1, "No valid row in 1,000 candidates."),
        (MemoryError(), 1, "MemoryError"),
        (SkgensynthError("The model does not suit the table."), 2, "The model does not suit the table."),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_on_the_way_have_codes_of_their_own(table, capsys, monkeypatch, synthesizer, error, code, message):
    def sample(self, n_samples=1, *, conditions=None, random_state=None):
        raise error

    monkeypatch.setattr(synthesizer, "sample", sample)
    assert main(["generate", "ward.csv", "--out", "made.csv", "--quiet"]) == code
    assert capsys.readouterr().err == f"skgensynth: error: {message}\n"


def test_missing_extras_are_said_before_the_work(table, capsys, monkeypatch):
    monkeypatch.setattr("skgensynth.cli.terminal.find_spec", lambda name: None)
    assert "skgensynth[report]" in _run(capsys, "ward.csv", "--out", "x.csv", "--report", "r.html")[2]
    assert "skgensynth[parquet]" in _run(capsys, "ward.csv", "--out", "x.parquet")[2]


def test_help_explains_conditions_and_laws(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["generate", "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "age=65.." in out
    assert '--forbid "age,ward"' in out


def test_the_method_itself_runs_from_the_command_line(folder):
    command = [sys.executable, "-m", "skgensynth", "generate", "--dataset", "iris", "--rows", "30", "--epochs", "2"]
    done = subprocess.run(
        [*command, "--feedback", "none", "--out", "made.csv", "--report", "report.html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(read_table("made.csv")) == 30
    assert (folder / "report.html").stat().st_size > 10_000
