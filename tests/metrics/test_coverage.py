import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import SchemaError
from skgensynth.metrics import category_coverage, range_coverage


def _real():
    return pd.DataFrame(
        {
            "stage": ["I"] * 60 + ["II"] * 36 + ["III"] * 3 + ["IV"],
            "sex": pd.Categorical(["F", "M"] * 50, categories=["F", "M", "unused"]),
            "ill": pd.Series([None] * 4 + [True] * 4 + [False] * 92, dtype="boolean"),
            "age": np.linspace(20, 80, 100),
        }
    )


def test_what_is_lost_is_named_and_counted():
    real = _real()
    synthetic = real[(real["stage"] != "II") & (real["stage"] != "IV") & real["ill"].notna()]
    result = category_coverage(real, synthetic)
    assert result.per_column.loc["stage"].to_dict() == pytest.approx(
        {"share": 0.5, "weighted": 0.63, "rare": 0.5, "n_categories": 4, "n_rare": 2}
    )
    assert result.lost == {"stage": ["II", "IV"], "ill": [pd.NA]}
    assert result.per_column.loc["ill", "share"] == pytest.approx(2 / 3)
    assert np.isnan(result.per_column.loc["sex", "rare"])
    assert result.mean == pytest.approx((0.5 + 1 + 2 / 3) / 3)
    assert result.weighted == pytest.approx((0.63 + 1 + 0.96) / 3)
    # Rare are III and IV, True and missing.
    assert result.rare == pytest.approx(0.5)


def test_same_rows_cover_everything():
    result = category_coverage(_real(), _real().sample(frac=1, random_state=0))
    assert (result.mean, result.weighted, result.rare, result.lost) == (1, pytest.approx(1), 1, {})
    assert range_coverage(_real(), _real()).per_column == {"age": 1}


def test_chance_is_what_independent_draws_reach(rng):
    real = pd.DataFrame({"c": np.repeat(list("abcdefgh"), [400, 300, 200, 60, 20, 10, 6, 4])})
    results = [category_coverage(real, real.iloc[rng.integers(0, 1000, 50)]) for _ in range(100)]
    assert np.mean([result.mean for result in results]) == pytest.approx(results[0].mean_by_chance, abs=0.02)
    assert np.mean([result.rare for result in results]) == pytest.approx(results[0].rare_by_chance, abs=0.03)
    assert results[0].rare_by_chance < 0.6


def test_rarity_is_a_parameter():
    real = _real()[["stage"]]
    synthetic = pd.DataFrame({"stage": ["I", "III", "IV"]})
    assert category_coverage(real, synthetic).rare == 1
    assert category_coverage(real, synthetic, rare_below=0.5).rare == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"rare_below must be a share between 0 and 1, got 5"):
        category_coverage(real, synthetic, rare_below=5)


def test_tables_without_categories_or_without_numbers_have_no_figure():
    numbers, categories = pd.DataFrame({"x": [1.0, 2.0]}), pd.DataFrame({"c": ["a", "b"]})
    result = category_coverage(numbers, numbers)
    assert np.isnan([result.mean, result.weighted, result.rare, result.mean_by_chance]).all()
    assert result.per_column.empty
    assert np.isnan(range_coverage(categories, categories).mean)


@pytest.mark.parametrize(
    ("synthetic", "expected"),
    [([0, 10], 1), ([-5, 50], 1), ([2, 7], 0.5), ([5, 50], 0.5), ([20, 30], 0), ([3, 3], 0), ([np.nan, np.nan], 0)],
)
def test_ranges_are_covered_where_they_meet(synthetic, expected):
    assert range_coverage(pd.DataFrame({"x": [0, 10, np.nan]}), pd.DataFrame({"x": synthetic})).mean == expected


def test_constant_and_empty_columns_have_no_range():
    real = pd.DataFrame({"constant": [3.0, 3.0], "outside": [3.0, 3.0], "empty": [np.nan, np.nan]})
    synthetic = pd.DataFrame({"constant": [2.0, 4.0], "outside": [4.0, 5.0], "empty": [1.0, 2.0]})
    assert range_coverage(real, synthetic).per_column == {"constant": 1, "outside": 0}


def test_dates_have_ranges():
    real = pd.DataFrame({"seen": pd.date_range("2020-01-01", periods=11, tz="UTC")})
    assert range_coverage(real, real[:6]).mean == pytest.approx(0.5)


def test_infinite_values_are_refused_by_name():
    with pytest.raises(SchemaError, match="Column 'x' of real holds infinite values"):
        range_coverage(pd.DataFrame({"x": [1.0, np.inf]}), pd.DataFrame({"x": [1.0, 2.0]}))
