from decimal import Decimal
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
        (pd.Series([1, 2, 2], dtype=object), pd.Series([2, 2, 1]), "real median 2"),
        (pd.Series([Decimal(i) for i in range(30)]), pd.Series([Decimal(i) for i in range(30)]), "real median 14.5"),
        (pd.Series(range(30), dtype="Int64"), pd.Series(range(30), dtype="Int64"), "real median 14.5"),
        (pd.Series([True, False]), pd.Series([True, True]), "True 50.0% and 100.0%"),
        (
            pd.Series(pd.date_range("2020-01-01", periods=40, tz="Europe/Oslo")),
            pd.Series(pd.date_range("2020-02-01", periods=40, tz="UTC")),
            "real median 2020-01-20",
        ),
        (pd.Series(pd.to_timedelta(range(40), "h")), pd.Series(pd.to_timedelta(range(40), "h")), "real median"),
        (pd.Series([1.5, None] * 20), pd.Series([1.5, 2.5] * 20), "missing 50.0% and 0.0%"),
        (pd.Series([None, None], dtype=float), pd.Series([None, None], dtype=float), "real has no values"),
        (pd.Series(pd.Categorical(["x", "y"])), pd.Series(pd.Categorical(["x", "x"])), "x 50.0% and 100.0%"),
        (pd.Series([f"level {i}" for i in range(30)]), pd.Series(["level 1"] * 30), "22 others"),
        (pd.Series(["y" * 5000, "z"]), pd.Series(["z", "z"]), "yyy… 50.0% and 0.0%"),
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


def test_a_wide_table_keeps_its_strongest_columns_and_the_target():
    rng = np.random.default_rng(0)
    matrix = pd.DataFrame(rng.random((50, 50)))
    matrix[7] = 0.0
    kept = charts.strongest_columns(matrix, [7])
    assert len(kept) == 30
    assert 7 in kept
    assert kept == sorted(kept)


def test_figures_are_written_into_small_heat_maps_only():
    for n, there in ((3, True), (30, False)):
        chart = charts.heat_map(pd.DataFrame(np.full((n, n), 0.5)), "title")
        assert ('class="cell"' in chart.svg) == there
        assert chart.text == "title"


def test_the_projection_tells_how_many_rows_lie_in_the_middle():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(2000, 2))
    chart = charts.projection((real, real + 100), (0.5, 0.25))
    assert "50% and 25% of their variance" in chart.text
    assert "98% of the real rows" in chart.text
    assert "0% of the synthetic rows" in chart.text


def test_the_projection_draws_as_many_dots_of_each_table():
    rng = np.random.default_rng(0)
    for n_real, n_synthetic, drawn in ((50, 5000, 50), (5000, 2000, 600)):
        chart = charts.projection((rng.normal(size=(n_real, 2)), rng.normal(size=(n_synthetic, 2))), (0.5, 0.25))
        paths = ElementTree.fromstring(chart.svg).iter(f"{SVG}path")
        dots = [(path.get("class"), path.get("d").count("h0")) for path in paths if "dots" in path.get("class")]
        for css in ("real dots", "synthetic dots"):
            assert sum(count for name, count in dots if name == css) == drawn
