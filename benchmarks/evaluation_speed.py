"""Seconds and memory of `skgensynth.evaluate` on a small clinical table and on 100,000 rows.

Run from the root of the repository, on an idle machine: ``OMP_NUM_THREADS=1 python -m benchmarks.evaluation_speed``.
Each table has a process of its own, so that the peak memory is that of one evaluation and its page.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality import machine
from benchmarks.tables import TABLES, load
from skgensynth import DiscoTabSynthesizer, evaluate

RESULTS = Path(__file__).resolve().parent / "results"
HOLDOUT_SHARE = 0.3


def draw(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of a made-up source: six numbers, one of them with gaps, three categories and a rare outcome."""
    risk = rng.normal(size=n_rows)
    age = np.clip(60 + 12 * risk + rng.normal(0, 8, n_rows), 18, 99).round()
    return pd.DataFrame(
        {
            "age": age,
            "pressure": (120 + 0.4 * age + rng.normal(0, 12, n_rows)).round(),
            "bmi": np.where(rng.random(n_rows) < 0.1, np.nan, rng.normal(26, 4, n_rows).round(1)),
            "creatinine": rng.lognormal(0.1 * risk, 0.4).round(2),
            "sodium": rng.normal(138 - risk, 3).round(),
            "visits": rng.poisson(np.exp(0.3 * risk)),
            "sex": rng.choice(["F", "M"], n_rows),
            "ward": rng.choice([f"ward {i}" for i in range(12)], n_rows),
            "smoker": np.where(rng.random(n_rows) < 0.2, "yes", "no"),
            "died": np.where(risk + rng.normal(0, 0.7, n_rows) > 1.8, "yes", "no"),
        }
    )


def tables(name: str, n_rows: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """Training, held-out and synthetic rows, and the target."""
    if name == "heart":
        train, test = load("heart", seed=0)
        synthetic = DiscoTabSynthesizer(n_epochs=20, feedback=None, random_state=0).fit(train).sample(10 * len(train))
        return train, test, synthetic, TABLES["heart"].target
    rng = np.random.default_rng(0)
    sizes = (n_rows, int(HOLDOUT_SHARE * n_rows), n_rows)
    return (*(draw(size, rng) for size in sizes), "died")


def measure(name: str, n_rows: int, n_jobs: int) -> dict:
    """Time one evaluation and its page."""
    train, test, synthetic, target = tables(name, n_rows)
    start, start_cpu = time.perf_counter(), time.process_time()
    report = evaluate(train, test, synthetic, target=target, n_jobs=n_jobs, verbose=1)
    evaluated, evaluated_cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        report.to_html(page)
        size = page.stat().st_size
    return {
        "table": name,
        "n_train": len(train),
        "n_test": len(test),
        "n_synthetic": len(synthetic),
        "n_columns": train.shape[1],
        "n_jobs": n_jobs,
        "evaluate_seconds": evaluated - start,
        "evaluate_processor_seconds": evaluated_cpu - start_cpu,
        "page_seconds": time.perf_counter() - evaluated,
        "page_bytes": size,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "load_before": os.getloadavg()[0],
        "scores": report.scores,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=["heart", "made-up"], choices=["heart", "made-up"])
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the made-up table")
    parser.add_argument("--jobs", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--out", type=Path, default=RESULTS / "evaluation_speed.json")
    options = parser.parse_args()

    runs = []
    for name in options.tables:
        for n_jobs in options.jobs:
            with get_context("spawn").Pool(1) as pool:
                runs.append(pool.apply(measure, (name, options.rows, n_jobs)))
            print(runs[-1], flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
