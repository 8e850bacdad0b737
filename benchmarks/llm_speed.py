"""What the embedded language model costs: tokens and rows a second, freely and under a grammar, and our own share.

Run from the root of the repository, on an idle machine: ``python -m benchmarks.llm_speed``. Rows are those of heart
failure (13 columns). A free reply may have as many tokens as the one under the grammar had, or ends before.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest.mock import patch

import numpy as np

from benchmarks.quality import RESULTS, machine
from benchmarks.tables import TABLES, load
from skgensynth import SynLLMSynthesizer
from skgensynth.llm import LlamaCppModel, Message, Request, SamplingSettings, generate_all
from skgensynth.llm.llama_runtime import Context
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.asking import tokens_per_row

MODEL = "smollm2-135m"
SEEDS = (0, 1, 2)
N_REPEATS = 4
# Rows of each reply: of one reply by itself, and of as many as are decoded together.
ROWS_PER_REPLY = {1: 8, 16: 1}
N_ROWS = 209


def main() -> None:
    train, _ = load("heart", 0)
    target = TABLES["heart"].target
    X, y = train.drop(columns=target), train[target]
    results = []
    for result in itertools.chain(token_rates(X, y), row_rates(X, y)):
        results.append(result)
        print(
            {key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()}, flush=True
        )
    document = {
        "machine": machine(),
        "load": os.getloadavg(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "results": results,
    }
    (RESULTS / "llm_speed.json").write_text(json.dumps(document, indent=1) + "\n")


def token_rates(X, y) -> Iterator[dict]:
    """Tokens a second under the grammar of a table, beside free ones of the same number, in turns."""
    model = LlamaCppModel(MODEL)
    for output in ("csv", "json"):
        synthesizer = SynLLMSynthesizer(MODEL, output=output, random_state=0).fit(X, y)
        prompt = (Message("user", synthesizer.prompt_),)
        form = RowFormat(synthesizer.schema_, output=output)
        for n_parallel, n_rows in ROWS_PER_REPLY.items():
            grammar = form.grammar(n_rows)
            longest = SamplingSettings(n_rows * tokens_per_row(model, form))
            rates: dict[str, list[float]] = {"free": [], "constrained": []}
            for seed in range(N_REPEATS + 1):
                guided = [Request(prompt, longest, 100 * seed + i, grammar) for i in range(n_parallel)]
                n_tokens = rate(model, guided, rates["constrained"])
                free = [
                    Request(prompt, SamplingSettings(n), request.seed)
                    for n, request in zip(n_tokens, guided, strict=True)
                ]
                rate(model, free, rates["free"])
            # The first one of each kind read the prompt and the grammar.
            shares = np.divide(rates["constrained"][1:], rates["free"][1:])
            yield {
                "what": "tokens a second",
                "output": output,
                "replies together": n_parallel,
                **{kind: float(np.mean(values[1:])) for kind, values in rates.items()},
                "constrained / free": float(shares.mean()),
                "spread": float(shares.std(ddof=1)),
                "median": float(np.median(shares)),
            }


def rate(model: LlamaCppModel, requests: list[Request], rates: list[float]) -> list[int]:
    """Tokens of each reply; how many a second is appended."""
    start = time.perf_counter()
    n_tokens = [reply.n_completion_tokens for reply in generate_all(model, requests)]
    rates.append(sum(n_tokens) / (time.perf_counter() - start))
    return n_tokens


def row_rates(X, y) -> Iterator[dict]:
    """Rows a second from `fit` to the last row, and the share of the time that llama.cpp does not compute."""
    for output in ("csv", "json"):
        for seed in SEEDS[: 3 if output == "csv" else 1]:  # JSON takes longer
            with decoding() as spent:
                start = time.perf_counter()
                synthesizer = SynLLMSynthesizer(MODEL, output=output, random_state=seed).fit(X, y)
                synthesizer.sample(N_ROWS)
                seconds = time.perf_counter() - start
            summary = synthesizer.sampling_summary_
            yield {
                "what": "rows of heart failure",
                "output": output,
                "seed": seed,
                "rows": N_ROWS,
                "seconds": seconds,
                "rows a second": N_ROWS / seconds,
                "tokens a row": synthesizer.usage_.n_completion_tokens / summary.n_candidates,
                "candidates": summary.n_candidates,
                "rejected": dict(summary.reasons),
                "share not in llama.cpp": 1 - sum(spent) / seconds,
            }


@contextmanager
def decoding() -> Iterator[list[float]]:
    """Collect the seconds that llama.cpp computes."""
    spent: list[float] = []
    decode = Context.decode

    def measured(self, entries):
        start = time.perf_counter()
        try:
            return decode(self, entries)
        finally:
            spent.append(time.perf_counter() - start)

    with patch.object(Context, "decode", measured):
        yield spent


if __name__ == "__main__":
    main()
