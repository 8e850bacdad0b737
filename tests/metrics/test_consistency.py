import sys
import types

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, ttest_ind

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics import class_gaps, rule_violations


class AtLeast:
    """A rule as the constraints are: it checks a frame and prints itself."""

    def __init__(self, column, least):
        self.column, self.least = column, least

    def check(self, frame):
        return (frame[self.column] >= self.least).to_numpy()

    def __str__(self):
        return f"{self.column} >= {self.least}"


@pytest.fixture
def patients():
    return pd.DataFrame({"age": [12, 30, 64, 17, 80], "stage": [1, 2, 9, 4, 3]})


def stage_is_known(frame):
    return frame["stage"] <= 4


def test_violations_are_counted_by_rule_and_together(patients):
    result = rule_violations(patients, [AtLeast("age", 18), stage_is_known, AtLeast("age", 15)])
    assert list(result.per_rule.index) == ["age >= 18", "stage_is_known", "age >= 15"]
    assert list(result.per_rule["violations"]) == [2, 1, 1]
    np.testing.assert_allclose(result.per_rule["share"], [0.4, 0.2, 0.2])
    assert result.share == pytest.approx(0.6)
    assert (result.n_rows, result.n_real, result.real_share, result.real_interval) == (5, None, None, None)
    expected = binomtest(3, 5).proportion_ci(method="wilson")
    assert result.interval == pytest.approx((expected.low, expected.high))
    expected = binomtest(2, 5).proportion_ci(method="wilson")
    assert tuple(result.per_rule.loc["age >= 18", ["low", "high"]]) == pytest.approx((expected.low, expected.high))


def test_real_rows_stand_beside(patients):
    real = pd.DataFrame({"age": [40, 17, 60, 70], "stage": [1, 2, 3, 4], "more": 0})
    result = rule_violations(patients, (AtLeast("age", 18), stage_is_known), real=real)
    assert list(result.per_rule["real_violations"]) == [1, 0]
    assert list(result.per_rule["real_share"]) == [0.25, 0]
    assert (result.real_share, result.n_real) == (0.25, 4)
    assert result.real_interval[0] < 0.25 < result.real_interval[1]


def test_no_rule_is_broken_by_none(patients):
    result = rule_violations(patients, [], real=patients)
    assert (result.share, result.real_share) == (0, 0)
    assert result.per_rule.empty


def test_sentences_are_parsed_with_the_columns_of_the_table(patients, monkeypatch):
    def parse_constraint(sentence, columns):
        assert list(columns) == ["age", "stage"]
        column, least = sentence.split(" is at least ")
        return AtLeast(column, int(least))

    stand_in = types.ModuleType("skgensynth.constraints")
    stand_in.parse_constraint = parse_constraint
    monkeypatch.setitem(sys.modules, "skgensynth.constraints", stand_in)
    result = rule_violations(patients, ["age is at least 18"])
    assert list(result.per_rule.index) == ["age >= 18"]
    assert result.share == 0.4


def test_rules_of_another_kind_are_refused(patients):
    with pytest.raises(TypeError, match=r"got a single sentence: pass \['age >= 18'\]"):
        rule_violations(patients, "age >= 18")
    with pytest.raises(TypeError, match=r"A rule must be a sentence, a function or an object .* got 18"):
        rule_violations(patients, [18])
    with pytest.raises(TypeError, match="must return 5 values of type bool, one for each row of table, got int64"):
        rule_violations(patients, [lambda frame: frame["stage"]])
    with pytest.raises(TypeError, match=r"of real, got bool of shape \(5,\)"):
        rule_violations(patients, [lambda frame: np.ones(5, bool)], real=patients[:4])
    with pytest.raises(ValueError, match="table has no rows"):
        rule_violations(patients[:0], [stage_is_known])


def _cohort(rng, n, shift=1.0, share=0.8):
    died = rng.random(n) < 0.4
    return pd.DataFrame(
        {
            "age": rng.normal(60, 10, n) + 10 * shift * died,
            "smoker": np.where(rng.random(n) < np.where(died, share, 0.3), "yes", "no"),
            "died": np.where(died, "yes", "no"),
        }
    )


def test_the_figure_is_the_deviation_from_the_real_gap_in_either_direction(rng):
    real = _cohort(rng, 4000)
    spread = real["age"].std(ddof=0)
    same, smaller, larger = (class_gaps(real, _cohort(rng, 4000, shift), "died") for shift in (1, 0, 2))
    assert same.per_feature["age"] < 0.1
    for result in (smaller, larger):
        assert result.per_feature["age"] == pytest.approx(10 / spread, abs=0.1)
        assert result.mean == pytest.approx(np.mean(list(result.per_feature.values())))
    line = larger.table.query("feature == 'age'").iloc[0]
    assert (line["measure"], line["first_class"], line["second_class"]) == ("mean", "no", "yes")
    assert line["real"] == pytest.approx(10 / spread, abs=0.1)
    assert line["synthetic"] == pytest.approx(20 / spread, abs=0.1)


