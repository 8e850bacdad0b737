"""Shapes of the report's charts as inline SVG: no drawing library, no network, colours from the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

WIDTH = 320
_N_BINS = 24
_MAX_LABEL = 34
# Names beside and above a heat map: most characters, pixels of one, and slant.
_NAME_LENGTH, _NAME_WIDTH, _NAME_ANGLE = 18, 6.8, -60


class Chart(NamedTuple):
    """A drawing and what it shows in words."""

    svg: str
    text: str


class Bars(NamedTuple):
    """One bar for each label."""

    css: str
    values: Sequence[float]
    intervals: Sequence[tuple[float, float]] | None = None


class Estimate(NamedTuple):
    """A figure with its interval, and the same figure for real rows or chance."""

    label: str
    value: float
    interval: tuple[float, float]
    css: str


def plain(value: object) -> str:
    """Text of a label on one line, without characters that no page can show."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(str(value).split()))


def shorten(text: str, most: int = _MAX_LABEL) -> str:
    """Cut a text that has no room."""
    return text if len(text) <= most else text[: most - 1] + "…"


def picture(parts: Sequence[str], text: str, *, height: float, width: float = WIDTH, fixed: bool = False) -> Chart:
    """Put parts into one image; a `fixed` one keeps its size, so that a small screen scrolls instead."""
    size = f' style="width:{width:.0f}px"' if fixed else ""
    svg = (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}"{size} role="img" aria-label="{escape(text)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
    return Chart(svg, text)


def label(x: float, y: float, text: str, *, anchor: str = "", css: str = "", turn: int = 0) -> str:
    """Give one text element."""
    extra = f' text-anchor="{anchor}"' if anchor else ""
    extra += f' class="{css}"' if css else ""
    extra += f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(text)}</text>'


def histogram(first, second, *, ends, limits=None, css="synthetic") -> tuple[list[str], float]:
    """Fill bins for the first sample and outline those of the second; heights are shares of each sample."""
    low, high = limits or (np.quantile(first, [0.005, 0.995]) if len(first) else (0.0, 1.0))
    if not high > low:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, _N_BINS + 1)
    # What lies outside goes into the outermost bins, so that nothing is hidden.
    shares = [np.histogram(np.clip(sample, low, high), edges)[0] / max(len(sample), 1) for sample in (first, second)]
    top, base = max(*(share.max() for share in shares), 1e-9), 112.0
    outlines = [_outline(base - 100 * share / top, base) for share in shares]
    parts = [
        f'<path class="real area" d="{outlines[0]}"/>',
        f'<path class="{css} line" d="{outlines[1]}"/>',
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{base}" y2="{base}"/>',
        label(0, 128, ends[0]),
        label(WIDTH, 128, ends[1], anchor="end"),
    ]
    return parts, 134


def _outline(tops, base):
    width = WIDTH / len(tops)
    steps = "".join(f"V{y:.1f}H{(i + 1) * width:.1f}" for i, y in enumerate(tops))
    return f"M0 {base}{steps}V{base}"


def bars(labels: Sequence[str], series: Sequence[Bars], *, top: float | None = None, form: str = "{:.1%}"):
    """Draw a bar of each series for each label, with the figures at the right and intervals as whiskers."""
    if not labels:
        return [label(0, 12, "no values")], 18
    top = top or max(1e-9, *(value for each in series for value in each.values))
    step = 22 + 8 * len(series)
    parts = []
    for i, name in enumerate(labels):
        y = step * i
        figures = " / ".join(form.format(each.values[i]) for each in series)
        # What the figures take at the right is not there for the name.
        parts.append(label(0, y + 12, shorten(name, max(8, 48 - len(figures)))))
        parts.append(label(WIDTH, y + 12, figures, anchor="end", css="figure"))
        for k, each in enumerate(series):
            parts.append(_bar(each, i, y + 17 + 8 * k, WIDTH / top))
    return parts, step * len(labels)


def _bar(series, i, y, scale):
    def place(value):
        return min(WIDTH, max(0.0, scale * value))

    bar = f'<rect class="{series.css}" x="0" y="{y}" width="{place(series.values[i]):.1f}" height="7"/>'
    if series.intervals is None or np.isnan(series.intervals[i]).any():
        return bar
    low, high = map(place, series.intervals[i])
    return f'{bar}<path class="whisker" d="M{low:.1f} {y + 3.5}H{high:.1f}"/>'


