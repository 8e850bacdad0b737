"""Measure utility, fidelity and privacy for a report; the work is bounded at any number of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import (
    RuleViolationsResult,
    association_difference,
    attribute_inference,
    augmentation_gain,
    category_coverage,
    class_gaps,
    closest_distances,
    detection_auc,
    distance_to_closest_record,
    identifiability,
    infer_task,
    jensen_shannon,
    linkability,
    manifold_overlap,
    membership_inference,
    near_copies,
    nearest_neighbour_distance_ratio,
    range_coverage,
    rule_violations,
    singling_out,
    trts,
    tstr,
    wasserstein,
    with_floor,
)
from skgensynth.report.results import FidelityFigures, PrivacyFigures, UtilityFigures

# Rows of each table that utility and fidelity are measured on; privacy searches all rows.
MAX_ROWS = 20_000
# Rows whose neighbourhoods are compared, and rows that a classifier tells apart.
_MAX_COMPARED = 3_000
# Rows whose distances are drawn on the page and whose neighbours are counted, and rows that are attacked.
_MAX_QUERIES = 2_000
_MAX_ATTACKS = 1_000
# Splits of the real rows behind the interval of a floor, for tables of at most 30 columns.
_MAX_SPLITS = 20
# Columns that are guessed, one at a time, from all others.
_MAX_SECRETS = 15


class Tables(NamedTuple):
    """The real rows that were learnt, those that were held out (if any), and the synthetic ones."""

    train: pd.DataFrame
    test: pd.DataFrame | None
    synthetic: pd.DataFrame

    def change(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Tables:
        """Change each of them alike."""
        return Tables(change(self.train), None if self.test is None else change(self.test), change(self.synthetic))

    def draw(self, most: int, rng: np.random.RandomState) -> Tables:
        """Draw at most so many rows of each."""
        return self.change(lambda table: draw_rows(table, most, rng))


@dataclass
class Attempts:
    """Measures that need more rows or columns than a table has are left out, and the reason is kept."""

    skipped: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str, measure: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Give what was measured, or None."""
        try:
            return measure(*args, **kwargs)
        except SchemaMismatchError:
            raise
        except ValueError as error:
            self.skipped[name] = " ".join(str(error).split())
            return None


def draw_rows(table: pd.DataFrame, most: int, rng: np.random.RandomState) -> pd.DataFrame:
    """Draw at most so many rows, in the table's order."""
    if len(table) <= most:
        return table
    return table.iloc[np.sort(rng.choice(len(table), most, replace=False))]


def measure_utility(tables: Tables, target: Any, *, seed: int, n_jobs: int) -> UtilityFigures:
    """Train models on either table and on both."""
    train, test, synthetic = tables
    options: dict[str, Any] = {"task": infer_task(train[target]), "random_state": seed, "n_jobs": n_jobs}
    # As many synthetic rows as real ones: more would drown the real rows.
    added = draw_rows(synthetic, len(train), check_random_state(seed))
    return UtilityFigures(
        synthetic=tstr(synthetic, test, target, **options),
        reverse=trts(train, synthetic, target, **options),
        augmentation=augmentation_gain(train, added, test, target, **options),
    )


