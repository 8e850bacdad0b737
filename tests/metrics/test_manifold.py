import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import SchemaError
from skgensynth.metrics import closest_distances, manifold_overlap
from skgensynth.metrics._tables import encode_tables
from skgensynth.metrics.manifold import _distances, _GowerSpace


def _rows(rng, n):
    return pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "lab": np.where(rng.random(n) < 0.2, np.nan, rng.normal(1, 0.3, n)),
            "sex": rng.choice(["F", "M"], n),
            "drug": pd.Series(rng.choice(["x", "y", "z"], n)).mask(rng.random(n) < 0.3),
            "constant": 2**40,
        }
    )


def _all_distances(real, synthetic):
    tables = encode_tables({"real": real, "synthetic": synthetic})
    space = _GowerSpace(tables.values[0], tables.is_number)
    blocks = _distances(space.place(tables.values[1]), space.place(tables.values[0]))
    return np.concatenate([block for _, block in blocks]) / real.shape[1]


def test_distances_are_those_of_the_privacy_metrics(rng):
    real, synthetic = _rows(rng, 60), _rows(rng, 40)
    synthetic.loc[::3, ["age", "lab"]] *= 3  # outside the real range
    synthetic.loc[::4, "constant"] += 1
    expected = [closest_distances(synthetic, real[i : i + 1], scale=real) for i in range(60)]
    np.testing.assert_allclose(_all_distances(real, synthetic), np.transpose(expected), atol=1e-6)


def test_figures_agree_with_the_definitions(rng):
    real, synthetic = _rows(rng, 70), _rows(rng, 70).assign(age=rng.normal(75, 10, 70))
    result = manifold_overlap(real, synthetic, n_neighbors=3)
    between = _all_distances(real, synthetic)  # synthetic rows down, real rows across
    real_reach = np.sort(_all_distances(real, real), axis=1)[:, 3]
    synthetic_space = [closest_distances(synthetic, synthetic[i : i + 1], scale=real) for i in range(70)]
    synthetic_reach = np.sort(synthetic_space, axis=1)[:, 3]
    within = between <= real_reach + 1e-9
    assert result.precision == pytest.approx(within.any(axis=1).mean())
    assert result.density == pytest.approx(within.sum() / 3 / 70)
    assert result.coverage == pytest.approx(within.any(axis=0).mean())
    assert result.recall == pytest.approx((between <= synthetic_reach[:, None] + 1e-6).any(axis=0).mean())


def test_rows_of_the_same_source_reach_the_values_that_are_known(rng):
    real, synthetic = (pd.DataFrame(rng.normal(size=(1500, 3))) for _ in range(2))
    result = manifold_overlap(real, synthetic, random_state=0)
    assert result.coverage == pytest.approx(1 - 0.5**5, abs=0.015)
    assert result.density == pytest.approx(1, abs=0.05)
    assert result.density_interval[0] < 1 < result.density_interval[1]
    assert result.precision == pytest.approx(result.recall, abs=0.03)
    assert result.precision > 0.95


def test_a_long_tail_does_not_melt_its_other_rows_together(rng):
    real, synthetic = (pd.DataFrame(np.exp(2 * rng.normal(size=(1500, 1)))) for _ in range(2))
    assert manifold_overlap(real, synthetic, random_state=0).density == pytest.approx(1, abs=0.05)


def test_a_mode_that_collapsed_is_precise_and_covers_nothing(rng):
    real = pd.DataFrame(rng.normal(size=(500, 4)))
    collapsed = real[:1].loc[[0] * 500] + rng.normal(0, 1e-4, (500, 4))
    result = manifold_overlap(real, collapsed, random_state=0)
    assert result.precision == 1
    assert result.coverage < 0.05
    assert result.recall < 0.05


def test_rows_far_away_are_neither_precise_nor_cover(rng):
    real = _rows(rng, 200)
    result = manifold_overlap(real, real.assign(age=real["age"] + 1000), random_state=0)
    assert (result.precision, result.recall, result.density, result.coverage) == (0, 0, 0, 0)
    assert result.precision_interval[0] == 0
    assert 0 < result.precision_interval[1] < 0.03


def test_half_of_the_modes_covers_half(rng):
    real = pd.DataFrame({"x": np.concatenate([rng.normal(0, 1, 400), rng.normal(50, 1, 400)])})
    synthetic = pd.DataFrame({"x": rng.normal(0, 1, 800)})
    result = manifold_overlap(real, synthetic, random_state=0)
    assert result.coverage == pytest.approx(0.5, abs=0.02)
    assert result.recall == pytest.approx(0.5, abs=0.02)
    assert result.precision > 0.97
    low, high = result.coverage_interval
    assert low < result.coverage < high
    assert high - low == pytest.approx(4 * 0.5 / np.sqrt(800), rel=0.05)


def test_copies_are_in_reach_whatever_rounding_does(rng):
    real = _rows(rng, 300)
    result = manifold_overlap(real, real.sample(frac=1, random_state=0), random_state=0)
    assert (result.precision, result.recall, result.coverage) == (1, 1, 1)
    assert result.density >= 6 / 5  # a row's own neighbourhood and those of at least 5 others on average


def test_equal_numbers_of_rows_are_drawn(rng):
    real, synthetic = _rows(rng, 50), _rows(rng, 500)
    assert manifold_overlap(real, synthetic).n_rows == 50
    first, second = (manifold_overlap(real, synthetic, max_rows=30, random_state=1) for _ in range(2))
    assert first == second
    assert first.n_rows == 30
    assert first != manifold_overlap(real, synthetic, max_rows=30, random_state=2)


def test_what_cannot_be_used_is_refused(rng):
    rows = _rows(rng, 20)
    with pytest.raises(ValueError, match=r"n_neighbors must be at least 1 and below the 5 rows .* got 5"):
        manifold_overlap(rows, rows[:5])
    with pytest.raises(ValueError, match="n_neighbors must be at least 1"):
        manifold_overlap(rows, rows, n_neighbors=0)
    with pytest.raises(SchemaError, match="Column 'age' of synthetic holds infinite values"):
        manifold_overlap(rows, rows.assign(age=np.inf))
