import json

import pytest

from skgensynth.report.saving import save_json, save_page

ODD = "Bilirubin µ\ud800"  # half a surrogate pair, as undecodable bytes of a file come in


def test_json_is_written_and_given_back(tmp_path):
    assert save_json({"name": ODD}, None) == f'{{\n "name": "{ODD}"\n}}'
    text = save_json({"name": ODD}, tmp_path / "report.json")
    assert text == save_json({"name": ODD}, None)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == {"name": ODD}


def test_json_has_no_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_json({"score": float("nan")}, None)


def test_a_page_may_hold_any_character(tmp_path):
    save_page(f"<p>{ODD}</p>", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "<p>Bilirubin µ&#55296;</p>"
