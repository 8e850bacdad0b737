"""Our figures beside those of SDMetrics, prdc, SciPy and scikit-learn on the same tables.

Run from the root of the repository: ``python -m benchmarks.cross_checks``. The other packages, SDMetrics foremost, take
no pandas 3: they get an environment of their own, which is made at the first run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.tables import load
from skgensynth.metrics import (
    association_difference,
    category_coverage,
    class_gaps,
    closest_distances,
    detection_auc,
    exact_copies,
    jensen_shannon,
    manifold_overlap,
    range_coverage,
    wasserstein,
)

FOLDER = Path(__file__).resolve().parent
REQUIREMENTS = ("sdmetrics==0.32.0", "prdc==0.2", "pandas<3")
TARGET = "DEATH_EVENT"
SEEDS = 10
N_NEIGHBORS = 5

# Check: our figure, the counterpart, and what to know about it.
CHECKS = {
    "ks": ("from our columns", "SDMetrics `KSComplement`", "1 less the largest gap of the distribution functions"),
    "tv": ("from our shares", "SDMetrics `TVComplement`", "1 less half the sum of the differences of shares"),
    "contingency": ("from our shares", "SDMetrics `ContingencySimilarity`", "the same for pairs of categories"),
    "correlation": ("`association_difference`", "SDMetrics `CorrelationSimilarity`", "1 less half our difference"),
    "category_coverage": ("`category_coverage`", "SDMetrics `CategoryCoverage`", ""),
    "range_coverage": ("`range_coverage`", "SDMetrics `RangeCoverage`", ""),
    "detection_sdmetrics": (
        "`detection_auc`, linear, 3 folds",
        "SDMetrics `LogisticDetection`",
        "there a fold below 0.5 counts as 0.5, and folds are others",
    ),
    "detection_sklearn": (
        "`detection_auc`, linear, 5 folds",
        "scikit-learn `cross_val_score`",
        "logistic regression on other folds",
    ),
    "new_rows": ("`exact_copies`", "SDMetrics `NewRowSynthesis`", "rows that match with a tolerance of 0"),
    "closest_record": (
        "`closest_distances`",
        "SDMetrics `calculate_dcr`",
        "row by row; there a column counts at most 1",
    ),
    "manifold": ("`manifold_overlap`", "prdc `compute_prdc`", "all four figures, on one column at a time"),
    "wasserstein": ("`wasserstein`", "NumPy", "area between the distribution functions over the real range"),
    "jensen_shannon_categories": ("`jensen_shannon`, categories", "SciPy `jensenshannon`", ""),
    "jensen_shannon_numbers": (
        "`jensen_shannon`, numbers",
        "pandas `qcut`, SciPy",
        "ours gives a bin of its own to a value that many rows share",
    ),
    "correlation_ratio": ("`association_matrix`, mixed pairs", "SciPy `f_oneway`", "from the F statistic"),
    "cramers_v": ("`association_matrix`, categories", "SciPy `association`", "there without correction of the bias"),
    "class_gaps": ("`class_gaps`", "pandas `groupby`", "gaps of the synthetic rows"),
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, default=FOLDER / ".venv", help="environment of the other packages")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "cross_checks.md")
    options = parser.parse_args(arguments)
    tables = make_tables()
    real = tables.pop("real")
    categories = [column for column in real if not pd.api.types.is_numeric_dtype(real[column])]
    settings = {
        "columns": list(real),
        "categories": categories,
        "target": TARGET,
        "seeds": SEEDS,
        "n_neighbors": N_NEIGHBORS,
    }
    with tempfile.TemporaryDirectory() as folder:
        theirs = ask(Path(folder), {"real": real, **tables}, settings, options.venv)
    ours = {name: measure(real, synthetic, categories) for name, synthetic in tables.items()}
    text = write(ours, theirs["figures"], theirs["versions"])
    options.out.write_text(text)
    print(text)


def make_tables() -> dict[str, pd.DataFrame]:
    """The training rows of heart failure, and synthetic tables of them by simple means."""
    real, _ = load("heart", 0)
    for column in real:
        if real[column].nunique() == 2:
            real[column] = real[column].map({0: "no", 1: "yes"}).astype(object)
    real.insert(0, "decade", (real["age"] // 10 * 10).map("{:.0f}s".format).astype(object))
    rng = np.random.default_rng(0)
    bootstrap = real.sample(len(real), replace=True, random_state=0, ignore_index=True)
    independent = real.apply(lambda column: rng.permutation(column))
    noise, shifted = bootstrap.copy(), bootstrap.copy()
    for column in real:
        if pd.api.types.is_numeric_dtype(real[column]):
            spread = real[column].std()
            noise[column] = bootstrap[column] + rng.normal(0, 0.3 * spread, len(real))
            shifted[column] = noise[column] + 0.5 * spread
        else:
            noise[column] = bootstrap[column].mask(rng.random(len(real)) < 0.1, rng.permutation(real[column]))
    shifted["decade"] = shifted["decade"].replace({"80s": "70s", "90s": "70s"})
    gaps = bootstrap.mask(rng.random(bootstrap.shape) < 0.05)
    tables = {"bootstrap": bootstrap, "independent": independent, "noise": noise, "shifted": shifted}
    return {"real": real, **tables, "missing": gaps}


def ask(folder: Path, tables: dict[str, pd.DataFrame], settings: dict, environment: Path) -> dict:
    """Give the figures of the other packages."""
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    for name, table in tables.items():
        # All digits, so that both sides see the same numbers.
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.17g")
    (folder / "settings.json").write_text(json.dumps(settings))
    subprocess.run([python, "-W", "ignore", FOLDER / "counterparts.py", folder], check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "counterparts.json").read_text())


def measure(real: pd.DataFrame, synthetic: pd.DataFrame, categories: list[str]) -> dict[str, dict[str, float]]:
    """By check, our figures by column, pair of columns or row."""
    figures = {
        "contingency": {
            ", ".join(pair): 1 - total_variation(*(joined(table[list(pair)]) for table in (real, synthetic)))
            for pair in combinations(categories, 2)
        },
        "new_rows": {"copies": exact_copies(real, synthetic)},
        "closest_record": {str(i): d for i, d in enumerate(closest_distances(synthetic, real, scale=real))},
    }
    # Elsewhere the packages treat missing values in other ways.
    if synthetic.isna().any(axis=None):
        return figures
    numbers = [column for column in real if column not in categories]
    associations = association_difference(real, synthetic)
    differences = associations.pairs.set_index(["first", "second"])["difference"]
    divergence = jensen_shannon(real, synthetic).per_column
    figures |= {
        "ks": {c: 1 - largest_gap(real[c], synthetic[c]) for c in numbers},
        "tv": {c: 1 - total_variation(real[c], synthetic[c]) for c in categories},
        "correlation": {", ".join(pair): 1 - abs(differences[pair]) / 2 for pair in combinations(numbers, 2)},
        "category_coverage": category_coverage(real, synthetic).per_column["share"].to_dict(),
        "range_coverage": range_coverage(real, synthetic).per_column,
        "detection_sdmetrics": {"AUC": detection(real, synthetic, 3)},
        "detection_sklearn": {"AUC": detection(real, synthetic, 5)},
        "wasserstein": wasserstein(real, synthetic).per_column,
        "jensen_shannon_categories": {c: divergence[c] for c in categories},
        "jensen_shannon_numbers": {c: divergence[c] for c in numbers},
        "correlation_ratio": {f"{n}, {c}": associations.synthetic.loc[n, c] for n in numbers for c in categories},
        "cramers_v": {", ".join(pair): associations.synthetic.loc[pair] for pair in combinations(categories, 2)},
        "class_gaps": gaps(real, synthetic),
    }
    # prdc leaves out a row at the very border of a neighbourhood: only continuous values compare.
    if not synthetic[numbers[0]].duplicated().any():
        figures["manifold"] = manifold(real, synthetic, numbers)
    return figures


def joined(pair):
    return pair.fillna("missing").agg(", ".join, axis=1)


def largest_gap(real, synthetic):
    points = np.unique(np.concatenate([real, synthetic]))
    below = [np.searchsorted(np.sort(sample), points, "right") / len(sample) for sample in (real, synthetic)]
    return np.abs(below[0] - below[1]).max()


def total_variation(real, synthetic):
    shares = [values.value_counts(normalize=True) for values in (real, synthetic)]
    return shares[0].sub(shares[1], fill_value=0).abs().sum() / 2


def detection(real, synthetic, n_splits):
    seeds = range(SEEDS)
    results = [detection_auc(real, synthetic, learner="linear", n_splits=n_splits, random_state=seed) for seed in seeds]
    return float(np.mean([result.auc for result in results]))


def manifold(real, synthetic, numbers):
    """Column by column, where Gower's distance orders rows as Euclid's does."""
    results = {c: manifold_overlap(real[[c]], synthetic[[c]], n_neighbors=N_NEIGHBORS) for c in numbers}
    names = ("precision", "recall", "density", "coverage")
    return {f"{name} of {c}": getattr(result, name) for c, result in results.items() for name in names}


def gaps(real, synthetic):
    table = class_gaps(real, synthetic, TARGET).table
    names = [f if measure == "mean" else f"{f}: {level}" for f, measure, level in table.iloc[:, :3].to_numpy()]
    return dict(zip(names, table["synthetic"], strict=True))


def write(ours: dict, theirs: dict, versions: dict) -> str:
    """One line for each check, in Markdown: means over columns, pairs or rows, and the largest single difference."""
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    lines = [
        f"Ours / theirs, as means over what is compared. Counterparts: {packages}.",
        "",
        f"| ours | counterpart | {' | '.join(ours)} | figures | largest difference | remark |",
        f"| --- | --- |{' ---: |' * len(ours)} ---: | ---: | --- |",
    ]
    for check, (figure, counterpart, remark) in CHECKS.items():
        cells, found = [], []
        for table in ours:
            mine, other = ours[table].get(check, {}), theirs[table].get(check, {})
            if mine.keys() != other.keys():
                raise ValueError(f"{check} of {table}: {sorted(mine.keys() ^ other.keys())} stand alone.")
            found.append(np.array([[mine[item], other[item]] for item in mine], dtype=float).reshape(-1, 2))
            cells.append(" / ".join(f"{mean:.4g}" for mean in found[-1].mean(axis=0)) if mine else "")
        pairs = np.concatenate(found)
        largest = np.abs(pairs[:, 0] - pairs[:, 1]).max()
        # Some distances are summed in single precision.
        shown = "0" if largest < 1e-6 else f"{largest:.4f}"
        lines.append(f"| {figure} | {counterpart} | {' | '.join(cells)} | {len(pairs)} | {shown} | {remark} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
