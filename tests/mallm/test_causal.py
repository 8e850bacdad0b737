import itertools
import math

import numpy as np
import pandas as pd
import pytest
from common.asia import EDGES
from common.tables import mixed_table

from skgensynth.exceptions import CausalGraphError
from skgensynth.mallm import causal
from skgensynth.mallm.causal import edges_by_name, learn_graph
from skgensynth.schema import TableSchema


def learned(table, column_kinds=None, **settings):
    schema = TableSchema.infer(table, column_kinds=column_kinds)
    return learn_graph(schema.encode(table), schema, **settings)


def skeleton(edges):
    return {frozenset(edge) for edge in edges}


def chain(n=400, n_columns=5, keep=0.75, seed=0):
    """Three levels; each column repeats the one before it with a probability."""
    rng = np.random.default_rng(seed)
    values = rng.integers(3, size=(n, n_columns))
    for j in range(1, n_columns):
        values[:, j] = np.where(rng.random(n) < keep, values[:, j - 1], values[:, j])
    return pd.DataFrame({f"c{j}": pd.Categorical(values[:, j]) for j in range(n_columns)})


def asia_like(n=1000, seed=0):
    """The network of Lauritzen and Spiegelhalter, with visits and tuberculosis that are not as rare."""
    rng = np.random.default_rng(seed)

    def draw(probability):
        return rng.random(n) < probability

    asia, smoke = draw(0.3), draw(0.5)
    tub = draw(np.where(asia, 0.35, 0.05))
    lung = draw(np.where(smoke, 0.3, 0.02))
    bronc = draw(np.where(smoke, 0.7, 0.2))
    either = tub | lung
    xray = draw(np.where(either, 0.95, 0.05))
    dysp = draw(np.choose(bronc + 2 * either, [0.1, 0.75, 0.65, 0.95]))
    names = ["asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp"]
    columns = [asia, tub, smoke, lung, bronc, either, xray, dysp]
    return pd.DataFrame({name: np.where(column, "yes", "no") for name, column in zip(names, columns, strict=True)})


# -- planted graphs ----------------------------------------------------------------------------------------------------


def test_a_chain_is_found():
    graph = learned(chain())
    assert graph.edges == (("c0", "c1"), ("c1", "c2"), ("c2", "c3"), ("c3", "c4"))


def test_the_order_of_the_columns_decides_where_rows_cannot():
    graph = learned(chain(n_columns=3)[["c2", "c1", "c0"]])
    assert graph.edges == (("c2", "c1"), ("c1", "c0"))


def test_columns_that_do_not_depend_on_each_other_have_no_edges():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=300), "c": rng.choice(list("abc"), 300), "z": rng.random(300)})
    assert learned(table).edges == ()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_skeleton_of_asia_is_found_from_1000_rows(seed):
    table = asia_like(seed=seed)
    assert skeleton(learned(table).edges) == skeleton(EDGES)
    # Not thanks to the order of the columns.
    turned = table[["xray", "lung", "dysp", "asia", "either", "bronc", "smoke", "tub"]]
    assert len(skeleton(learned(turned).edges) ^ skeleton(EDGES)) <= 3


def test_a_common_effect_gets_its_direction_from_the_rows():
    rng = np.random.default_rng(0)
    first, second = rng.integers(2, size=(2, 500)).astype(bool)
    table = pd.DataFrame({"first": first, "effect": first | second, "second": second})
    assert learned(table).edges == (("first", "effect"), ("second", "effect"))


def test_numbers_levels_and_missing_values_carry_dependence():
    rng = np.random.default_rng(0)
    n = 400
    dose = rng.normal(size=n)
    table = pd.DataFrame(
        {
            "dose": dose,
            "sign": np.where(dose + rng.normal(scale=0.3, size=n) > 0, "high", "low"),
            "noise": rng.normal(size=n),
            "test": np.where(dose > 0, rng.normal(size=n), np.nan),
            "bend": dose**2 + rng.normal(scale=0.2, size=n),
        }
    )
    assert skeleton(learned(table).edges) >= skeleton([("dose", "sign"), ("dose", "test"), ("dose", "bend")])
    assert not any("noise" in edge for edge in learned(table).edges)


@pytest.mark.parametrize("common", [0.0, 1.0])
def test_a_number_that_most_rows_have_is_a_bin(common):
    rng = np.random.default_rng(0)
    has = rng.random(300) < 0.8
    table = pd.DataFrame({"x": np.where(has, common, rng.random(300)), "has": has})
    assert learned(table, {"x": "continuous"}).edges == (("x", "has"),)


