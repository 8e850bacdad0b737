"""Utility, fidelity and privacy of synthesizers on nine public tables; see README.md beside this file.

Run from the root of the repository: ``python -m benchmarks.quality --methods disco --seeds 0 1 2 3 4``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from benchmarks.peers import METHODS, versions
from benchmarks.tables import TABLES, load
from skgensynth.metrics import (
    UtilityResult,
    association_difference,
    exact_copies,
    jensen_shannon,
    membership_inference,
    tstr,
)

RESULTS = Path(__file__).resolve().parent / "results"
SYNTHETIC_ROWS_PER_TRAINING_ROW = 10


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if not options.summary:
        failures = run(options)
        if failures:
            print(f"{failures} runs failed; start again to repeat them.", file=sys.stderr)
            return 1
    from benchmarks.summary import summarise

    print(summarise(options.out))
    return 0


def run(options: argparse.Namespace) -> int:
    """Measure what the file of results lacks, append each result at once, and return the number of failures."""
    options.out.parent.mkdir(parents=True, exist_ok=True)
    done = {(r["table"], r["seed"], r["method"]) for r in read_results(options.out)}
    jobs = [
        (table, seed, method)
        for method in options.methods
        for table in options.tables
        for seed in options.seeds
        if (table, seed, method) not in done and not _is_pointless(table, method)
    ]
    failures = 0
    for result in Parallel(n_jobs=options.n_jobs, return_as="generator_unordered")(delayed(attempt)(*j) for j in jobs):
        if "error" in result:
            failures += 1
            print(result["error"], file=sys.stderr, flush=True)
        else:
            with options.out.open("a") as file:
                file.write(json.dumps(result) + "\n")
        print(_line(result), flush=True)
    return failures


def attempt(table: str, seed: int, method: str) -> dict:
    """Measure one run; one that fails must not end the others."""
    try:
        return measure(table, seed, method)
    except Exception:
        return {"table": table, "seed": seed, "method": method, "error": traceback.format_exc()}


def measure(table_name: str, seed: int, method: str) -> dict:
    """Fit, sample and judge one method on one split of one table."""
    table = TABLES[table_name]
    train, test = load(table_name, seed)
    load_before = os.getloadavg()[0]
    fit_clock = Clock()
    sample = METHODS[method](train, table.target, table.task, seed)
    fit_seconds, fit_cpu_seconds = fit_clock.read()
    sample_clock = Clock()
    synthetic = sample(SYNTHETIC_ROWS_PER_TRAINING_ROW * len(train))
    sample_seconds, sample_cpu_seconds = sample_clock.read()
    costs = {
        "fit_seconds": fit_seconds,
        "fit_cpu_seconds": fit_cpu_seconds,
        "sample_seconds": sample_seconds,
        "sample_cpu_seconds": sample_cpu_seconds,
        "load_before_fit": load_before,
    }
    utility = tstr(synthetic, test, table.target, task=table.task, random_state=seed)
    return judge(table_name, seed, method, train, test, synthetic, utility) | costs


def judge(
    table_name: str,
    seed: int,
    method: str,
    train: pd.DataFrame,
    test: pd.DataFrame,
    synthetic: pd.DataFrame,
    utility: UtilityResult,
) -> dict:
    """What is said of the rows that a method made of a split, but for what they cost."""
    # Training rows are no synthetic table: their line gives the floor, the figures of real rows that were never fitted.
    # For the attack half of them plays the synthetic table, which shows what a split by subject gives away by itself.
    members, compared, attacked = (train[::2], test, train[1::2]) if method == "real" else (train, synthetic, synthetic)
    attack = membership_inference(members, test, attacked, random_state=seed)
    return {
        "table": table_name,
        "seed": seed,
        "method": method,
        "n_train": len(train),
        "n_test": len(test),
        "n_columns": train.shape[1],
        "n_synthetic": len(synthetic),
        "utility": utility.score,
        "utility_mean": utility.mean,
        "utility_per_learner": utility.per_learner,
        "jsd": jensen_shannon(train, compared).mean,
        "association_difference": association_difference(train, compared).mean,
        "exact_copies": exact_copies(train, compared),
        "membership_auc": attack.auc,
        "membership_auc_interval": attack.auc_interval,
        "membership_tpr_at_1pct_fpr": attack.tpr_at_1pct_fpr,
        "machine": machine(),
        "versions": versions(method),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def read_results(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def machine() -> str:
    """Processor model, cores and Python version."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass  # not Linux: what platform knows has to do
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


class Clock:
    """Seconds on the wall, and of processor time, which do not grow when the machine is busy with something else."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Both kinds of seconds since this clock was made."""
        return time.perf_counter() - self.wall, time.process_time() - self.cpu


def _is_pointless(table, method):
    # SMOTE interpolates within classes: it has nothing to offer to a regression.
    return method == "smotenc" and TABLES[table].task == "regression"


def _line(result):
    head = f"{result['method']:8s} {result['table']:11s} seed {result['seed']}"
    if "error" in result:
        return f"{head} failed"
    return (
        f"{head} utility {result['utility']:.3f} jsd {result['jsd']:.4f} "
        f"membership {result['membership_auc']:.3f} fit {result['fit_seconds']:.1f} s"
    )


def _parser():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES), metavar="TABLE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=RESULTS / "quality.jsonl", help="file of results, one JSON a line")
    parser.add_argument("--n-jobs", type=int, default=1, help="worker processes; give each one thread")
    parser.add_argument("--summary", action="store_true", help="only summarise the file of results")
    return parser


if __name__ == "__main__":
    sys.exit(main())
