from xml.etree import ElementTree

import numpy as np
import pytest

from skgensynth.report import svg
from skgensynth.report.svg import Bars, Estimate

SVG = "{http://www.w3.org/2000/svg}"


def _draw(parts, height, width=svg.WIDTH):
    return ElementTree.fromstring(svg.picture(parts, "words", height=height, width=width).svg)


def _tops(path):
    """Heights of the steps of an outline."""
    return [float(step.split("H")[0]) for step in path.split("V")[1:-1]]


def test_a_picture_carries_its_words():
    drawing = ElementTree.fromstring(svg.picture([], 'a "b" & <c>', height=10).svg)
    assert drawing.get("role") == "img"
    assert drawing.get("aria-label") == 'a "b" & <c>'
    assert drawing.get("style") is None


def test_a_fixed_picture_keeps_its_size():
    assert (
        ElementTree.fromstring(svg.picture([], "", height=10, width=500, fixed=True).svg).get("style") == "width:500px"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\n b", "a b"), ("a\x00b", "a\ufffdb"), (("x", 1), "('x', 1)"), ("\ud800", "\ufffd"), (3, "3")],
)
def test_labels_are_one_line_of_characters_that_can_be_shown(value, text):
    assert svg.plain(value) == text


def test_long_labels_are_cut():
    assert svg.shorten("x" * 50, 10) == "x" * 9 + "…"
    assert svg.shorten("x" * 10, 10) == "x" * 10


def test_a_histogram_shows_shares_and_loses_nothing_outside():
    first, second = np.arange(1000.0), np.full(10, 1e9)
    drawing = _draw(*svg.histogram(first, second, ends=("0", "999")))
    filled, outline = (_tops(path.get("d")) for path in drawing.iter(f"{SVG}path"))
    assert len(filled) == len(outline) == 24
    # All of the second sample is in the last bin, which is the highest of both.
    assert outline[-1] == 12.0
    assert set(outline[:-1]) == {112.0}
    assert all(top > 105 for top in filled)


def test_a_histogram_of_nothing_is_drawn():
    _draw(*svg.histogram(np.array([]), np.array([]), ends=("", "")))


def test_bars_are_as_long_as_their_values():
    drawing = _draw(*svg.bars(["a"], [Bars("real", [0.5]), Bars("synthetic", [-1.0])], top=1.0, form="{:.1f}"))
    assert [float(bar.get("width")) for bar in drawing.iter(f"{SVG}rect")] == [svg.WIDTH / 2, 0.0]
    assert [text.text for text in drawing.iter(f"{SVG}text")] == ["a", "0.5 / -1.0"]


def test_bars_have_whiskers_where_there_is_an_interval():
    series = [Bars("real", [0.5, 0.5], [(0.25, 2.0), (np.nan, np.nan)])]
    (whisker,) = _draw(*svg.bars(["a", "b"], series, top=1.0)).iter(f"{SVG}path")
    assert whisker.get("d").startswith("M80.0 ")
    assert whisker.get("d").endswith("H320.0")


def test_no_bars_say_so():
    assert "no values" in svg.bars([], [Bars("real", [])])[0][0]


def test_a_curve_runs_from_corner_to_corner():
    steps = np.linspace(0, 1, 1000)
    drawing = _draw(*svg.curves([("first", steps, steps**2)], "x", "y"))
    line = next(path for path in drawing.iter(f"{SVG}path") if path.get("class") == "first line")
    chance = next(path for path in drawing.iter(f"{SVG}path") if path.get("class") == "chance")
    start, end = chance.get("d")[1:].split("L")
    places = line.get("d")[1:].split("L")
    assert [float(part) for part in places[0].split()] == [float(part) for part in start.split()]
    assert [float(part) for part in places[-1].split()] == [float(part) for part in end.split()]
    assert len(places) <= 150


def test_points_outside_sit_on_the_border():
    places = np.array([[0.0, 0.0], [1.0, 1.0], [99.0, 99.0]])
    drawing = _draw(*svg.points([("real", places)], ([0, 0], [1, 1]), "x", "y"))
    dots = "".join(path.get("d") for path in drawing.iter(f"{SVG}path") if "dots" in path.get("class"))
    first, second, third = dots.replace("h0", "").split("M")[1:]
    assert first != second == third


