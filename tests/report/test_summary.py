from html.parser import HTMLParser

import pytest


class _Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_terminal_shows_the_verdict_first(report):
    lines = str(report).splitlines()
    assert lines[0] == report.headline
    assert lines[2].startswith("Utility  ")
    assert repr(report) == str(report)
    assert all(line == line.rstrip() for line in lines)


def test_the_terminal_shows_every_figure_beside_its_reference(report):
    text = str(report)
    for figure in report.figures:
        assert figure.name in text
        assert all(part in text for part in figure.texts)


@pytest.mark.parametrize("which", ["report", "unheld"])
def test_a_notebook_shows_the_same(which, request):
    report = request.getfixturevalue(which)
    html = report._repr_html_()
    reader = _Balance()
    reader.feed(html)
    assert reader.open == []
    assert html.index(report.headline) < html.index("All figures")
    for verdict in report.verdicts:
        assert f"{verdict.name}: {verdict.level}" in html
    assert "<style" not in html
