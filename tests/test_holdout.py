import numpy as np
import pandas as pd
import pytest
from common.ward import ward
from pandas.testing import assert_frame_equal

from skgensynth.holdout import draw_table, hold_out, split_target


def test_parts_are_disjoint_and_classes_in_proportion():
    table = ward(200)
    train, test = hold_out(table, "died", 0.3, 0)
    assert (len(train), len(test)) == (140, 60)
    assert set(train.index) | set(test.index) == set(table.index)
    assert not set(train.index) & set(test.index)
    shares = [part["died"].eq("yes").mean() for part in (train, test)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)


def test_the_seed_decides():
    first, again, other = (hold_out(ward(), "died", 0.25, seed)[1] for seed in (3, 3, 4))
    assert_frame_equal(first, again)
    assert set(first.index) != set(other.index)


@pytest.mark.parametrize("target", [None, "age", "rare"])
def test_where_classes_cannot_be_in_proportion_the_split_is_plain(target):
    table = ward().assign(rare=["a"] + 79 * ["b"])
    assert len(hold_out(table, target, 0.25, 0)[1]) == 20


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_ten_rows_are_needed_on_either_side(share):
    with pytest.raises(ValueError, match=f"80 rows are too few to hold out a share of {share}"):
        hold_out(ward(), "died", share, 0)


def test_the_target_is_taken_out():
    table = ward()
    X, y = split_target(table, "died")
    assert list(X.columns) == ["age", "weight", "sex"]
    assert y.name == "died"
    assert split_target(table, None) == (table,)


class Drawn:
    def __init__(self, rows):
        self.rows = rows

    def sample(self, n_samples, **asked):
        self.asked = asked
        return self.rows


def test_rows_are_drawn_in_the_order_and_the_types_of_the_table():
    table = pd.DataFrame({"y": pd.Categorical(["a", "b"]), "b": [1, 2], 0: [1.0, np.nan]})
    drawn = Drawn((table[[0, "b"]], table["y"]))
    assert_frame_equal(draw_table(drawn, 2, table, "y"), table)
    assert drawn.asked == {}
    assert_frame_equal(draw_table(Drawn(table[[0, "y"]]), 2, table, None, {"b": 1}), table[["y", 0]])
    number = Drawn((table[["y"]], table[0]))
    assert_frame_equal(draw_table(number, 2, table, 0), table[["y", 0]])
