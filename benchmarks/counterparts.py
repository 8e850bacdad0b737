"""What other packages say about the tables of cross_checks.py, in an environment of their own without skgensynth."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from prdc import compute_prdc
from scipy.spatial.distance import jensenshannon
from scipy.stats import f_oneway
from scipy.stats.contingency import association
from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
from sdmetrics.single_column import CategoryCoverage, KSComplement, RangeCoverage, TVComplement
from sdmetrics.single_table import LogisticDetection, NewRowSynthesis
from sdmetrics.single_table.privacy.dcr_utils import calculate_dcr
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PACKAGES = ("sdmetrics", "prdc", "scipy", "scikit-learn", "pandas")


def main(folder: Path) -> None:
    settings = json.loads((folder / "settings.json").read_text())
    kinds = {name: str if name in settings["categories"] else float for name in settings["columns"]}
    tables = {path.stem: pd.read_csv(path, dtype=kinds) for path in sorted(folder.glob("*.csv"))}
    real = tables.pop("real")
    figures = {name: compare(real, synthetic, settings) for name, synthetic in tables.items()}
    versions = {package: version(package) for package in PACKAGES}
    (folder / "counterparts.json").write_text(json.dumps({"versions": versions, "figures": figures}))


def compare(real: pd.DataFrame, synthetic: pd.DataFrame, settings: dict) -> dict[str, dict[str, float]]:
    """By check, the figures by column or pair of columns."""
    categories = settings["categories"]
    metadata = {"columns": {c: {"sdtype": "categorical" if c in categories else "numerical"} for c in real}}
    figures = {
        "contingency": pairs(categories, lambda pair: ContingencySimilarity.compute(real[pair], synthetic[pair])),
        "new_rows": new_rows(real, synthetic, metadata),
        "closest_record": {str(i): d for i, d in enumerate(calculate_dcr(synthetic, real, metadata))},
    }
    if synthetic.isna().any(axis=None):
        return figures
    numbers = [c for c in real if c not in categories]
    figures |= columns(real, synthetic, numbers, categories) | {
        "correlation": pairs(numbers, lambda pair: CorrelationSimilarity.compute(real[pair], synthetic[pair])),
        "correlation_ratio": {
            f"{number}, {category}": ratio(synthetic[number], synthetic[category])
            for number in numbers
            for category in categories
        },
        "cramers_v": pairs(categories, lambda pair: association(pd.crosstab(*(synthetic[c] for c in pair)).to_numpy())),
        "detection_sdmetrics": {"AUC": detection(real, synthetic, metadata, settings["seeds"])},
        "detection_sklearn": {"AUC": sklearn_detection(real, synthetic, settings["seeds"])},
        "class_gaps": class_gaps(synthetic, real, numbers, categories, settings["target"]),
    }
    if not synthetic[numbers[0]].duplicated().any():
        figures["manifold"] = manifold(real, synthetic, numbers, settings["n_neighbors"])
    return figures


def columns(real, synthetic, numbers, categories):
    return {
        "ks": {c: KSComplement.compute(real[c], synthetic[c]) for c in numbers},
        "tv": {c: TVComplement.compute(real[c], synthetic[c]) for c in categories},
        "category_coverage": {c: CategoryCoverage.compute(real[c], synthetic[c]) for c in categories},
        "range_coverage": {c: RangeCoverage.compute(real[c], synthetic[c]) for c in numbers},
        "wasserstein": {c: area_between(real[c], synthetic[c]) for c in numbers},
        "jensen_shannon_categories": {c: divergence(real[c], synthetic[c]) for c in categories},
        "jensen_shannon_numbers": {c: divergence(*binned(real[c], synthetic[c])) for c in numbers},
    }


def pairs(names, compute):
    return {", ".join(pair): float(compute(list(pair))) for pair in combinations(names, 2)}


def new_rows(real, synthetic, metadata):
    result = NewRowSynthesis.compute_breakdown(real.copy(), synthetic.copy(), metadata, numerical_match_tolerance=0)
    return {"copies": result["num_matched_rows"]}


def ratio(numbers, codes):
    """Correlation ratio from the F statistic of an analysis of variance."""
    groups = [group.to_numpy() for _, group in numbers.groupby(codes)]
    between, within = len(groups) - 1, len(numbers) - len(groups)
    f = f_oneway(*groups).statistic
    return float(np.sqrt(f * between / (f * between + within)))


def area_between(real, synthetic):
    """Area between the two distribution functions, over the real range."""
    points = np.unique(np.concatenate([real, synthetic]))
    shares = [np.searchsorted(np.sort(sample), points[:-1], "right") / len(sample) for sample in (real, synthetic)]
    return float(np.sum(np.abs(shares[0] - shares[1]) * np.diff(points)) / np.ptp(real))


def binned(real, synthetic):
    """Intervals of pandas' quantile bins of the real column."""
    edges = pd.qcut(real, 20, retbins=True, duplicates="drop")[1]
    edges[[0, -1]] = -np.inf, np.inf
    return [pd.cut(column, edges).astype(str) for column in (real, synthetic)]


def divergence(real, synthetic):
    shares = pd.concat([column.value_counts(normalize=True) for column in (real, synthetic)], axis=1).fillna(0)
    return float(jensenshannon(*shares.to_numpy().T, base=2) ** 2)


def detection(real, synthetic, metadata, n_seeds):
    """Mean AUC over seeds, from a score of 2 - 2 AUC."""
    scores = []
    for seed in range(n_seeds):
        # The metric takes no seed of its own.
        np.random.seed(seed)  # noqa: NPY002
        scores.append(LogisticDetection.compute(real.copy(), synthetic.copy(), metadata))
    return float(1 - np.mean(scores) / 2)


def sklearn_detection(real, synthetic, n_seeds):
    X = pd.get_dummies(pd.concat([real, synthetic], ignore_index=True), dtype=float)
    y = np.repeat([0, 1], [len(real), len(synthetic)])
    scaling = make_column_transformer((StandardScaler(), list(real.select_dtypes("number"))), remainder="passthrough")
    model = make_pipeline(scaling, LogisticRegression(max_iter=2000))
    folds = [StratifiedKFold(5, shuffle=True, random_state=seed) for seed in range(n_seeds)]
    return float(np.mean([cross_val_score(model, X, y, cv=cv, scoring="roc_auc").mean() for cv in folds]))


def manifold(real, synthetic, numbers, n_neighbors):
    """One column at a time: there Euclid's distance orders rows as Gower's does."""
    return {
        f"{name} of {c}": float(value)
        for c in numbers
        for name, value in compute_prdc(real[[c]].to_numpy(), synthetic[[c]].to_numpy(), n_neighbors).items()
    }


def class_gaps(table, real, numbers, categories, target):
    groups = table.groupby(target)
    gaps = {c: groups[c].mean().diff().iloc[-1] / real[c].std(ddof=0) for c in numbers}
    for c in categories:
        if c != target:
            shares = pd.crosstab(table[target], table[c], normalize="index").diff().iloc[-1]
            shares = shares.reindex(real[c].unique(), fill_value=0)
            gaps |= {f"{c}: {level}": gap for level, gap in shares.items()}
    return {name: float(gap) for name, gap in gaps.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
