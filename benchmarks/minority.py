"""Rare classes: recall and F1 of the minority class for models that are trained on synthetic rows alone.

Run from the root of the repository: ``OMP_NUM_THREADS=1 python -m benchmarks.minority --methods feedback smotenc``.
Stroke and diabetes as in the quality benchmark, and adult with so few rows of high income that they are 1 %. Each
method makes ten rows for each training row, once in the shares of the classes that it has learned, and once as many of
each class.
"""

from __future__ import annotations

import argparse
import inspect
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.feedback import minority_figures
from benchmarks.peers import LABELS, METHODS, versions
from benchmarks.quality import RESULTS, SYNTHETIC_ROWS_PER_TRAINING_ROW, machine
from benchmarks.runs import collect, paired_differences, publish
from benchmarks.tables import MAX_ROWS, TABLES, data_folder, load
from skgensynth.metrics import tstr

NAMES = ("stroke", "diabetes", "adult, 1 %")
RARE_SHARE = 0.01
FIGURES = {
    "recall": "recall",
    "f1": "F1",
    "macro_f1": "macro F1",
    "balanced_recall": "recall, balanced",
    "balanced_f1": "F1, balanced",
    "balanced_macro_f1": "macro F1, balanced",
    "share": "minority share / real",
    "least_category": "least category share / real",
}
SHARES = ("share", "least_category")  # best at one, neither larger nor smaller
OURS = "feedback"
# Tables of the usual size that a method without conditions may draw to come to enough rows of each class.
MAX_DRAWS = 10


def split(name: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Training rows, test rows and the target's name."""
    if name != "adult, 1 %":
        return *load(name, seed), TABLES[name].target
    target = TABLES["adult"].target
    frame = pd.read_csv(data_folder() / TABLES["adult"].file)
    frame = frame[[*(column for column in frame if column != target), target]]
    # Test rows keep the table's own shares, so that recall rests on more than a handful.
    pool, test = train_test_split(frame, test_size=MAX_ROWS, stratify=frame[target], random_state=seed)
    rare = pool[target].value_counts().idxmin()
    n_rare = int(RARE_SHARE * MAX_ROWS)
    few = pool[pool[target] == rare].sample(n_rare, random_state=seed)
    many = pool[pool[target] != rare].sample(MAX_ROWS - n_rare, random_state=seed)
    train = pd.concat([few, many]).sample(frac=1, random_state=seed)
    return train.reset_index(drop=True), test.reset_index(drop=True), target


def measure(name: str, seed: int, method: str) -> dict:
    """Figures of one method on one split."""
    train, test, target = split(name, seed)
    rare = train[target].value_counts().idxmin()
    start = time.perf_counter()
    sample = METHODS[method](train, target, "classification", seed)
    synthetic = sample(SYNTHETIC_ROWS_PER_TRAINING_ROW * len(train))
    seconds = time.perf_counter() - start
    figures = {}
    for prefix, rows in (("", synthetic), ("balanced_", balanced(sample, synthetic, train[target].unique(), target))):
        utility = tstr(rows, test, target, task="classification", random_state=seed)
        found = minority_figures(utility.per_class, rare)
        figures[f"{prefix}recall"] = found["minority_recall"]
        figures[f"{prefix}f1"] = found["minority_f1"]
        figures[f"{prefix}macro_f1"] = utility.score
    return {
        "table": name,
        "seed": seed,
        "method": method,
        **figures,
        "share": float((synthetic[target] == rare).mean() / (train[target] == rare).mean()),
        "least_category": least_category(train, synthetic),
        "seconds": seconds,
        "machine": machine(),
        "versions": versions(method),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def balanced(sample, drawn: pd.DataFrame, labels, target: str) -> pd.DataFrame:
    """As many rows of each class as make a table of the same size.

    A sampler that takes ``label`` is asked for them. From others more tables are drawn, `MAX_DRAWS` at most, and
    what a class still lacks is filled up with copies; a class without any row stays away.
    """
    n = len(drawn) // len(labels)
    if "label" in inspect.signature(sample).parameters:
        return pd.concat([sample(n, label=label) for label in labels], ignore_index=True)
    for _ in range(MAX_DRAWS - 1):
        if all((drawn[target] == label).sum() >= n for label in labels):
            break
        drawn = pd.concat([drawn, sample(n * len(labels))], ignore_index=True)
    rows = [drawn[drawn[target] == label] for label in labels]
    return pd.concat(
        [found.sample(n, replace=len(found) < n, random_state=0) for found in rows if len(found)], ignore_index=True
    )


def least_category(train: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """Smallest ratio of synthetic to real share among the levels of text columns that at least 1 % of the rows have."""
    ratios = []
    for column in train:
        if pd.api.types.is_numeric_dtype(train[column]):
            continue
        real = train[column].value_counts(normalize=True)
        real = real[real >= 0.01]
        shares = synthetic[column].value_counts(normalize=True).reindex(real.index, fill_value=0)
        ratios.append(float((shares / real).min()))
    return min(ratios, default=float("nan"))


def summary(runs: pd.DataFrame) -> str:
    """Means and spreads by table and method, as Markdown."""
    order = {"table": pd.CategoricalDtype(NAMES), "method": pd.CategoricalDtype(list(METHODS))}
    grouped = runs.astype(order).groupby(["table", "method"], observed=True)
    means, spreads, counts = grouped[list(FIGURES)].mean(), grouped[list(FIGURES)].std(), grouped.size()
    lines = [
        f"| table | method | seeds | {' | '.join(FIGURES.values())} |",
        "| --- | --- | ---: |" + " ---: |" * len(FIGURES),
    ]
    for (table, method), row in means.iterrows():
        cells = [f"{row[name]:.3f}" for name in FIGURES]
        if counts[table, method] > 1:
            cells = [
                f"{cell} ± {spreads.loc[(table, method), name]:.3f}" for cell, name in zip(cells, FIGURES, strict=True)
            ]
        lines.append(f"| {table} | {LABELS[method]} | {counts[table, method]} | {' | '.join(cells)} |")
    note = (
        "Models trained on synthetic rows alone, tested on real rows; recall and F1 are of the rare class, mean of the "
        "learners, ± over seeds. Balanced: as many synthetic rows of each class; the real rows are copied to that end."
    )
    compared = {name: title for name, title in FIGURES.items() if name not in SHARES}
    measured = set(runs["method"])
    pairs = [(OURS, other) for other in METHODS if {OURS, other} <= measured and other != OURS]
    differences = paired_differences(runs, "method", pairs, compared, compared, LABELS)
    machines = [f"Measured on {machine}." for machine in sorted(set(runs["machine"]))]
    return "\n".join([note, "", *lines, "", *differences, "", *machines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=RESULTS / "minority.jsonl")
    options = parser.parse_args()
    jobs = [(table, seed, method) for seed in options.seeds for method in options.methods for table in options.tables]
    publish(options.out, summary(collect(options.out, ("table", "seed", "method"), jobs, measure)))


if __name__ == "__main__":
    main()
