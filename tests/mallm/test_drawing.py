import itertools
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from skgensynth.mallm.drawing import BOX_HEIGHT, BOX_WIDTH
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.repair import repair_edges


@pytest.fixture(autouse=True)
def agg():
    """Draw into memory."""
    from matplotlib import pyplot as plt

    backend = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


def large_graph(n=20, seed=0):
    rng = np.random.default_rng(seed)
    names = [f"column with number {i}" for i in range(n)]
    edges = [(names[i], names[j]) for j in range(1, n - 4) for i in rng.integers(j, size=2)]
    return repair_edges(edges, names)[0]


def boxes(axes):
    """Centres of the boxes by their text."""
    return {text.get_text(): text.get_position() for text in axes.texts}


def arrows(axes):
    """The ends of the arrows, in the units of the axes."""
    paths = [patch._path_original for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    return [(tuple(path.vertices[0]), tuple(path.vertices[-1])) for path in paths]


def edges_drawn(axes):
    """The edges that arrows show, from the right side of one box to the left side of another."""
    ends = {(x + side * BOX_WIDTH / 2, y): name for name, (x, y) in boxes(axes).items() for side in (-1, 1)}
    return {(ends[start], ends[end]) for start, end in arrows(axes)}


GRAPHS = {
    "chain with a shortcut": CausalGraph(tuple("abcd"), (("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"))),
    "some columns alone": CausalGraph(tuple("abcdefgh"), (("h", "a"),)),
    "all columns alone": CausalGraph(tuple("abcde")),
    "one column": CausalGraph(("a",)),
    "large": large_graph(),
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_every_column_and_edge_is_drawn_and_nothing_overlaps(graph):
    axes = graph.plot()
    assert isinstance(axes, mpl.axes.Axes)
    axes.figure.canvas.draw()
    assert set(boxes(axes)) == set(graph.nodes)
    assert edges_drawn(axes) == set(graph.edges)
    assert len(arrows(axes)) == len(graph.edges)
    centres = [(x, y) for x, y in (text.get_position() for text in axes.texts)]
    assert len(centres) == len(graph.nodes) == sum(isinstance(patch, FancyBboxPatch) for patch in axes.patches)
    for (x, y), (other_x, other_y) in itertools.combinations(centres, 2):
        assert abs(x - other_x) >= BOX_WIDTH or abs(y - other_y) >= BOX_HEIGHT
    for (x0, _), (x1, _) in arrows(axes):
        assert x0 < x1
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for x, y in centres:
        assert left <= x - BOX_WIDTH / 2 < x + BOX_WIDTH / 2 <= right
        assert low <= y - BOX_HEIGHT / 2 < y + BOX_HEIGHT / 2 <= high


def test_long_edges_do_not_cross_boxes():
    axes = large_graph().plot()
    centres = np.array([text.get_position() for text in axes.texts])
    for patch in axes.patches:
        if isinstance(patch, FancyArrowPatch):
            points = np.concatenate(patch._path_original.to_polygons(closed_only=False))
            for x, y in points:
                inside = np.abs(centres - [x, y]) < [BOX_WIDTH / 2 - 1e-6, BOX_HEIGHT / 2 - 1e-6]
                assert not inside.all(axis=1).any()


def test_texts_fit_into_their_boxes():
    axes = large_graph().plot()
    axes.figure.canvas.draw()
    sizes = {text.get_fontsize() for text in axes.texts}
    assert len(sizes) == 1
    assert sizes.pop() >= 6
    found = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    for text, box in zip(axes.texts, found, strict=True):
        assert text.get_window_extent().width <= box.get_window_extent().width


def test_names_are_shown_as_they_are():
    axes = CausalGraph(("a$b$", "x\ny", "long " * 9), (("a$b$", "x\ny"),)).plot()
    axes.figure.canvas.draw()
    assert set(boxes(axes)) == {"a$b$", "x y", "long long long long l…"}


def test_columns_without_edges_are_pale_and_below():
    axes = GRAPHS["some columns alone"].plot()
    where = boxes(axes)
    assert max(y for name, (_, y) in where.items() if name not in "ah") < min(where["a"][1], where["h"][1])
    found = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    colours = {text.get_text(): box.get_edgecolor() for text, box in zip(axes.texts, found, strict=True)}
    assert colours["a"] == colours["h"] != colours["b"]


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="drawn with matplotlib: pip install matplotlib"):
        GRAPHS["one column"].plot()


def test_axes_that_are_given_are_drawn_on():
    from matplotlib import pyplot as plt

    axes = plt.figure(figsize=(2, 2)).subplots()
    assert large_graph().plot(axes) is axes
    assert len(plt.get_fignums()) == 1
