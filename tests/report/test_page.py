import builtins
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from skgensynth.report import Origin, evaluate


class _Reader(HTMLParser):
    """Collects tags with their attributes, and text."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page(report, rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    origin = Origin(
        source="ward.csv",
        output="synthetic.csv",
        n_real=180,
        table=rows(400, 2),
        conditions="age is at least 65",
        settings={"method": "disco"},
        warnings=["Column id looks like an identifier."],
    )
    report.to_html(path, origin)
    return path.read_text(encoding="utf-8")


def _read(html):
    reader = _Reader()
    reader.feed(html)
    return reader


def test_the_page_needs_nothing_else(page):
    addresses = [value for _, attrs in _read(page).tags for name, value in attrs.items() if name in ("src", "href")]
    assert addresses == []
    assert "@import" not in page
    assert "url(" not in page
    assert len(page) < 3_000_000


def test_the_verdict_comes_first(page, report):
    text = _read(page).text
    places = [text.index(report.headline), text.index("Where these figures come from"), text.index("The figures")]
    assert places == sorted(places)
    for verdict in report.verdicts:
        assert verdict.sentence in text


def test_the_page_says_that_held_out_rows_were_never_seen(page):
    text = " ".join(_read(page).text.split())
    assert "was fitted on 120 training rows and never saw the other 60" in text
    assert "fitted afterwards to all 180 rows" in text
    assert "age is at least 65" in text
    assert "Column id looks like an identifier." in text


def test_names_from_the_table_are_escaped(page):
    assert "<b>sex</b>" not in page
    assert "&lt;b&gt;sex&lt;/b&gt;" in page


def test_every_picture_has_words_for_it(page):
    pictures = [attrs for tag, attrs in _read(page).tags if tag == "svg"]
    assert len(pictures) == 1 + 7 + 3 + 1  # utility, columns, heat maps, distances
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)


def test_the_page_follows_light_and_dark_and_fits_a_phone(page):
    assert "prefers-color-scheme: dark" in page
    assert re.search(r'name="viewport" content="width=device-width', page)


def test_a_page_without_origin_leaves_that_part_out(report, tmp_path):
    report.to_html(tmp_path / "report.html")
    text = _read((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "fitted afterwards" not in text
    assert report.headline in text


def test_missing_jinja2_is_said_with_its_remedy(report, tmp_path, monkeypatch):
    real_import = builtins.__import__

    def without_jinja2(name, *args, **kwargs):
        if name == "jinja2":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_jinja2)
    with pytest.raises(ImportError, match=r"skgensynth\[report\]"):
        report.to_html(tmp_path / "report.html")


def test_one_column_has_no_heat_maps(tmp_path):
    tables = [pd.DataFrame({"x": range(start, start + 30)}) for start in (0, 1, 2)]
    evaluate(*tables).to_html(tmp_path / "report.html")
    assert "how columns depend" not in (tmp_path / "report.html").read_text(encoding="utf-8")