def test_estimates_are_placed_on_their_scale():
    rows = [Estimate("a", 0.0, (-9.0, 0.5), "good"), Estimate("b", 1.0, (0.9, 1.0), "poor")]
    drawing = _draw(*svg.estimates(rows, low=-1, high=1, ends=("chance", "all")))
    middles = [float(circle.get("cx")) for circle in drawing.iter(f"{SVG}circle")]
    assert middles == [svg.WIDTH / 2, svg.WIDTH - 4]
    whiskers = [path.get("d") for path in drawing.iter(f"{SVG}path") if "whisker" in path.get("class")]
    assert whiskers[0].startswith("M4.0 ")


def test_cells_tell_strength_and_sign():
    parts, width, height = svg.cells(np.array([[1.0, -0.5], [-0.5, 1.0]]), ["a", "b"], digits=True)
    drawing = _draw(parts, height, width)
    cells = list(drawing.iter(f"{SVG}rect"))
    assert [cell.get("class") for cell in cells] == ["plus", "minus", "minus", "plus"]
    assert [cell.get("fill-opacity") for cell in cells] == ["1.00", "0.50", "0.50", "1.00"]
    assert cells[1].find(f"{SVG}title").text == "a, b: -0.50"
    assert [text.text for text in drawing.iter(f"{SVG}text") if text.get("class") == "cell"] == ["-.5", "-.5"]


def test_cells_of_thirty_columns_are_legible():
    names = [f"a column of a long name, {i}" for i in range(30)]
    parts, width, height = svg.cells(np.eye(30), names, digits=False)
    drawing = _draw(parts, height, width)
    assert min(float(cell.get("width")) for cell in drawing.iter(f"{SVG}rect")) >= 14
    edges = [text.text for text in drawing.iter(f"{SVG}text") if text.get("class") == "edge"]
    assert len(edges) == 60
    assert max(map(len, edges)) <= 18


def _marks(places, level=np.nan):
    names = [str(i) for i in range(len(places))]
    return _draw(*svg.marks(np.array(places, dtype=float), names, names, "privacy", "utility", level))


def test_marks_stand_on_axes_that_end_where_they_do():
    drawing = _marks([[0.62, 0.35], [0.78, 0.55]])
    first, second = drawing.iter(f"{SVG}circle")
    assert float(first.get("cx")) < float(second.get("cx"))
    assert float(first.get("cy")) > float(second.get("cy"))
    texts = [text.text for text in drawing.iter(f"{SVG}text") if text.get("class") is None]
    assert texts == ["0.5", "0.3", "0.7", "0.45", "0.9", "0.6", "privacy", "utility"]


def test_the_ideal_is_the_end_of_an_axis():
    drawing = _marks([[1.0, -3.2], [1.0, 1.0]])
    texts = {text.text for text in drawing.iter(f"{SVG}text")}
    assert {"0.9", "1", "-3.3"} <= texts
    assert {circle.get("cx") for circle in drawing.iter(f"{SVG}circle")} == {"316.0"}


def test_a_level_is_a_dashed_line_within_the_picture():
    drawing = _marks([[0.5, 0.5]], level=0.9)
    (line,) = (path for path in drawing.iter(f"{SVG}path") if path.get("class") == "chance")
    height = float(line.get("d").split()[1].split("H")[0])
    assert 10 <= height < float(next(drawing.iter(f"{SVG}circle")).get("cy"))
    assert not [path for path in _marks([[0.5, 0.5]]).iter(f"{SVG}path") if path.get("class") == "chance"]


def test_names_of_marks_that_meet_do_not():
    drawing = _marks([[0.5, 0.5]] * 12)
    places = [(float(t.get("x")), float(t.get("y"))) for t in drawing.iter(f"{SVG}text") if t.get("class") == "name"]
    pairs = [(a, b) for i, a in enumerate(places) for b in places[:i]]
    assert len(places) == 12
    assert all(abs(a[0] - b[0]) > 10 or abs(a[1] - b[1]) > 9 for a, b in pairs)
