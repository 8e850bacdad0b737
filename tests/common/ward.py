"""A small table of patients whose age tells who died."""

import numpy as np
import pandas as pd


def ward(n=80, seed=0):
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 91, n)
    return pd.DataFrame(
        {
            "age": age,
            "weight": rng.normal(75, 12, n).round(1),
            "sex": rng.choice(["F", "M"], n),
            "died": np.where(age + rng.normal(0, 8, n) > 60, "yes", "no"),
        }
    )
