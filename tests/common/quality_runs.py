"""Runs of the quality benchmark as its file of results holds them."""

from __future__ import annotations

from typing import Any


def quality_run(table: str, seed: int, method: str, utility: float, auc: float = 0.9, **figures: Any) -> dict[str, Any]:
    """A run with this utility: R² for insurance, macro F1 for others."""
    return {
        "table": table,
        "seed": seed,
        "method": method,
        "utility": utility,
        "utility_mean": {"r2": utility} if table == "insurance" else {"macro_f1": utility, "auc": auc},
        "jsd": 0.01,
        "association_difference": 0.1,
        "membership_auc": 0.5,
        "exact_copies": 0,
        "fit_seconds": 1.0,
        "fit_cpu_seconds": 1.0,
        "sample_seconds": 1.0,
        "load_before_fit": 0.0,
        "machine": "abacus",
        "versions": {"numpy": "2"},
    } | figures
