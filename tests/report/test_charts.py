from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from skgensynth.report import charts

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("real", "synthetic", "words"),
    [
        (pd.Series(np.arange(50.0)), pd.Series(np.arange(50.0) + 1), "real median 24.5"),
        (pd.Series(["<a>", "b", "b"]), pd.Series(["b", "b", "c"]), "<a> 33.3% and 0.0%"),
        (pd.Series([1, 2, 2]), pd.Series([2, 2, 1]), "real median 2"),
        (pd.Series([True, False]), pd.Series([True, True]), "True 50.0% and 100.0%"),
        (
            pd.Series(pd.date_range("2020-01-01", periods=40)),
            pd.Series(pd.date_range("2020-02-01", periods=40)),
            "2020",
        ),
        (pd.Series(pd.to_timedelta(range(40), "h")), pd.Series(pd.to_timedelta(range(40), "h")), "real median"),
        (pd.Series([1.5, None] * 20), pd.Series([1.5, 2.5] * 20), "missing 50.0% and 0.0%"),
        (pd.Series([None, None], dtype=float), pd.Series([None, None], dtype=float), "real has no values"),
        (pd.Series(pd.Categorical(["x", "y"])), pd.Series(pd.Categorical(["x", "x"])), "x 50.0% and 100.0%"),
        (pd.Series([f"level {i}" for i in range(30)]), pd.Series(["level 1"] * 30), "22 others"),
    ],
)
def test_each_kind_of_column_is_drawn_and_told_in_words(real, synthetic, words):
    chart = charts.marginal("x & y", real, synthetic)
    drawing = ElementTree.fromstring(chart.svg)
    assert drawing.tag == f"{SVG}svg"
    assert drawing.get("role") == "img"
    assert drawing.get("aria-label") == chart.text
    assert chart.text.startswith("x & y: ")
    assert words in chart.text


def test_nothing_outside_the_drawn_range_is_lost():
    real = pd.Series(np.arange(1000.0))
    drawing = ElementTree.fromstring(charts.marginal("x", real, pd.Series([1e9] * 10)).svg)
    heights = [float(part.get("height")) for part in drawing.iter(f"{SVG}rect")]
    assert len(heights) == 24
    outline = drawing.find(f"{SVG}path").get("d")
    assert "V12.0" in outline


def test_a_heat_map_has_a_cell_for_each_pair():
    matrix = pd.DataFrame([[1.0, -0.5], [-0.5, 1.0]], index=["a", "b"], columns=["a", "b"])
    cells = list(ElementTree.fromstring(charts.heat_map(matrix, "associations").svg).iter(f"{SVG}rect"))
    assert [cell.get("class") for cell in cells] == ["plus", "minus", "minus", "plus"]
    assert [cell.get("fill-opacity") for cell in cells] == ["1.00", "0.50", "0.50", "1.00"]
    assert cells[1].find(f"{SVG}title").text == "a, b: -0.50"


def test_a_wide_table_keeps_its_strongest_columns_and_the_target():
    rng = np.random.default_rng(0)
    matrix = pd.DataFrame(rng.random((50, 50)))
    matrix[7] = 0.0
    kept = charts.strongest_columns(matrix, [7])
    assert len(kept) == 30
    assert 7 in kept
    assert kept == sorted(kept)
