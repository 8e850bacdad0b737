"""Drawing of what the second stage did, cycle by cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skgensynth.disco.feedback.settings import LEVELS
from skgensynth.schema import TableSchema

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_feedback"]

# Levels are told apart by colour and by marker: colours of Okabe and Ito (2008), which all eyes can tell apart.
STYLES = dict(
    zip(LEVELS, [("#0072B2", "o"), ("#E69F00", "s"), ("#009E73", "^"), ("#CC79A7", "D")], strict=True),
)
MAIN, SECOND = "#0072B2", "#D55E00"
# More classes than this would be drawn over each other; the rarest are left out.
MAX_CLASSES = 6


def plot_feedback(history: Sequence[Mapping[str, Any]], schema: TableSchema, ax: Any = None) -> np.ndarray:
    """Draw rewards, detection, divergence, broken laws and class shares by cycle.

    Cycle 0 is the supervised policy. Where the stage was run several times, cycles are numbered on.

    Parameters
    ----------
    history : sequence of dict
        ``history_`` of a synthesizer; entries that are not of the second stage are left out.
    schema : TableSchema
        The table, for the names of the target and of its levels.
    ax : sequence of matplotlib.axes.Axes, default=None
        Four axes; None makes a figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, of shape (4,)
        Rewards by level; held-out detection AUC by level; divergence and rows that break laws; shares of classes.

    Raises
    ------
    ValueError
        If there was no second stage, or `ax` is not four axes.
    ImportError
        If matplotlib is not installed.
    """
    entries = [entry for entry in history if "cycle" in entry]
    if not entries:
        raise ValueError(
            "there was no second stage to draw: it needs feedback='hierarchical' or 'scalar' and at least 40 rows"
        )
    axes = _four_axes(ax)
    cycles = _running(entries)
    _draw_levels(axes[0], cycles, entries, "reward", "mean reward of a row (nats)", "Rewards")
    _draw_levels(axes[1], cycles, entries, "auc", "held-out AUC", "Detection of generated rows")
    axes[1].axhline(0.5, color="0.4", linewidth=1, linestyle="--", label="no better than chance")
    for axis in axes[:2]:
        axis.legend(fontsize="small")
    _draw_divergence(axes[2], cycles, entries)
    _draw_classes(axes[3], cycles, entries, schema)
    for axis in axes:
        axis.set_xlabel("cycle")
        axis.set_xlim(-0.3, max(cycles[-1], 1) + 0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
    return axes


def _four_axes(ax: Any) -> np.ndarray:
    """The axes given, or those of a new figure."""
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError("plot_history draws with matplotlib: pip install matplotlib") from error
    if ax is not None:
        axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) != 4:
            raise ValueError(f"ax must be four axes, got {len(axes)}; make them with plt.subplots(2, 2)")
        return axes
    return np.ravel(plt.subplots(2, 2, figsize=(10, 7), layout="constrained")[1])


def _running(entries: Sequence[Mapping[str, Any]]) -> list[int]:
    """Numbers of cycles, which go on where a later run starts again from 0."""
    out: list[int] = []
    start = 0
    for entry in entries:
        if entry["cycle"] == 0 and out:
            start = out[-1] + 1
        out.append(start + entry["cycle"])
    return out


def _series(entries: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """A figure of each cycle, NaN where it has none."""
    return [entry.get(name, np.nan) for entry in entries]


def _draw_levels(
    axis: Axes, cycles: list[int], entries: Sequence[Mapping[str, Any]], figure: str, label: str, title: str
) -> None:
    """One line for each level of discriminators."""
    for level, (colour, marker) in STYLES.items():
        axis.plot(cycles, _series(entries, f"{level}_{figure}"), color=colour, marker=marker, markersize=5, label=level)
    axis.set_ylabel(label)
    axis.set_title(title)


def _draw_divergence(axis: Axes, cycles: list[int], entries: Sequence[Mapping[str, Any]]) -> None:
    """Divergence on the left, rows that break laws on the right, states that were not kept as open circles."""
    divergence, broken, unsettled = (
        np.array(_series(entries, name), dtype=float) for name in ("kl", "broken_rows", "unsettled_rows")
    )
    other = axis.twinx()
    left = axis.plot(cycles, divergence, color=MAIN, marker="o", markersize=5, label="divergence")
    right = other.plot(cycles, broken, color=SECOND, marker="s", markersize=5, label="rows that break laws")
    style: dict[str, Any] = {"color": SECOND, "marker": "x", "linestyle": "--", "markersize": 5}
    right += other.plot(cycles, unsettled, label="after sampling", **style)
    lines: list[Any] = [*left, *right]
    bad = np.array([not entry["kept"] for entry in entries])
    if bad.any():
        style = {"color": "none", "edgecolor": "0.2", "s": 90, "zorder": 3}
        lines.append(other.scatter(np.array(cycles)[bad], broken[bad], label="state not kept", **style))
    axis.set_ylabel("divergence (nats per row)", color=MAIN)
    other.set_ylabel("share of rows that break laws", color=SECOND)
    for drawn, values in ((axis, divergence), (other, broken)):
        # Room for the legend above the lines.
        drawn.set_ylim(0, 1.4 * max(0.01, float(np.nan_to_num(values).max())))
    axis.set_title("Distance from the supervised policy, and laws")
    other.legend(lines, [str(line.get_label()) for line in lines], fontsize="small", loc="upper center", ncols=2)


def _draw_classes(axis: Axes, cycles: list[int], entries: Sequence[Mapping[str, Any]], schema: TableSchema) -> None:
    """Share of each class, with its share of the training rows as a broken line."""
    axis.set_title("Classes")
    axis.set_ylabel("share of generated rows")
    if "class_shares" not in entries[0] or schema.target is None:
        axis.text(0.5, 0.5, "the table has no classes", transform=axis.transAxes, ha="center", va="center", color="0.4")
        axis.set_yticks([])
        return
    shares = np.array([entry["class_shares"] for entry in entries])
    real = np.array(schema.target.counts) / max(sum(schema.target.counts), 1)
    shown = np.sort(np.argsort(-shares[0], kind="stable")[:MAX_CLASSES])
    left_out = shares.shape[1] - len(shown)
    for place, j in enumerate(shown):
        marker = "os^Dv*"[place]
        axis.plot(
            cycles, shares[:, j], color=f"C{place}", marker=marker, markersize=5, label=str(schema.target.levels[j])
        )
        axis.axhline(real[j], color=f"C{place}", linewidth=1, linestyle="--")
    axis.plot([], [], color="0.4", linewidth=1, linestyle="--", label="training rows")
    axis.set_ylim(0, min(1.05, 1.15 * max(shares.max(), real.max())))
    title = schema.target.name + (f" ({left_out} rarer ones not shown)" if left_out else "")
    axis.legend(title=title, fontsize="small")
