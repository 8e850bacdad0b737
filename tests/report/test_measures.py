import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import jensen_shannon
from skgensynth.report.measures import (
    Attempts,
    Tables,
    draw_rows,
    measure_fidelity,
    measure_privacy,
    measure_rules,
    measure_utility,
)


def _tables(rows):
    return Tables(rows(120, 0), rows(60, 1), rows(300, 2))


def test_rows_are_drawn_in_order_and_without_repetition():
    frame = pd.DataFrame({"x": range(100)})
    drawn = draw_rows(frame, 10, np.random.RandomState(0))
    assert len(drawn) == drawn["x"].nunique() == 10
    assert drawn["x"].is_monotonic_increasing
    assert draw_rows(frame, 100, np.random.RandomState(0)) is frame


def test_each_table_is_drawn_from(rows):
    drawn = Tables(rows(120, 0), None, rows(30, 2)).draw(50, np.random.RandomState(0))
    assert (len(drawn.train), drawn.test, len(drawn.synthetic)) == (50, None, 30)


def test_what_fails_for_lack_of_rows_is_kept_and_what_is_wrong_is_raised():
    attempts = Attempts()

    def fail(error):
        raise error

    assert attempts("sum", sum, [1, 2]) == 3
    assert attempts("curves", fail, ValueError("too few\nrows")) is None
    assert attempts.skipped == {"curves": "too few rows"}
    with pytest.raises(SchemaMismatchError):
        attempts("curves", fail, SchemaMismatchError("no such column"))


def test_as_many_synthetic_as_real_rows_are_added_to_the_real_ones(rows):
    utility = measure_utility(_tables(rows), "died", seed=0, n_jobs=1)
    assert utility.synthetic.n_train == 300
    assert utility.real.n_train == 120
    assert utility.augmentation.augmented.n_train == 240
    assert (utility.reverse.n_train, utility.reverse.n_test) == (120, 300)


def test_columns_are_compared_at_equal_numbers_of_rows(rows):
    tables = _tables(rows)
    fidelity = measure_fidelity(tables, tables, None, Attempts(), seed=0, n_jobs=1)
    assert fidelity.columns == jensen_shannon(tables.train, tables.synthetic)
    assert fidelity.columns_floor == jensen_shannon(tables.train, tables.test).per_column
    # Rows of the same source differ as held-out rows do, where there are as many; all of them differ less.
    matched, floor = (np.mean(list(part.values())) for part in (fidelity.columns_matched, fidelity.columns_floor))
    assert floor / 2 < matched < 2 * floor
    assert fidelity.columns.mean < matched
    assert {result.n_rows for result in fidelity.means.values()} == {60}
    assert "class gaps" not in fidelity.means


def test_without_held_out_rows_the_real_rows_are_split(rows):
    tables = Tables(rows(120, 0), None, rows(300, 2))
    fidelity = measure_fidelity(tables, tables, "died", Attempts(), seed=0, n_jobs=1)
    assert {result.n_rows for result in fidelity.means.values()} == {60}
    assert fidelity.detection.n_rows == 120
    assert "class gaps" in fidelity.means


def test_privacy_searches_all_rows(rows):
    privacy = measure_privacy(_tables(rows), "died", Attempts(), seed=0)
    assert [result.n_synthetic for result in privacy.memberships.values()] == [300, 300]
    assert (len(privacy.train_distances), len(privacy.test_distances)) == (120, 60)
    assert set(privacy.attributes.per_column) == set(rows(1, 0).columns)


def test_of_many_columns_some_are_guessed_the_target_among_them():
    rng = np.random.default_rng(0)
    tables = Tables(*(pd.DataFrame(rng.normal(size=(30, 40))) for _ in range(3)))
    for target in (None, 39):
        secrets = list(measure_privacy(tables, target, Attempts(), seed=0).attributes.per_column)
        assert len(secrets) == len(set(secrets)) == 15
        assert target is None or 39 in secrets


def test_rules_are_checked_beside_held_out_rows(rows):
    def old(frame):
        return (frame["age"] >= 60).to_numpy()

    tables = _tables(rows)
    result = measure_rules(tables, [old], Attempts(), seed=0)
    assert result.share == (tables.synthetic["age"] < 60).mean()
    assert result.real_share == (tables.test["age"] < 60).mean()
    assert measure_rules(tables, [], Attempts(), seed=0) is None
    assert measure_rules(tables._replace(test=None), [old], Attempts(), seed=0).n_real == 120
