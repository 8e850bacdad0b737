"""The four prompts of SynLLM with the embedded language model, on the tables of its paper and heart failure.

Run from the root of the repository: ``python -m benchmarks.synllm``. The model has 135 million parameters, those of the
paper have 7 to 34 billion: this shows what the prompts do to a weak model. Each run is appended to
``results/synllm.jsonl`` at once and not measured again.
"""

from __future__ import annotations

import argparse
import itertools
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.descriptions import CONTEXTS, DESCRIPTIONS
from benchmarks.quality import RESULTS, machine
from benchmarks.runs import collect, publish
from benchmarks.tables import TABLES, discrete_columns, load
from skgensynth import SynLLMSynthesizer
from skgensynth.exceptions import SamplingError
from skgensynth.metrics import (
    exact_copies,
    harmonic_score,
    jensen_shannon,
    membership_inference,
    rule_violations,
    tstr,
)
from skgensynth.synllm.prompts import PROMPTS as PARTS
from skgensynth.synllm.rules import READY_RULES

MODEL = "smollm2-135m"
NAMES = ("diabetes", "stroke", "cirrhosis", "heart")
PROMPTS = ("seed_ex", "featdesc", "statguide", "clin_rule")
RULES = {"diabetes": ["diabetes", "mined"], "stroke": ["stroke", "mined"], "cirrhosis": ["cirrhosis", "mined"]}
# What is drawn for each row before the model is asked.
DRAWN = {"profile": True, "class": "classes", "nothing": False}
ORDER = {"table": NAMES, "prompt": PROMPTS, "drawn": tuple(DRAWN)}
FIGURES = {
    "valid": "valid rows",
    "accepted": "rows kept",
    "different": "different rows",
    "copies": "copies",
    "mean_distance": "distance of means",
    "class_distance": "distance of class shares",
    "jsd": "JSD",
    "accuracy": "TSTR accuracy",
    "auc": "TSTR AUC",
    "macro_f1": "TSTR macro F1",
    "membership_auc": "membership AUC",
    "harmonic": "harmonic score",
    "broken": "rows that break a rule",
    "tokens_per_row": "tokens a row",
    "seconds": "seconds",
}


