from itertools import product

import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints.proposals import Proposer, Settings
from skgensynth.constraints.regions import read_columns
from skgensynth.constraints.view import TableView


def settings(max_antecedent=2, max_itemsets=10_000, report=str):
    return Settings(max_antecedent, 0.02, 0.01, max_itemsets, 100, report)


@pytest.fixture
def columns(rng):
    n = 300
    frame = pd.DataFrame({"x": rng.normal(size=n), "job": rng.choice(list("abc"), n), "sex": rng.choice(["F", "M"], n)})
    frame["y"] = np.where((frame["x"] < -0.5) | (frame["job"] == "a"), "no", rng.choice(["yes", "no"], n))
    frame["z"] = np.where((frame["sex"] == "M") & (frame["job"] == "b"), "no", rng.choice(["yes", "no"], n))
    return read_columns(TableView(frame), {})


def test_all_cells_are_proposed_that_are_empty_on_the_rows_not_held_out(columns, rng):
    held_out = rng.random(300) < 0.5
    proposer = Proposer(columns, held_out, settings())
    singles = next(iter(proposer.antecedents()))
    assert singles.ravel().tolist() == list(range(len(proposer.regions)))
    found = {frozenset(cell) for cell in proposer.cells(singles, 0.0)}
    masks = {region: columns[region.column].mask(region)[~held_out] for region in proposer.regions}

    def empty(first, second):
        expected = masks[first].sum() * masks[second].sum() / len(masks[first])
        return first.column != second.column and expected >= 2.5 and not (masks[first] & masks[second]).any()

    expected = {frozenset(pair) for pair in product(masks, repeat=2) if empty(*pair)}
    assert found <= expected
    families = {frozenset((r.column, r.direction or r.codes) for r in cell) for cell in expected}
    assert {frozenset((r.column, r.direction or r.codes) for r in cell) for cell in found} == families
    assert len(found) == len(families)


def test_pairs_of_conditions_are_proposed_where_one_is_not_enough(columns):
    proposer = Proposer(columns, np.arange(300) % 2 == 0, settings())
    _, pairs = proposer.antecedents()
    cells = {frozenset(str(columns[r.column].item(r)) for r in cell) for cell in proposer.cells(pairs, -3.0)}
    assert frozenset(["sex is M", "job is b", "z is yes"]) in cells
    assert not any({"job is a", "y is yes"} <= cell for cell in cells)


def test_antecedents_are_frequent_and_of_different_columns(columns):
    proposer = Proposer(columns, np.zeros(300, dtype=bool), settings(3))
    lengths = []
    for antecedents in proposer.antecedents():
        lengths.append(antecedents.shape[1])
        for antecedent in antecedents:
            assert len({proposer.column[place] for place in antecedent}) == len(antecedent)
            assert proposer.masks[:, antecedent].all(axis=1).mean() >= 0.02
    assert lengths == [1, 2, 3]


def test_too_many_combinations_are_left_out_and_reported(columns):
    notes = []
    proposer = Proposer(columns, np.zeros(300, dtype=bool), settings(max_itemsets=50, report=notes.append))
    assert [antecedents.shape[1] for antecedents in proposer.antecedents()] == [1]
    (note,) = notes
    assert note.startswith("rules with 2 conditions were not looked for: ")
    assert "than max_itemsets=50" in note


def test_few_rows_or_one_column_propose_nothing(columns):
    assert not list(Proposer(columns[:1], np.zeros(300, dtype=bool), settings()).antecedents())
    assert not list(Proposer(columns, np.arange(300) > 5, settings()).antecedents())
