import re
from dataclasses import replace

import pytest
from common.pages import LOADING, PageReader
from common.runs import make_run

from skgensynth.comparison import ComparisonReport

FIGURES = {
    "utility_real": 0.8,
    "utility_chance": 0.3,
    "membership_auc": 0.52,
    "membership_low": 0.45,
    "membership_high": 0.6,
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    runs = [
        replace(
            make_run("<b>ward</b>", utility=0.4, privacy=0.95, harmonic=0.56, validity=0.9, **FIGURES),
            reasons={"broken <i>": 3, "copy": 11},
            notes=("The prompt was shortened.",),
        ),
        make_run("<b>ward</b>", prompt="clin_rule", error="SamplingError: <script>none</script>"),
        make_run("<b>ward</b>", "", "", synthesizer="DISCO", utility=0.7, privacy=0.9, harmonic=0.79, **FIGURES),
        make_run("plain", fidelity=0.5),
        make_run("lost", error="OSError: gone"),
    ]
    path = tmp_path_factory.mktemp("page") / "compare.html"
    ComparisonReport(tuple(runs)).to_html(path)
    return path.read_text(encoding="utf-8")


def test_the_page_needs_nothing_else(page):
    tags = PageReader(page).tags
    addresses = [value for _, attrs in tags for name, value in attrs.items() if name in LOADING]
    assert addresses == ["#table-1", "#table-2", "#table-3"]
    assert not {"script", "link", "iframe", "object", "embed", "img", "base"} & {tag for tag, _ in tags}
    assert "url(" not in page
    assert set(re.findall(r"https?://[^\"' <]+", page)) <= {"http://www.w3.org/2000/svg"}


def test_tables_have_lines_for_real_rows_and_for_each_run(page):
    text = PageReader(page).text
    assert "5 runs on 3 tables; 2 failed" in text
    assert "On <b>ward</b>, DISCO balances privacy and utility best (0.79)." in text
    assert "real rows 0.80" in text
    assert "chance 0.30" in text
    assert "1 a seed_ex 90.0% 0.40" in text
    assert "2 a clin_rule Failed. SamplingError: <script>none</script>" in text
    assert "3 DISCO – –" in text
    assert "0.52 0.45 to 0.60" in text
    assert "1 a seed_ex Failed. OSError: gone" in text


def test_the_best_figures_are_marked(page):
    assert re.findall(r'class="number best"><span>([^<]+)', page) == ["0.95", "0.70", "0.79"]


def test_why_rows_were_rejected_is_told_most_frequent_first(page):
    text = PageReader(page).text
    assert "1 Rows rejected: copy: 11; broken <i>: 3" in text
    assert "1 The prompt was shortened." in text


def test_dots_are_runs_with_both_figures(page):
    assert page.count('class="mark"') == 2
    assert "a seed_ex: privacy 0.95, utility 0.40" in page
    names = re.findall(r'<text [^>]*class="name"[^>]*>(\d+)</text>', page)
    assert names == ["1", "3"]


def test_headings_are_places(page):
    places = [attrs["id"] for _, attrs in PageReader(page).tags if "id" in attrs]
    assert places == ["table-1", "table-2", "table-3", "reading"]
