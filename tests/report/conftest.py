import numpy as np
import pandas as pd
import pytest

from skgensynth.report import evaluate


def _rows(n, seed):
    rng = np.random.default_rng(seed)
    age = rng.normal(60, 10, n).round()
    return pd.DataFrame(
        {
            "age": age,
            "<b>sex</b>": rng.choice(["F", "M"], n),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "bmi": np.where(rng.random(n) < 0.2, np.nan, rng.normal(25, 4, n).round(1)),
            "empty": np.full(n, np.nan),
            "ward": np.array([f"ward {i}" for i in range(12)])[rng.integers(0, 12, n)],
            "died": np.where(age + rng.normal(0, 5, n) > 62, "yes", "no"),
        }
    )


@pytest.fixture(scope="session")
def rows():
    return _rows


@pytest.fixture(scope="session")
def report():
    return evaluate(_rows(120, 0), _rows(60, 1), _rows(400, 2), target="died")
