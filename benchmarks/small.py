"""Few rows: MALLM-GAN with the embedded model beside peers, in the protocol of its paper.

Run from the root of the repository: ``python -m benchmarks.small --methods mallm cart smotenc``. 200 rows are held out
before N training rows are drawn; each method makes as many rows as it was trained on. Utility is weighted F1 (R² for
insurance) on the held-out rows, the best of the paper's learners, mean over seeds. Each run is appended to
``results/small.jsonl`` at once and not measured again; ctgan needs the environment of `benchmarks.quality`.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC
from xgboost import XGBClassifier, XGBRegressor

from benchmarks.peers import cart, ctgan, disco, real, smotenc, tvae, versions
from benchmarks.quality import RESULTS, machine
from benchmarks.runs import collect, paired_differences, publish
from benchmarks.tables import data_folder
from skgensynth.llm import Usage
from skgensynth.metrics import distance_to_closest_record, tstr

N_HELD_OUT = 200
SIZES = (25, 50, 100, 200)
# Of MALLM-GAN, fewer for more rows, as in the paper: three iterations of 50 rows, four of 100 and 200.
N_EPOCHS = {25: 3, 50: 3, 100: 2, 200: 1}
# File, target and task; the network behind Asia says who has dyspnoea.
TABLES = {
    "adult": ("adult.csv.gz", "income", "classification"),
    "magic": ("magic_gamma_telescope.csv.gz", "class", "classification"),
    "asia": ("asia_sampled_10000.csv", "dysp", "classification"),
    "insurance": ("insurance.csv", "charges", "regression"),
}
# Table 2 of arXiv:2406.10521 v3, GPT-3.5 as generator and GPT-4 as optimizer; it has neither MAGIC nor fewer rows.
PAPER = {
    ("adult", 100): 0.79,
    ("adult", 200): 0.77,
    ("asia", 100): 0.83,
    ("asia", 200): 0.83,
    ("insurance", 100): 0.72,
    ("insurance", 200): 0.69,
}
MAX_DEPTH, N_TREES, RATE = 3, 100, 0.1
OURS = "disco"
# Figures of two values.
PAIRS = {"dcr": ("dcr_train", "dcr_held_out"), "tokens": ("n_tokens", "estimated_n_tokens")}
DIFFERENCES = (
    "Beside another model, what differs from the paper: three epochs for up to 50 rows, two for 100, one for 200 "
    "(there five for up to 100 rows, four for 200), adult with all its columns (there without fnlwgt), no context in "
    "words, and rows as CSV."
)


def split(name: str, n_train: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training rows and held-out rows, the target last and the other columns in random order.

    The order of Asia's columns is one of causes before effects and would give the graph away.
    """
    file, target, task = TABLES[name]
    frame = pd.read_csv(data_folder() / file)
    features = [column for column in frame if column != target]
    frame = frame[[*np.random.default_rng(seed).permutation(features), target]]
    classes = frame[target] if task == "classification" else None
    pool, held_out = train_test_split(frame, test_size=N_HELD_OUT, stratify=classes, random_state=seed)
    classes = pool[target] if task == "classification" else None
    train, _ = train_test_split(pool, train_size=n_train, stratify=classes, random_state=seed)
    return train.reset_index(drop=True), held_out.reset_index(drop=True)


def mallm(train, target, task, seed, **settings):
    """MallmGanSynthesizer with the embedded model; CSV, which takes it about half of the tokens."""
    from skgensynth import MallmGanSynthesizer

    synthesizer = MallmGanSynthesizer(output="csv", n_epochs=N_EPOCHS[len(train)], random_state=seed, **settings)
    X, y = train.drop(columns=target), train[target]
    estimate = synthesizer.estimate_cost(X, y)
    synthesizer.fit(X, y)

    def sample(n):
        X, y = synthesizer.sample(n)
        return X.assign(**{target: y})[train.columns]

    sample.synthesizer, sample.estimate = synthesizer, estimate
    return sample


METHODS: dict[str, Callable] = {
    "real": real,
    "smotenc": smotenc,
    "cart": cart,
    "tvae": tvae,
    "ctgan": ctgan,
    "disco": partial(disco, feedback="hierarchical"),
    "untaught": partial(disco, feedback="hierarchical", policy_params={"n_target_trees": 0}),
    "few-shot": partial(mallm, init="none", optimize=False),
    "causal": partial(mallm, optimize=False),
    "mallm": mallm,
}
LABELS = {
    "real": "real training rows",
    "smotenc": "SMOTE / SMOTE-NC",
    "cart": "sequential CART",
    "tvae": "TVAE",
    "ctgan": "CTGAN",
    "disco": "DiscoTabSynthesizer",
    "untaught": "DiscoTabSynthesizer, no trees teach it",
    "few-shot": "MALLM-GAN, examples alone",
    "causal": "MALLM-GAN, examples and graph",
    "mallm": "MALLM-GAN",
}


def learners(task: str) -> dict[str, object]:
    """The paper's learners."""
    if task == "regression":
        return {
            "linear": LinearRegression(),
            "forest": RandomForestRegressor(max_depth=MAX_DEPTH, random_state=0),
            "xgboost": XGBRegressor(n_estimators=N_TREES, max_depth=MAX_DEPTH, learning_rate=RATE, n_jobs=1),
        }
    return {
        "linear": LogisticRegression(max_iter=1000),
        "forest": RandomForestClassifier(max_depth=MAX_DEPTH, random_state=0),
        "svm": SVC(),
        "xgboost": XGBClassifier(n_estimators=N_TREES, max_depth=MAX_DEPTH, learning_rate=RATE, n_jobs=1),
    }


