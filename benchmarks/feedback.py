"""What the feedback stage gives: the supervised policy, scalar and hierarchical feedback on the nine public tables.

Run from the root of the repository: ``OMP_NUM_THREADS=1 python -m benchmarks.feedback --seeds 0 1 2 3 4``. Each split's
supervised policy is trained once, and both kinds of feedback start from it. Between them stands the supervised policy
whose rows are drawn under the same laws, without feedback. Laws are those that the feedback stage found in the training
rows. ``--quality FILE`` also appends what the quality benchmark says of hierarchical feedback, the method `feedback`
there, on the same splits.
"""

from __future__ import annotations

import argparse
import copy
import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality import RESULTS, SYNTHETIC_ROWS_PER_TRAINING_ROW, Clock, judge, machine
from benchmarks.runs import append, collect, paired_differences, publish
from benchmarks.tables import TABLES, load
from skgensynth import DiscoTabSynthesizer
from skgensynth.laws import Laws
from skgensynth.metrics import association_difference, exact_copies, jensen_shannon, membership_inference, tstr

NONE, LAWS, SCALAR, HIERARCHICAL = "none", "laws", "scalar", "hierarchical"
PAIRS = ((HIERARCHICAL, NONE), (HIERARCHICAL, SCALAR), (SCALAR, NONE), (HIERARCHICAL, LAWS), (LAWS, NONE))
FIGURES = {
    "ratio": "utility / real",
    "minority_recall": "minority recall",
    "minority_f1": "minority F1",
    "broken_rows": "rows that break a law",
    "violations": "broken laws a row",
    "jsd": "JSD",
    "association_difference": "association difference",
    "membership_auc": "membership AUC",
    "least_share": "least class share / real",
    "most_share": "most",
    "seconds": "seconds",
    "cost": "whole fit / supervised",
}
LARGER_IS_BETTER = {"ratio", "minority_recall", "minority_f1"}
UNCOMPARED = {"seconds", "cost", "least_share", "most_share"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=RESULTS / "feedback.jsonl")
    parser.add_argument("--quality", type=Path, help="file of the quality benchmark to append to")
    parser.add_argument("--summary", action="store_true", help="measure nothing, summarise what is there")
    options = parser.parse_args()
    jobs = [] if options.summary else [(table, seed) for seed in options.seeds for table in options.tables]
    runs = collect(options.out, ("table", "seed"), jobs, partial(measure, quality=options.quality))
    publish(options.out, summary(runs))


