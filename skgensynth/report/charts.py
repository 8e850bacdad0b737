"""Charts of the report as inline SVG: no drawing library, no network, colours from the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skgensynth.metrics._tables import encode_tables, is_number_column
from skgensynth.metrics.utility import UtilityResult

_WIDTH = 320
_N_BINS = 24
_MAX_LEVELS = 8
_MAX_LABEL = 34
# More columns than this make the cells of a heat map too small to see.
_MAX_HEAT = 30
_LEARNERS = {"linear": "linear model", "forest": "random forest", "xgboost": "XGBoost"}


class Chart(NamedTuple):
    """A drawing and what it shows in words."""

    svg: str
    text: str


def marginal(name: str, real: pd.Series, synthetic: pd.Series) -> Chart:
    """Draw one column of both tables: a histogram for numbers and dates, bars for categories."""
    is_number = is_number_column(real)
    text = f"{name}: " + (_spread_text if is_number else _share_text)(real, synthetic)
    missing = [column.isna().mean() for column in (real, synthetic)]
    if max(missing) > 0:
        text += f"; missing {missing[0]:.1%} and {missing[1]:.1%}"
    if is_number and real.nunique() > _MAX_LEVELS:
        drawing = _histogram(*_numbers(real, synthetic), ends=_ends(real))
    else:
        drawing = _bars(*_shares(real, synthetic), classes=("real", "synthetic"))
    return Chart(_svg(drawing, text), text)


def distances(train: np.ndarray, test: np.ndarray) -> Chart:
    """Draw how far training rows and held-out rows lie from their closest synthetic row."""
    text = (
        f"Distance to the closest synthetic row: median {np.median(train):.3f} for training rows "
        f"and {np.median(test):.3f} for held-out rows. The closer the two shapes, the less an attacker learns."
    )
    high = float(np.quantile(np.concatenate([train, test]), 0.995))
    drawing = _histogram(train, test, ends=("0", f"{high:.2g}"), limits=(0.0, high))
    return Chart(_svg(drawing, text), text)


def utility(synthetic: UtilityResult, ceiling: UtilityResult) -> Chart:
    """Draw each learner's score when trained on real and on synthetic rows."""
    key, name = ("macro_f1", "macro F1") if synthetic.task == "classification" else ("r2", "R²")
    learners = list(synthetic.per_learner)
    pairs = [[result.per_learner[learner][key] for learner in learners] for result in (ceiling, synthetic)]
    labels = [_LEARNERS[learner] for learner in learners]
    text = f"{name} on held-out rows, trained on real and on synthetic rows: " + ", ".join(
        f"{label} {real:.2f} and {made:.2f}" for label, real, made in zip(labels, *pairs, strict=True)
    )
    drawing = _bars(labels, *pairs, classes=("real", "synthetic"), percent=False)
    return Chart(_svg(drawing, text), text)


def heat_map(matrix: pd.DataFrame, title: str) -> Chart:
    """Draw a matrix of associations; strength is opacity, sign is colour."""
    names = [str(name) for name in matrix.columns]
    values = matrix.to_numpy()
    size = _WIDTH / (len(names) + 1)
    cells = []
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            hint = escape(f"{names[i]}, {names[j]}: {value:+.2f}")
            cells.append(
                f'<rect class="{"plus" if value >= 0 else "minus"}" x="{(j + 1) * size:.1f}" '
                f'y="{(i + 1) * size:.1f}" width="{size:.1f}" height="{size:.1f}" '
                f'fill-opacity="{min(abs(value), 1):.2f}"><title>{hint}</title></rect>'
            )
    font = min(12.0, 0.6 * size)
    for i in range(len(names)):
        middle = (i + 1.5) * size
        for x, y in ((size / 2, middle), (middle, size / 2)):
            cells.append(
                f'<text x="{x:.1f}" y="{y + font / 3:.1f}" text-anchor="middle" font-size="{font:.1f}">{i + 1}</text>'
            )
    return Chart(_svg((cells, _WIDTH), title), title)


def strongest_columns(matrix: pd.DataFrame, always: Sequence = ()) -> list:
    """Columns that a heat map has room for: those most strongly associated with others, in the table's order."""
    strength = matrix.abs().sum().sort_values(ascending=False, kind="stable")
    first = [name for name in always if name in matrix.columns]
    kept = set((first + [name for name in strength.index if name not in first])[:_MAX_HEAT])
    return [name for name in matrix.columns if name in kept]


