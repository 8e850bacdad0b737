from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints.evidence import log_empty_cell
from skgensynth.constraints.multiplicity import Chances, excluded_rank
from skgensynth.constraints.regions import read_columns
from skgensynth.constraints.view import TableView


def columns_and_regions(frame):
    columns = read_columns(TableView(frame), {})
    return columns, [region for column in columns for region in column.regions()]


@pytest.fixture
def levels(rng):
    return pd.DataFrame({f"c{k}": rng.choice(list("abc"), 100, p=[0.7, 0.2, 0.1]) for k in range(4)})


def chance_of_pairs(columns, regions, level):
    """Sum of the chances of all cells of two levels that would be laws at a level."""
    total = 0.0
    for first, second in combinations(regions, 2):
        if first.column != second.column:
            sizes = [np.count_nonzero(columns[region.column].mask(region)) for region in (first, second)]
            log_p = log_empty_cell(100, *sizes) if sizes[0] + sizes[1] <= 100 else -np.inf
            total += np.exp(log_p) * (log_p <= level and sizes[0] * sizes[1] >= 5 * 100)
    return total


@pytest.mark.parametrize("alpha", [0.01, 0.1])
def test_the_chances_of_cells_of_levels_add_up_to_the_level_asked_for(levels, alpha):
    columns, regions = columns_and_regions(levels)
    level = Chances(regions, columns, 2).level(alpha)
    assert chance_of_pairs(columns, regions, level - 0.06) <= alpha
    assert level == -3 or chance_of_pairs(columns, regions, level + 0.06) > alpha


def test_each_tail_and_region_beside_it_is_one_test(rng):
    # Two tails of x with each of three levels, none of which the narrowest tail decides at a low level.
    frame = pd.DataFrame({"x": rng.normal(size=200), "c": np.repeat(["a", "b", "c"], [80, 70, 50])})
    columns, regions = columns_and_regions(frame)
    level = Chances(regions, columns, 2).level(0.001)
    assert level == pytest.approx(np.log(0.001 / 6), abs=0.06)


def test_more_columns_and_longer_rules_ask_for_more_evidence(rng):
    levels = []
    for n_columns in (4, 12):
        frame = pd.DataFrame(rng.normal(size=(200, n_columns)))
        columns, regions = columns_and_regions(frame)
        levels.append([Chances(regions, columns, size).level(0.01) for size in (2, 3, 4)])
    (few_2, few_3, few_4), (many_2, many_3, many_4) = levels
    assert many_2 < few_2
    assert many_3 < few_3 < few_2
    assert many_4 < many_3 < many_2
    assert few_4 < few_3


def test_more_laws_by_chance_may_have_less_evidence(rng):
    columns, regions = columns_and_regions(pd.DataFrame(rng.normal(size=(100, 5))))
    chances = Chances(regions, columns, 2)
    levels = [chances.level(alpha) for alpha in (0.001, 0.01, 0.1)]
    assert levels == sorted(levels)
    assert np.diff(levels) == pytest.approx(np.log(10), abs=0.12)


def test_what_is_excluded_does_not_depend_on_other_columns(levels, rng):
    columns, regions = columns_and_regions(levels)
    ranks = [excluded_rank(region, columns) for region in regions]
    shuffled = levels.apply(rng.permutation)
    columns, regions = columns_and_regions(shuffled)
    assert [excluded_rank(region, columns) for region in regions] == ranks
