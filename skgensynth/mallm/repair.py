"""Edges of a causal graph that experts demand or a model proposes: checked, and made a graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from skgensynth.exceptions import CausalGraphError
from skgensynth.llm.rows.cells import csv_text
from skgensynth.mallm.graph import CausalGraph, Edge, checked_edges, find_cycle, spell, unfit

__all__ = ["check_expert_edges", "repair_edges"]


def check_expert_edges(nodes: Sequence[str], required: Iterable[Edge], forbidden: Iterable[Edge]) -> CausalGraph:
    """Check what experts say about causes, and give the graph of what they require.

    Parameters
    ----------
    nodes : sequence of str
        Names of the columns.
    required, forbidden : iterable of (str, str)
        Pairs of a cause and its effect that must, and must not, be in a graph.

    Returns
    -------
    CausalGraph
        The required edges alone.

    Raises
    ------
    CausalGraphError
        If an edge is not a pair of known, different columns, if one is both required and forbidden, or if those
        required form a cycle; names the columns.
    """
    pairs = checked_edges(required, nodes, "required edge")
    for edge in checked_edges(forbidden, nodes, "forbidden edge"):
        if edge in pairs:
            raise CausalGraphError(f"the edge {spell(edge)} is both required and forbidden")
    cycle = find_cycle(nodes, pairs)
    if cycle:
        raise CausalGraphError(f"the required edges form a cycle: {spell(cycle)}; leave one of them out")
    return CausalGraph(tuple(nodes), tuple(pairs))


def repair_edges(
    edges: Iterable[Any],
    nodes: Sequence[str],
    *,
    required: Iterable[Edge] = (),
    forbidden: Iterable[Edge] = (),
    max_parents: int | None = None,
    given: Iterable[Edge] = (),
) -> tuple[CausalGraph, list[str]]:
    """Make a graph of edges that someone proposed, and say what was wrong with them (ours).

    Required edges come first. The others are taken in their order, unless they are not pairs of known and different
    columns, are there already, are forbidden, close a cycle, or give a column too many parents: the earlier of two
    edges that exclude each other stays.

    Parameters
    ----------
    edges : iterable of (str, str)
        Proposed pairs of a cause and its effect.
    nodes : sequence of str
        Names of the columns.
    required, forbidden : iterable of (str, str), default=()
        Edges that must, and must not, be in the graph.
    max_parents : int, default=None
        Parents that a column has at most; those required or given may be more. None for no limit.
    given : iterable of (str, str), default=()
        Edges of which none is one too many.

    Returns
    -------
    graph : CausalGraph
        The edges that remain.
    notes : list of str
        A sentence for each edge that was left out or added; empty where nothing had to be done.

    Raises
    ------
    CausalGraphError
        If what is required or forbidden cannot be; see :func:`check_expert_edges`.

    Examples
    --------
    >>> from skgensynth.mallm.repair import repair_edges
    >>> graph, notes = repair_edges([("a", "b"), ("b", "c"), ("c", "a"), ("a", "z")], ["a", "b", "c"])
    >>> graph.edges
    (('a', 'b'), ('b', 'c'))
    >>> for note in notes:
    ...     print(note)
    c -> a was left out: it closes the cycle a -> b -> c -> a
    a -> z was left out: it names z, which is not a column
    """
    nodes = tuple(nodes)  # in a text, parts of names would be found, too
    forbidden = list(forbidden)
    kept = list(check_expert_edges(nodes, required, forbidden).edges)
    forbidden = [(cause, effect) for cause, effect in forbidden]
    n_required, exempt = len(kept), list(given)
    missing = set(kept)
    notes = []
    for edge in edges:
        if unfit(edge, nodes) == "" and tuple(edge) in missing:
            missing.remove(tuple(edge))
            continue
        most = None if edge in exempt else max_parents
        reason = _refused(edge, nodes, kept, forbidden, most)
        if reason:
            notes.append(f"{spell(edge)} was left out: it {reason}")
        else:
            kept.append((edge[0], edge[1]))
    notes += [f"{spell(edge)} was added: it is required" for edge in kept[:n_required] if edge in missing]
    return CausalGraph(tuple(nodes), tuple(kept)), notes


def _refused(
    edge: Any, nodes: Sequence[str], kept: Sequence[Edge], forbidden: Sequence[Edge], max_parents: int | None
) -> str:
    """Why an edge cannot be added to those that are kept; empty if it can."""
    reason = unfit(edge, nodes)
    if reason:
        return reason
    edge = (edge[0], edge[1])
    if edge in kept:
        return "is there already"
    if edge in forbidden:
        return "is forbidden"
    cycle = find_cycle(nodes, [*kept, edge])
    if cycle:
        return f"closes the cycle {spell(cycle)}"
    n_parents = sum(effect == edge[1] for _, effect in kept)
    if max_parents is not None and n_parents >= max_parents:
        return f"is one too many: {csv_text(edge[1])} has {n_parents} parent{'s' * (n_parents != 1)} already"
    return ""
