import numpy as np
import pytest
from scipy.stats import chi2_contingency

from skgensynth.associations import association_strengths, correlation_ratio, cramers_v, pearson


def test_pearson_is_that_of_numpy_over_the_rows_where_both_are_present():
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    expected = np.corrcoef(x[2:], y[2:])[0, 1]
    x[0], y[1] = np.nan, np.nan
    assert pearson(x, y) == pytest.approx(expected)


def test_correlation_ratio_is_the_share_of_variance_between_groups():
    numbers, codes = np.array([1.0, 3.0, 7.0, 9.0, np.nan]), np.array([0, 0, 1, 1, 1])
    assert correlation_ratio(numbers, codes) == pytest.approx(np.sqrt(36 / 40))


def test_cramers_v_is_bergsmas():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 3, 200)
    second = np.where(rng.random(200) < 0.5, first, rng.integers(0, 3, 200))
    table = np.zeros((3, 3))
    np.add.at(table, (first, second), 1)
    phi2 = chi2_contingency(table, correction=False).statistic / 200
    size = 3 - 4 / 199
    assert cramers_v(first, second) == pytest.approx(np.sqrt((phi2 - 4 / 199) / (size - 1)))


def test_strengths_of_mixed_columns_are_symmetric_and_missing_is_a_category():
    number = np.array([1.0, 1.0, 5.0, 5.0, 1.0, 5.0])
    code = np.array([0.0, 0.0, np.nan, np.nan, 0.0, np.nan])
    constant = np.ones(6)
    matrix = association_strengths(np.column_stack([number, code, constant]), np.array([True, False, True]))
    assert matrix == pytest.approx(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))


def test_two_rows_or_fewer_are_no_association():
    one = np.array([[1.0, 2.0]])
    assert association_strengths(one, np.array([True, False])).tolist() == [[1.0, 0.0], [0.0, 1.0]]