def test_categories_are_compared_by_their_shares(rng):
    result = class_gaps(_cohort(rng, 4000), _cohort(rng, 4000, share=0.3), "died")
    lines = result.table.query("feature == 'smoker'").set_index("level")
    np.testing.assert_allclose(lines.loc[["yes", "no"], "real"], [0.5, -0.5], atol=0.04)
    np.testing.assert_allclose(lines.loc[["yes", "no"], "synthetic"], 0, atol=0.04)
    assert result.per_feature["smoker"] == pytest.approx(lines["deviation"].sum() / 2)


def test_intervals_of_real_gaps(rng):
    real = _cohort(rng, 300)
    table = class_gaps(real, real, "died").table.set_index(["feature", "level"])
    ages = [real.loc[real["died"] == label, "age"] for label in ("yes", "no")]
    welch = ttest_ind(*ages, equal_var=False).confidence_interval()
    age = table.xs("age", level="feature").iloc[0]
    spread = real["age"].std(ddof=0)
    # Normal instead of Student's quantiles: a little narrower.
    assert age["real_low"] * spread == pytest.approx(welch.low, abs=0.05)
    assert age["real_high"] * spread == pytest.approx(welch.high, abs=0.05)


def test_intervals_of_shares_are_newcombes():
    # Newcombe (1998), method 10, example (a): 56 of 70 less 48 of 80 is 0.2, 0.0524 to 0.3339.
    real = pd.DataFrame({"x": ["+"] * 48 + ["-"] * 32 + ["+"] * 56 + ["-"] * 14, "y": [0] * 80 + [1] * 70})
    line = class_gaps(real, real, "y").table.set_index("level").loc["+"]
    assert list(line[["real", "real_low", "real_high"]]) == pytest.approx([0.2, 0.0524, 0.3339], abs=1e-4)


def test_missing_values_have_gaps_of_their_own():
    real = pd.DataFrame({"x": [1.0, np.nan, 3.0, 5.0], "y": ["a", "a", "b", "b"]})
    synthetic = pd.DataFrame({"x": [1.0, 2.0, np.nan, 5.0], "y": ["a", "a", "b", "b"]})
    table = class_gaps(real, synthetic, "y").table
    assert list(table["measure"]) == ["mean", "share"]
    spread = np.std([1, 3, 5])
    np.testing.assert_allclose(table["real"], [3 / spread, -0.5])
    np.testing.assert_allclose(table["synthetic"], [3.5 / spread, 0.5])
    np.testing.assert_allclose(table["deviation"], [0.5 / spread, 1])
    assert np.isnan(table["level"].iloc[1])


def test_every_pair_of_classes_is_compared_and_a_class_that_is_absent_shows_no_gap():
    real = pd.DataFrame({"x": [0.0, 0.0, 2.0, 2.0, 4.0, 4.0], "stage": [3, 3, 1, 1, 2, 2]})
    synthetic = real[real["stage"] < 3]
    table = class_gaps(real, synthetic, "stage").table
    assert list(zip(table["first_class"], table["second_class"], strict=True)) == [(1, 2), (1, 3), (2, 3)]
    spread = np.std([0, 2, 4])
    np.testing.assert_allclose(table["real"], np.array([2, -2, -4]) / spread)
    np.testing.assert_allclose(table["synthetic"], [2 / spread, np.nan, np.nan])
    np.testing.assert_allclose(table["deviation"], np.array([0, 2, 4]) / spread)


def test_a_class_that_real_rows_lack_is_ignored():
    real = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "y": ["a", "a", "b", "b"]})
    more = pd.concat([real, pd.DataFrame({"x": [99.0], "y": ["c"]})])
    assert class_gaps(real, more, "y").mean == 0


def test_many_categories_count_together(rng):
    real = pd.DataFrame({"site": rng.integers(0, 5000, 6000).astype(str), "y": rng.integers(0, 2, 6000)})
    table = class_gaps(real, real[:3000], "y").table
    assert len(table) == 101
    assert table["level"].iloc[-1] == "all others"
    counts = real["site"].value_counts()
    np.testing.assert_array_equal(counts[table["level"][:100]], counts.iloc[:100])
    assert table["real"].sum() == pytest.approx(0, abs=1e-9)


def test_without_two_classes_or_varying_features_there_is_no_figure():
    one_class = pd.DataFrame({"x": [1.0, 2.0], "c": ["u", "v"], "y": "only"})
    constant = pd.DataFrame({"x": [3.0, 3.0], "y": ["a", "b"]})
    for frame in (one_class, constant):
        result = class_gaps(frame, frame, "y")
        assert np.isnan(result.mean)
        assert result.table.empty
        assert list(result.table)[:3] == ["feature", "measure", "level"]


def test_targets_that_are_no_classes_are_refused(rng):
    frame = pd.DataFrame({"x": np.arange(30.0), "y": np.arange(30.0), "z": ["a"] * 29 + [None]})
    with pytest.raises(SchemaMismatchError, match="The target 'w' is not a column of real"):
        class_gaps(frame, frame, "w")
    with pytest.raises(ValueError, match="The target 'y' has 30 distinct values, more than 20"):
        class_gaps(frame, frame, "y")
    with pytest.raises(ValueError, match="The target 'z' has missing values in real"):
        class_gaps(frame, frame, "z")
