"""A policy of two numbers of which one is never above the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from common.policies import small_policy

from skgensynth.constraints import Order
from skgensynth.disco.lawful import Decoder
from skgensynth.laws import Laws


@pytest.fixture(scope="session")
def ends():
    """A policy of few, broad bins, so that the two numbers of a row often share one."""
    both = np.sort(np.random.default_rng(0).uniform(0, 100, (300, 2)), axis=1).round(1)
    return small_policy(pd.DataFrame({"lo": both[:, 0], "hi": both[:, 1]}), n_epochs=2, n_bins=4)[0]


@pytest.fixture(scope="session")
def ordered(ends):
    laws = Laws([Order("lo", "hi")], ends.schema_)
    return Decoder(ends.codec_, ends.schema_, laws)
