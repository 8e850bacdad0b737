"""A first causal graph, learned from the rows of a table."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Hashable, Iterable
from numbers import Integral
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from skgensynth.associations import dense_codes
from skgensynth.exceptions import CausalGraphError
from skgensynth.mallm.graph import CausalGraph, Edge
from skgensynth.mallm.repair import check_expert_edges
from skgensynth.schema import TableSchema

__all__ = ["edges_by_name", "learn_graph"]

# A level's own state is for the most frequent ones; with more states, few rows show no dependence.
_MAX_LEVELS = 6
# Every step makes the score better, so that the search ends by itself long before.
_MAX_STEPS = 1000
# What an edge from an earlier to a later column is worth more: less than what the search stops at, more than rounding.
_IN_ORDER = 1e-6


def learn_graph(
    values: NDArray[np.float64],
    schema: TableSchema,
    *,
    max_parents: int = 2,
    required: Iterable[tuple[Any, Any]] = (),
    forbidden: Iterable[tuple[Any, Any]] = (),
    max_seconds: float = 30.0,
    n_bins: int = 3,
) -> CausalGraph:
    """Find a causal graph that the rows of a table support.

    Hill climbing over directed graphs without cycles: the edge is added, removed or reversed that raises the Bayesian
    information criterion most, until none does (Koller and Friedman, Probabilistic graphical models, 2009, section
    18.4), with the search of pgmpy. Numbers are cut at their quantiles, rare levels are one state, and so are missing
    values. Nothing is random.

    Rows alone often cannot tell a cause from its effect: where both directions of an edge score the same, the column
    that stands first in the table is the cause (ours).

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_modelled)
        Encoded training rows.
    schema : TableSchema
        The table.
    max_parents : int, default=2
        Parents that a column has at most, at least 0; required ones may be more.
    required, forbidden : iterable of pairs of columns, default=()
        Edges from a cause to its effect that experts fix or forbid, by label or name.
    max_seconds : float, default=30.0
        When the time is up, the graph that was reached is given.
    n_bins : int, default=3
        Into how many bins numbers are cut, at least 2. Few rows bear few bins.

    Returns
    -------
    CausalGraph
        Over the modelled columns. It holds the required edges even where there is nothing to learn from.

    Raises
    ------
    CausalGraphError
        If an edge names an unknown column, or required and forbidden edges contradict each other.
    ValueError
        If a number is out of range; names the parameter.
    ImportError
        If pgmpy is not installed.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skgensynth.mallm.causal import learn_graph
    >>> from skgensynth.schema import TableSchema
    >>> rng = np.random.default_rng(0)
    >>> dose = rng.normal(size=200)
    >>> table = pd.DataFrame({"dose": dose, "sex": rng.choice(["F", "M"], 200), "effect": dose + rng.random(200)})
    >>> schema = TableSchema.infer(table)
    >>> learn_graph(schema.encode(table), schema).edges
    (('dose', 'effect'),)
    """
    _check_numbers(max_parents=(max_parents, 0), n_bins=(n_bins, 2))
    if not max_seconds > 0:
        raise ValueError(f"max_seconds={max_seconds!r} must be above 0")
    nodes = [column.name for column in schema.modelled]
    required = edges_by_name(required, schema, "required")
    forbidden = edges_by_name(forbidden, schema, "forbidden")
    start = check_expert_edges(nodes, required, forbidden)
    if len(nodes) < 2 or len(values) < 2:
        return start
    score = _Score(_states(values, schema, n_bins))
    place = {node: i for i, node in enumerate(nodes)}
    found = _climb(
        score,
        {(place[cause], place[effect]) for cause, effect in start.edges},
        {(place[cause], place[effect]) for cause, effect in forbidden},
        max_parents,
        monotonic() + max_seconds,
    )
    return CausalGraph(tuple(nodes), tuple((nodes[cause], nodes[effect]) for cause, effect in found))


def edges_by_name(edges: Iterable[Any], schema: TableSchema, parameter: str) -> list[Edge]:
    """Edges that a user gave by the labels or names of columns, by their names.

    Parameters
    ----------
    edges : iterable of pairs
        Pairs of a cause and its effect.
    schema : TableSchema
        The table.
    parameter : str
        Where the edges were given, for the error.

    Returns
    -------
    list of (str, str)
        The edges, in the same order.

    Raises
    ------
    CausalGraphError
        If an edge is not a pair of modelled columns; names it and the parameter.
    """
    names: dict[Any, str] = {column.label: column.name for column in schema.modelled}
    names |= {column.name: column.name for column in schema.modelled}
    out = []
    for edge in edges:
        if not isinstance(edge, (tuple, list)) or len(edge) != 2:
            raise CausalGraphError(f"{parameter} holds {edge!r}, which is not a pair of a cause and its effect")
        for label in edge:
            if not isinstance(label, Hashable) or label not in names:
                raise CausalGraphError(
                    f"{parameter} names the column {label!r}, which is not there or not modelled; columns are "
                    f"{', '.join(column.name for column in schema.modelled)}"
                )
        out.append((names[edge[0]], names[edge[1]]))
    return out


def _check_numbers(**ranges: tuple[Any, int]) -> None:
    for name, (value, least) in ranges.items():
        if not isinstance(value, Integral) or value < least:
            raise ValueError(f"{name}={value!r} must be a whole number of at least {least}")


def _states(values: NDArray[np.float64], schema: TableSchema, n_bins: int) -> NDArray[np.intp]:
    """Each column as codes 0, 1, ... of few states; what is missing is a state."""
    columns = []
    for j, column in enumerate(schema.modelled):
        missing = np.isnan(values[:, j])
        states = np.full(len(values), -1)
        cut = _bins if column.kind == "continuous" else _frequent
        states[~missing] = cut(values[~missing, j], n_bins)
        columns.append(dense_codes(states))
    return np.column_stack(columns)


def _bins(numbers: NDArray[np.float64], n_bins: int) -> NDArray[np.intp]:
    """Bins between quantiles."""
    if not len(numbers):
        return np.zeros(0, dtype=np.intp)
    edges = np.quantile(numbers, np.arange(1, n_bins) / n_bins, method="lower")
    below = numbers[numbers < numbers.max()]
    # A number that most rows have may be the largest: the others are then still a bin.
    edges = np.minimum(edges, below.max() if len(below) else numbers.max())
    return np.searchsorted(np.unique(edges), numbers, side="left")


def _frequent(codes: NDArray[np.float64], _: int) -> NDArray[np.intp]:
    """Codes with the rarest as one, where there are many."""
    levels, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if len(levels) <= _MAX_LEVELS:
        return inverse
    rank = np.argsort(np.argsort(-counts, kind="stable"))
    return np.minimum(rank, _MAX_LEVELS - 1)[inverse]


class _Score:
    """Bayesian information criterion of one column given its parents, in nats; the larger the better."""

    def __init__(self, states: NDArray[np.intp]) -> None:
        self.n_rows, self.n_columns = states.shape
        self._states = np.asfortranarray(states)
        self._n_states = states.max(axis=0) + 1
        self._known: dict[tuple[int, frozenset[int]], float] = {}

    def __call__(self, child: int, parents: Iterable[int]) -> float:
        key = (child, frozenset(parents))
        if key not in self._known:
            self._known[key] = self._compute(child, sorted(key[1]))
        return self._known[key]

    def _compute(self, child: int, parents: list[int]) -> float:
        group = np.zeros(self.n_rows, dtype=np.intp)
        n_groups = 1
        for parent in parents:
            group = group * self._n_states[parent] + self._states[:, parent]
            n_groups *= int(self._n_states[parent])
            if n_groups > self.n_rows:  # combinations that do not occur would fill the memory
                group = dense_codes(group)
        n_states = self._n_states[child]
        counts = np.bincount(group * n_states + self._states[:, child], minlength=(group.max() + 1) * n_states)
        counts = counts.reshape(-1, n_states)
        likelihood = xlogy(counts, counts).sum() - xlogy(counts.sum(axis=1), counts.sum(axis=1)).sum()
        penalty = math.log(self.n_rows) / 2 * n_groups * (n_states - 1)
        return float(likelihood - penalty + _IN_ORDER * sum(parent < child for parent in parents))


class _TimeUpError(Exception):
    """The time of the search is over."""


def _climb(
    score: _Score, required: set[tuple[int, int]], forbidden: set[tuple[int, int]], max_parents: int, deadline: float
) -> list[tuple[int, int]]:
    """Edges, as places of columns, that no single step makes better."""
    if importlib.util.find_spec("pgmpy") is None:
        raise ImportError("Learning a causal graph needs pgmpy: pip install 'skgensynth[mallm]'.")
    # Imported late: it takes seconds.
    from pgmpy.base import DAG
    from pgmpy.causal_discovery import ExpertKnowledge, HillClimbSearch
    from pgmpy.structure_score import BaseStructureScore

    class TimedScore(BaseStructureScore):
        def __init__(self) -> None:
            """Without the rows, which `score` has."""

        def local_score(self, variable: int, parents: tuple[int, ...]) -> float:
            if monotonic() > deadline:
                raise _TimeUpError
            return score(variable, parents)

    search = HillClimbSearch(
        TimedScore(),
        max_indegree=max_parents,
        expert_knowledge=ExpertKnowledge(required_edges=sorted(required), forbidden_edges=sorted(forbidden)),
        return_type="dag",
        max_iter=1,
        show_progress=False,
    )
    # Only the names matter, as the score has the rows. Whole numbers: ties among strings would fall differently in
    # each process.
    names = pd.DataFrame(np.zeros((2, score.n_columns), dtype=int))
    edges = sorted(required)
    # Step by step, so that there is a graph when the time is up.
    for _ in range(_MAX_STEPS):
        start = DAG()
        start.add_nodes_from(range(score.n_columns))
        start.add_edges_from(edges)
        try:
            found = sorted(search.set_params(start_dag=start).fit(names).causal_graph_.edges())
        except _TimeUpError:
            break
        if found == edges:
            break
        edges = found
    return edges
