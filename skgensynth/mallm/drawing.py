"""Drawing of a causal graph: causes on the left, effects on the right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skgensynth.mallm.graph import CausalGraph, Edge

__all__ = ["draw_graph"]

# A place: the column's name, or an edge and the layer that it passes.
Place = Any

# In units of the distance between neighbouring layers, and between neighbouring columns of a layer.
BOX_WIDTH, BOX_HEIGHT = 0.72, 0.64
LAYER_INCHES, ROW_INCHES = 2.1, 0.5
N_SWEEPS = 8
MAX_CHARACTERS = 22
CONNECTED, ALONE, ARROWS = "#0072B2", "0.6", "0.35"


def draw_graph(graph: CausalGraph, ax: Axes | None = None) -> Axes:
    """Draw a causal graph in layers, so that all arrows lead to the right.

    Columns are placed by the longest path that leads to them, and ordered by the mean place of their neighbours
    (Sugiyama, Tagawa and Toda, Methods for visual understanding of hierarchical system structures, 1981). Columns
    without edges are pale and stand below.

    Parameters
    ----------
    graph : CausalGraph
        The graph.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a figure of the size that the graph needs.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError("a causal graph is drawn with matplotlib: pip install matplotlib") from error
    layout = _lay_out(graph)
    xs, ys = zip(*layout.at.values(), strict=True) if layout.at else ((0,), (0,))
    n_layers, height = max(xs) - min(xs) + 1, max(ys) - min(ys) + 1
    if ax is None:
        size = (max(3.0, LAYER_INCHES * n_layers), max(1.5, ROW_INCHES * height))
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    ax.set_xlim(min(xs) - 0.5, max(xs) + 0.5)
    ax.set_ylim(min(ys) - 0.6, max(ys) + 0.6)
    ax.set_axis_off()
    for edge in graph.edges:
        _draw_edge(ax, [layout.at[place] for place in layout.route(edge)])
    texts = {node: _shorten(node) for node in graph.nodes}
    points = BOX_WIDTH / n_layers * ax.get_window_extent().width * 72 / ax.figure.dpi
    # Letters are about 0.6 of the font size wide.
    size = max(4.0, min(10.0, points / (0.6 * max(map(len, texts.values()), default=1))))
    for node, text in texts.items():
        _draw_node(ax, text, layout.at[node], size, CONNECTED if node in layout.layer else ALONE)
    return ax


def _draw_edge(ax: Axes, stops: list[tuple[float, float]]) -> None:
    """A curve from box to box, level where it passes a layer."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    half = BOX_WIDTH / 2
    points, codes = [(stops[0][0] + half, stops[0][1])], [Path.MOVETO]
    for i, (x, y) in enumerate(stops[1:], start=1):
        x0, y0 = points[-1]
        x1 = x - half
        points += [((x0 + x1) / 2, y0), ((x0 + x1) / 2, y), (x1, y)]
        codes += [Path.CURVE4] * 3
        if i < len(stops) - 1:
            points.append((x + half, y))
            codes.append(Path.LINETO)
    path = Path(points, codes)
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=10, color=ARROWS, linewidth=1, zorder=1))


def _shorten(name: str) -> str:
    """As much of a name as fits into a box, without what would break its line."""
    text = "".join(character if character.isprintable() else " " for character in name)
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


def _draw_node(ax: Axes, text: str, at: tuple[float, float], size: float, colour: str) -> None:
    """A box with a text in it."""
    from matplotlib.patches import FancyBboxPatch

    corner = (at[0] - BOX_WIDTH / 2, at[1] - BOX_HEIGHT / 2)
    style = "round,pad=0,rounding_size=0.08"
    box = FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, boxstyle=style, facecolor="white", edgecolor=colour, zorder=2)
    ax.add_patch(box)
    ax.text(*at, text, ha="center", va="center", fontsize=size, parse_math=False, clip_on=True, zorder=3)


@dataclass(frozen=True)
class _Layout:
    """Where columns are, and the bends of edges that pass layers."""

    at: dict[Place, tuple[float, float]]
    layer: dict[str, int]

    def route(self, edge: Edge) -> list[Place]:
        """The places that an edge leads through."""
        cause, effect = edge
        return [cause, *((edge, layer) for layer in range(self.layer[cause] + 1, self.layer[effect])), effect]


def _lay_out(graph: CausalGraph) -> _Layout:
    layer = _layers(graph)
    layout = _Layout({}, layer)
    rows: list[list[Place]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in graph.nodes:
        if node in layer:
            rows[layer[node]].append(node)
    before: dict[Place, list[Place]] = {}
    after: dict[Place, list[Place]] = {}
    for edge in graph.edges:
        route = layout.route(edge)
        for place in route[1:-1]:
            rows[place[1]].append(place)
        for left, right in pairwise(route):
            before.setdefault(right, []).append(left)
            after.setdefault(left, []).append(right)
    for _ in range(N_SWEEPS):
        for turn, neighbours in ((rows, before), (rows[::-1], after)):
            for previous, row in pairwise(turn):
                _order(row, previous, neighbours)
    for x, row in enumerate(rows):
        layout.at.update({place: (x, (len(row) - 1) / 2 - i) for i, place in enumerate(row)})
    _place_alone([node for node in graph.nodes if node not in layer], len(rows), layout.at)
    return layout


def _layers(graph: CausalGraph) -> dict[str, int]:
    """Length of the longest path to each column that has edges; roots stand just before their first effect."""
    layer: dict[str, int] = {}
    for node in graph.topological_order:
        parents = graph.parents(node)
        if parents or any(cause == node for cause, _ in graph.edges):
            layer[node] = max((layer[parent] + 1 for parent in parents), default=0)
    for root in graph.roots:
        if root in layer:
            layer[root] = min(layer[effect] for cause, effect in graph.edges if cause == root) - 1
    return layer


def _order(row: list[Place], previous: list[Place], neighbours: dict[Place, list[Place]]) -> None:
    """Sort the places of a layer by the mean place of their neighbours in the one before, from 0 to 1."""
    where = {place: (i + 0.5) / len(previous) for i, place in enumerate(previous)}

    def mean(i: int) -> float:
        near = [where[other] for other in neighbours.get(row[i], []) if other in where]
        return sum(near) / len(near) if near else (i + 0.5) / len(row)

    row[:] = [row[i] for i in sorted(range(len(row)), key=mean)]


def _place_alone(nodes: list[str], n_layers: int, at: dict[Place, tuple[float, float]]) -> None:
    """Put columns without edges into lines below the others."""
    width = max(n_layers, math.ceil(math.sqrt(len(nodes)))) if n_layers < 3 else n_layers
    top = min((y for _, y in at.values()), default=1.0) - 1
    for i, node in enumerate(nodes):
        at[node] = (i % width, top - i // width)
