import numpy as np
import pandas as pd
import pytest

from skgensynth.report.plane import project


def test_places_are_principal_components_of_the_real_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    real = pd.DataFrame({"a": x, "b": x + 0.1 * rng.normal(size=300), "c": rng.normal(size=300)})
    synthetic = real.iloc[:50] * 1.0
    (places, moved), shares = project(real, synthetic)
    standard = ((real - real.mean()) / real.std(ddof=0)).to_numpy()
    values, vectors = np.linalg.eigh(np.cov(standard.T))
    assert shares == pytest.approx((values[-1] / values.sum(), values[-2] / values.sum()))
    expected = standard @ vectors[:, ::-1][:, :2]
    assert np.abs(places) == pytest.approx(np.abs(expected), abs=1e-9)
    # A row is placed alike, whichever table it is in.
    assert moved == pytest.approx(places[:50])


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, 2.0, 3.0]}),
        pd.DataFrame({"a": [1.0]}),
        pd.DataFrame({"a": [1.0, 1.0]}),
        pd.DataFrame({"a": [np.nan, np.nan], "b": ["x", None]}),
        pd.DataFrame({"a": pd.date_range("2020-01-01", periods=3), "b": [True, False, True]}),
    ],
)
def test_any_table_has_places(frame):
    places, shares = project(frame, frame)
    for rows in places:
        assert rows.shape[1] == 2
        assert np.isfinite(rows).all()
    assert all(0 <= share <= 1 for share in shares)


def test_large_tables_are_drawn_from():
    frame = pd.DataFrame({"a": np.arange(6000.0), "b": ["x"] * 6000})
    places, _ = project(frame, frame[:10])
    assert [len(rows) for rows in places] == [5000, 10]
