"""What the pretrained policy costs: seconds for an epoch and rows sampled in a second, with SmolLM2-135M.

Run: ``OMP_NUM_THREADS=2 python benchmarks/pretrained_cost.py``; the folder of the public tables is taken from
SKGENSYNTH_DATA. Writes benchmarks/results/pretrained_cost.json.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from skgensynth.conditions import Conditions
from skgensynth.disco.pretrained import PretrainedPolicy
from skgensynth.schema import TableSchema

ROOT = Path(__file__).resolve().parents[1]
TABLE = "heart_failure_clinical_records.csv"
TARGET = "DEATH_EVENT"


def machine() -> dict[str, str | int]:
    model = platform.processor()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        names = [line for line in cpu_info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")}
    return {"cpu": model, "cores": os.cpu_count() or 0, "threads": torch.get_num_threads(), **versions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--sampled", type=int, default=128)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "pretrained_cost.json")
    options = parser.parse_args()

    folder = Path(os.environ.get("SKGENSYNTH_DATA", ROOT.parent / "shared" / "data"))
    frame = pd.read_csv(folder / TABLE).sample(options.rows, random_state=0).reset_index(drop=True)
    features, target = frame.drop(columns=TARGET), frame[TARGET]
    schema = TableSchema.infer(features, target)
    policy = PretrainedPolicy(options.model, n_epochs=options.epochs, validation_fraction=0.0, device="cpu")

    start, cpu_start = time.perf_counter(), time.process_time()
    policy.fit(schema.encode(features, target), schema, rng=np.random.default_rng(0))
    fit_seconds, fit_cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    epoch_seconds = [entry["seconds"] for entry in policy.history_]

    start, cpu_start = time.perf_counter(), time.process_time()
    values = policy.sample(options.sampled, Conditions.parse(None, schema), np.random.default_rng(0))
    sample_seconds, sample_cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start

    result = {
        "model": options.model,
        "table": TABLE,
        "rows": options.rows,
        "columns": len(schema.modelled),
        "batch_size": policy.batch_size,
        "sample_batch_size": policy.sample_batch_size,
        "seconds_per_epoch": round(float(np.mean(epoch_seconds)), 1),
        "seconds_to_load_and_prepare": round(fit_seconds - sum(epoch_seconds), 1),
        "loss_per_epoch": [round(entry["loss"], 2) for entry in policy.history_],
        "rows_sampled": len(values),
        "rows_per_second": round(len(values) / sample_seconds, 2),
        # Processor time of all threads: what stays comparable when other work shares the processor.
        "cpu_seconds_to_fit": round(fit_cpu_seconds, 1),
        "cpu_seconds_to_sample": round(sample_cpu_seconds, 1),
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "machine": machine(),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
