"""Everything that can be said of a synthetic table, in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.utils import check_random_state

from skgensynth.containers import read_table
from skgensynth.exceptions import SchemaError, SchemaMismatchError
from skgensynth.inference import infer_column
from skgensynth.metrics import exact_copies
from skgensynth.metrics._tables import check_finite, encode_tables
from skgensynth.report.measures import (
    MAX_ROWS,
    Attempts,
    Tables,
    measure_fidelity,
    measure_privacy,
    measure_rules,
    measure_utility,
)
from skgensynth.report.quality import QualityReport


def evaluate(
    real_train, real_test, synthetic, *, target=None, rules="auto", random_state=0, n_jobs=1, verbose=0
) -> QualityReport:
    """Measure a synthetic table against the rows it was learnt from and rows that were held out.

    Utility: what models learn (`tstr`, `trts`, `augmentation_gain`). Fidelity: columns (`jensen_shannon`,
    `wasserstein`, `category_coverage`, `range_coverage`), pairs (`association_difference`, `class_gaps`) and rows
    (`detection_auc`, `manifold_overlap`), and rules (`rule_violations`). Privacy: attacks and distances
    (`membership_inference`, `distance_to_closest_record`, `nearest_neighbour_distance_ratio`, `near_copies`,
    `identifiability`, `attribute_inference`, `singling_out`, `linkability`). Utility and fidelity are measured on at
    most 20,000 rows drawn of each table; privacy searches all rows, for 1,000 to 2,000 rows that are attacked.

    Parameters
    ----------
    real_train : DataFrame of shape (n_train, n_columns)
        Rows the synthesizer was fitted on. Numbers that stand for categories should be of dtype category. Columns that
        look like identifiers are left out.
    real_test : DataFrame of shape (n_test, n_columns) or None
        Rows of the same source that it never saw. Without them (None) utility and privacy are not judged, and the
        floors of fidelity come from the training rows split in half.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows it generated; ten times ``n_train`` make its figures as steady as those of the real rows.
    target : column label or None, default=None
        Column that models should predict; None leaves utility out.
    rules : "auto", iterable or None, default="auto"
        Rules that rows should keep, as `rule_violations` takes them; "auto" mines them from `real_train`
        (`skgensynth.constraints.discover_constraints`), None checks none.
    random_state : int, RandomState instance or None, default=0
        Seeds learners, bootstrap and subsamples.
    n_jobs : int, default=1
        Threads of the learners.
    verbose : int, default=0
        1 shows progress on the terminal's error stream.

    Returns
    -------
    QualityReport
        All figures, each beside what real rows reach.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    SchemaError
        If a column holds infinite values; names the column.
    ValueError
        If a table is empty or the target has missing values.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import skgensynth
    >>> table = load_iris(as_frame=True).frame
    >>> report = skgensynth.evaluate(table[::3], table[1::3], table[2::3], target="target")
    >>> sorted(report.scores)
    ['balance', 'fidelity', 'privacy', 'utility']
    >>> report.to_frame().loc[("Utility", "macro F1"), ["synthetic", "reference"]].round(1).tolist()
    [0.9, 0.9]
    """
    tables = Tables(real_train, real_test, synthetic)
    _check(tables, target, rules)
    seed = int(check_random_state(random_state).randint(2**31))
    tables, left_out = _without_identifiers(tables, target)
    drawn = tables.draw(MAX_ROWS, check_random_state(seed))
    attempts = Attempts()
    with _progress(verbose) as step:
        fidelity = step("fidelity", measure_fidelity, drawn, tables, target, attempts, seed=seed, n_jobs=n_jobs)
        broken = step("rules", measure_rules, tables, rules, attempts, seed=seed)
        utility = privacy = None
        if real_test is not None:
            if target is not None:
                utility = step("utility", measure_utility, drawn, target, seed=seed, n_jobs=n_jobs)
            privacy = step("privacy", measure_privacy, tables, target, attempts, seed=seed)
    return QualityReport(
        target=target,
        utility=utility,
        fidelity=fidelity,
        rules=broken,
        privacy=privacy,
        n_copies=exact_copies(tables.train, tables.synthetic),
        tables=tables,
        left_out=left_out,
        skipped=attempts.skipped,
    )


def _check(tables, target, rules):
    """Refuse, before the work, what no figure could be made of."""
    if isinstance(rules, str) and rules != "auto":
        raise ValueError(
            f"rules must be 'auto', None or a list of rules, got {rules!r}: for one rule pass [{rules!r}]."
        )
    if rules is not None and not isinstance(rules, (str, Iterable)):
        raise TypeError(f"rules must be 'auto', None or a list of rules, got {type(rules).__name__}.")
    names = dict(zip(("real_train", "real_test", "synthetic"), tables, strict=True))
    given = {name: table for name, table in names.items() if table is not None or name != "real_test"}
    check_finite(encode_tables(given), list(given))
    if target is None:
        return
    for name, table in given.items():
        if target not in table.columns:
            raise SchemaMismatchError(f"The target {target!r} is not a column of {name}.")
        if table[target].isna().any():
            raise ValueError(f"The target {target!r} has missing values in {name}: drop those rows first.")


def _without_identifiers(tables, target):
    """Leave out columns that name rows rather than describe them, unless there are no others."""
    left_out = []
    for label in tables.train.columns:
        try:
            column = read_table(tables.train[[label]])
            kind = infer_column(column.names[0], label, "feature", column.values[0], None).kind
        except SchemaError:
            # Nothing that a synthesizer of this package could have learned.
            continue
        if kind == "identifier" and label != target:
            left_out.append(label)
    if len(left_out) >= tables.train.shape[1] - (target is not None):
        return tables, []
    return tables.change(lambda table: table.drop(columns=left_out)), left_out


@contextmanager
def _progress(verbose: int) -> Iterator[Callable[..., Any]]:
    """Give a function that takes one step, named on a bar of the terminal."""
    if not verbose:
        yield lambda _, measure, *args, **kwargs: measure(*args, **kwargs)
        return
    from tqdm.auto import tqdm

    with tqdm(desc="measuring", unit="step") as bar:

        def step(name, measure, *args, **kwargs):
            bar.set_description(f"measuring {name}")
            result = measure(*args, **kwargs)
            bar.update()
            return result

        yield step
