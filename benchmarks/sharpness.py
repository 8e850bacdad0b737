"""How sharp a target should be: utility, fidelity and privacy of the supervised stage by the target's temperature.

Run from the root of the repository: ``OMP_NUM_THREADS=1 python -m benchmarks.sharpness``. The splits are others than
those of the quality benchmark (seeds from 100), since the default was chosen on them. A policy is trained once on each
split, and its target drawn at each temperature.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.feedback import minority_figures
from benchmarks.quality import RESULTS, SYNTHETIC_ROWS_PER_TRAINING_ROW, machine
from benchmarks.runs import collect, publish
from benchmarks.tables import TABLES, load
from skgensynth import DiscoTabSynthesizer
from skgensynth.metrics import association_difference, detection_auc, jensen_shannon, membership_inference, tstr

OLD, NEW = 0.5, 0.1
MIN_SPLITS = 6  # with fewer, no difference can be significant
FIGURES = {
    "ratio": "utility / real",
    "minority_f1": "rarest class, F1",
    "auc": "AUC of models",
    "association_difference": "association difference",
    "jsd": "JSD",
    "detection_auc": "detection AUC",
    "membership_auc": "membership AUC",
}


def measure(table: str, seed: int) -> list[dict]:
    """Figures of one split at each temperature."""
    train, test = load(table, seed)
    target, task = TABLES[table].target, TABLES[table].task
    synthesizer = DiscoTabSynthesizer(feedback=None, random_state=seed).fit(train.drop(columns=target), train[target])
    real = tstr(train, test, target, task=task, random_state=seed)
    results = []
    for temperature in (OLD, NEW):
        policy = synthesizer.policy_
        policy.states_.sharpening.temperature = temperature
        policy.balance(np.random.default_rng(0))
        X, y = synthesizer.sample(SYNTHETIC_ROWS_PER_TRAINING_ROW * len(train))
        rows = X.assign(**{target: y})[train.columns]
        utility = tstr(rows, test, target, task=task, random_state=seed)
        result = {
            "table": table,
            "seed": seed,
            "temperature": temperature,
            "ratio": utility.score / real.score,
            "jsd": jensen_shannon(train, rows).mean,
            "association_difference": association_difference(train, rows).mean,
            "detection_auc": detection_auc(test, rows.sample(len(test), random_state=0), random_state=0).auc,
            "membership_auc": membership_inference(train, test, rows, random_state=seed).auc,
            "machine": machine(),
        }
        if task == "classification":
            rare = train[target].value_counts().idxmin()
            result |= {"auc": utility.mean["auc"]} | minority_figures(utility.per_class, rare)
        results.append(result)
    return results


def summary(runs: pd.DataFrame) -> str:
    """Means by temperature, then utility by table, as Markdown."""
    lines = []
    tasks = runs["table"].map(lambda name: TABLES[name].task)
    for task, group in runs.groupby(tasks):
        ratios = group.pivot(index=["table", "seed"], columns="temperature", values="ratio")[[OLD, NEW]].dropna()
        figures = [name for name in FIGURES if name in group and group[name].notna().any()]
        lines += [f"Means over {len(ratios)} splits of tables for {task}:", ""]
        lines += ["| temperature | " + " | ".join(FIGURES[name] for name in figures) + " |"]
        lines += ["| ---: |" + " ---: |" * len(figures)]
        paired = group.set_index(["table", "seed"]).loc[ratios.index]
        for temperature in (OLD, NEW):
            means = paired.loc[paired["temperature"] == temperature, figures].mean()
            lines.append(f"| {temperature} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")
        if len(ratios) >= MIN_SPLITS:
            p = stats.wilcoxon(ratios[NEW], ratios[OLD]).pvalue
            lines += ["", f"Utility at {NEW} against {OLD}: p = {p:.2g} (Wilcoxon's signed ranks)."]
        lines += ["", f"| table | splits | utility / real at {OLD} | at {NEW} |", "| --- | ---: | ---: | ---: |"]
        for table, found in ratios.groupby("table"):
            old, new = found.mean()
            lines.append(f"| {table} | {len(found)} | {old:.3f} | {new:.3f} |")
        lines.append("")
    return "\n".join([*lines, *(f"Measured on {name}." for name in sorted(set(runs["machine"]))), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[100, 101, 102, 103])
    parser.add_argument("--out", type=Path, default=RESULTS / "sharpness.jsonl")
    options = parser.parse_args()
    jobs = [(table, seed) for seed, table in product(options.seeds, options.tables)]
    publish(options.out, summary(collect(options.out, ("table", "seed"), jobs, measure)))


if __name__ == "__main__":
    main()
