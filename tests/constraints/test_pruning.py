from itertools import product

import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints import Dependency, Order, Sum
from skgensynth.constraints.mining import Cell
from skgensynth.constraints.pruning import join_levels, to_implication, without_implied, without_linked
from skgensynth.constraints.regions import Region, read_columns
from skgensynth.constraints.view import TableView


def levels(column, *codes):
    return Region(column, "levels", codes=frozenset(codes))


def cell(*regions, log_p=-20.0):
    return Cell(tuple(regions[:-1]), regions[-1], log_p)


@pytest.fixture
def grid():
    """Columns of three levels each, with all combinations of their values as rows."""
    rows = list(product("abc", repeat=4))
    return read_columns(TableView(pd.DataFrame(rows, columns=list("wxyz"))), {})


def excluded(cells, columns):
    """Rows that some cell forbids."""
    out = np.zeros(len(columns[0].codes), dtype=bool)
    for one in cells:
        out |= np.logical_and.reduce([columns[region.column].mask(region) for region in one.regions])
    return out


def random_cells(rng, n):
    cells = []
    for _ in range(n):
        places = rng.choice(4, rng.integers(2, 4), replace=False)
        cells.append(
            cell(*(levels(int(p), *rng.choice(3, rng.integers(1, 3), replace=False).tolist()) for p in places))
        )
    return cells


@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_forbids_the_same_rows(grid, seed):
    cells = random_cells(np.random.default_rng(seed), 12)
    kept = without_implied(cells, grid)
    assert np.array_equal(excluded(kept, grid), excluded(cells, grid))
    assert [one for one in cells if one in kept] == kept
    assert np.array_equal(excluded(join_levels(kept), grid), excluded(cells, grid))


def test_the_most_general_rule_is_kept(grid):
    general = cell(levels(0, 0), levels(1, 0))
    longer = cell(levels(0, 0), levels(2, 1), levels(1, 0))
    narrower = cell(levels(0, 0), levels(1, 0, 1))
    assert without_implied([longer, general], grid) == [general]
    assert without_implied([general, narrower], grid) == [narrower]


def test_a_chain_makes_its_ends_redundant(grid):
    first = cell(levels(0, 0), levels(1, 1, 2))  # w is a -> x is a
    second = cell(levels(1, 0), levels(2, 1, 2))  # x is a -> y is a
    ends = cell(levels(0, 0), levels(2, 1, 2))  # w is a -> y is a
    assert without_implied([ends, first, second], grid) == [first, second]


def test_a_missing_value_breaks_a_chain():
    frame = pd.DataFrame({"w": list("abab"), "x": ["a", "b", None, "b"], "y": list("aabb")})
    columns = read_columns(TableView(frame), {})
    first, second = cell(levels(0, 0), levels(1, 1)), cell(levels(1, 0), levels(2, 1))
    ends = cell(levels(0, 0), levels(2, 1))
    assert without_implied([ends, first, second], columns) == [ends, first, second]


def test_columns_that_are_missing_together_need_no_rule_for_each_pair():
    frame = pd.DataFrame({name: [1.5, 2.5, None, None] for name in "wxyz"})
    columns = read_columns(TableView(frame), {})
    cells = [cell(Region(i, "missing"), Region(j, "present")) for i in range(4) for j in range(4) if i != j]
    kept = without_implied(cells, columns)
    assert len(kept) <= 6
    for one in cells:  # each of the rules left out follows from those kept
        assert len(without_implied([one, *(other for other in kept if other != one)], columns)) <= len(kept)


def test_tails_are_compared_by_their_bounds(rng):
    columns = read_columns(TableView(pd.DataFrame(rng.normal(size=(50, 2)), columns=["x", "y"])), {})
    wide = cell(Region(0, "below", 0.5), Region(1, "from", 1.0))
    narrow = cell(Region(0, "below", 0.2), Region(1, "from", 1.0))
    other = cell(Region(0, "below", 0.9), Region(1, "from", 1.5))
    assert without_implied([narrow, wide, other], columns) == [wide, other]


def test_levels_are_joined_in_what_is_excluded_and_in_conditions(grid):
    cells = [cell(levels(0, i), levels(1, j), log_p=-10.0 * i - j) for i in (0, 1) for j in (0, 2)]
    (joined,) = join_levels(cells)
    assert str(to_implication(joined, grid)) == "if w is not c then x is b"
    assert joined.log_p == -12.0
    assert join_levels([]) == []


def test_rules_within_a_dependency_or_sum_are_left_out(grid):
    cells = [cell(levels(0, 0), levels(1, 1)), cell(levels(0, 0), levels(2, 1)), cell(levels(3, 0), levels(2, 1))]
    laws = [Dependency("w", "x"), Sum(("y", "v"), "z")]
    assert without_linked(cells, grid, laws) == [cells[1]]
    assert without_linked(cells, grid, []) == cells


def test_rules_that_an_order_explains_are_left_out(rng):
    columns = read_columns(TableView(pd.DataFrame(rng.normal(size=(50, 2)), columns=["x", "y"])), {})
    explained = cell(Region(0, "from", 2.0), Region(1, "below", 1.0))
    other_way = cell(Region(0, "below", 0.0), Region(1, "from", 1.0))
    assert without_linked([explained, other_way], columns, [Order("x", "y")]) == [other_way]
    assert without_linked([explained, other_way], columns, [Order("y", "x")]) == [explained]
