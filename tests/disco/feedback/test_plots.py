from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from skgensynth.disco.feedback.plots import MAX_CLASSES, plot_feedback
from skgensynth.disco.feedback.settings import LEVELS
from skgensynth.schema import TableSchema

X = pd.DataFrame({"a": np.arange(100) % 7})


def schema_of(n_classes=2):
    y = pd.Series([f"class {i % n_classes}" if i % 4 else "class 0" for i in range(100)], name="outcome")
    return TableSchema.infer(X, y)


def cycle(number, n_classes=2, kept=True):
    entry = {"cycle": number, "kept": kept, "broken_rows": 0.2 / (1 + number), "seconds": 1.0 * number}
    entry["unsettled_rows"] = entry["broken_rows"] / 4
    for place, level in enumerate(LEVELS):
        entry |= {f"{level}_auc": 0.7 - 0.03 * place - 0.02 * number, f"{level}_trust": 0.5}
        if number:
            entry[f"{level}_reward"] = -0.3 + 0.05 * number + 0.1 * place
    if number:
        entry |= {"kl": 0.1 * number, "violations": 0.1}
    if n_classes:
        entry["class_shares"] = (np.linspace(2, 1, n_classes) / (1.5 * n_classes)).tolist()
    return entry


HISTORY = [{"epoch": 1, "loss": 2.0, "seconds": 0.1}, *(cycle(number, kept=number != 2) for number in range(5))]


@pytest.fixture(autouse=True)
def agg():
    """A backend that needs no screen, and no figures left open."""
    from matplotlib import pyplot as plt

    backend = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


def line(axis, label):
    (found,) = (drawn for drawn in axis.get_lines() if drawn.get_label() == label)
    return found


def test_four_axes_say_what_they_show():
    axes = plot_feedback(HISTORY, schema_of())

    assert axes.shape == (4,)
    assert all(axis.get_xlabel() == "cycle" and axis.get_ylabel() and axis.get_title() for axis in axes)
    assert all(axis.get_legend() is not None for axis in (axes[0], axes[1], axes[3]))


def test_levels_are_drawn_with_their_figures():
    axes = plot_feedback(HISTORY, schema_of())

    for level in LEVELS:
        rewards, auc = line(axes[0], level), line(axes[1], level)
        assert rewards.get_xdata().tolist() == auc.get_xdata().tolist() == [0, 1, 2, 3, 4]
        assert np.isnan(rewards.get_ydata()[0])
        assert rewards.get_ydata()[1:] == pytest.approx([entry[f"{level}_reward"] for entry in HISTORY[2:]])
        assert auc.get_ydata() == pytest.approx([entry[f"{level}_auc"] for entry in HISTORY[1:]])
    assert set(line(axes[1], "no better than chance").get_ydata()) == {0.5}


def test_divergence_and_broken_rows_share_a_picture():
    axes = plot_feedback(HISTORY, schema_of())
    (other,) = (axis for axis in axes[0].figure.axes if axis not in list(axes))

    assert line(axes[2], "divergence").get_ydata()[1:] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert line(other, "rows that break laws").get_ydata() == pytest.approx([0.2 / n for n in range(1, 6)])
    assert line(other, "after sampling").get_ydata() == pytest.approx([0.05 / n for n in range(1, 6)])
    texts = [text.get_text() for text in other.get_legend().get_texts()]
    assert texts == ["divergence", "rows that break laws", "after sampling", "state not kept"]
    (circles,) = other.collections
    assert circles.get_offsets().tolist() == [[2, pytest.approx(0.2 / 3)]]


def test_classes_have_their_names_and_their_shares_of_the_training_rows():
    axis = plot_feedback(HISTORY, schema_of())[3]

    assert axis.get_legend().get_title().get_text() == "outcome"
    assert line(axis, "class 0").get_ydata() == pytest.approx([2 / 3] * 5)
    assert line(axis, "class 1").get_ydata() == pytest.approx([1 / 3] * 5)
    real = [
        drawn.get_ydata()[0] for drawn in axis.get_lines() if drawn.get_linestyle() == "--" and len(drawn.get_ydata())
    ]
    assert sorted(real) == pytest.approx([0.5, 0.5])


def test_of_many_classes_the_most_frequent_are_drawn():
    history = [cycle(number, n_classes=9) for number in range(2)]

    axis = plot_feedback(history, schema_of(9))[3]

    texts = [text.get_text() for text in axis.get_legend().get_texts()]
    assert texts == [f"class {j}" for j in range(MAX_CLASSES)] + ["training rows"]
    assert axis.get_legend().get_title().get_text() == "outcome (3 rarer ones not shown)"


def test_a_table_without_classes_says_so():
    history = [cycle(number, n_classes=0) for number in range(2)]

    axis = plot_feedback(history, TableSchema.infer(X))[3]

    assert [text.get_text() for text in axis.texts] == ["the table has no classes"]


def test_cycles_are_numbered_on_where_the_stage_was_continued():
    history = [*HISTORY, cycle(0), cycle(1)]

    axes = plot_feedback(history, schema_of())

    assert line(axes[1], "row").get_xdata().tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_the_supervised_policy_alone_can_be_drawn():
    axes = plot_feedback([cycle(0)], schema_of())

    axes[0].figure.canvas.draw()
    assert line(axes[1], "row").get_ydata() == pytest.approx([0.61])


def test_the_users_axes_are_drawn_on_and_no_figure_is_made():
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    mine = Figure().subplots(2, 2)

    axes = plot_feedback(HISTORY, schema_of(), mine)

    assert list(axes) == list(mine.ravel())
    assert plt.get_fignums() == []
    plot_feedback(HISTORY, schema_of())
    assert len(plt.get_fignums()) == 1


def test_what_cannot_be_drawn_is_told():
    with pytest.raises(ValueError, match="there was no second stage to draw"):
        plot_feedback(HISTORY[:1], schema_of())
    with pytest.raises(ValueError, match="ax must be four axes, got 1"):
        plot_feedback(HISTORY, schema_of(), plot_feedback(HISTORY, schema_of())[0])


def test_a_missing_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ImportError, match="pip install matplotlib"):
        plot_feedback(HISTORY, schema_of())


def test_settings_of_matplotlib_stay_as_they_are():
    before = mpl.rcParams.copy()

    plot_feedback(HISTORY, schema_of())

    assert mpl.rcParams == before
