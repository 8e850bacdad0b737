"""What benchmarks share that append each run to a file of results, and go on where they stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

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


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
