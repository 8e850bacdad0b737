import subprocess
import sys

import numpy as np
import pytest

from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.plots import plot_search
from skgensynth.mallm.trajectory import Iteration

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

NODES = ("a", "b", "c")
GRAPHS = [CausalGraph(NODES, edges) for edges in ((), (("a", "b"), ("b", "c")), (("b", "a"),))]
TRAJECTORY = [
    Iteration(0, 0, GRAPHS[0], "Go.", 0.9, 0.8, 1.0, 50, True),
    Iteration(0, 1, GRAPHS[1], "Go.", None, None, 0.1, 5, False),
    Iteration(1, 0, GRAPHS[2], "Go.", 0.6, 0.55, 1.0, 50, True),
]


def test_scores_and_changes_are_drawn_and_the_choice_is_marked():
    from matplotlib import pyplot as plt

    axes = plot_search(TRAJECTORY, [2])
    lines = {line.get_label(): line.get_ydata() for line in axes[0].get_lines()}
    np.testing.assert_array_equal(lines["score"], [0.9, np.nan, 0.6])
    np.testing.assert_array_equal(lines["adjusted score"], [0.8, np.nan, 0.55])
    np.testing.assert_array_equal(lines["chosen"], [0.55])
    heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in axes[1].containers}
    assert heights == {"added": [0, 2, 0], "removed": [0, 0, 1], "reversed": [0, 0, 1]}
    assert axes[1].get_ylim() == (0, 2.1)
    assert plot_search(TRAJECTORY[:1], [0])[1].get_ylim() == (0, 1)
    plt.close("all")


def test_axes_may_be_given():
    from matplotlib.figure import Figure

    given = Figure().subplots(2, 1)
    assert list(plot_search(TRAJECTORY, [], given)) == list(given)
    with pytest.raises(ValueError, match="ax must be two axes, got 1"):
        plot_search(TRAJECTORY, [], Figure().subplots())


def test_nothing_is_not_drawn():
    with pytest.raises(ValueError, match="there was no search to draw"):
        plot_search([], [])


def test_matplotlib_is_loaded_when_it_is_needed():
    code = "import sys, skgensynth.mallm.synthesizer; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
