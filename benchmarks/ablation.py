"""What each part of the compact policy gives: utility, fidelity and privacy without it, on small tables.

Run from the root of the repository: ``OMP_NUM_THREADS=1 python -m benchmarks.ablation``. The splits are others than
those of the quality benchmark (seeds from 100), since the settings were chosen on such splits.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

from benchmarks.quality import SYNTHETIC_ROWS_PER_TRAINING_ROW, machine
from benchmarks.tables import TABLES, load
from skgensynth import DiscoTabSynthesizer
from skgensynth.metrics import association_difference, jensen_shannon, membership_inference, tstr

RESULTS = Path(__file__).resolve().parent / "results"
# Name of a variant -> parameters of the policy, of the synthesizer where they are its own.
VARIANTS = {
    "as it is": {},
    "features from the last state": {"feature_epochs": 80},
    "target not sharpened": {"target_temperature": 1.0},
    "neither": {"feature_epochs": 80, "target_temperature": 1.0},
    "one network of width 64, 2 layers": {"n_members": 1, "width": 64, "n_layers": 2},
    "the same, neither": {
        "n_members": 1,
        "width": 64,
        "n_layers": 2,
        "feature_epochs": 80,
        "target_temperature": 1.0,
    },
    "no trees teach the target": {"n_target_trees": 0},
    "24 bins": {"n_bins": 24},
    "no dropout": {"dropout": 0.0},
    "targets on their own bins alone": {"smoothing": 0.0},
}


def measure(table: str, seed: int, parameters: dict) -> dict[str, float]:
    """Figures of one variant on one split."""
    train, test = load(table, seed)
    target = TABLES[table].target
    synthesizer = DiscoTabSynthesizer(policy_params=parameters, feedback=None, random_state=seed)
    X, y = synthesizer.fit(train.drop(columns=target), train[target]).sample(
        SYNTHETIC_ROWS_PER_TRAINING_ROW * len(train)
    )
    synthetic = X.assign(**{target: y})[train.columns]
    return {
        "ratio": tstr(synthetic, test, target).score / tstr(train, test, target).score,
        "jsd": jensen_shannon(train, synthetic).mean,
        "association_difference": association_difference(train, synthetic).mean,
        "membership_auc": membership_inference(train, test, synthetic, n_bootstrap=2, random_state=0).auc,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=["heart", "cirrhosis", "pima"], choices=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[100, 101, 102, 103])
    parser.add_argument("--out", type=Path, default=RESULTS / "ablation.json")
    options = parser.parse_args()

    rows = []
    for name, parameters in VARIANTS.items():
        for table in options.tables:
            rows += [{"variant": name, "table": table, **measure(table, s, parameters)} for s in options.seeds]
        figures = pd.DataFrame(rows)
        now = figures[figures["variant"] == name].drop(columns=["variant", "table"])
        print(name, now.mean().round(4).to_dict(), flush=True)
    names = [column for column in figures if column not in ("variant", "table")]
    grouped = figures.groupby(["variant", "table"], sort=False)[names]
    document = {
        "machine": machine(),
        "seeds": options.seeds,
        "figures": [
            {"variant": v, "table": t, **means, **{f"{k}_sd": sd for k, sd in spreads.items()}}
            for ((v, t), means), spreads in zip(
                grouped.mean().to_dict("index").items(), grouped.std().to_dict("records"), strict=True
            )
        ],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1, default=float) + "\n")
    print(figures.groupby("variant", sort=False)[names].mean().round(4).to_string())


if __name__ == "__main__":
    main()
