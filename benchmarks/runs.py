"""What benchmarks share that append each run to a file of results, and go on where they stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from benchmarks.quality import read_results


def collect(
    path: Path, keys: Sequence[str], jobs: Iterable[tuple], measure: Callable[..., dict | list[dict]]
) -> pd.DataFrame:
    """Measure the jobs that a file of results lacks, append each at once, and give all results.

    A job holds the values of the keys, by which its results are known in the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    done = {tuple(run[key] for key in keys) for run in read_results(path)}
    for job in jobs:
        if job in done:
            continue
        found = measure(*job)
        results = found if isinstance(found, list) else [found]
        append(path, results)
        for result in results:
            print({name: _short(value) for name, value in result.items()}, flush=True)
    return pd.DataFrame(read_results(path))


def append(path: Path, results: Iterable[dict]) -> None:
    """Put results at the end of a file, a line each."""
    with path.open("a") as file:
        file.writelines(json.dumps(result) + "\n" for result in results)


def publish(path: Path, text: str) -> None:
    """Write a summary beside its file of results, and print it."""
    path.with_suffix(".md").write_text(text)
    print(text)


def paired_differences(
    runs: pd.DataFrame,
    column: str,
    pairs: Iterable[tuple[str, str]],
    figures: Mapping[str, str],
    larger_is_better: Collection[str],
    labels: Mapping[str, str] | None = None,
) -> list[str]:
    """Differences between values of a column over all splits that both have, with Wilcoxon's test, as Markdown."""
    labels = {} if labels is None else labels
    wide = runs.pivot(index=["table", "seed"], columns=column)
    lines = ["| figure | pair | mean difference | better on | p (Wilcoxon) |", "| --- | --- | ---: | ---: | ---: |"]
    for name, title in figures.items():
        for one, other in pairs:
            change = (wide[name][one] - wide[name][other]).dropna()
            gains = change if name in larger_is_better else -change
            p = stats.wilcoxon(change).pvalue if (change != 0).any() else 1.0
            better = f"{int((gains > 0).sum())} of {len(change)}"
            pair = f"{labels.get(one, one)} - {labels.get(other, other)}"
            lines.append(f"| {title} | {pair} | {change.mean():+.4f} | {better} | {p:.2g} |")
    return lines


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
