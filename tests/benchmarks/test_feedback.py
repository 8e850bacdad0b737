from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import feedback
from skgensynth import DiscoTabSynthesizer
from skgensynth.metrics import exact_copies


@pytest.fixture(scope="module")
def table():
    """Rows that come up again by chance, though few of them are there twice."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.integers(0, 9, (250, 4)), columns=list("abcd"))


def test_variants_refuse_copies_as_the_synthesizer_they_were_copied_from(table):
    X, y = table[["a", "b", "c"]], table["d"].map(str)
    settings = {"n_members": 2, "width": 8, "n_layers": 1}
    fitted = DiscoTabSynthesizer(n_epochs=2, feedback=None, policy_params=settings, random_state=0).fit(X, y)
    train = X.assign(d=y)

    variants, costs = feedback.variants_of(fitted, X, y)

    assert set(variants) == set(costs) == {"none", "laws", "scalar", "hierarchical"}
    for synthesizer in variants.values():
        X_new, y_new = synthesizer.sample(2500)
        assert exact_copies(train, X_new.assign(d=y_new)) == 0
