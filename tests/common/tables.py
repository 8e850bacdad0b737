"""Small tables with every sort of column."""

import numpy as np
import pandas as pd


def mixed_table(n=120, seed=0):
    """Features of every dtype that round-trips, and an imbalanced class."""
    rng = np.random.default_rng(seed)
    size = pd.CategoricalDtype(["S", "M", "L", "XL"], ordered=True)
    start = pd.Timestamp("2020-01-01", tz="Europe/Berlin")
    X = pd.DataFrame(
        {
            "age": rng.integers(20, 90, n).astype(np.int16),
            "bmi": rng.normal(27, 4, n).round(1),
            "code": rng.choice(["007", "08", "9"], n),
            "sex": pd.Categorical(rng.choice(["F", "M"], n)),
            "size": pd.Series(rng.choice(["S", "M", "L"], n)).astype(size),
            "smoker": rng.random(n) < 0.3,
            "visits": pd.array(rng.integers(0, 40, n), dtype="Int64"),
            "seen": start + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "stay": pd.to_timedelta(rng.integers(1, 400, n), unit="h"),
        }
    )
    X.loc[rng.random(n) < 0.2, "bmi"] = np.nan
    X.loc[rng.random(n) < 0.2, "visits"] = pd.NA
    y = pd.Series(np.where(rng.random(n) < 0.25, "died", "alive"), name="outcome")
    return X, y


def number_table(n=120, n_columns=3, seed=0):
    """Nameless floats and an imbalanced class, as an array."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_columns))
    return X, (X[:, 0] > 0.8).astype(int)