def curves(lines, x_label: str, y_label: str) -> tuple[list[str], float]:
    """Draw curves in the unit square, with the diagonal; each line is a class, x and y."""
    left, right, base, top = 42.0, 316.0, 236.0, 10.0
    parts = []
    for tick in (0, 0.5, 1):
        x, y = left + tick * (right - left), base - tick * (base - top)
        parts.append(f'<path class="grid-line" d="M{x:.0f} {base}V{top}M{left} {y:.0f}H{right}"/>')
        parts.append(label(x, base + 15, f"{tick:g}", anchor="middle" if tick < 1 else "end"))
        parts.append(label(left - 5, y + 4, f"{tick:g}", anchor="end"))
    parts.append(f'<path class="chance" d="M{left} {base}L{right} {top}"/>')
    for css, x, y in lines:
        # More points than this cannot be told apart.
        kept = np.unique(np.linspace(0, len(x) - 1, 150).round().astype(int))
        across, up = left + x[kept] * (right - left), base - y[kept] * (base - top)
        places = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across, up, strict=True))
        parts.append(f'<path class="{css} line" d="M{places}"/>')
    parts.append(label((left + right) / 2, base + 32, x_label, anchor="middle"))
    parts.append(label(9, (base + top) / 2, y_label, anchor="middle", turn=-90))
    return parts, 274


def points(groups, limits, x_label: str, y_label: str) -> tuple[list[str], float]:
    """Draw dots of several groups, in turns so that no group covers the others; each group is a class and (n, 2)."""
    left, right, base, top = 18.0, 316.0, 228.0, 6.0
    low, high = (np.asarray(ends) for ends in limits)
    spread = np.where(high > low, high - low, 1.0)
    parts = [f'<path class="axis" d="M{left} {top}V{base}H{right}"/>']
    chunks = []
    for css, places in groups:
        # What lies outside sits on the border, so that nothing is hidden.
        scaled = np.clip((places - low) / spread, 0, 1)
        x, y = left + 4 + scaled[:, 0] * (right - left - 8), base - 4 - scaled[:, 1] * (base - top - 8)
        for k, part in enumerate(np.array_split(np.arange(len(x)), 8)):
            dots = "".join(f"M{x[i]:.0f} {y[i]:.0f}h0" for i in part)
            chunks.append((k, f'<path class="{css} dots" d="{dots}"/>' if dots else ""))
    parts += [chunk for _, chunk in sorted(chunks, key=lambda each: each[0])]
    parts.append(label((left + right) / 2, base + 17, x_label, anchor="middle"))
    parts.append(label(11, (base + top) / 2, y_label, anchor="middle", turn=-90))
    return parts, 252


def marks(places: np.ndarray, names: Sequence[str], hints: Sequence[str], x_label: str, y_label: str, level: float):
    """Draw named dots, of shape (n, 2), on axes that end where the dots do; a dashed line at one level of y."""
    left, right, base, top = 50.0, 316.0, 236.0, 10.0
    heights = np.append(places[:, 1], [] if np.isnan(level) else level)
    ends = [_round_ends(values) for values in (places[:, 0], heights)]
    parts = []
    for share in (0, 0.5, 1):
        x, y = left + share * (right - left), base - share * (base - top)
        ticks = [f"{low + share * (high - low):.3g}" for low, high in ends]
        parts.append(f'<path class="grid-line" d="M{x:.0f} {base}V{top}M{left} {y:.0f}H{right}"/>')
        parts.append(label(x, base + 15, ticks[0], anchor="middle" if share < 1 else "end"))
        parts.append(label(left - 5, y + 4, ticks[1], anchor="end"))
    (x_low, x_high), (y_low, y_high) = ends
    xs = left + (places[:, 0] - x_low) / (x_high - x_low) * (right - left)
    ys = base - (heights - y_low) / (y_high - y_low) * (base - top)
    if len(ys) > len(xs):
        parts.append(f'<path class="chance" d="M{left} {ys[-1]:.1f}H{right}"/>')
    dots = list(zip(xs, ys[: len(xs)], strict=True))
    for (x, y), hint in zip(dots, hints, strict=True):
        parts.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(hint)}</title></circle>')
    for (x, y), name in zip(_free_places(dots), names, strict=True):
        parts.append(label(x, y + 4, name, anchor="middle", css="name"))
    parts.append(label((left + right) / 2, base + 32, x_label, anchor="middle"))
    parts.append(label(9, (base + top) / 2, y_label, anchor="middle", turn=-90))
    return parts, 274