def _svg(drawing, text):
    parts, height = drawing
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(text)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _histogram(first, second, *, ends, limits=None):
    """Filled bins for the first sample, an outline for the second; shares of each sample."""
    low, high = limits or np.quantile(first, [0.005, 0.995])
    if high <= low:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, _N_BINS + 1)
    # What lies outside goes into the outermost bins, so that nothing is hidden.
    shares = [np.histogram(np.clip(sample, low, high), edges)[0] / max(len(sample), 1) for sample in (first, second)]
    top, base = max(share.max() for share in shares), 112.0
    heights = [100 * share / top for share in shares]
    width = _WIDTH / _N_BINS
    parts = [
        f'<rect class="real" x="{i * width:.1f}" y="{base - h:.1f}" width="{width:.1f}" height="{h:.1f}"/>'
        for i, h in enumerate(heights[0])
    ]
    path = "".join(f"V{base - h:.1f}H{(i + 1) * width:.1f}" for i, h in enumerate(heights[1]))
    parts.append(f'<path class="synthetic" d="M0 {base}{path}V{base}"/>')
    parts.append(f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{base}" y2="{base}"/>')
    parts.append(f'<text x="0" y="128">{escape(ends[0])}</text>')
    parts.append(f'<text x="{_WIDTH}" y="128" text-anchor="end">{escape(ends[1])}</text>')
    return parts, 134


def _bars(labels, first, second, *, classes, percent=True):
    """Two bars for each label, the figures at the right."""
    if not labels:
        return ['<text x="0" y="12">no values</text>'], 18
    top = max(*first, *second, 1e-9)
    parts = []
    for i, (label, *pair) in enumerate(zip(labels, first, second, strict=True)):
        y = 36 * i
        figures = " / ".join(f"{value:.1%}" if percent else f"{value:.2f}" for value in pair)
        parts.append(f'<text x="0" y="{y + 12}">{escape(_shorten(label))}</text>')
        parts.append(f'<text x="{_WIDTH}" y="{y + 12}" text-anchor="end">{figures}</text>')
        for k, value in enumerate(pair):
            width = _WIDTH * max(value, 0) / top
            parts.append(f'<rect class="{classes[k]} bar" x="0" y="{y + 17 + 7 * k}" width="{width:.1f}" height="6"/>')
    return parts, 36 * len(labels)


def _shorten(text):
    return text if len(text) <= _MAX_LABEL else text[: _MAX_LABEL - 1] + "…"


def _numbers(real, synthetic):
    """Both columns as floats without missing values; dates in seconds."""
    tables = encode_tables({"real": real.to_frame(), "synthetic": synthetic.to_frame()})
    return [values[~np.isnan(values[:, 0]), 0] for values in tables.values]


def _ends(real):
    low, high = real.dropna().quantile([0.005, 0.995]) if len(real.dropna()) else ("", "")
    return tuple(value_text(value) for value in (low, high))


def value_text(value: Any) -> str:
    """Short text of one value of a table."""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return f"{value:,.0f}" if abs(float(value)) >= 10_000 else f"{value:.4g}"
    return str(value)


def _shares(real, synthetic):
    """Labels with their shares among the present values of both columns; rare ones together."""
    counts = [column.dropna().map(value_text).value_counts(normalize=True) for column in (real, synthetic)]
    if is_number_column(real):
        order = [value_text(value) for value in sorted(real.dropna().unique())]
    else:
        order = list(counts[0].index)
    order += [label for label in counts[1].index if label not in counts[0].index]
    shares = [count.reindex(order, fill_value=0.0) for count in counts]
    labels, pairs = order[:_MAX_LEVELS], [list(share.iloc[:_MAX_LEVELS]) for share in shares]
    if len(order) > _MAX_LEVELS:
        labels = [*labels, f"{len(order) - _MAX_LEVELS} others"]
        for pair, share in zip(pairs, shares, strict=True):
            pair.append(float(share.iloc[_MAX_LEVELS:].sum()))
    return labels, *pairs


def _spread_text(real, synthetic):
    parts = []
    for label, column in (("real", real), ("synthetic", synthetic)):
        present = column.dropna()
        if present.empty:
            parts.append(f"{label} has no values")
        else:
            low, middle, high = (value_text(value) for value in present.quantile([0.25, 0.5, 0.75]))
            parts.append(f"{label} median {middle}, middle half {low} to {high}")
    return "; ".join(parts)


def _share_text(real, synthetic):
    labels, first, second = _shares(real, synthetic)
    return ", ".join(f"{label} {a:.1%} and {b:.1%}" for label, a, b in zip(labels, first, second, strict=True))
