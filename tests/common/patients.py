"""Tables for privacy metrics: drawn again and again from one source."""

import numpy as np
import pandas as pd


def patients(rng, n):
    """Mixed columns with missing values; continuous enough that no two rows meet by chance."""
    return pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "lab": np.where(rng.random(n) < 0.2, np.nan, rng.normal(1, 0.3, n)),
            "sex": rng.choice(["F", "M"], n),
            "drug": pd.Series(rng.choice(["x", "y", "z"], n)).mask(rng.random(n) < 0.3),
            "site": pd.Categorical(rng.integers(1, 4, n)),
        }
    )


def numbers(rng, n, n_columns=4):
    """Independent normal columns."""
    return pd.DataFrame(rng.normal(size=(n, n_columns)), columns=list("abcdefghijklmnop"[:n_columns]))


def nudged(rng, table, share=0.01):
    """The same rows with every float moved by a small share of its column's standard deviation."""
    floats = table.select_dtypes("float")
    return table.assign(
        **{name: floats[name] + share * floats[name].std() * rng.normal(size=len(table)) for name in floats}
    )
