"""Runs of a comparison, made by hand."""

import math

from skgensynth.comparison import ComparisonRun
from skgensynth.comparison.results import FIGURES


def make_run(table="ward", llm="a", prompt="seed_ex", *, error="", synthesizer="SynLLM", **figures):
    sizes = {"n_train": 60.0, "n_test": 20.0, "n_rows": 0.0 if error else 30.0}
    return ComparisonRun(
        table,
        synthesizer,
        llm,
        prompt,
        error,
        dict.fromkeys(FIGURES, math.nan) | sizes | figures,
        {},
        (),
        f"{table}-{synthesizer}-{llm}-{prompt}",
    )