def _round_ends(values):
    """Tenths below and above all values; nothing above 1, the ideal."""
    low, high = np.floor(10 * values.min() - 0.3) / 10, np.ceil(10 * values.max() + 0.3) / 10
    return low, max(min(high, 1.0), values.max())


def _free_places(dots):
    """A place beside each dot that no other dot or name has taken, the closest one; the last one if all are."""
    taken, chosen = list(dots), []
    turns = np.arange(8) * np.pi / 4
    for x, y in dots:
        around = [(x + r * np.cos(turn), y - r * np.sin(turn)) for r in (12, 22, 32) for turn in turns]
        free = (place for place in around if all(abs(place[0] - a) > 11 or abs(place[1] - b) > 10 for a, b in taken))
        chosen.append(next(free, around[-1]))
        taken.append(chosen[-1])
    return chosen


def estimates(rows: Sequence[Estimate], *, low: float, high: float, ends: tuple[str, str]) -> tuple[list[str], float]:
    """Draw figures with intervals along one scale, below their labels; 0 is where they should be."""

    def place(value):
        return 4 + (WIDTH - 8) * (min(high, max(low, value)) - low) / (high - low)

    step, parts = 34, []
    height = step * len(rows)
    parts.append(f'<path class="chance" d="M{place(0):.1f} 0V{height + 4}"/>')
    for i, row in enumerate(rows):
        y = step * i + 22
        parts.append(label(0, y - 9, row.label, css="name"))
        # Adding 0 turns -0.0 into 0.0.
        parts.append(label(WIDTH, y - 9, f"{round(row.value, 2) + 0.0:+.2f}", anchor="end", css="figure"))
        parts.append(
            f'<path class="whisker {row.css}" d="M{place(row.interval[0]):.1f} {y}H{place(row.interval[1]):.1f}"/>'
        )
        parts.append(f'<circle class="{row.css}" cx="{place(row.value):.1f}" cy="{y}" r="4"/>')
    parts.append(label(place(0), height + 18, ends[0], anchor="middle" if place(0) > 40 else ""))
    parts.append(label(WIDTH, height + 18, ends[1], anchor="end"))
    return parts, height + 24


def cells(values: np.ndarray, names: Sequence[str], *, digits: bool) -> tuple[list[str], float, float]:
    """Draw a square matrix in [-1, 1] with names at both edges: strength is opacity, sign is colour."""
    n = len(names)
    size = float(np.clip(260 / n, 15, 30))
    short = [shorten(name, _NAME_LENGTH) for name in names]
    room = 12 + _NAME_WIDTH * max(map(len, short))
    left, top = room, 0.9 * room
    parts = []
    for i in range(n):
        middle = (i + 0.5) * size
        parts.append(label(left - 5, top + middle + 4, short[i], anchor="end", css="edge"))
        parts.append(label(left + middle + 4, top - 5, short[i], css="edge", turn=_NAME_ANGLE))
        for j in range(n):
            value = float(values[i, j])
            x, y = left + j * size, top + i * size
            hint = escape(f"{names[i]}, {names[j]}: {value:+.2f}")
            parts.append(
                f'<rect class="{"plus" if value >= 0 else "minus"}" x="{x:.1f}" y="{y:.1f}" width="{size - 1:.1f}" '
                f'height="{size - 1:.1f}" fill-opacity="{min(abs(value), 1):.2f}"><title>{hint}</title></rect>'
            )
            if digits and i != j and abs(value) >= 0.095:
                shown = f"{value:.1f}".replace("0.", ".")
                parts.append(label(x + size / 2, y + size / 2 + 4, shown, anchor="middle", css="cell"))
    parts.append(f'<path class="axis" d="M{left:.1f} {top:.1f}v{n * size:.1f}h{n * size:.1f}v{-n * size:.1f}z"/>')
    # The last slanted name reaches beyond the matrix.
    return parts, left + n * size + 0.5 * _NAME_WIDTH * len(short[-1]) + 4, top + n * size + 2
