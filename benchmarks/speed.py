"""Seconds of both stages, rows sampled in a second, and memory of `DiscoTabSynthesizer` with its default policy.

Run from the root of the repository, on an idle machine: ``OMP_NUM_THREADS=1 python -m benchmarks.speed``; parts of the
ensemble take a thread each, two at most here. Each table has a process of its own, so that the peak memory is that of
one fit.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from benchmarks.quality import machine
from benchmarks.tables import TABLES, data_folder
from skgensynth import DiscoTabSynthesizer

RESULTS = Path(__file__).resolve().parent / "results"
# Table -> rows; None takes all.
TASKS = {"heart": None, "cirrhosis": None, "pima": None, "stroke": 2000, "adult": 2000, "diabetes": None}
N_SAMPLED = 20_000


def measure(name: str, n_rows: int | None, seed: int) -> dict[str, float]:
    """Time one fit and one draw."""
    table = TABLES[name]
    frame = pd.read_csv(data_folder() / table.file)
    if n_rows is not None:
        frame = frame.sample(n_rows, random_state=seed)
    X = frame.drop(columns=[table.target, *([table.identifier] if table.identifier else [])])
    y = frame[table.target]
    synthesizer = DiscoTabSynthesizer(feedback=None, random_state=seed)
    load_before = os.getloadavg()[0]
    start = time.perf_counter()
    synthesizer.fit(X, y)
    supervised = time.perf_counter()
    synthesizer.set_params(feedback="hierarchical").improve(X, y)
    fitted = time.perf_counter()
    synthesizer.sample(N_SAMPLED)
    sampled = time.perf_counter()
    return {
        "n_rows": len(X),
        "n_columns": X.shape[1] + 1,
        "supervised_seconds": supervised - start,
        "feedback_seconds": fitted - supervised,
        "rows_per_second": N_SAMPLED / (sampled - fitted),
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "load_before": load_before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=RESULTS / "speed.json")
    options = parser.parse_args()

    runs = []
    for name in options.tables:
        # The largest takes minutes: once is enough.
        for seed in options.seeds if TASKS[name] or name != "diabetes" else options.seeds[:1]:
            with get_context("spawn").Pool(1) as pool:
                figures = pool.apply(measure, (name, TASKS[name], seed))
            runs.append({"table": name, "seed": seed, **figures})
            print(runs[-1], flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
