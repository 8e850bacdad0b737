import numpy as np
import pandas as pd
import pytest

from skgensynth.report.cautions import column_cautions, row_cautions, size_cautions, some


def _found(cautions):
    return " ".join(caution.what for caution in cautions)


@pytest.mark.parametrize(
    ("sizes", "words", "serious"),
    [
        ((500, None, 5000), "no held-out rows", [True]),
        ((500, 30, 5000), "Only 30 real rows", [True]),
        ((500, 100, 5000), "Only 100 real rows", [False]),
        ((500, 300, 400), "fewer synthetic rows (400) than training rows (500)", [False]),
        ((500, 300, 5000), "", []),
    ],
)
def test_small_tables_are_named(sizes, words, serious):
    cautions = size_cautions(*sizes)
    assert words in _found(cautions)
    assert [caution.serious for caution in cautions] == serious


N = 200


@pytest.mark.parametrize(
    ("real", "synthetic", "words"),
    [
        ([1, 2] * N, [1.5, 2.5] * N, "Changed type: x (whole numbers, now numbers)."),
        ([1.5, 2.5] * N, [1, 2] * N, "Changed type: x (numbers, now whole numbers)."),
        (["1", "2"] * N, [1, 2] * N, "Changed type: x (text, now whole numbers)."),
        ([True, False] * N, ["True", "False"] * N, "Changed type: x (yes or no, now text)."),
        ([1.0, np.nan] * N, [1, 1] * N, "No missing values, unlike the real rows: x (50% of the real values)."),
        ([1, 2] * N, [1.0, np.nan] * N, "Missing values, unlike the real rows: x (50.0%)."),
        ([1, 2] * N, [2, 2] * N, "Became constant: x (always 2)."),
        (["a", "b"] * N, ["a", "a"] * N, "Lost, though chance would not lose it: x (b, 50.0% of the real rows)."),
        (["a"] * 999 + ["b"], ["a"] * 100, "Rare, and lost: x (b, 0.1% of the real rows)."),
        (["a", "b"] * N, ["a", "c"] * N, "Categories that no real row has: x (c)."),
        (list(range(N)), list(range(N, 2 * N)), "Beyond the real range: x (100.0%)."),
        ([1.5, 2.5] * N, [1.25, 2.5] * N, "More decimals than real values: x."),
        (
            list(pd.date_range("2020-01-01", periods=N)),
            list(pd.date_range("2020-02-01", periods=N)),
            "Beyond the real range: x (15.5%).",
        ),
    ],
)
def test_what_became_of_a_column_is_named(real, synthetic, words):
    assert words in _found(column_cautions(pd.DataFrame({"x": real}), pd.DataFrame({"x": synthetic})))


@pytest.mark.parametrize(
    ("real", "synthetic"),
    [
        ([1, 2, 3] * N, [1.0, 2.0, 3.0] * N),
        ([1.5, np.nan] * N, [1.5, np.nan] * N),
        (["a", "b"] * N, list(pd.Categorical(["b", "a"] * N))),
        (pd.array([1, None] * N, dtype="Int64"), [1.0, np.nan] * N),
        ([np.nan] * N, [np.nan] * N),
        (pd.to_timedelta(range(N), "h"), pd.to_timedelta(range(N), "h")),
        (pd.array([True, None] * N, dtype="boolean"), pd.array([None, True] * N, dtype="boolean")),
    ],
)
def test_a_column_that_came_out_alike_needs_no_word(real, synthetic):
    assert column_cautions(pd.DataFrame({"x": real}), pd.DataFrame({"x": synthetic})) == []


def test_many_columns_are_counted_rather_than_named():
    real = pd.DataFrame({f"x{i}": [1, 2] * N for i in range(9)})
    (caution,) = column_cautions(real, real + 0 * real + 1 - real)
    assert caution.what == "Became constant: x0 (always 1), x1 (always 1), x2 (always 1) and 6 more."
    assert some(["a"]) == "a"


def test_rows_that_repeat_each_other_are_named():
    frame = pd.DataFrame({"x": range(100)})
    (caution,) = row_cautions(frame, None, frame.iloc[[0] * 100])
    assert "99% of the synthetic rows repeat another synthetic row (real rows: 0%)" in caution.what


def test_held_out_rows_that_were_not_held_out_are_named():
    frame = pd.DataFrame({"x": range(100)})
    (caution,) = row_cautions(frame, frame.iloc[:50], frame)
    assert caution.serious
    assert "100% of the held-out rows are training rows" in caution.what
    assert row_cautions(frame, frame + 1000, frame) == []


def test_tables_of_few_distinct_rows_repeat_by_nature():
    frame = pd.DataFrame({"x": [0, 1] * 50})
    assert row_cautions(frame, frame, frame) == []
