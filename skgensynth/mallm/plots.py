"""Drawing of a search for a data generation process."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from skgensynth.mallm.trajectory import Iteration

__all__ = ["plot_search"]

# Colours of Okabe and Ito (2008), which all eyes can tell apart.
SCORE, ADJUSTED = "#E69F00", "#0072B2"
CHANGES = {"added": "#009E73", "removed": "#D55E00", "reversed": "#CC79A7"}


def plot_search(trajectory: Sequence[Iteration], chosen: Sequence[int], ax: Any = None) -> np.ndarray:
    """Draw scores and changes of the graph by iteration.

    Parameters
    ----------
    trajectory : sequence of Iteration
        What was tried, in order.
    chosen : sequence of int
        Numbers of the iterations whose process was chosen.
    ax : sequence of matplotlib.axes.Axes, default=None
        Two axes; None makes a figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, of shape (2,)
        Scores; edges added, removed and reversed since the iteration before.

    Raises
    ------
    ValueError
        If nothing was tried, or `ax` is not two axes.
    ImportError
        If matplotlib is not installed.
    """
    if not trajectory:
        raise ValueError("there was no search to draw: it needs optimize=True and a request that was answered")
    axes = _two_axes(ax)
    numbers = np.arange(len(trajectory))
    for name, colour, marker in (("score", SCORE, "o"), ("adjusted_score", ADJUSTED, "s")):
        scores = [getattr(iteration, name) for iteration in trajectory]
        values = np.array([np.nan if score is None else score for score in scores])
        axes[0].plot(numbers, values, color=colour, marker=marker, label=name.replace("_", " "))
        if name == "adjusted_score" and len(chosen):
            axes[0].plot(
                chosen, values[list(chosen)], "o", markersize=13, fillstyle="none", color="black", label="chosen"
            )
    axes[0].axhline(0.5, color="0.4", linewidth=1, linestyle="--", label="no better than chance")
    axes[0].set_ylabel("accuracy of the discriminator")
    axes[0].set_ylim(-0.03, 1.03)
    _draw_changes(axes[1], trajectory)
    for axis in axes:
        axis.set_xlabel("iteration")
        axis.set_xlim(-0.5, len(trajectory) - 0.5)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(fontsize="small")
    return axes


def _draw_changes(axis: Any, trajectory: Sequence[Iteration]) -> None:
    """Bars of the edges that changed, upon each other."""
    base = np.zeros(len(trajectory))
    pairs = list(pairwise(trajectory))
    for place, (word, colour) in enumerate(CHANGES.items()):
        heights = np.array([0, *(len(before.graph.changes(after.graph)[place]) for before, after in pairs)])
        axis.bar(np.arange(len(trajectory)), heights, bottom=base, color=colour, width=0.6, label=word)
        base += heights
    axis.set_ylim(0, max(1.0, 1.05 * base.max(initial=0.0)))
    axis.set_ylabel("edges changed")
    axis.yaxis.get_major_locator().set_params(integer=True)


def _two_axes(ax: Any) -> np.ndarray:
    """The axes given, or those of a new figure."""
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError("plot_trajectory draws with matplotlib: pip install matplotlib") from error
    if ax is None:
        _, ax = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != 2:
        raise ValueError(f"ax must be two axes, got {len(axes)}")
    return axes
