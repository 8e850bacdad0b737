"""What holds for all privacy metrics, on tables of every kind."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from common.patients import numbers, patients
from common.tables import mixed_table

from skgensynth.exceptions import SchemaError, SchemaMismatchError
from skgensynth.metrics import (
    attribute_inference,
    distance_to_closest_record,
    identifiability,
    linkability,
    membership_inference,
    near_copies,
    nearest_neighbour_distance_ratio,
    singling_out,
)

METRICS = {
    "closest record": distance_to_closest_record,
    "distance ratio": nearest_neighbour_distance_ratio,
    "copies": near_copies,
    "identifiability": identifiability,
    "distance attack": membership_inference,
    "density ratio": lambda *tables, **settings: membership_inference(*tables, attack="density_ratio", **settings),
    "attribute": attribute_inference,
    "linkability": linkability,
    "singling out": singling_out,
}
metrics = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
MORE_THAN_ONE_COLUMN = (attribute_inference, linkability)


def _leak(result):
    """Figures and intervals, moved so that 0 is no leak."""
    if hasattr(result, "near"):
        return [(each.risk, *each.interval) for each in (result.near, result.exact)]
    if hasattr(result, "per_column"):
        return [(each.risk, *each.interval) for each in result.per_column.values()]
    if hasattr(result, "risk"):
        return [(result.risk, *result.interval)]
    figure, interval = (result.auc, result.auc_interval) if hasattr(result, "auc") else (result.share, result.interval)
    return [(figure - 0.5, interval[0] - 0.5, interval[1] - 0.5)]


def _every_dtype(n, seed):
    X, y = mixed_table(n, seed)
    table = X.assign(outcome=y, constant=1, blank=np.nan, empty=pd.Series([None] * n, dtype="object"))
    table["flag"] = pd.array(np.random.default_rng(seed).random(n) < 0.5, dtype="boolean")
    return table.rename(columns={"age": 0, "bmi": ("a", "pair")})


@metrics
def test_copies_are_caught(rng, metric):
    train, holdout = patients(rng, 150), patients(rng, 60)
    for figure, low, high in _leak(metric(train, holdout, train.sample(frac=1, random_state=0), random_state=0)):
        assert 0.4 < low <= figure <= high


@metrics
def test_independent_rows_are_not(metric):
    rng = np.random.default_rng(3)
    for figure, low, high in _leak(metric(patients(rng, 300), patients(rng, 150), patients(rng, 300), random_state=0)):
        assert low <= 0 <= high
        assert abs(figure) < 0.2


@metrics
def test_noise_is_safe(rng, metric):
    train, holdout = numbers(rng, 150), numbers(rng, 100)
    noise = pd.DataFrame(rng.uniform(-5, 5, size=(150, 4)), columns=list("abcd"))
    for _, low, high in _leak(metric(train, holdout, noise, random_state=0)):
        assert low <= 0.02
        assert high < 0.35


@metrics
def test_every_dtype_can_be_measured(metric):
    tables = _every_dtype(60, 0), _every_dtype(30, 1), _every_dtype(50, 2)
    for figure, low, high in _leak(metric(*tables, random_state=0)):
        assert low <= figure <= high


@metrics
@pytest.mark.parametrize("n_holdout", [2, 5])
def test_five_rows_can_be_measured(rng, metric, n_holdout):
    train, holdout = patients(rng, 5), patients(rng, n_holdout)
    for synthetic in (train, patients(rng, 5), patients(rng, 1)):
        for figure, low, high in _leak(metric(train, holdout, synthetic, random_state=0)):
            assert low <= figure <= high or np.isnan(figure)


@metrics
def test_one_column_can_be_measured_where_one_is_enough(rng, metric):
    tables = numbers(rng, 40, 1), numbers(rng, 20, 1), numbers(rng, 40, 1)
    if metric in MORE_THAN_ONE_COLUMN:
        with pytest.raises(SchemaError, match="at least 2 are needed"):
            metric(*tables)
    else:
        [(figure, low, high)] = _leak(metric(*tables, random_state=0))[:1]
        assert low <= figure <= high


@metrics
def test_rows_that_are_all_alike_can_be_measured(metric):
    rows = pd.DataFrame({"a": [1] * 8, "b": ["x"] * 8})
    for figure, low, high in _leak(metric(rows, rows[:4], rows, random_state=0)):
        assert figure == 0 or np.isnan(figure)
        assert low <= 0 <= high


@metrics
def test_the_order_of_columns_and_the_index_do_not_matter(rng, metric):
    train, holdout, synthetic = patients(rng, 40), patients(rng, 30), patients(rng, 40)
    shuffled = [table[table.columns[::-1]].set_axis(range(100, 100 + len(table))) for table in (holdout, synthetic)]
    first = metric(train, holdout, synthetic, random_state=0)
    second = metric(train, *shuffled, random_state=0)
    assert str(first) == str(second)


@metrics
def test_the_same_seed_gives_the_same_figures_and_leaves_global_state_alone(rng, metric):
    tables = patients(rng, 40), patients(rng, 30), patients(rng, 40)
    before = str(np.random.get_state())  # noqa: NPY002
    first, second = (metric(*tables, random_state=3) for _ in range(2))
    assert str(asdict(first)) == str(asdict(second))
    assert str(np.random.get_state()) == before  # noqa: NPY002


@metrics
def test_tables_with_other_columns_are_refused(rng, metric):
    train = patients(rng, 10)
    with pytest.raises(SchemaMismatchError, match="'age' of train is not in holdout"):
        metric(train, train.drop(columns="age"), train)
    with pytest.raises(SchemaMismatchError, match="'lab' of train is not in synthetic"):
        metric(train, train, train.drop(columns="lab"))
