import sys

import numpy as np
import pandas as pd
import pytest

import skgensynth
from skgensynth.exceptions import SchemaError, SchemaMismatchError
from skgensynth.metrics import exact_copies, jensen_shannon, trtr, tstr
from skgensynth.report import evaluate


def test_independent_rows_of_the_same_source_come_out_good(report):
    assert [verdict.level for verdict in report.verdicts] == ["good", "good", "good"]
    assert report.n_copies == 0
    assert "can stand in" in report.headline
    assert (report.n_train, report.n_test, report.n_synthetic) == (400, 250, 800)


def test_copies_of_the_training_rows_are_called_out(rows):
    train = rows(150, 0)
    report = evaluate(train, rows(100, 1), train, target="died", rules=None)
    assert report.n_copies == exact_copies(train, train) == 150
    assert report.verdicts[2].level == "poor"
    assert report.scores["privacy"] < 0.1
    assert "Do not share" in report.headline
    assert any(caution.serious and "repeat a training row" in caution.what for caution in report.cautions)


def test_noise_is_of_no_use_and_unlike_the_real_rows_but_safe(rows):
    rng = np.random.default_rng(0)
    noise = rows(300, 2)
    noise["age"] = rng.uniform(0, 120, 300).round()
    noise["bmi"] = rng.uniform(0, 99, 300)
    noise["died"] = rng.choice(["yes", "no"], 300)
    report = evaluate(rows(150, 0), rows(100, 1), noise, target="died", rules=None)
    assert [verdict.level for verdict in report.verdicts[:2]] == ["poor", "poor"]
    assert report.scores["utility"] < 0.3
    assert report.scores["fidelity"] < report.fidelity.index[1]
    assert report.verdicts[2].level == "good"


def test_figures_are_those_of_the_metrics(rows, report):
    train, test, synthetic = rows(400, 0), rows(250, 1), rows(800, 2)
    assert report.fidelity.columns == jensen_shannon(train, synthetic)
    assert report.fidelity.columns_floor == jensen_shannon(train, test).per_column
    seed = int(np.random.RandomState(0).randint(2**31))
    assert report.utility.synthetic == tstr(synthetic, test, "died", random_state=seed)
    assert report.utility.real == trtr(train, test, "died", random_state=seed)


def test_it_is_at_the_top_of_the_package():
    assert skgensynth.evaluate is evaluate


def test_the_same_seed_gives_the_same_figures(rows):
    tables = rows(40, 0), rows(30, 1), rows(60, 2)
    first, again, other = (evaluate(*tables, random_state=seed).to_dict() for seed in (0, 0, 1))
    assert first == again != other


def test_global_state_is_left_alone(rows, capsys):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    evaluate(rows(60, 0), None, rows(80, 2))
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_if_asked_for(rows, capsys):
    evaluate(rows(60, 0), rows(40, 1), rows(80, 2), verbose=1, rules=None)
    out, err = capsys.readouterr()
    assert out == ""
    assert "measuring privacy" in err


def test_a_regression_is_measured_in_r2(rows):
    report = evaluate(rows(120, 0), rows(60, 1), rows(400, 2), target="age", rules=None)
    names = [figure.name for figure in report.figures if figure.group == "Utility"]
    assert names[:2] == ["R²", "RMSE"]
    assert "lowest recall of a class" not in names
    assert "class gap difference" not in [figure.name for figure in report.figures]


def test_without_a_target_utility_is_not_judged(rows):
    report = evaluate(rows(120, 0), rows(60, 1), rows(200, 2), rules=None)
    assert report.utility is None
    assert report.verdicts[0].level == "not judged"
    assert "No target column" in report.verdicts[0].sentence
    assert {figure.group for figure in report.figures} == {"Fidelity", "Privacy"}


def test_identifiers_are_left_out_and_named(rows):
    tables = [
        rows(n, seed).assign(patient=[f"P-{seed}-{i:05d}" for i in range(n)]) for n, seed in ((60, 0), (40, 1), (80, 2))
    ]
    report = evaluate(*tables, rules=None)
    assert report.left_out == ["patient"]
    assert "patient" not in report.tables.synthetic.columns
    assert any("Left out as identifiers: patient." in caution.what for caution in report.cautions)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": range(30)}),
        pd.DataFrame({"x": ["a"] * 30}),
        pd.DataFrame({"x": [np.nan] * 30}),
        pd.DataFrame({0: [1.5, np.nan] * 15, "b": pd.array([True, None] * 15, dtype="boolean")}),
        pd.DataFrame({("a", 1): pd.date_range("2020-01-01", periods=30, tz="UTC"), ("a", 2): [1, 2, 3] * 10}),
        pd.DataFrame({"x": pd.Categorical(["a", None, "b"] * 10), "t": pd.to_timedelta(range(30), "h")}),
        pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]}),
        pd.DataFrame({"x": [1.0], "y": ["a"]}),
    ],
)
def test_any_table_is_measured(frame, tmp_path):
    for test in (frame, None):
        report = evaluate(frame, test, frame)
        assert report.verdicts[1].score > 0.5
        assert str(report)
        report.to_html(tmp_path / "report.html")


def test_what_cannot_be_measured_is_said(rows):
    report = evaluate(rows(3, 0), rows(2, 1), rows(3, 2), rules=None)
    assert "detection" in report.skipped
    assert any("Not measured: detection." in caution.what for caution in report.cautions)


def test_large_tables_are_drawn_from_and_it_is_said(monkeypatch, rows):
    for module in ("evaluation", "quality"):
        monkeypatch.setattr(sys.modules[f"skgensynth.report.{module}"], "MAX_ROWS", 100)
    report = evaluate(rows(150, 0), rows(60, 1), rows(200, 2), target="died", rules=None)
    assert report.utility.synthetic.n_train == 100
    assert report.privacy.memberships["distance"].n_synthetic == 200
    assert any("measured on 100 rows drawn" in caution.what for caution in report.cautions)


def test_rules_are_given_mined_or_left_out(rows):
    tables = rows(200, 0), rows(100, 1), rows(200, 2)
    assert evaluate(*tables, rules=None).rules is None
    assert evaluate(*tables, rules=["age >= 200"]).rules.share == 1.0
    train, made = (frame[["age", "ward"]] for frame in (tables[0], tables[2]))
    train = train.assign(young=np.where(train["age"] < 60, "yes", "no"))
    report = evaluate(train, None, made.assign(young="yes"))
    assert report.rules.share > 0.2
    assert any("Rules broken" in caution.what for caution in report.cautions)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"target": "height"}, SchemaMismatchError, "The target 'height' is not a column of real_train."),
        ({"target": "bmi"}, ValueError, "The target 'bmi' has missing values in real_train"),
        ({"rules": "age > 18"}, ValueError, "rules must be 'auto', None or a list"),
        ({"rules": 3}, TypeError, "rules must be 'auto', None or a list of rules, got int"),
        ({"real_test": 3}, TypeError, "real_test must be a pandas DataFrame"),
        ({"synthetic": pd.DataFrame({"age": [1]})}, SchemaMismatchError, "is not in synthetic"),
    ],
)
def test_what_is_wrong_is_said_before_the_work(rows, change, error, words):
    tables = {"real_train": rows(60, 0), "real_test": rows(40, 1), "synthetic": rows(80, 2)}
    with pytest.raises(error, match=words):
        evaluate(**tables | change)


def test_infinite_values_are_refused_by_name(rows):
    with pytest.raises(SchemaError, match="Column 'age' of synthetic holds infinite values"):
        evaluate(rows(60, 0), rows(40, 1), rows(80, 2).assign(age=np.inf))
