import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.spatial.distance import jensenshannon
from scipy.stats import norm, wasserstein_distance

from skgensynth.exceptions import SchemaError
from skgensynth.metrics import jensen_shannon, wasserstein


def _frame(rng, n):
    age = rng.normal(60, 10, n).round(1)
    return pd.DataFrame(
        {
            "age": age,
            "sex": rng.choice(["F", "M"], n),
            "lab": np.where(rng.random(n) < 0.2, np.nan, age + rng.normal(0, 5, n)),
        }
    )


def test_identical_tables_have_no_divergence(rng):
    frame = _frame(rng, 200)
    assert jensen_shannon(frame, frame.sample(frac=1, random_state=0)).mean == 0


def test_divergence_is_the_square_of_the_distance_in_base_two():
    real = pd.DataFrame({"c": ["a"] * 7 + ["b"] * 2 + ["c"]})
    synthetic = pd.DataFrame({"c": ["a"] * 2 + ["b"] * 2 + ["d"]})
    expected = jensenshannon([0.7, 0.2, 0.1, 0], [0.4, 0.4, 0, 0.2], base=2) ** 2
    assert jensen_shannon(real, synthetic).per_column["c"] == pytest.approx(expected)


def test_divergence_of_numbers_follows_quantile_bins_of_the_real_column():
    real = pd.DataFrame({"x": np.arange(100.0)})
    # One half of the range, evenly: 10 of 20 bins are empty.
    synthetic = pd.DataFrame({"x": np.arange(50.0)})
    expected = jensenshannon(np.full(20, 0.05), np.repeat([0.1, 0], 10), base=2) ** 2
    assert jensen_shannon(real, synthetic).mean == pytest.approx(expected, abs=0.01)


def test_tables_without_overlap_have_divergence_one():
    real = pd.DataFrame({"x": np.arange(100.0), "c": "a"})
    synthetic = pd.DataFrame({"x": np.full(30, np.nan), "c": "b"})
    assert jensen_shannon(real, synthetic).per_column == {"x": 1.0, "c": 1.0}


def test_missing_is_a_bin_of_its_own(rng):
    frame = _frame(rng, 300)
    filled = frame.assign(lab=frame["lab"].fillna(frame["lab"].median()))
    assert jensen_shannon(frame, filled).per_column["lab"] > 0.05


@pytest.mark.parametrize("share", [0.5, 0.03])
def test_few_distinct_numbers_are_told_apart(share):
    n_ones = int(1000 * share)
    real = pd.DataFrame({"x": np.repeat([0, 1], [1000 - n_ones, n_ones])})
    synthetic = pd.DataFrame({"x": np.zeros(500, int)})
    expected = jensenshannon([1 - share, share], [1, 0], base=2) ** 2
    assert jensen_shannon(real, synthetic).mean == pytest.approx(expected)


def test_a_value_shared_by_many_rows_has_a_bin_that_takes_what_is_closest_to_it():
    gain = np.concatenate([np.zeros(900), np.arange(100, 200)])
    real = pd.DataFrame({"gain": gain})
    close = pd.DataFrame({"gain": np.where(gain == 0, 3.0, gain)})
    far = pd.DataFrame({"gain": np.where(gain == 0, 60.0, gain)})
    assert jensen_shannon(real, close).mean == 0
    assert jensen_shannon(real, far).mean > 0.5


def test_column_order_and_storage_do_not_matter(rng):
    frame = _frame(rng, 100)
    other = frame[["lab", "sex", "age"]].astype({"sex": "category", "lab": "Float64"})
    assert jensen_shannon(frame, other).mean == 0
    assert wasserstein(frame, other).mean == 0


def test_dates_and_durations_are_numbers(rng):
    days = rng.integers(0, 3000, 500)
    real = pd.DataFrame(
        {"seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D"), "stay": pd.to_timedelta(days, "D")}
    )
    other_unit = pd.DataFrame(
        {"seen": real["seen"].astype("datetime64[s]"), "stay": real["stay"].astype("timedelta64[s]")}
    )
    assert jensen_shannon(real, other_unit).mean == 0
    assert wasserstein(real, other_unit).mean == 0
    later = real + pd.Timedelta(days=5000)
    assert jensen_shannon(real, later).mean > 0.8
    assert wasserstein(real, later).per_column == pytest.approx(dict.fromkeys(real, 5000 / np.ptp(days)))


