"""Causal graphs over the columns of a table: checked, compared, and written for people and models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from skgensynth.exceptions import CausalGraphError
from skgensynth.llm.rows.cells import csv_text
from skgensynth.mallm.drawing import draw_graph

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CausalGraph", "Edge", "GraphChanges", "checked_edges", "find_cycle", "spell", "unfit"]

Edge: TypeAlias = tuple[str, str]

# Of names that a model made up: enough to recognise them, too little to fill a prompt.
_MAX_NAME = 60


class GraphChanges(NamedTuple):
    """What turns one graph into another.

    Attributes
    ----------
    added, removed : tuple of (str, str)
        Edges that only the other graph has, and those that only this one has.
    reversed : tuple of (str, str)
        Edges that both have in opposite directions, as the other graph has them.
    """

    added: tuple[Edge, ...]
    removed: tuple[Edge, ...]
    reversed: tuple[Edge, ...]


@dataclass(frozen=True)
class CausalGraph:
    """Which columns of a table cause which others: a directed graph without cycles.

    Two graphs are equal if they have the same columns in the same order, and the same edges.

    Attributes
    ----------
    nodes : tuple of str
        Names of the columns, each once.
    edges : tuple of (str, str)
        Pairs of a cause and its effect, each once, sorted by the places of the two in ``nodes``; they may be given in
        any order.

    Raises
    ------
    CausalGraphError
        If an edge names an unknown column or leads from a column to itself, if columns are not unique or not named by
        strings, or if edges form a cycle; names the columns.

    Examples
    --------
    >>> from skgensynth.mallm.graph import CausalGraph
    >>> graph = CausalGraph(("smoke", "bronc", "lung", "dysp"), (("bronc", "dysp"), ("smoke", "bronc")))
    >>> print(graph.to_text())
    without parents: smoke, lung
    bronc <- smoke
    dysp <- bronc
    >>> graph.edit_distance(CausalGraph(graph.nodes, (("dysp", "bronc"), ("smoke", "bronc"), ("smoke", "lung"))))
    2
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        nodes = tuple(self.nodes)
        for node in nodes:
            if not isinstance(node, str):
                raise CausalGraphError(f"the column {node!r} of a graph is not named by a str")
        if len(set(nodes)) < len(nodes):
            twice = next(node for node in nodes if nodes.count(node) > 1)
            raise CausalGraphError(f"the column {twice!r} is twice in the graph")
        edges = checked_edges(self.edges, nodes, "edge")
        cycle = find_cycle(nodes, edges)
        if cycle:
            raise CausalGraphError(f"the edges form a cycle: {spell(cycle)}; leave one of them out")
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "edges", _in_order(edges, nodes))

    def parents(self, node: str) -> tuple[str, ...]:
        """The direct causes of a column, in the order of the columns.

        Parameters
        ----------
        node : str
            Name of the column.

        Returns
        -------
        tuple of str
            Names; empty for a root.

        Raises
        ------
        CausalGraphError
            If there is no such column.
        """
        if node not in self.nodes:
            raise CausalGraphError(f"the graph has no column {node!r}; columns are {', '.join(self.nodes)}")
        return tuple(cause for cause, effect in self.edges if effect == node)

    @property
    def roots(self) -> tuple[str, ...]:
        """Columns without parents, whether or not they cause others."""
        effects = {effect for _, effect in self.edges}
        return tuple(node for node in self.nodes if node not in effects)

    @property
    def topological_order(self) -> tuple[str, ...]:
        """All columns, each behind its parents; otherwise as they stand in the table."""
        return tuple(_sort_out(self.nodes, self.edges)[0])

    def to_text(self) -> str:
        """Write the graph for a reader or a prompt.

        Returns
        -------
        str
            A line with the columns without parents, and one for each other column with its parents, causes before
            effects. Names that are not plain are in quotes, as in rows.
        """
        roots = self.roots
        lines = [f"without parents: {', '.join(map(csv_text, roots))}"] if roots else []
        for node in self.topological_order:
            if node not in roots:
                lines.append(f"{csv_text(node)} <- {', '.join(map(csv_text, self.parents(node)))}")
        return "\n".join(lines)

    def changes(self, other: CausalGraph) -> GraphChanges:
        """What has to be done to this graph to make it another one.

        Parameters
        ----------
        other : CausalGraph
            A graph over the same columns, in any order.

        Returns
        -------
        GraphChanges
            Edges to add, to remove, and to reverse.

        Raises
        ------
        CausalGraphError
            If it is no graph, or has other columns; names one of them.
        """
        if not isinstance(other, CausalGraph):
            raise CausalGraphError(f"a graph is compared with a CausalGraph, not with {type(other).__name__}")
        for node in set(self.nodes) ^ set(other.nodes):
            raise CausalGraphError(f"only one of the graphs has the column {node!r}; compare graphs of the same table")
        mine, theirs = set(self.edges), set(other.edges)
        turned = {edge for edge in theirs - mine if edge[::-1] in mine}
        removed = {edge for edge in mine - theirs if edge[::-1] not in turned}
        groups = (theirs - mine - turned, removed, turned)
        return GraphChanges(*(_in_order(group, self.nodes) for group in groups))

    def edit_distance(self, other: CausalGraph) -> int:
        """How many edges differ between two graphs.

        The number of edges to add, remove or reverse in one graph to make it the other, a reversal counting once: the
        structural Hamming distance (Tsamardinos, Brown and Aliferis, The max-min hill-climbing Bayesian network
        structure learning algorithm, 2006) between directed graphs.

        Parameters
        ----------
        other : CausalGraph
            A graph over the same columns, in any order.

        Returns
        -------
        int
            0 for equal edges; the same in both directions.

        Raises
        ------
        CausalGraphError
            If it is no graph, or has other columns; names one of them.
        """
        return sum(map(len, self.changes(other)))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the graph in layers, causes on the left and effects on the right.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a figure of the size that the graph needs.

        Returns
        -------
        matplotlib.axes.Axes
            The axes. Columns without edges are pale and stand below the others.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return draw_graph(self, ax)

    def to_dict(self) -> dict[str, Any]:
        """Describe the graph in values that JSON has.

        Returns
        -------
        dict
            ``nodes`` and ``edges`` as lists.
        """
        return {"nodes": list(self.nodes), "edges": [list(edge) for edge in self.edges]}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> CausalGraph:
        """Make the graph that :meth:`to_dict` described.

        Parameters
        ----------
        state : dict
            What ``to_dict`` returned.

        Returns
        -------
        CausalGraph
            An equal graph.
        """
        return cls(tuple(state["nodes"]), tuple((cause, effect) for cause, effect in state["edges"]))


