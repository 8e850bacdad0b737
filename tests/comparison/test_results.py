import json
import math

import pytest
from common.runs import make_run

from skgensynth.comparison import ComparisonReport, ComparisonRun
from skgensynth.comparison.results import FIGURES


@pytest.fixture
def report():
    runs = (make_run(utility=0.5, harmonic=0.6), make_run(prompt="clin_rule", error="SamplingError: é none"))
    return ComparisonReport(runs)


def test_a_frame_has_a_row_for_each_run(report):
    frame = report.to_frame()
    assert list(frame.columns) == ["table", "synthesizer", "llm", "prompt", *FIGURES, "error"]
    assert frame["prompt"].tolist() == ["seed_ex", "clin_rule"]
    assert frame["error"].tolist() == ["", "SamplingError: é none"]
    assert frame["utility"][0] == 0.5
    assert frame["utility"].isna().tolist() == [False, True]


def test_no_run_is_an_empty_frame():
    assert list(ComparisonReport(()).to_frame().columns)[:2] == ["table", "synthesizer"]


def test_json_has_everything(report, tmp_path):
    text = report.to_json(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert saved == json.loads(text) == report.to_dict()
    assert saved["headline"] == report.headline
    assert saved["runs"][0]["figures"]["privacy"] is None
    back = [ComparisonRun.from_dict(run) for run in saved["runs"]]
    assert [run.to_dict() for run in back] == saved["runs"]
    assert math.isnan(back[0].figures["privacy"])
    assert back[1].notes == ()


def test_printing_shows_the_table(report):
    assert str(report) == repr(report)
    assert "failed: SamplingError: é none" in str(report)
    assert report._repr_html_().startswith("<div>")
    assert report.failed == report.runs[1:]