def measure(name: str, n_train: int, seed: int, method: str) -> dict:
    """Figures of one method on one split."""
    train, held_out = split(name, n_train, seed)
    _, target, task = TABLES[name]
    start = time.perf_counter()
    sample = METHODS[method](train, target, task, seed)
    fit_seconds = time.perf_counter() - start
    rows = sample(len(train))
    seconds = time.perf_counter() - start
    result = {
        "table": name,
        "n_train": n_train,
        "seed": seed,
        "method": method,
        "utility": utility(rows, held_out, target, task, seed),
        "fit_seconds": fit_seconds,
        "seconds": seconds,
        "machine": machine(),
        "versions": versions(method),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if method != "real":
        closest = distance_to_closest_record(train, held_out, rows)
        result |= {"dcr_train": closest.to_train.median, "dcr_held_out": closest.to_holdout.median}
    synthesizer = getattr(sample, "synthesizer", None)
    if synthesizer is not None:
        estimated = (sample.estimate.fit, sample.estimate.sample(len(train)))
        result |= _used("", [synthesizer.usage_]) | _used("estimated_", estimated)
        result["iterations"] = len(synthesizer.trajectory_)
    return result


def _used(prefix: str, usages: Sequence[Usage]) -> dict[str, int]:
    """Requests and tokens together."""
    tokens = [usage.n_prompt_tokens + usage.n_completion_tokens for usage in usages]
    return {f"{prefix}n_requests": sum(usage.n_requests for usage in usages), f"{prefix}n_tokens": sum(tokens)}


def utility(rows: pd.DataFrame, held_out: pd.DataFrame, target: str, task: str, seed: int) -> float:
    """The best learner's weighted F1 or R²; of rows of one class, that of saying this class always."""
    if task == "classification" and rows[target].nunique() < 2:
        share = float((held_out[target] == rows[target].iloc[0]).mean())
        return share * 2 * share / (1 + share)
    found = tstr(rows, held_out, target, task=task, learners=learners(task), random_state=seed)
    figure = "weighted_f1" if task == "classification" else "r2"
    return max(figures[figure] for figures in found.per_learner.values())


def summary(runs: pd.DataFrame) -> str:
    """Mean utility by method, table and number of rows, beside the paper's, then distances, as Markdown."""
    runs = runs.astype({"method": pd.CategoricalDtype(list(METHODS))})
    text = []
    for title, figure in (
        ("Utility: weighted F1, R² for insurance, of the best learner", "utility"),
        ("Median distance to the closest training row / held-out row", "dcr"),
        ("Thousands of tokens, used / estimated before the run", "tokens"),
        ("Seconds of fitting and drawing", "seconds"),
    ):
        columns = list(PAIRS.get(figure, [figure]))
        if not set(columns) <= set(runs):  # nothing that was measured has it: tokens without a language model
            continue
        measured = runs.dropna(subset=columns)
        text += [f"{title}:", ""]
        places = [(name, n) for name in TABLES for n in SIZES if ((runs.table == name) & (runs.n_train == n)).any()]
        text.append("| method | " + " | ".join(f"{name}, {n}" for name, n in places) + " |")
        text.append("| --- |" + " ---: |" * len(places))
        for method, group in measured.groupby("method", observed=True):
            cells = [_cell(group[(group.table == name) & (group.n_train == n)], figure) for name, n in places]
            text.append(f"| {LABELS[method]} | " + " | ".join(cells) + " |")
        if figure == "utility":
            cells = [f"{PAPER[place]:.2f}" if place in PAPER else "" for place in places]
            text += ["| *MALLM-GAN in the paper* | " + " | ".join(cells) + " |", "", DIFFERENCES, ""]
            text += _compared(measured)
        text.append("")
    return "\n".join([*text, *(f"Measured on {machine}." for machine in sorted(set(runs["machine"]))), ""])


def _compared(runs: pd.DataFrame) -> list[str]:
    """Utility of ours beside each other method's, over all splits that both have."""
    splits = runs.assign(table=runs["table"] + runs["n_train"].astype(str), method=runs["method"].astype(str))
    measured = set(splits["method"])
    pairs = [(OURS, other) for other in METHODS if {OURS, other} <= measured and other != OURS]
    return paired_differences(splits, "method", pairs, {"utility": "utility"}, {"utility"}, LABELS) if pairs else []


def _cell(runs: pd.DataFrame, figure: str) -> str:
    """Mean and, of several runs, spread and number."""
    if figure in PAIRS:
        digits, scale = (0, 1000) if figure == "tokens" else (2, 1)
        found = runs[list(PAIRS[figure])].mean() / scale
        return " / ".join(f"{value:.{digits}f}" for value in found.dropna())
    values = runs[figure].dropna()
    if not len(values):
        return ""
    digits = 0 if figure == "seconds" else 2
    spread = f" ± {values.std():.{digits}f} ({len(values)})" if len(values) > 1 else " (1)"
    return f"{values.mean():.{digits}f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=RESULTS / "small.jsonl")
    options = parser.parse_args()
    jobs = [
        (name, n_train, seed, method)
        for seed, n_train, method, name in itertools.product(
            options.seeds, options.sizes, options.methods, options.tables
        )
        if method != "smotenc" or TABLES[name][2] == "classification"
    ]
    publish(options.out, summary(collect(options.out, ("table", "n_train", "seed", "method"), jobs, measure)))


if __name__ == "__main__":
    main()
