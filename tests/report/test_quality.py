import json

import pytest

from skgensynth.metrics import exact_copies, jensen_shannon, tstr
from skgensynth.report import evaluate


def test_figures_are_those_of_the_metrics(rows, report):
    train, test, synthetic = rows(120, 0), rows(60, 1), rows(400, 2)
    assert report.divergence == jensen_shannon(train, synthetic)
    assert report.divergence_floor == jensen_shannon(train, test)
    assert report.utility == tstr(synthetic, test, "died")
    assert report.ceiling == tstr(train, test, "died")
    assert (report.n_train, report.n_test, report.n_synthetic) == (120, 60, 400)


def test_independent_rows_of_the_same_source_come_out_good(report):
    assert [verdict.name for verdict in report.verdicts] == ["Utility", "Fidelity", "Privacy"]
    assert report.verdicts[2].level == "good"
    assert report.copies == 0


def test_copies_of_the_training_rows_are_called_out(rows):
    train = rows(120, 0)
    report = evaluate(train, rows(60, 1), train, target="died")
    assert report.copies == exact_copies(train, train) == 120
    assert report.verdicts[-1].level == "poor"
    assert "Do not share" in report.headline


def test_without_a_target_there_is_no_utility(rows):
    report = evaluate(rows(120, 0), rows(60, 1), rows(200, 2))
    assert report.utility is None
    assert {row.group for row in report.figures} == {"Fidelity", "Privacy"}
    assert report.to_dict()["utility"] is None


def test_a_regression_is_measured_in_r2(rows):
    report = evaluate(rows(120, 0), rows(60, 1), rows(400, 2), target="age")
    assert [row.name for row in report.figures if row.group == "Utility"] == ["R²"]


def test_printing_shows_figures_and_verdicts(report):
    text = str(report)
    assert "macro F1" in text
    assert "Jensen-Shannon divergence" in text
    assert report.headline in text
    assert repr(report) == text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_the_dict_is_json_and_holds_no_rows(report):
    saved = json.loads(json.dumps(report.to_dict()))
    assert saved["membership"]["auc"] == report.membership.auc
    assert saved["jensen_shannon"]["per_column"].keys() == {str(name) for name in report.divergence.per_column}
    assert "tables" not in saved


def test_the_same_seed_gives_the_same_figures(rows, report):
    again = evaluate(rows(120, 0), rows(60, 1), rows(400, 2), target="died")
    assert again.to_dict() == report.to_dict()


def test_a_target_that_is_no_column_is_refused(rows):
    with pytest.raises(ValueError, match="height"):
        evaluate(rows(120, 0), rows(60, 1), rows(200, 2), target="height")
