import networkx as nx
import pytest
from common.asia import EDGES, NODES
from hypothesis import given
from hypothesis import strategies as st

from skgensynth.exceptions import CausalGraphError
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.repair import check_expert_edges, repair_edges

names = st.sampled_from("abcde")
edge_lists = st.lists(st.tuples(names, names), max_size=12)


def acyclic(edges):
    return nx.is_directed_acyclic_graph(nx.DiGraph(list(edges)))


def test_good_edges_need_no_note():
    graph, notes = repair_edges(EDGES, NODES, required=[("asia", "tub")], forbidden=[("tub", "asia")])
    assert graph == CausalGraph(NODES, EDGES)
    assert notes == []


def test_each_fault_is_told():
    edges = [
        ("a", "b"), ["a", "b"], ("b", "b"), ("a", "x" * 99), ("b", "a"), ("c", "d"), ("b", "c"), ("c", "a"),
        ("d", "b"), "ab", 7, ("a", None), ("a", "c"), ("b", "d"),
    ]  # fmt: skip
    graph, notes = repair_edges(edges, "abcd", required=[("d", "c")], forbidden=[("b", "d")], max_parents=2)
    assert graph.edges == (("a", "b"), ("b", "c"), ("d", "b"), ("d", "c"))
    assert notes == [
        "a -> b was left out: it is there already",
        "b -> b was left out: it leads from a column to itself",
        f"a -> {'x' * 60} was left out: it names {'x' * 60}, which is not a column",
        "b -> a was left out: it closes the cycle a -> b -> a",
        "c -> d was left out: it closes the cycle c -> d -> c",
        "c -> a was left out: it closes the cycle a -> b -> c -> a",
        "ab was left out: it is not a pair of columns",
        "7 was left out: it is not a pair of columns",
        'a -> "None" was left out: it names "None", which is not a column',
        "a -> c was left out: it is one too many: c has 2 parents already",
        "b -> d was left out: it is forbidden",
        "d -> c was added: it is required",
    ]


def test_required_edges_win_over_the_bound_and_over_what_is_proposed():
    required = [("a", "d"), ("b", "d")]
    graph, notes = repair_edges([("d", "a"), ("b", "d"), ("c", "d")], "abcd", required=required, max_parents=1)
    assert graph.parents("d") == ("a", "b")
    assert notes == [
        "d -> a was left out: it closes the cycle a -> d -> a",
        "c -> d was left out: it is one too many: d has 2 parents already",
        "a -> d was added: it is required",
    ]


junk = st.one_of(
    st.tuples(names, names),
    st.lists(st.one_of(names, st.text(max_size=3), st.none()), max_size=3),
    st.text(max_size=3),
    st.integers(),
)


@given(st.lists(junk, max_size=15), edge_lists, edge_lists, st.one_of(st.none(), st.integers(0, 3)))
def test_repaired_graphs_are_always_valid(proposed, required, forbidden, max_parents):
    required = repair_edges(required, "abcde")[0].edges[:3]
    forbidden = [edge for edge in forbidden if edge[0] != edge[1] and edge not in required]
    graph, notes = repair_edges(
        proposed, "abcde", required=required, forbidden=forbidden, max_parents=max_parents
    )  # fmt: skip
    assert graph.nodes == tuple("abcde")
    assert acyclic(graph.edges)
    assert set(required) <= set(graph.edges)
    assert not set(forbidden) & set(graph.edges)
    pairs = [tuple(edge) for edge in proposed if isinstance(edge, (tuple, list))]
    assert set(graph.edges) <= set(pairs) | set(required)
    if max_parents is not None:
        for node in graph.nodes:
            n_required = sum(effect == node for _, effect in required)
            assert len(graph.parents(node)) <= max(max_parents, n_required)
    left_out = sum("was left out" in note for note in notes)
    assert len(graph.edges) == len(proposed) - left_out + len(notes) - left_out
    assert repair_edges(graph.edges, "abcde") == (graph, [])


@pytest.mark.parametrize(
    ("required", "forbidden", "message"),
    [
        ([("a", "z")], [], "the required edge a -> z names z, which is not a column; columns are a, b, c"),
        ([], ["ab"], "the forbidden edge ab is not a pair of columns"),
        ([], [("a", "a")], "the forbidden edge a -> a leads from a column to itself"),
        ([("a", "b")], [("a", "b")], "the edge a -> b is both required and forbidden"),
        ([("a", "b"), ("b", "a")], [], "the required edges form a cycle: a -> b -> a"),
    ],
)
def test_experts_must_not_contradict_themselves(required, forbidden, message):
    with pytest.raises(CausalGraphError, match=message):
        check_expert_edges("abc", required, forbidden)
    with pytest.raises(CausalGraphError, match=message):
        repair_edges([], "abc", required=required, forbidden=forbidden)


def test_what_experts_require_is_a_graph():
    assert check_expert_edges("abc", [["b", "a"]], [("a", "b")]) == CausalGraph(("a", "b", "c"), (("b", "a"),))
