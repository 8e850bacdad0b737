import itertools
import json

import pytest
from common.asia import EDGES, NODES
from hypothesis import given
from hypothesis import strategies as st

from skgensynth.exceptions import CausalGraphError
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.repair import repair_edges

ASIA = CausalGraph(NODES, EDGES[::-1])

names = st.sampled_from("abcde")
edge_lists = st.lists(st.tuples(names, names), max_size=12)


# -- graphs ------------------------------------------------------------------------------------------------------------


def test_edges_are_sorted_and_each_is_once():
    graph = CausalGraph(["a", "b", "c"], [["b", "c"], ("a", "c"), ("a", "b"), ("b", "c")])
    assert graph == CausalGraph(("a", "b", "c"), (("a", "b"), ("a", "c"), ("b", "c")))
    assert graph.edges == (("a", "b"), ("a", "c"), ("b", "c"))
    assert hash(graph) == hash(CausalGraph(graph.nodes, graph.edges[::-1]))


def test_parents_roots_and_order():
    assert ASIA.parents("either") == ("tub", "lung")
    assert ASIA.parents("asia") == ()
    assert ASIA.roots == ("asia", "smoke")
    assert CausalGraph(("a", "b", "c"), (("c", "a"),)).topological_order == ("b", "c", "a")
    assert CausalGraph(("a", "b")).roots == ("a", "b")


@given(edge_lists)
def test_the_order_puts_parents_first(edges):
    graph, _ = repair_edges(edges, "abcde")
    place = {node: i for i, node in enumerate(graph.topological_order)}
    assert sorted(place) == list("abcde")
    assert all(place[cause] < place[effect] for cause, effect in graph.edges)


def test_the_text_has_a_line_for_each_column_with_parents():
    assert ASIA.to_text().splitlines() == [
        "without parents: asia, smoke",
        "tub <- asia",
        "lung <- smoke",
        "bronc <- smoke",
        "either <- tub, lung",
        "xray <- either",
        "dysp <- bronc, either",
    ]
    assert CausalGraph(("a", "b")).to_text() == "without parents: a, b"


def test_names_cannot_break_a_line_of_the_text():
    graph = CausalGraph(("a, b", "x\ny", "z"), (("a, b", "z"), ("x\ny", "z")))
    assert graph.to_text() == 'without parents: "a, b", "x\\ny"\nz <- "a, b", "x\\ny"'


def test_json_gives_the_same_graph_back():
    assert CausalGraph.from_dict(json.loads(json.dumps(ASIA.to_dict()))) == ASIA


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ("abc", [("a", "z")], "the edge a -> z names z, which is not a column; columns are a, b, c"),
        ("abc", [("b", "b")], "the edge b -> b leads from a column to itself"),
        ("abc", [("b", "c"), ("c", "b")], "the edges form a cycle: b -> c -> b; leave one of them out"),
        ("abcd", [("d", "b"), ("b", "c"), ("c", "d"), ("a", "b"), ("d", "a")], "a cycle: b -> c -> d -> b"),
        ("abc", ["ab"], "the edge ab is not a pair of columns"),
        ("abc", [("a", "b", "c")], "the edge a -> b -> c is not a pair of columns"),
        ("aba", [], "the column 'a' is twice in the graph"),
        ((0, 1), [(0, 1)], "the column 0 of a graph is not named by a str"),
    ],
)
def test_what_is_no_graph_is_refused(nodes, edges, message):
    with pytest.raises(CausalGraphError, match=message):
        CausalGraph(tuple(nodes), tuple(edges))


def test_unknown_columns_have_no_parents():
    with pytest.raises(CausalGraphError, match="no column 'age'; columns are asia, tub"):
        ASIA.parents("age")


@given(st.permutations(range(6)), st.integers(0, 5), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_the_cycle_that_is_named_is_one(order, length, more):
    nodes = tuple("abcdef")
    length = max(length, 2)
    ring = [(nodes[order[i]], nodes[order[(i + 1) % length]]) for i in range(length)]
    edges = ring + [(nodes[i], nodes[j]) for i, j in more if i != j]
    with pytest.raises(CausalGraphError) as caught:
        CausalGraph(nodes, tuple(edges))
    named = str(caught.value).split(": ")[1].split(";")[0].split(" -> ")
    assert named[0] == named[-1] == min(named)
    assert len(set(named)) == len(named) - 1
    assert set(itertools.pairwise(named)) <= set(edges)


# -- comparisons -------------------------------------------------------------------------------------------------------


def test_changes_are_edges_to_add_to_remove_and_to_reverse():
    first = CausalGraph(tuple("abcd"), (("a", "b"), ("b", "c"), ("a", "d")))
    second = CausalGraph(tuple("abcd"), (("a", "b"), ("c", "b"), ("c", "d")))
    assert first.changes(second) == ((("c", "d"),), (("a", "d"),), (("c", "b"),))
    assert second.changes(first).reversed == (("b", "c"),)
    assert first.edit_distance(second) == 3
    assert first.edit_distance(CausalGraph(tuple("dcba"), first.edges)) == 0
    assert ASIA.edit_distance(CausalGraph(NODES)) == 8


@given(edge_lists, edge_lists)
def test_the_edit_distance_counts_pairs_of_columns_that_differ(first, second):
    graphs = [repair_edges(edges, "abcde")[0] for edges in (first, second)]

    def link(graph, pair):
        return (pair in graph.edges) - (pair[::-1] in graph.edges)

    differ = sum(link(graphs[0], pair) != link(graphs[1], pair) for pair in itertools.combinations("abcde", 2))
    assert graphs[0].edit_distance(graphs[1]) == graphs[1].edit_distance(graphs[0]) == differ


@given(edge_lists, edge_lists)
def test_the_changes_turn_one_graph_into_the_other(first, second):
    one, other = (repair_edges(edges, "abcde")[0] for edges in (first, second))
    changes = one.changes(other)
    made = set(one.edges) - set(changes.removed) | set(changes.added)
    made = made - {edge[::-1] for edge in changes.reversed} | set(changes.reversed)
    assert made == set(other.edges)


def test_graphs_of_other_columns_are_not_compared():
    with pytest.raises(CausalGraphError, match="only one of the graphs has the column 'z'"):
        CausalGraph(("a",)).edit_distance(CausalGraph(("a", "z")))
    with pytest.raises(CausalGraphError, match="compared with a CausalGraph, not with tuple"):
        ASIA.edit_distance(EDGES)