def measure(name: str, seed: int, prompt: str, output: str, drawn: str, n_rows: int) -> dict:
    """Figures of one prompt on one split."""
    train, test = load(name, seed)
    target = TABLES[name].target
    rules = RULES.get(name, ["mined"])
    start = time.perf_counter()
    synthesizer = SynLLMSynthesizer(
        MODEL,
        prompt,
        feature_descriptions=DESCRIPTIONS[name],
        context=CONTEXTS[name],
        rules=rules if prompt == "clin_rule" else None,
        output=output,
        stratify=DRAWN[drawn],
        random_state=seed,
    ).fit(train.drop(columns=target), train[target])
    X, y = synthesizer.sample(n_rows)
    seconds = time.perf_counter() - start
    rows = X.assign(**{target: y})[train.columns]
    summary = synthesizer.sampling_summary_
    # What was not refused for being a copy was refused for its form.
    malformed = sum(count for reason, count in summary.reasons.items() if "copy" not in reason)
    result = {
        "table": name,
        "seed": seed,
        "prompt": prompt,
        "output": output,
        "drawn": drawn,
        "n_rows": len(rows),
        "valid": 1 - malformed / summary.n_candidates,
        "accepted": summary.n_accepted / summary.n_candidates,
        "different": float(1 - rows.duplicated().mean()),
        "reasons": dict(summary.reasons),
        "copies": exact_copies(train, rows),
        "tokens_per_row": synthesizer.usage_.n_completion_tokens / summary.n_candidates,
        "n_prompt_tokens": synthesizer.usage_.n_prompt_tokens,
        "seconds": seconds,
        **agreement(train, rows, target),
        "jsd": jensen_shannon(train, rows).mean,
        "machine": machine(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return result | judge(train, test, rows, target, rules, seed)


def agreement(train: pd.DataFrame, rows: pd.DataFrame, target: str) -> dict:
    """How far means and class shares are from what the statistics in the prompts say."""
    numbers = [column for column in train if column not in discrete_columns(train)]
    gaps = (rows[numbers].mean() - train[numbers].mean()).abs() / train[numbers].std()
    shares = train[target].value_counts(normalize=True)
    found = rows[target].value_counts(normalize=True).reindex(shares.index, fill_value=0)
    return {"mean_distance": float(gaps.mean()), "class_distance": float((found - shares).abs().sum() / 2)}


def judge(train, test, rows, target, rules, seed) -> dict:
    """Utility, privacy and rules; NaN where the rows have one class only, from which nothing can be learned."""
    real = tstr(train, test, target, task="classification", random_state=seed)
    attack = membership_inference(train, test, rows, random_state=seed).auc
    figures = {"membership_auc": attack, "accuracy": np.nan, "auc": np.nan, "macro_f1": np.nan, "harmonic": np.nan}
    if rows[target].value_counts().gt(4).sum() > 1:
        utility = tstr(rows, test, target, task="classification", random_state=seed)
        privacy = 1 - 2 * max(0.0, attack - 0.5)
        figures |= {
            "accuracy": utility.mean["accuracy"],
            "auc": utility.mean["auc"],
            "macro_f1": utility.score,
            "harmonic": harmonic_score(privacy, max(utility.score, 0.0)),
        }
    ready = [rule for rule in rules if rule != "mined"]
    if ready:
        sentences = [sentence.removeprefix("usually ") for rule in ready for sentence in READY_RULES[rule]]
        figures["broken"] = rule_violations(rows, sentences).share
        figures["real_broken"] = rule_violations(train, sentences).share
    return figures | {"real_accuracy": real.mean["accuracy"], "real_auc": real.mean["auc"], "real_macro_f1": real.score}


def summary(runs: pd.DataFrame) -> str:
    """Means by table and prompt, then by prompt alone beside the paper's claims, as Markdown."""
    heads = f"| {' | '.join(FIGURES.values())} |"
    rule = " ---: |" * len(FIGURES)
    lines = [f"| table | prompt | form | drawn before | runs {heads}", f"| --- | --- | --- | --- | ---: |{rule}"]
    order = {name: pd.CategoricalDtype(values) for name, values in ORDER.items()}
    columns = [name for name in FIGURES if name in runs]
    runs = runs.astype(order)
    for place, group in runs.groupby(["table", "prompt", "output", "drawn"], observed=True):
        lines.append(f"| {' | '.join(place)} | {_cells(group, columns)}")
    lines.append("")
    lines += [f"| prompt | drawn before | runs {heads}", f"| --- | --- | ---: |{rule}"]
    for place, group in runs[runs["output"] == "csv"].groupby(["prompt", "drawn"], observed=True):
        lines.append(f"| {' | '.join(place)} | {_cells(group, columns)}")
    real = runs.groupby("table")[["real_accuracy", "real_auc", "real_macro_f1"]].mean().round(3)
    lines += ["", "Real training rows reach, in accuracy, AUC and macro F1:"]
    lines += [f"{table} {' / '.join(map(str, row))}." for table, row in real.iterrows()]
    lines += [
        "",
        "The paper claims accuracy above 0.9 and AUC above 0.85 on diabetes, stroke and cirrhosis with models of 7",
        "billion parameters and more, and the best balance of privacy and quality for clin_rule.",
        "",
    ]
    return "\n".join([*lines, *(f"Measured on {machine}." for machine in sorted(set(runs["machine"]))), ""])


def _cells(group: pd.DataFrame, columns: list[str]) -> str:
    """Mean and, of several runs, spread of all figures."""
    cells = [str(len(group))]
    for column in FIGURES:
        values = group[column].dropna() if column in columns else pd.Series(dtype=float)
        spread = f" ± {values.std():.3g}" if len(values) > 1 else ""
        cells.append(f"{values.mean():.3g}{spread}" if len(values) else "")
    return " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--prompts", nargs="+", default=list(PROMPTS), choices=PROMPTS)
    parser.add_argument("--outputs", nargs="+", default=["csv"], choices=["csv", "json"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--drawn", nargs="+", default=list(DRAWN), choices=list(DRAWN))
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--out", type=Path, default=RESULTS / "synllm.jsonl")
    options = parser.parse_args()
    keys = ("table", "seed", "prompt", "output", "drawn")
    # Whole rounds over the tables first, so that what an interrupted run leaves can be compared.
    rounds = itertools.product(options.seeds, options.outputs, options.drawn, options.tables, options.prompts)
    jobs = [
        (table, seed, prompt, output, drawn)
        for seed, output, drawn, table, prompt in rounds
        if drawn != "profile" or "statistics" in PARTS[prompt]  # without statistics there is nothing to draw it from
    ]

    def attempt(*job) -> dict:
        try:
            return measure(*job, options.rows)
        except SamplingError as error:
            return dict(zip(keys, job, strict=True)) | {"machine": machine(), "error": str(error)}

    publish(options.out, summary(collect(options.out, keys, jobs, attempt)))


if __name__ == "__main__":
    main()