def measure(table: str, seed: int, quality: Path | None = None) -> list[dict]:
    """Figures of all variants on one split; those of hierarchical feedback also go to a file of another benchmark."""
    train, test = load(table, seed)
    target, task = TABLES[table].target, TABLES[table].task
    X, y = train.drop(columns=target), train[target]
    load_before, clock = os.getloadavg()[0], Clock()
    supervised = DiscoTabSynthesizer(feedback=None, random_state=seed).fit(X, y)
    supervised_cost = clock.read()
    real = tstr(train, test, target, task=task, random_state=seed)
    rare = min(y.unique(), key=lambda label: (y == label).sum()) if task == "classification" else None
    variants, costs = variants_of(supervised, X, y)
    laws = variants[HIERARCHICAL].constraints_
    results = []
    for variant, synthesizer in variants.items():
        clock = Clock()
        X_new, y_new = synthesizer.sample(SYNTHETIC_ROWS_PER_TRAINING_ROW * len(train))
        sample_cost = clock.read()
        synthetic = X_new.assign(**{target: y_new})[train.columns]
        utility = tstr(synthetic, test, target, task=task, random_state=seed)
        broken = laws.violations(X_new, y_new)
        result = {
            "table": table,
            "seed": seed,
            "feedback": variant,
            "n_laws": len(laws),
            "ratio": utility.score / real.score,
            "utility": utility.score,
            "broken_rows": float(broken.any(axis=1).mean()),
            "violations": float(broken.sum(axis=1).mean()),
            "jsd": jensen_shannon(train, synthetic).mean,
            "association_difference": association_difference(train, synthetic).mean,
            "membership_auc": membership_inference(train, test, synthetic, n_bootstrap=2, random_state=seed).auc,
            "exact_copies": exact_copies(train, synthetic),
            "seconds": costs[variant][0],
            "supervised_seconds": supervised_cost[0],
            "machine": machine(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if rare is not None:
            shares = y_new.value_counts(normalize=True).reindex(y.unique(), fill_value=0.0)
            relative = shares / y.value_counts(normalize=True)
            result |= {"least_share": float(relative.min()), "most_share": float(relative.max())}
            result |= minority_figures(utility.per_class, rare)
        results.append(result)
        if quality is not None and variant == HIERARCHICAL:
            judged = judge(table, seed, "feedback", train, test, synthetic, utility)
            whole = [one + other for one, other in zip(supervised_cost, costs[variant], strict=True)]
            names = ("fit_seconds", "fit_cpu_seconds", "sample_seconds", "sample_cpu_seconds")
            judged |= dict(zip(names, [*whole, *sample_cost], strict=True)) | {"load_before_fit": load_before}
            append(quality, [judged])
    return results


def variants_of(supervised: DiscoTabSynthesizer, X: pd.DataFrame, y: pd.Series) -> tuple[dict, dict]:
    """The supervised synthesizer, the same under laws and with feedback; seconds of each, wall and processor."""
    variants = {NONE: supervised, LAWS: _twin(supervised)}
    costs = {NONE: (0.0, 0.0), LAWS: (0.0, 0.0)}
    for kind in (SCALAR, HIERARCHICAL):
        variants[kind] = _twin(supervised).set_params(feedback=kind)
        clock = Clock()
        variants[kind].improve(X, y)
        costs[kind] = clock.read()
    schema = supervised.schema_
    laws = Laws(variants[HIERARCHICAL].constraints_, schema).breakable()
    variants[LAWS].policy_.obey(laws, np.random.default_rng(0))
    return variants, costs


def _twin(synthesizer: DiscoTabSynthesizer) -> DiscoTabSynthesizer:
    """A copy that goes on refusing copies of training rows, which copying ends."""
    twin = copy.deepcopy(synthesizer)
    twin._copies = synthesizer._copies
    return twin


def minority_figures(per_class: dict, rare: object) -> dict[str, float]:
    """Recall and F1 of the rarest class, mean over the learners."""
    recalls, scores = [], []
    for classes in per_class.values():
        recall, precision = classes[rare]["recall"], classes[rare]["precision"]
        recalls.append(recall)
        scores.append(2 * recall * precision / (recall + precision) if recall + precision > 0 else 0.0)
    return {"minority_recall": float(np.mean(recalls)), "minority_f1": float(np.mean(scores))}


def summary(runs: pd.DataFrame) -> str:
    """Means by table and variant, and paired differences over all splits, as Markdown."""
    runs = runs.assign(cost=1 + runs["seconds"] / runs["supervised_seconds"])
    names = [name for name in FIGURES if name in runs]
    means = runs.groupby(["table", "feedback"], sort=False)[names].mean()
    spreads = runs.groupby(["table", "feedback"], sort=False)[names].std()
    counts = runs.groupby(["table", "feedback"], sort=False).size()
    lines = [
        "Mean ± standard deviation over seeds; laws are those found in the training rows. Seconds are of the feedback "
        "stage alone, on one core.",
        "",
        "| table | feedback | seeds | " + " | ".join(FIGURES[name] for name in names) + " |",
        "| --- | --- | ---: |" + " ---: |" * len(names),
    ]
    for key, row in means.iterrows():
        cells = [_cell(name, row[name], spreads.loc[key, name]) for name in names]
        lines.append(f"| {key[0]} | {key[1]} | {counts[key]} | " + " | ".join(cells) + " |")
    compared = {name: FIGURES[name] for name in names if name not in UNCOMPARED}
    differences = paired_differences(runs, "feedback", PAIRS, compared, LARGER_IS_BETTER)
    lines += ["", *differences, "", f"Measured on {runs['machine'].iloc[-1]}.", ""]
    return "\n".join(lines)


def _cell(name: str, mean: float, spread: float) -> str:
    if np.isnan(mean):
        return ""
    digits = {"jsd": 4, "broken_rows": 4, "violations": 4, "seconds": 0, "cost": 1}.get(name, 3)
    return f"{mean:.{digits}f} ± {spread:.{digits}f}"


if __name__ == "__main__":
    main()
