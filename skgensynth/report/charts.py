"""Charts of two tables side by side: their columns, their associations, their rows in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.metrics._tables import encode_tables, is_number_column
from skgensynth.report import svg
from skgensynth.report.svg import Bars, Chart, plain, shorten

_MAX_LEVELS = 8
# More columns than this make the cells of a heat map too small to see.
_MAX_HEAT = 30
# Figures are written into the cells of a map of at most so many columns.
_MAX_DIGITS = 14
_MAX_POINTS = 600


def marginal(name: object, real: pd.Series, synthetic: pd.Series) -> Chart:
    """Draw one column of both tables: a histogram for numbers and dates, bars for categories."""
    is_number = is_number_column(real)
    text = f"{plain(name)}: " + (_spread_text if is_number else _share_text)(real, synthetic)
    missing = missing_text(real, synthetic)
    if missing:
        text += f"; {missing}"
    if is_number and real.nunique() > _MAX_LEVELS:
        parts, height = svg.histogram(*_numbers(real, synthetic), ends=_ends(real))
    else:
        labels, *shares = _shares(real, synthetic)
        parts, height = svg.bars(labels, [Bars("real", shares[0]), Bars("synthetic", shares[1])])
    return svg.picture(parts, text, height=height)


def missing_text(real: pd.Series, synthetic: pd.Series) -> str:
    """Say how many values are missing; nothing where none is."""
    shares = [column.isna().mean() for column in (real, synthetic)]
    return f"missing {shares[0]:.1%} and {shares[1]:.1%}" if max(shares) > 0 else ""


def heat_map(matrix: pd.DataFrame, title: str) -> Chart:
    """Draw a matrix of associations."""
    names = [plain(name) for name in matrix.columns]
    parts, width, height = svg.cells(matrix.to_numpy(float), names, digits=len(names) <= _MAX_DIGITS)
    return svg.picture(parts, title, height=height, width=width, fixed=True)


def strongest_columns(matrix: pd.DataFrame, always: Sequence = ()) -> list:
    """Columns that a heat map has room for: those most strongly associated with others, in the table's order."""
    strength = matrix.abs().sum().sort_values(ascending=False, kind="stable")
    first = [name for name in always if name in matrix.columns]
    kept = set((first + [name for name in strength.index if name not in first])[:_MAX_HEAT])
    return [name for name in matrix.columns if name in kept]


def projection(places: tuple[np.ndarray, np.ndarray], explained: tuple[float, float]) -> Chart:
    """Draw rows of both tables in the plane of the real rows' first two principal components."""
    real, synthetic = places
    low, high = np.quantile(real, [0.005, 0.995], axis=0)
    inside = [np.mean(((rows >= low) & (rows <= high)).all(axis=1)) for rows in places]
    text = (
        f"Real and synthetic rows on the two axes along which real rows differ most ({explained[0]:.0%} and "
        f"{explained[1]:.0%} of their variance). The middle of the plane, where {inside[0]:.0%} of the real rows lie, "
        f"holds {inside[1]:.0%} of the synthetic rows."
    )
    margin = 0.05 * (high - low)
    # As many dots of each: more of one would hide the other.
    n_drawn = min(len(real), len(synthetic), _MAX_POINTS)
    drawn = [rows[np.linspace(0, len(rows) - 1, n_drawn).round().astype(int)] for rows in places]
    parts, height = svg.points(
        [("real", drawn[0]), ("synthetic", drawn[1])],
        (low - margin, high + margin),
        f"first component, {explained[0]:.0%} of the variance",
        f"second, {explained[1]:.0%}",
    )
    return svg.picture(parts, text, height=height)


def _numbers(real, synthetic):
    """Both columns as floats without missing values; dates in seconds."""
    tables = encode_tables({"real": real.to_frame(), "synthetic": synthetic.to_frame()})
    return [values[~np.isnan(values[:, 0]), 0] for values in tables.values]


def _ends(real):
    return tuple(_quantile_texts(real, [0.005, 0.995])) or ("", "")


def _quantile_texts(column, levels):
    """Quantiles of the present values as texts; none where there are no values."""
    present = column.dropna()
    if present.empty:
        return []
    if present.dtype == object:
        present = present.astype(float)
    return [value_text(value) for value in present.quantile(levels)]


def value_text(value: Any) -> str:
    """Short text of one value of a table."""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return f"{value:,.0f}" if abs(float(value)) >= 10_000 else f"{value:.4g}"
    return shorten(plain(value))


def _shares(real, synthetic):
    """Labels with their shares among the present values of both columns; rare ones together."""
    counts = [column.dropna().map(value_text).value_counts(normalize=True) for column in (real, synthetic)]
    if is_number_column(real):
        order = [value_text(value) for value in sorted(real.dropna().unique())]
        order = list(dict.fromkeys(order))
    else:
        order = list(counts[0].index)
    order += [text for text in counts[1].index if text not in counts[0].index]
    shares = [count.reindex(order, fill_value=0.0) for count in counts]
    labels, pairs = order[:_MAX_LEVELS], [list(share.iloc[:_MAX_LEVELS]) for share in shares]
    if len(order) > _MAX_LEVELS:
        labels = [*labels, f"{len(order) - _MAX_LEVELS} others"]
        for pair, share in zip(pairs, shares, strict=True):
            pair.append(float(share.iloc[_MAX_LEVELS:].sum()))
    return labels, *pairs


def _spread_text(real, synthetic):
    parts = []
    for name, column in (("real", real), ("synthetic", synthetic)):
        texts = _quantile_texts(column, [0.25, 0.5, 0.75])
        if texts:
            parts.append(f"{name} median {texts[1]}, middle half {texts[0]} to {texts[2]}")
        else:
            parts.append(f"{name} has no values")
    return "; ".join(parts)


def _share_text(real, synthetic):
    labels, first, second = _shares(real, synthetic)
    return ", ".join(f"{text} {a:.1%} and {b:.1%}" for text, a, b in zip(labels, first, second, strict=True))
