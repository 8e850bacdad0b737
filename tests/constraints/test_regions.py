import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints.regions import MIN_ROWS, Region, read_columns
from skgensynth.constraints.view import TableView


def columns_of(frame, y=None, **kinds):
    return read_columns(TableView(frame, y), kinds)


def mined(values, **kinds):
    return columns_of(pd.DataFrame({"c": values}), **kinds)[0]


@pytest.fixture
def table(rng):
    n = 200
    return pd.DataFrame(
        {
            "number": rng.normal(size=n),
            "zeros": np.where(rng.random(n) < 0.8, 0.0, rng.exponential(9, n)),
            "sex": rng.choice(["F", "M"], n),
            "job": rng.choice(list("abcd"), n),
            "stage": rng.integers(1, 5, n),
            "visits": rng.poisson(3, n),
            "some": pd.Series(rng.normal(size=n)).mask(rng.random(n) < 0.2),
            "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
        }
    )


def test_identifiers_and_empty_columns_are_passed_over(table):
    table = table.assign(code=[f"P{k:05d}" for k in range(len(table))], empty=None)
    found = columns_of(table.drop(columns="job"), table["job"])
    assert [column.name for column in found] == [*table.columns[:3], "stage", "visits", "some", "seen", "job"]
    assert [column.place for column in found] == list(range(len(found)))
    assert [column.name for column in found if column.is_target] == ["job"]


def test_kinds_can_be_given(table):
    assert columns_of(table)[4].has_levels
    assert not columns_of(table, stage="continuous")[4].has_levels


def test_a_region_and_its_negation_part_the_known_rows(table):
    for column in columns_of(table):
        regions = column.regions()
        assert regions
        for region in regions:
            inside, outside = column.mask(region), column.mask(column.negated(region))
            assert np.array_equal(inside ^ outside, column.known(region))
            assert not (inside & outside).any()
            assert min(inside.sum(), outside.sum()) >= MIN_ROWS
            item = column.item(region)
            view = TableView(table)
            assert np.array_equal(item.holds(view), inside), str(item)
            assert np.array_equal(column.item(column.negated(region)).holds(view), outside)
            assert region.within(region)
            assert region.apart_from(column.negated(region))
            assert column.negated(column.negated(region)) == region


def test_relations_between_regions_are_those_of_their_rows(table):
    for column in columns_of(table):
        regions = [region for region in column.regions() if not region.about_missing]
        for first in regions:
            for second in regions:
                if first.within(second):
                    assert not (column.mask(first) & ~column.mask(second)).any()
                if first.apart_from(second):
                    assert not (column.mask(first) & column.mask(second)).any()


def test_regions_of_a_number_are_tails_and_a_frequent_value_is_a_cut(table):
    by_name = {column.name: column for column in columns_of(table)}
    assert {region.sort for region in by_name["number"].regions()} == {"below", "from"}
    assert any(str(by_name["zeros"].item(r)).startswith("zeros <") for r in by_name["zeros"].regions())
    zero = (table["zeros"] == 0).to_numpy()
    assert any(np.array_equal(by_name["zeros"].mask(region), zero) for region in by_name["zeros"].regions())
    assert {region.sort for region in by_name["some"].regions()} == {"below", "from", "missing", "present"}


def test_numbers_of_few_values_have_tails_and_single_values(table):
    stage = next(column for column in columns_of(table) if column.name == "stage")
    assert sorted(map(str, map(stage.item, stage.regions()))) == [
        "stage is 1",
        "stage is 1 or 2",
        "stage is 2",
        "stage is 3",
        "stage is 3 or 4",
        "stage is 4",
        "stage is not 1",
        "stage is not 4",
    ]


def test_many_levels_are_named_by_what_is_shorter():
    column = mined(list("abcdefgh") * 5)
    region = Region(0, "levels", codes=frozenset([1]))
    assert str(column.item(region)) == "c is b"
    assert str(column.item(column.negated(region))) == "c is not b"
    visits = mined([0, 1, 2, 3, 4, 5, 6] * 6)
    assert str(visits.item(Region(0, "levels", codes=frozenset([0, 1, 2]), tail="below"))) == "c < 3"
    assert str(visits.item(Region(0, "levels", codes=frozenset([3, 4, 5, 6]), tail="from"))) == "c >= 3"
    assert str(visits.item(Region(0, "levels", codes=frozenset([2, 5])))) == "c is 2 or 5"


def test_numbers_kept_as_a_category_are_names_unless_it_is_ordered():
    values = [10, 9, 100, 9] * 10
    assert mined(pd.Categorical(values)).order is None
    ordered = mined(pd.Categorical(values, ordered=True))
    assert ordered.texts == ("9", "10", "100")
    assert ordered.order.tolist() == [1, 0, 2, 0] * 10


def test_a_tail_is_widened_to_the_first_exception(rng):
    values = np.arange(100.0) + 0.37
    column = mined(values, c="continuous")
    exceptions = np.isin(np.arange(100), [42, 77])
    below = column.widened(Region(0, "below", 5.37), exceptions)
    assert below == Region(0, "below", 42.0)
    above = column.widened(Region(0, "from", 95.37), exceptions)
    assert above == Region(0, "from", 78.0)
    assert column.widened(Region(0, "below", 5.37), np.arange(100) == 0) is None
    assert column.widened(Region(0, "below", 5.37), np.zeros(100, dtype=bool)) is None


def test_levels_are_widened_too():
    column = mined([1, 2, 3, 4] * 10)
    rows = column.codes == 2
    region = Region(0, "levels", codes=frozenset([0]), tail="below")
    assert column.widened(region, rows).codes == {0, 1}
    assert column.widened(Region(0, "levels", codes=frozenset([3]), tail="from"), rows).codes == {3}


@pytest.mark.parametrize(
    ("low", "high", "bound"),
    [(17.9, 18.4, 18), (17, 18, 18), (93, 140, 100), (0.0123, 0.0149, 0.014), (-0.2, 0.3, 0), (2.5, 2.6, 2.6)],
)  # fmt: skip
def test_bounds_are_round_and_keep_to_the_gap(low, high, bound):
    column = mined([low - 1, low, high] * 5, c="continuous")
    assert column.round_bound(low, high) == bound
    assert low < bound <= high


def test_bounds_of_times_are_days_if_they_can_be():
    column = mined(pd.to_datetime(["2020-01-01 22:15", "2020-01-02 03:20", "2020-01-02 04:10"] * 3), c="continuous")
    numbers = np.unique(column.order)
    assert column.view.format(column.round_bound(numbers[0], numbers[1])) == "2020-01-02"
    assert column.view.format(column.round_bound(numbers[1], numbers[2])) == "2020-01-02T04:00:00"