def checked_edges(edges: Iterable[Any], nodes: Sequence[str], word: str) -> list[Edge]:
    """Edges between columns; refuse anything else."""
    pairs: list[Edge] = []
    for edge in edges:
        reason = unfit(edge, nodes)
        if reason:
            raise CausalGraphError(f"the {word} {spell(edge)} {reason}; columns are {', '.join(nodes)}")
        pairs.append((edge[0], edge[1]))
    return pairs


def unfit(edge: Any, nodes: Sequence[str]) -> str:
    """Why something is not an edge between columns; empty if it is one."""
    if not isinstance(edge, (tuple, list)) or len(edge) != 2:
        return "is not a pair of columns"
    for name in edge:
        if not isinstance(name, str) or name not in nodes:
            return f"names {spell((name,))}, which is not a column"
    return "leads from a column to itself" if edge[0] == edge[1] else ""


def spell(names: Any) -> str:
    """Names with arrows between them; what is no list of names as it is."""
    parts = names if isinstance(names, (tuple, list)) else (names,)
    return " -> ".join(csv_text(str(part)[:_MAX_NAME]) for part in parts)


def _in_order(edges: Iterable[Edge], nodes: Sequence[str]) -> tuple[Edge, ...]:
    """Edges, each once, by the places of their columns."""
    place = {node: i for i, node in enumerate(nodes)}
    return tuple(sorted(set(edges), key=lambda edge: (place[edge[0]], place[edge[1]])))


def _sort_out(nodes: Sequence[str], edges: Iterable[Edge]) -> tuple[list[str], dict[str, list[str]]]:
    """Columns behind their parents, and the parents that those have which are on a cycle or behind one."""
    waiting: dict[str, list[str]] = {node: [] for node in nodes}
    for cause, effect in edges:
        waiting[effect].append(cause)
    order: list[str] = []
    while True:
        # The first that is free, so that columns keep their order where they can.
        node = next((node for node, causes in waiting.items() if not set(causes) & waiting.keys()), None)
        if node is None:
            return order, waiting
        order.append(node)
        del waiting[node]


def find_cycle(nodes: Sequence[str], edges: Iterable[Edge]) -> list[str]:
    """The columns of a cycle, the first of them in the table at both ends; empty if there is none."""
    waiting = _sort_out(nodes, edges)[1]
    if not waiting:
        return []
    # Each column that waits has a parent that waits: going back along them ends in a cycle.
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        path.append(next(cause for cause in waiting[path[-1]] if cause in waiting))
    cycle = path[path.index(path[-1]) + 1 :][::-1]
    first = min(range(len(cycle)), key=lambda i: list(nodes).index(cycle[i]))
    return [*cycle[first:], *cycle[:first], cycle[first]]
