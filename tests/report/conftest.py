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


def _adult(frame):
    return (frame["age"] >= 18).to_numpy()


def _old(frame):
    return (frame["age"] >= 60).to_numpy()


@pytest.fixture(scope="session", autouse=True)
def few_splits():
    """A few splits do for tests, and save most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skgensynth.report.measures._MAX_SPLITS", 4)
        yield


@pytest.fixture(scope="session")
def rows():
    return _rows


@pytest.fixture(scope="session")
def report():
    """Independent draws of one source in all three places."""
    return evaluate(_rows(400, 0), _rows(250, 1), _rows(800, 2), target="died", rules=[_adult, _old])


@pytest.fixture(scope="session")
def unheld():
    """A report without held-out rows and without a target's use."""
    return evaluate(_rows(120, 0), None, _rows(200, 2), target="died", rules=None)
