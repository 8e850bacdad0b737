import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import association_difference, association_matrix, jensen_shannon


def _frame(rng, n):
    age = rng.normal(60, 10, n).round(1)
    return pd.DataFrame(
        {
            "age": age,
            "sex": rng.choice(["F", "M"], n),
            "lab": np.where(rng.random(n) < 0.2, np.nan, age + rng.normal(0, 5, n)),
        }
    )


def test_identical_tables_have_no_divergence_and_no_association_difference(rng):
    frame = _frame(rng, 200)
    assert jensen_shannon(frame, frame.sample(frac=1, random_state=0)).mean == 0
    assert association_difference(frame, frame).mean == 0


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
    assert association_difference(frame, other).mean == 0


def test_dates_and_durations_are_numbers(rng):
    days = rng.integers(0, 3000, 500)
    real = pd.DataFrame(
        {"seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D"), "stay": pd.to_timedelta(days, "D")}
    )
    other_unit = pd.DataFrame(
        {"seen": real["seen"].astype("datetime64[s]"), "stay": real["stay"].astype("timedelta64[s]")}
    )
    assert jensen_shannon(real, other_unit).mean == 0
    assert association_matrix(real).loc["seen", "stay"] == pytest.approx(1)
    assert jensen_shannon(real, real + pd.Timedelta(days=5000)).mean > 0.8


def test_association_matrix_on_known_dependence(rng):
    n = 4000
    x = rng.normal(size=n)
    group = rng.choice(["a", "b", "c"], n)
    frame = pd.DataFrame(
        {
            "x": x,
            "opposite": -x,
            "group": group,
            "same_group": pd.Series(group).map({"a": 1, "b": 2, "c": 3}).astype("category"),
            "by_group": pd.Series(group).map({"a": 0.0, "b": 5.0, "c": 9.0}),
            "constant": 1.0,
            "other": rng.choice(["u", "v"], n),
        }
    )
    matrix = association_matrix(frame)
    assert (matrix.to_numpy() == matrix.to_numpy().T).all()
    assert matrix.loc["x", "opposite"] == pytest.approx(-1)
    assert matrix.loc["group", "same_group"] == pytest.approx(1)
    assert matrix.loc["by_group", "group"] == pytest.approx(1)
    assert matrix.loc["x", "constant"] == 0
    assert matrix.loc["group", "other"] < 0.06
    assert abs(matrix.loc["x", "group"]) < 0.06


def test_association_difference_is_the_mean_over_pairs():
    real = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [1.0, 0.0, 1.0]})
    result = association_difference(real, real.assign(b=[3.0, 2.0, 1.0]))
    assert result.mean == pytest.approx(2 / 3)
    assert result.real.loc["a", "b"] == pytest.approx(1)
    assert result.synthetic.loc["a", "b"] == pytest.approx(-1)


def test_one_column_has_no_association_difference():
    assert np.isnan(association_difference(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})).mean)


def test_many_categories_take_little_memory():
    names = pd.Series(np.arange(30_000).astype(str))
    frame = pd.DataFrame({"a": names, "b": names[::-1].to_numpy()})
    assert association_matrix(frame).loc["a", "b"] == 0  # all distinct: nothing to be seen beyond chance


@pytest.mark.parametrize("metric", [jensen_shannon, association_difference])
def test_bad_tables_are_refused_by_name(metric):
    frame = pd.DataFrame({"age": [1.5, 2.5], "sex": ["F", "M"]})
    with pytest.raises(SchemaMismatchError, match="'sex' of real is not in synthetic"):
        metric(frame, frame[["age"]])
    with pytest.raises(SchemaMismatchError, match="'extra' of synthetic is not in real"):
        metric(frame, frame.assign(extra=1))
    with pytest.raises(SchemaMismatchError, match="'age' of synthetic holds values that are not numbers"):
        metric(frame, frame.assign(age=["old", "young"]))
    with pytest.raises(ValueError, match=r"synthetic has shape \(0, 2\)"):
        metric(frame, frame[:0])
    with pytest.raises(TypeError, match="real must be a pandas DataFrame, got ndarray"):
        metric(frame.to_numpy(), frame)
    with pytest.raises(ValueError, match="more than one column 'age'"):
        metric(frame[["age", "age"]], frame[["age", "age"]])


def test_bins_must_be_at_least_one():
    frame = pd.DataFrame({"a": [1, 2]})
    with pytest.raises(ValueError, match="n_bins"):
        jensen_shannon(frame, frame, n_bins=0)