# -- the score ---------------------------------------------------------------------------------------------------------


def counted_bic(columns, child, parents):
    """The criterion row by row."""
    n = len(columns[0])
    total = 0.0
    for row in range(n):
        same = [i for i in range(n) if all(columns[p][i] == columns[p][row] for p in parents)]
        total += math.log(sum(columns[child][i] == columns[child][row] for i in same) / len(same))
    free = (len(set(columns[child])) - 1) * math.prod(len(set(columns[p])) for p in parents)
    return total - math.log(n) / 2 * free


@pytest.mark.parametrize("n", [8, 60])
def test_the_score_is_the_bayesian_information_criterion(n):
    rng = np.random.default_rng(0)
    states = np.column_stack([rng.integers(3, size=n), rng.integers(2, size=n), rng.integers(4, size=n)])
    states = np.column_stack([np.unique(column, return_inverse=True)[1] for column in states.T])
    score = causal._Score(states)
    for child in range(3):
        others = [j for j in range(3) if j != child]
        for parents in ((), others[:1], others[1:], others, others[::-1]):
            assert score(child, parents) == pytest.approx(counted_bic(states.T.tolist(), child, parents), abs=1e-5)


def test_the_graph_cannot_be_made_better_by_one_edge():
    table = chain(n=150, n_columns=4, keep=0.5)
    schema = TableSchema.infer(table)
    columns = causal._states(schema.encode(table), schema, 3).T.tolist()
    graph = learned(table)
    places = {name: j for j, name in enumerate(graph.nodes)}

    def total(edges):
        return sum(
            counted_bic(columns, places[node], [places[cause] for cause, effect in edges if effect == node])
            for node in graph.nodes
        )

    best = total(graph.edges)
    for edge in itertools.permutations(graph.nodes, 2):
        if edge[::-1] not in graph.edges:
            assert total(set(graph.edges) ^ {edge}) <= best + 1e-3


def test_states_are_few():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "x": np.where(rng.random(300) < 0.1, np.nan, rng.random(300)),
            "c": rng.choice([f"level {i}" for i in range(40)], 300, p=np.arange(1, 41) / np.arange(1, 41).sum()),
            "d": rng.choice(list("abcdef"), 300),
        }
    )
    schema = TableSchema.infer(table, column_kinds={"c": "categorical"})
    values = schema.encode(table)
    states = causal._states(values, schema, 3)
    assert states.max(axis=0).tolist() == [3, 5, 5]
    assert np.array_equal(states[:, 0] == 0, np.isnan(values[:, 0]))
    bins = np.bincount(states[:, 0])[1:]
    assert bins.max() - bins.min() <= 1
    counts = table["c"].value_counts()
    groups = [set(table.loc[states[:, 1] == state, "c"]) for state in range(6)]
    alone = [level for group in groups if len(group) == 1 for level in group]
    assert len(alone) == 5
    assert min(counts[alone]) >= max(counts.drop(alone))


# -- bounds and experts ------------------------------------------------------------------------------------------------


def test_required_edges_are_there_and_forbidden_ones_are_not():
    table = chain()
    graph = learned(table, required=[("c4", "c0")], forbidden=[("c1", "c2"), ("c2", "c1")])
    assert ("c4", "c0") in graph.edges
    assert not skeleton(graph.edges) & skeleton([("c1", "c2")])


def test_a_forbidden_direction_leaves_the_other():
    assert learned(chain(n_columns=2), forbidden=[("c0", "c1")]).edges == (("c1", "c0"),)


@pytest.mark.parametrize("max_parents", [0, 1, 2, 3])
def test_columns_have_no_more_parents_than_allowed(max_parents):
    rng = np.random.default_rng(0)
    causes = rng.integers(2, size=(800, 4))
    table = pd.DataFrame(causes, columns=list("abcd")).assign(sum=causes.sum(axis=1)).astype("category")
    graph = learned(table, max_parents=max_parents)
    assert max(len(graph.parents(node)) for node in graph.nodes) == max_parents


def test_required_edges_may_be_more_than_the_bound():
    graph = learned(chain(), max_parents=1, required=[("c0", "c4"), ("c1", "c4"), ("c2", "c4")])
    assert graph.parents("c4") == ("c0", "c1", "c2")
    assert graph.parents("c1") == ("c0",)


