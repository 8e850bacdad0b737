"""What a reader has to know before trusting the figures: small tables, and columns that came out strangely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

from skgensynth.metrics._tables import encode_tables, is_number_column
from skgensynth.report.charts import value_text
from skgensynth.report.svg import plain

# Fewer held-out rows leave wide intervals; far fewer leave nothing but chance.
_FEW_HELD_OUT, _TOO_FEW_HELD_OUT = 200, 50
# A category that this many synthetic rows should have is not lost by chance.
_EXPECTED = 5.0
_MAX_OUTSIDE = 0.01
_MAX_NAMED = 3
# Rows whose decimals are looked at.
_N_DECIMALS = 1000

_CHANGED, _CONSTANT, _LOST, _RARE = (
    "Changed type",
    "Became constant",
    "Lost, though chance would not lose it",
    "Rare, and lost",
)
_NEW, _OUTSIDE, _DECIMALS = "Categories that no real row has", "Beyond the real range", "More decimals than real values"
_FILLED, _GAPS = "No missing values, unlike the real rows", "Missing values, unlike the real rows"
# What can be said of columns: whether it is serious, and what it means.
_COLUMN_CAUTIONS = {
    _CHANGED: (True, "Figures compare what can be compared; programs that read the rows may fail."),
    _CONSTANT: (True, "The synthesizer lost what distinguishes the rows."),
    _LOST: (True, "Do not use the rows to study these groups."),
    _RARE: (False, "So few rows may be lost by chance."),
    _NEW: (False, "Check whether they are possible."),
    _OUTSIDE: (False, "Check whether such values are possible."),
    _FILLED: (False, "Models cannot learn to cope with gaps."),
    _GAPS: (False, "Check whether gaps are possible."),
    _DECIMALS: (False, "A value that is not rounded gives a row away."),
}


@dataclass(frozen=True)
class Caution:
    """One thing to know before trusting the figures.

    Attributes
    ----------
    serious : bool
        Whether figures or rows are likely wrong, rather than less certain.
    what : str
        What was found.
    advice : str
        What it means, or what to do.
    """

    serious: bool
    what: str
    advice: str


def size_cautions(n_train: int, n_test: int | None, n_synthetic: int) -> list[Caution]:
    """Say where numbers of rows limit what can be known."""
    found = []
    if n_test is None:
        found.append(
            Caution(
                True,
                "There are no held-out rows.",
                "Rows that the synthesizer saw can judge neither utility nor attacks: hold some out before fitting.",
            )
        )
    elif n_test < _FEW_HELD_OUT:
        found.append(
            Caution(
                n_test < _TOO_FEW_HELD_OUT,
                f"Only {n_test} real rows were held out.",
                "Utility, privacy and the floors of fidelity rest on them: mind the intervals.",
            )
        )
    if n_synthetic < n_train:
        found.append(
            Caution(
                False,
                f"There are fewer synthetic rows ({n_synthetic:,}) than training rows ({n_train:,}).",
                "In few rows chance makes distributions differ; ten times as many as training rows are better.",
            )
        )
    return found


def column_cautions(real: pd.DataFrame, synthetic: pd.DataFrame) -> list[Caution]:
    """Say which synthetic columns have other types, values or gaps than the real ones."""
    found: dict[str, list[str]] = {what: [] for what in _COLUMN_CAUTIONS}
    tables = encode_tables({"real": real, "synthetic": synthetic})
    for j, column in enumerate(tables.columns):
        pair, codes = (real[column], synthetic[column]), [values[:, j] for values in tables.values]
        for what, detail in (*_types(*pair), *_gaps(*codes), *_values(pair, codes, tables.is_number[j])):
            name = plain(column)
            found[what].append(f"{name} ({detail})" if detail else name)
    return [
        Caution(serious, f"{what}: {some(found[what])}.", advice)
        for what, (serious, advice) in _COLUMN_CAUTIONS.items()
        if found[what]
    ]


def row_cautions(train: pd.DataFrame, test: pd.DataFrame | None, synthetic: pd.DataFrame) -> list[Caution]:
    """Say where rows repeat each other."""
    found = []
    repeated = [_repeats(table) for table in (train, synthetic)]
    if repeated[1] > 2 * repeated[0] + 0.05:
        found.append(
            Caution(
                True,
                f"{repeated[1]:.0%} of the synthetic rows repeat another synthetic row (real rows: {repeated[0]:.0%}).",
                "The synthesizer knows few kinds of rows: figures rest on fewer rows than it seems.",
            )
        )
    if test is not None:
        both = pd.concat([train, test[train.columns]], ignore_index=True)
        seen = both.duplicated().to_numpy()[len(train) :].mean()
        if seen > 2 * repeated[0] + 0.05:
            found.append(
                Caution(
                    True,
                    f"{seen:.0%} of the held-out rows are training rows, too (repeated training rows: "
                    f"{repeated[0]:.0%}).",
                    "Were they really held out? If not, utility looks too good and no attack can be measured.",
                )
            )
    return found


def some(names: Sequence[str]) -> str:
    """Name a few and count the rest."""
    rest = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _repeats(table):
    return float(table.duplicated().mean())


def _types(real, synthetic):
    """Say how the values are of another sort."""
    before, after = _family(real), _family(synthetic)
    if before != after and "nothing" not in (before, after):
        yield _CHANGED, f"{before}, now {after}"
    elif before == "numbers" and _decimals(real) < _decimals(synthetic):
        yield _DECIMALS, ""


def _gaps(real, synthetic):
    """Say how what is missing differs, by encoded values."""
    before, after = np.isnan(real).mean(), np.isnan(synthetic).mean()
    if before * len(synthetic) >= _EXPECTED and after == 0:
        yield _FILLED, f"{before:.0%} of the real values"
    if before == 0 and after > 0:
        yield _GAPS, f"{after:.1%}"


def _values(pair, codes, is_number):
    """Say which values are lost or new, by encoded values."""
    real, synthetic = (values[~np.isnan(values)] for values in codes)
    if not len(real) or not len(synthetic):
        return
    if np.ptp(synthetic) == 0 and np.ptp(real) > 0:
        yield _CONSTANT, f"always {value_text(pair[1].dropna().iloc[0])}"
    if is_number:
        outside = np.mean((synthetic < real.min()) | (synthetic > real.max()))
        if outside > _MAX_OUTSIDE:
            yield _OUTSIDE, f"{outside:.1%}"
        return
    shares, made = (
        series.astype(object).value_counts(normalize=True) for series in (pair[0].dropna(), pair[1].dropna())
    )
    shares *= len(real) / len(codes[0])
    for level in (level for level in shares.index if level not in made.index):
        expected = shares[level] * len(codes[1])
        detail = f"{value_text(level)}, {shares[level]:.1%} of the real rows"
        yield (_LOST if expected >= _EXPECTED else _RARE), detail
    unknown = [value_text(level) for level in made.index if level not in shares.index]
    if unknown:
        yield _NEW, some(unknown)


def _family(series):
    """What sort of values a column holds, in words."""
    present = series.dropna()
    if present.empty:
        return "nothing"
    dtype = present.dtype.categories.dtype if isinstance(present.dtype, pd.CategoricalDtype) else present.dtype
    if types.is_object_dtype(dtype):
        present = present.astype(object).infer_objects()
        dtype = present.dtype
    if types.is_bool_dtype(dtype):
        return "yes or no"
    if types.is_datetime64_any_dtype(dtype):
        return "dates"
    if types.is_timedelta64_dtype(dtype):
        return "durations"
    if types.is_numeric_dtype(dtype) or is_number_column(present):
        values = pd.to_numeric(present.astype(object)).astype(float)
        return "whole numbers" if np.all(values == np.floor(values)) else "numbers"
    return "text"


def _decimals(series):
    """Most decimals that a column of numbers has; many, where it was not rounded."""
    values = series.dropna().iloc[:_N_DECIMALS].astype(float)
    return max((len(np.format_float_positional(value, trim="-").partition(".")[2]) for value in values), default=0)
