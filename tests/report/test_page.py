import builtins
import re

import numpy as np
import pandas as pd
import pytest
from common.pages import LOADING, PageReader

from skgensynth.report import Origin, evaluate


@pytest.fixture(scope="module")
def page(report, rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    origin = Origin(
        source="ward.csv",
        output="synthetic.csv",
        table=rows(400, 2),
        n_real=650,
        conditions="age is at least 65",
        settings={"method": "disco", "odd": "<i>"},
        warnings=["Column <id> looks like an identifier."],
    )
    report.to_html(path, origin)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wide():
    """A page of a hundred columns of all kinds, some with names that would break it."""
    rng = np.random.default_rng(0)

    def draw(n):
        z = rng.normal(size=n)
        kinds = [
            lambda: rng.normal(z, 1),
            lambda: np.where(rng.random(n) < 0.3, np.nan, rng.poisson(3, n)),
            lambda: rng.choice(["<b>a</b>", "b & c", 'd "e"'], n),
            lambda: z > rng.normal(size=n),
            lambda: pd.Timestamp("2020-01-01") + pd.to_timedelta((100 * z).astype(int), unit="D"),
        ]
        columns = {f"a column with a long name, number {i}": kinds[i % 5]() for i in range(97)}
        odd = {"<script>alert(1)</script>": z, "'\"><img src=x onerror=alert(1)>": z + 1, "a\nb\x01": z * 2}
        return pd.DataFrame(columns | odd)

    # So few rows leave out what takes long on a hundred columns, and nothing of the page but one plot.
    return evaluate(draw(4), draw(3), draw(4), rules=None)


def test_the_page_needs_nothing_else(page):
    addresses = [value for _, attrs in PageReader(page).tags for name, value in attrs.items() if name in LOADING]
    assert all(address.startswith("#") for address in addresses)
    assert not {"script", "link", "iframe", "object", "embed", "img", "base"} & {
        tag for tag, _ in PageReader(page).tags
    }
    assert "@import" not in page
    assert "url(" not in page
    assert set(re.findall(r"https?://[^\"' <]+", page)) <= {"http://www.w3.org/2000/svg"}


def test_jumps_on_the_page_arrive(page):
    tags = PageReader(page).tags
    places = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(places) == len(set(places))
    assert {attrs["href"][1:] for tag, attrs in tags if tag == "a"} <= set(places)


def test_the_verdict_comes_first(page, report):
    text = PageReader(page).text
    places = [
        text.index(words)
        for words in (report.headline, "Utility good", "Where these figures come from", "Each column", "All figures")
        if words in text
    ]
    assert places == sorted(places)
    for verdict in report.verdicts:
        assert verdict.sentence.replace("\u00a0", " ") in text
        assert f"{verdict.score:.2f} of 1" in text


def test_every_figure_stands_beside_its_reference(page, report):
    text = PageReader(page).text
    for figure in report.figures:
        assert f"{figure.name} {figure.texts[0]} {figure.texts[1]} {figure.meaning} {figure.better}" in text


def test_the_page_says_where_figures_and_rows_come_from(page):
    text = PageReader(page).text
    assert "was fitted on 400 training rows and never saw the 250 held-out rows" in text
    assert "fitted afterwards to all 650 rows" in text
    assert "age is at least 65" in text
    assert "Column <id> looks like an identifier." in text


def test_rows_in_a_file_are_taken_for_what_they_are_said_to_be(report, rows, tmp_path):
    report.to_html(tmp_path / "report.html", Origin(source="real.csv", output="made.csv", table=rows(800, 2)))
    text = PageReader((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "made.csv: 800 synthetic rows against real.csv" in text
    assert "The figures hold if the synthesizer was fitted to the former and never saw the latter." in text
    assert "fitted afterwards" not in text


def test_without_held_out_rows_nothing_is_drawn_of_utility_and_privacy(unheld, tmp_path):
    unheld.to_html(tmp_path / "report.html")
    reader = PageReader((tmp_path / "report.html").read_text(encoding="utf-8"))
    places = {attrs.get("id") for _, attrs in reader.tags}
    assert not {"utility", "privacy", "rules"} & places
    assert "There were no held-out rows, so nothing is said about utility and attacks." in reader.text
    assert "real halves" in reader.text
    assert "Utility not judged" in reader.text


def test_names_from_the_table_are_escaped(page):
    assert "<b>sex</b>" not in page
    assert "&lt;b&gt;sex&lt;/b&gt;" in page
    assert "<i>" not in page.replace("<i></i>", "")


def test_every_picture_has_words_for_it(page):
    tags = PageReader(page).tags
    pictures = [attrs for tag, attrs in tags if tag == "svg"]
    # Utility, classes; columns; heat maps; plane; attacks, distances, curves.
    assert len(pictures) in (2 + 7 + 3 + 1 + 3, 2 + 7 + 3 + 2 + 3)
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
    for tag, attrs in tags:
        if tag == "div" and attrs.get("class") == "scroll":
            assert attrs["tabindex"] == "0"
            assert attrs["aria-label"]


def test_broken_rules_stand_beside_real_rows(page, report):
    text = PageReader(page).text
    rule = report.rules.per_rule.loc["_old"]
    assert "1 of 2 rules is broken" in text
    assert f"_old {rule['share']:.1%} ({rule['violations']:.0f}) {rule['real_share']:.1%}" in text


def test_the_page_follows_light_and_dark_and_fits_a_phone(page):
    assert "prefers-color-scheme: dark" in page
    assert re.search(r'name="viewport" content="width=device-width', page)


def test_a_page_without_origin_leaves_that_part_out(report, tmp_path):
    report.to_html(tmp_path / "report.html")
    text = PageReader((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "fitted afterwards" not in text
    assert report.headline in text


def test_a_wide_table_of_odd_names_stays_whole_and_small(wide, tmp_path):
    origin = Origin(source="<r>.csv", output="s.csv", table=wide.tables.synthetic)
    wide.to_html(tmp_path / "report.html", origin)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "report.html").stat().st_size < 3_000_000
    reader = PageReader(page)
    assert not {"script", "img"} & {tag for tag, _ in reader.tags}
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    assert sum(tag == "svg" for tag, _ in reader.tags) >= 100 + 3 + 1 + 3
    assert "The 30 most strongly associated of 100 columns are drawn" in reader.text
    assert "and 50 more columns" in reader.text
    assert "The other 88 columns" in reader.text


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
    evaluate(*tables, rules=None).to_html(tmp_path / "report.html")
    assert 'id="pairs"' not in (tmp_path / "report.html").read_text(encoding="utf-8")