def test_many_required_parents_do_not_fill_the_memory():
    table = chain(n=60, n_columns=41)
    required = [(f"c{j}", "c40") for j in range(40)]
    assert len(learned(table, required=required).parents("c40")) == 40


def test_the_search_ends_with_the_graph_that_it_has_when_its_steps_or_time_are_over(monkeypatch):
    table = chain()
    whole = learned(table).edges
    with monkeypatch.context() as patched:
        patched.setattr(causal, "_MAX_STEPS", 2)
        two_steps = learned(table).edges
    assert len(two_steps) == 2
    assert set(two_steps) < set(whole)
    # A clock that moves on by a second whenever it is looked at: 20 edges are scored, with 2 looks each, in a step.
    with monkeypatch.context() as patched:
        patched.setattr(causal, "monotonic", itertools.count().__next__)
        assert learned(table, max_seconds=10).edges == ()
        some = learned(table, max_seconds=100).edges
        assert 0 < len(some) < len(whole)
        assert set(some) < set(whole)
        assert learned(table, max_seconds=10, required=[("c4", "c0")]).edges == (("c4", "c0"),)


def test_thirty_columns_need_no_more_steps_than_edges(monkeypatch):
    table = chain(n=200, n_columns=30)
    monkeypatch.setattr(causal, "_MAX_STEPS", 40)
    assert skeleton(learned(table).edges) == skeleton((f"c{j}", f"c{j + 1}") for j in range(29))


def test_the_same_rows_give_the_same_graph_and_global_generators_are_left_alone():
    table = asia_like(200)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert learned(table) == learned(table)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_nothing_is_printed(capfd):
    learned(chain())
    assert capfd.readouterr() == ("", "")


# -- odd tables --------------------------------------------------------------------------------------------------------


def test_every_sort_of_column_is_a_node():
    table, y = mixed_table(n=120)
    table["nothing"] = np.nan
    table["same"] = 1.5
    table["age again"] = table["age"]
    schema = TableSchema.infer(table, y)
    graph = learn_graph(schema.encode(table, y), schema)
    assert graph.nodes == tuple(column.name for column in schema.modelled)
    assert ("age", "age again") in graph.edges
    assert not any({"nothing", "same"} & set(edge) for edge in graph.edges)


def test_25_rows_show_what_is_strong():
    rng = np.random.default_rng(0)
    x = rng.normal(size=25)
    graph = learned(pd.DataFrame({"x": x, "noise": rng.normal(size=25), "y": 2 * x + rng.normal(scale=0.1, size=25)}))
    assert graph.edges == (("x", "y"),)


def test_one_column_or_one_row_has_nothing_to_learn():
    assert learned(pd.DataFrame({"x": [1.5, 2.5, 3.5]})).edges == ()
    schema = TableSchema.infer(chain())
    graph = learn_graph(np.zeros((1, 5)), schema, required=[("c0", "c1")])
    assert graph.edges == (("c0", "c1"),)


def test_columns_may_be_named_by_label():
    table = chain(n_columns=3).set_axis([0, 1, 2], axis=1)
    graph = learned(table, required=[(2, "0")], forbidden=[(0, 1), (1, 0)])
    assert ("2", "0") in graph.edges


def test_what_cannot_be_is_refused(monkeypatch):
    table = chain(n_columns=2)
    schema = TableSchema.infer(table)
    with pytest.raises(CausalGraphError, match="required names the column 'dose', which is not there or not modelled"):
        learned(table, required=[("dose", "c1")])
    with pytest.raises(CausalGraphError, match="init holds 'c0', which is not a pair"):
        edges_by_name(["c0"], schema, "init")
    with pytest.raises(CausalGraphError, match=r"init names the column \['c0'\], which is not there"):
        edges_by_name([(["c0"], "c1")], schema, "init")
    with pytest.raises(CausalGraphError, match="c0 -> c1 is both required and forbidden"):
        learned(table, required=[("c0", "c1")], forbidden=[("c0", "c1")])
    with pytest.raises(ValueError, match="max_parents=-1 must be a whole number of at least 0"):
        learned(table, max_parents=-1)
    with pytest.raises(ValueError, match="n_bins=1 must be a whole number of at least 2"):
        learned(table, n_bins=1)
    with pytest.raises(ValueError, match="max_seconds=0 must be above 0"):
        learned(table, max_seconds=0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs pgmpy: pip install 'skgensynth\[mallm\]'"):
        learned(table)