def measure_fidelity(
    tables: Tables, whole: Tables, target: Any, attempts: Attempts, *, seed: int, n_jobs: int
) -> FidelityFigures:
    """Compare distributions of columns, pairs and rows."""
    train, test, synthetic = tables
    if test is None:
        order = check_random_state(seed).permutation(len(train))
        half = (len(train) + 1) // 2
        near, far = train.iloc[order[:half]], train.iloc[order[-half:]]
    else:
        near, far = train, test
    metrics: dict[str, Callable[[pd.DataFrame, pd.DataFrame], float]] = {
        "divergence": lambda real, other: jensen_shannon(real, other).mean,
        "wasserstein": lambda real, other: wasserstein(real, other).mean,
        "association": lambda real, other: association_difference(real, other).mean,
        "range": lambda real, other: range_coverage(real, other).mean,
    }
    if target is not None and infer_task(train[target]) == "classification":
        metrics["class gaps"] = lambda real, other: class_gaps(real, other, target).mean
    # Each column adds to a mean over columns, so that wide tables need fewer draws.
    n_splits = int(np.clip(_MAX_SPLITS * 30 // train.shape[1], min(5, _MAX_SPLITS), _MAX_SPLITS))
    means = {
        name: attempts(name, with_floor, metric, near, far, synthetic, n_splits=n_splits, random_state=seed)
        for name, metric in metrics.items()
    }
    size = min(len(near), len(far), len(synthetic), _MAX_COMPARED)
    detect = {"max_rows": _MAX_COMPARED, "random_state": seed, "n_jobs": n_jobs}
    return FidelityFigures(
        means={name: result for name, result in means.items() if result is not None},
        columns=jensen_shannon(train, synthetic),
        **_column_floors(near, far, synthetic, check_random_state(seed)),
        association=association_difference(train, synthetic),
        detection=attempts("detection", detection_auc, train, synthetic, **detect),
        detection_floor=attempts("detection", detection_auc, near, far, **detect),
        manifold=attempts("manifold", manifold_overlap, train, synthetic, max_rows=size, random_state=seed),
        manifold_floor=attempts("manifold", manifold_overlap, near, far, max_rows=size, random_state=seed),
        categories=category_coverage(whole.train, whole.synthetic),
    )


def _column_floors(near, far, synthetic, rng):
    """Divergence of each column for equal numbers of synthetic and of held-out rows."""
    size = min(len(far), len(synthetic))
    n_draws = _MAX_SPLITS // 2 if len(synthetic) > size else 1
    draws = [jensen_shannon(near, draw_rows(synthetic, size, rng)).per_column for _ in range(n_draws)]
    return {
        "columns_matched": {name: float(np.mean([draw[name] for draw in draws])) for name in near.columns},
        "columns_floor": jensen_shannon(near, draw_rows(far, size, rng)).per_column,
    }


def measure_privacy(tables: Tables, target: Any, attempts: Attempts, *, seed: int) -> PrivacyFigures:
    """Attack the synthetic table; it is searched whole, since leaving rows out would hide memorised ones."""
    train, test, synthetic = tables
    assert test is not None
    bounds = {"max_queries": _MAX_QUERIES, "random_state": seed}
    attacks = {"max_attacks": _MAX_ATTACKS, "random_state": seed}
    memberships = {
        attack: attempts(attack, membership_inference, *tables, attack=attack, **bounds)
        for attack in ("distance", "density_ratio")
    }
    rng = check_random_state(seed)
    secrets = _secrets(list(train.columns), target, rng)
    return PrivacyFigures(
        memberships={attack: result for attack, result in memberships.items() if result is not None},
        closest=distance_to_closest_record(*tables, **bounds),
        ratio=attempts("distance ratio", nearest_neighbour_distance_ratio, *tables, **bounds),
        copies=attempts("copies", near_copies, *tables, **bounds),
        identifiability=attempts("identifiability", identifiability, *tables, **bounds),
        singling_out=attempts("singling out", singling_out, *tables, **attacks),
        linkability=attempts("linkability", linkability, *tables, **attacks),
        attributes=attempts("attribute inference", attribute_inference, *tables, secrets, **attacks),
        train_distances=closest_distances(draw_rows(train, _MAX_QUERIES, rng), synthetic, scale=train),
        test_distances=closest_distances(draw_rows(test, _MAX_QUERIES, rng), synthetic, scale=train),
    )


def _secrets(columns, target, rng):
    """Columns to be guessed: the target, and others at random where there are many."""
    if len(columns) <= _MAX_SECRETS:
        return columns
    others = [name for name in columns if name != target]
    places = np.sort(rng.choice(len(others), _MAX_SECRETS - (target is not None), replace=False))
    return ([] if target is None else [target]) + [others[place] for place in places]


def measure_rules(tables: Tables, rules: Any, attempts: Attempts, *, seed: int) -> RuleViolationsResult | None:
    """Check rules that are given, or mined from the training rows."""
    if isinstance(rules, str) and rules == "auto":
        from skgensynth.constraints import discover_constraints

        rules = attempts("rules", discover_constraints, tables.train, random_state=seed)
    if rules is None or not len(rules := list(rules)):
        return None
    real = tables.train if tables.test is None else tables.test
    return attempts("rules", rule_violations, tables.synthetic, rules, real=real)
