import json
import math
import pickle

import numpy as np

from skgensynth.metrics import harmonic_score


def test_there_are_three_verdicts_with_scores(report):
    assert [verdict.name for verdict in report.verdicts] == ["Utility", "Fidelity", "Privacy"]
    assert all(0 <= verdict.score <= 1 for verdict in report.verdicts)
    assert report.scores == {
        "utility": report.verdicts[0].score,
        "fidelity": report.fidelity.index[0],
        "privacy": report.verdicts[2].score,
        "balance": harmonic_score(report.verdicts[2].score, report.verdicts[0].score),
    }


def test_without_held_out_rows_nothing_is_claimed(unheld):
    assert unheld.utility is None
    assert unheld.privacy is None
    assert [verdict.level for verdict in unheld.verdicts][::2] == ["not judged", "not judged"]
    assert {figure.group for figure in unheld.figures} == {"Fidelity"}
    assert math.isnan(unheld.scores["utility"])
    assert math.isnan(unheld.scores["balance"])
    assert "not judged" in unheld.headline
    assert "There are no held-out rows." in unheld.cautions[0].what
    assert unheld.n_test == 0


def test_the_frame_has_a_line_for_each_figure(report):
    frame = report.to_frame()
    assert len(frame) == len(report.figures)
    assert frame.index.names == ["group", "figure"]
    line = frame.loc[("Utility", "macro F1")]
    assert line["synthetic"] == report.utility.synthetic.score
    assert (line["low"], line["high"]) == report.utility.synthetic.score_interval
    assert line["reference_is"] == "trained on real rows"
    assert np.isnan(frame.loc[("Fidelity", "global fidelity index"), "low"])


def test_the_dict_is_json_and_holds_no_rows(report, rows):
    saved = json.loads(report.to_json())
    assert saved == report.to_dict()
    assert saved["scores"]["fidelity"] == report.scores["fidelity"]
    assert saved["columns"].keys() == set(rows(1, 0).columns)
    assert [each["rule"] for each in saved["rules"]] == ["_adult", "_old"]
    assert set(saved) & {"tables", "train", "train_distances"} == set()


def test_json_has_no_nan(unheld):
    def refuse(text):
        raise AssertionError(text)

    saved = json.loads(unheld.to_json(), parse_constant=refuse)
    assert saved["scores"]["utility"] is None


def test_json_is_written(report, tmp_path):
    text = report.to_json(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == json.loads(text)


def test_a_report_can_be_pickled(report):
    assert pickle.loads(pickle.dumps(report)).to_dict() == report.to_dict()
