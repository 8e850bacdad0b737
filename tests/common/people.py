"""A table of people whose height depends on their sex, and their weight on their height."""

from __future__ import annotations

import numpy as np
import pandas as pd


def people(rng, n):
    sex = rng.choice(["F", "M"], n, p=[0.3, 0.7])
    table = pd.DataFrame(
        {
            "height": np.where(sex == "M", 180.0, 165.0) + rng.normal(0, 5, n),
            "sex": sex,
            "visits": rng.integers(10**6, 10**6 + 50, n),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 100, n), unit="D"),
        }
    )
    return table.assign(weight=table["height"] - 100 + rng.normal(0, 4, n))


def kinds_of(table):
    """Numbers and times as continuous columns, whatever would be inferred."""
    return {name: "continuous" for name in table.columns if table[name].dtype.kind in "ifM"}
