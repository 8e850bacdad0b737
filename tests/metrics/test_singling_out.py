import numpy as np
import pandas as pd
import pytest
from common.patients import nudged, numbers, patients

from skgensynth.metrics import singling_out
from skgensynth.metrics._tables import encode_tables
from skgensynth.metrics.singling_out import _Attacker

both = pytest.mark.parametrize("predicates", ["univariate", "multivariate"])


def _table(column):
    return pd.DataFrame({"x": column})


def _fits(attack, table, columns):
    """Rows that fit, as the words of the conditions read."""
    fits = pd.Series(True, index=table.index)
    for j, comparison, value in attack:
        column = table[columns[j]]
        fits &= {
            "missing": column.isna(),
            "is": column == value,
            "at most": column <= value,
            "at least": column >= value,
        }[comparison]
    return fits


@both
@pytest.mark.parametrize("n_holdout", [60, 150, 400])
def test_copied_rows_are_singled_out_at_any_sizes(rng, predicates, n_holdout):
    train, holdout = patients(rng, 150), patients(rng, n_holdout)
    result = singling_out(train, holdout, train, predicates=predicates, random_state=0)
    assert result.main.share == 1
    assert result.control.share < 0.05
    assert result.interval[0] > 0.85
    assert result.baseline.share < 0.5


@both
@pytest.mark.parametrize(("n_train", "n_holdout"), [(200, 200), (200, 50), (50, 200)])
def test_independent_rows_single_out_no_more_than_held_out_ones(rng, predicates, n_train, n_holdout):
    results = [
        singling_out(
            patients(rng, n_train), patients(rng, n_holdout), patients(rng, 200), predicates=predicates, random_state=0
        )
        for _ in range(10)
    ]
    assert np.mean([result.risk for result in results]) == pytest.approx(0, abs=0.05)
    assert sum(result.interval[0] <= 0 <= result.interval[1] for result in results) >= 7


def test_descriptions_fit_one_synthetic_row(rng):
    table = patients(rng, 80)[["age", "lab"]].assign(n=rng.integers(0, 3, 80))
    encoded = encode_tables({"synthetic": table})
    attacker = _Attacker(encoded.values[0], encoded.is_number, np.random.RandomState(0))
    for attacks in (attacker.univariate(30), attacker.multivariate(30)):
        assert len(attacks) == 30
        assert all(_fits(attack, table, encoded.columns).sum() == 1 for attack in attacks)
    # No more conditions than needed: without the last one, other rows fit, too.
    longer = [attack for attack in attacks if len(attack) > 1]
    assert longer
    assert all(_fits(attack[:-1], table, encoded.columns).sum() > 1 for attack in longer)


def test_univariate_descriptions_are_all_there_is():
    table = _table([1.0, 1.0, 2.0, 3.0, 5.0, np.nan])
    encoded = encode_tables({"synthetic": table})
    attacker = _Attacker(encoded.values[0], encoded.is_number, np.random.RandomState(0))
    assert sorted(attacker.univariate(100)) == [
        ((0, "at least", 5.0),),
        ((0, "is", 2.0),),
        ((0, "is", 3.0),),
        ((0, "is", 5.0),),
        ((0, "missing", 0.0),),
    ]


def test_success_is_a_single_training_row():
    train, synthetic = _table([1, 2, 2, 7]), _table([1, 2, 7, 8, 8])
    # "is 1" and "at most 1" fit one training row, "is 2" two, "is 7" one.
    result = singling_out(train, _table([9, 9]), synthetic, predicates="univariate", random_state=0)
    assert result.main.share == 0.75
    assert result.control.share == 0


def test_the_control_takes_the_crowd_of_the_training_rows():
    synthetic = _table(["a", "b", "c", "d", "d"])
    train, holdout = _table(["a", "b", "b", "d", "d", "d"]), _table(["a", "b", "c"])
    result = singling_out(train, holdout, synthetic, predicates="univariate", random_state=0)
    # "c" fits one of three held-out rows and no training row; "a" would if the one training row it fits were left out.
    assert result.main.share == pytest.approx(1 / 3)
    assert result.control.share == pytest.approx((1 + 1 / 6) / 3 * 6 / 3)
    assert result.risk == pytest.approx(1 / 3 - 7 / 9)


def test_descriptions_of_one_row_count_together(rng):
    # All descriptions of the outlier, in any column, say the same.
    train = pd.concat(
        [pd.DataFrame(0, index=range(99), columns=list("abcdef")), pd.DataFrame(9, index=[99], columns=list("abcdef"))]
    )
    result = singling_out(train, train, train, predicates="univariate", random_state=0)
    assert result.main.share == 1
    assert result.main.n == pytest.approx(1)
    assert result.main.interval[0] < 0.3


def test_where_no_row_stands_out_there_is_no_attack():
    table = _table(["a", "a", "b", "b"])
    for predicates in ("univariate", "multivariate"):
        result = singling_out(table, table, table, predicates=predicates, random_state=0)
        assert np.isnan([result.risk, result.main.share, result.control.share, result.baseline.share]).all()
        assert result.interval == (-1, 1)


def test_attacks_are_bounded_and_seeded(rng):
    tables = patients(rng, 100), patients(rng, 60), patients(rng, 100)
    results = [singling_out(*tables, max_attacks=30, random_state=seed) for seed in (1, 1, 2)]
    assert results[0] == results[1] != results[2]
    assert results[0].baseline.n == 30


def test_noise_singles_nobody_out(rng):
    train, holdout = numbers(rng, 200), numbers(rng, 100)
    result = singling_out(train, holdout, 100 + numbers(rng, 200), random_state=0)
    assert result.main.share < 0.1
    assert result.interval[0] < 0


def test_near_copies_stay_below_copies(rng):
    train, holdout = numbers(rng, 200), numbers(rng, 100)
    copied, nudge = (singling_out(train, holdout, rows, random_state=0) for rows in (train, nudged(rng, train, 0.05)))
    assert nudge.main.share < copied.main.share


def test_unknown_predicates_are_refused(rng):
    rows = numbers(rng, 5)
    with pytest.raises(ValueError, match="predicates must be 'univariate' or 'multivariate', got 'all'"):
        singling_out(rows, rows, rows, predicates="all")