def _gaussians(rng, n):
    return pd.DataFrame({"x": rng.normal(0, 1, n)}), pd.DataFrame({"x": rng.normal(1, 1, n)})


def test_divergence_of_gaussians_agrees_with_numeric_integration(rng):
    def integrand(x):
        p, q = norm.pdf(x), norm.pdf(x, 1)
        return (p * np.log2(2 * p / (p + q)) + q * np.log2(2 * q / (p + q))) / 2

    exact = quad(integrand, -8, 9)[0]
    real, synthetic = _gaussians(rng, 40_000)
    assert jensen_shannon(real, synthetic, n_bins=100).mean == pytest.approx(exact, abs=0.004)
    edges = norm.ppf(np.linspace(0, 1, 21))
    binned = jensenshannon(np.full(20, 0.05), np.diff(norm.cdf(edges, 1)), base=2) ** 2
    assert jensen_shannon(real, synthetic).mean == pytest.approx(binned, abs=0.003)


def test_wasserstein_of_shifted_gaussians_is_the_shift_over_the_range(rng):
    real, synthetic = _gaussians(rng, 40_000)
    expected = 1 / np.ptp(real["x"])
    assert wasserstein(real, synthetic).mean == pytest.approx(expected, rel=0.02)
    # The range is that of the real rows alone.
    assert wasserstein(synthetic, real).mean == pytest.approx(1 / np.ptp(synthetic["x"]), rel=0.02)
    assert wasserstein(real, 10 * real).mean == pytest.approx(9 * np.abs(real["x"]).mean() * expected, rel=1e-6)


def test_wasserstein_agrees_with_scipy_and_leaves_categories_out(rng):
    real, synthetic = _frame(rng, 300), _frame(rng, 200)
    synthetic["age"] += rng.exponential(5, 200)
    result = wasserstein(real, synthetic)
    assert list(result.per_column) == ["age", "lab"]
    distance = wasserstein_distance(real["age"], synthetic["age"])
    assert result.per_column["age"] == pytest.approx(distance / np.ptp(real["age"]))
    assert result.mean == pytest.approx(np.mean(list(result.per_column.values())))


def test_missing_lies_one_range_away():
    real = pd.DataFrame({"x": [0.0, 10.0, np.nan, np.nan]})
    synthetic = pd.DataFrame({"x": [5.0, 15.0, 5.0, np.nan]})
    # One of four rows is missing too few; the present half is 5/10 or 15/10 away: (5 + 0 + 5) / 3 on average.
    moved = wasserstein_distance([0, 1], [0.5, 1.5, 0.5])
    assert wasserstein(real, synthetic).mean == pytest.approx(0.25 + 0.5 * moved)
    none = pd.DataFrame({"x": [np.nan] * 3})
    assert wasserstein(real, none).mean == 0.5
    assert wasserstein(none, real).mean == 0.5
    assert wasserstein(none, none).mean == 0


def test_a_constant_real_column_is_missed_by_the_share_of_other_values():
    real = pd.DataFrame({"x": [3.0, 3.0, np.nan, np.nan]})
    assert wasserstein(real, pd.DataFrame({"x": [3.0, 4.0, 5.0, 3.0]})).mean == pytest.approx(0.5 + 0.5 * 0.5)


def test_a_table_of_categories_has_no_wasserstein_distance():
    result = wasserstein(pd.DataFrame({"c": ["a", "b"]}), pd.DataFrame({"c": ["a", "b"]}))
    assert np.isnan(result.mean)
    assert result.per_column == {}


def test_infinite_values_are_refused_by_name():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, np.inf]})
    with pytest.raises(SchemaError, match="Column 'b' of synthetic holds infinite values"):
        wasserstein(frame.assign(b=1.0), frame)


def test_bins_must_be_at_least_one():
    frame = pd.DataFrame({"a": [1, 2]})
    with pytest.raises(ValueError, match="n_bins"):
        jensen_shannon(frame, frame, n_bins=0)
