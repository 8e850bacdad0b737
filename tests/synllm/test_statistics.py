import json

import numpy as np
import pandas as pd
import pytest
from common.people import kinds_of, people

from skgensynth.llm.rows import RowFormat
from skgensynth.metrics import association_matrix
from skgensynth.schema import TableSchema
from skgensynth.synllm.statistics import TableStatistics


def table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = people(rng, n)
    X["luck"] = rng.random(n)
    X["shrinking"] = -X["height"] + rng.normal(0, 4, n)
    X["shoe"] = np.where(X["sex"] == "M", "large", "small")
    X.loc[rng.random(n) < 0.25, "luck"] = np.nan
    return X.round(dict.fromkeys(("height", "luck", "weight", "shrinking"), 2))


def computed(X, y=None):
    schema = TableSchema.infer(X, y, column_kinds=kinds_of(X))
    return TableStatistics.compute(schema.encode(X, y), schema, (X, y), 0), schema


@pytest.fixture(scope="module")
def statistics():
    return computed(table())


def test_figures_are_those_of_pandas(statistics):
    X, (found, schema) = table(), statistics
    figures = dict(zip([column.name for column in schema.modelled], found.columns, strict=True))
    for name in ("height", "visits", "luck", "weight"):
        assert figures[name].mean == pytest.approx(X[name].mean())
        assert figures[name].std == pytest.approx(X[name].std())
        assert figures[name].missing == pytest.approx(X[name].isna().mean())
    assert figures["sex"].shares == pytest.approx(X["sex"].value_counts(normalize=True).sort_index().to_list())


def test_associations_are_those_of_the_metric_strongest_first(statistics):
    X, (found, schema) = table(), statistics
    names = [column.name for column in schema.modelled]
    matrix = association_matrix(X[names])
    pairs = {frozenset((names[f.first], names[f.second])) for f in found.associations}
    assert {frozenset(pair) for pair in (("height", "weight"), ("height", "sex"), ("sex", "shoe"))} <= pairs
    assert not [pair for pair in pairs if "luck" in pair]
    for figure in found.associations:
        assert abs(figure.strength) == pytest.approx(
            abs(matrix.loc[names[figure.first], names[figure.second]]), abs=1e-6
        )
    strengths = [abs(figure.strength) for figure in found.associations]
    assert strengths == sorted(strengths, reverse=True)


def test_figures_in_words(statistics):
    X, (found, schema) = table(), statistics
    form = RowFormat(schema)
    said = dict(line[2:].split(": ", 1) for line in found.column_lines(form, 20))
    height, share = X["height"], 100 * (X["sex"] == "F").mean()
    assert said["height"] == f"mean {height.mean():.2f}, standard deviation {height.std():.2f}"
    assert said["visits"].startswith(f"mean {X['visits'].mean():.1f}, ")
    assert said["sex"] == f"F {share:.1f} %, M {100 - share:.1f} %"
    assert said["luck"].endswith(f", missing {100 * X['luck'].isna().mean():.1f} %")
    assert said["day"] == f"mean {(X['day'].mean() + pd.Timedelta(12, 'h')).floor('D'):%Y-%m-%d}"
    lines = found.association_lines(form, 99)
    means = X.groupby("sex")["height"].mean()
    rho = X["height"].corr(X["weight"])
    assert f"- weight rises as height rises (correlation {rho:.2f})" in lines
    assert any(line.startswith("- shrinking falls as height rises (correlation -0.") for line in lines)
    assert any(f"mean {means['F']:.1f} for F, {means['M']:.1f} for M" in line for line in lines)
    assert any(line.startswith("- shoe depends on sex (Cramér's V ") for line in lines)
    assert len(found.association_lines(form, 2)) == 2


def test_the_mean_of_few_rows_is_not_told():
    X = table()
    X.loc[:8, "sex"] = "X"
    X.loc[:8, "height"] = 250.0
    found, schema = computed(X)
    (figure,) = [f for f in found.associations if {f.first, f.second} == {0, 1}]
    assert [schema.modelled[1].levels[code] for code, _ in figure.means] == ["F", "M"]


@pytest.fixture(scope="module")
def with_rare_class():
    """Statistics of a table whose class of 5 % is older and smokes more often, as weakly as a rare class can show."""
    rng = np.random.default_rng(0)
    n = 1000
    ill = np.arange(n) < 50
    X = pd.DataFrame(
        {
            "age": 50 + 12 * ill + rng.normal(0, 12, n).round(),
            "smokes": np.where(rng.random(n) < np.where(ill, 0.6, 0.2), "yes", "no"),
            "luck": rng.random(n).round(3),
            "coin": rng.choice(["head", "tail"], n),
            "town": rng.choice(list("abcdefg"), n),
        }
    )
    y = pd.Series(np.where(ill, "ill", "well"), name="state")
    return X, y, *computed(X, y)


def test_what_sets_a_rare_class_apart_is_told_by_class(with_rare_class):
    X, y, found, schema = with_rare_class
    names = [column.name for column in schema.modelled]
    pairs = {(names[f.first], names[f.second]): f for f in found.associations}
    assert set(pairs) == {("state", "age"), ("state", "smokes")}
    assert all(0.1 <= figure.strength < 0.3 for figure in pairs.values())
    shares = {schema.target.levels[code]: share for code, share in pairs["state", "smokes"].shares}
    for state in ("ill", "well"):
        assert shares[state][1] == pytest.approx((X["smokes"][y == state] == "yes").mean())
    percent = {state: 100 * (X["smokes"][y == state] == "yes").mean() for state in ("ill", "well")}
    assert any(
        f"no {100 - percent['ill']:.1f} %, yes {percent['ill']:.1f} % for ill; no " in line
        for line in found.association_lines(RowFormat(schema), 99)
    )
    assert TableStatistics.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_shares_in_a_class_of_few_rows_are_not_told(with_rare_class):
    X, y, _, _ = with_rare_class
    found, schema = computed(X[42:], y[42:])
    for figure in found.associations:
        assert [schema.target.levels[code] for code, _ in (*figure.means, *figure.shares)] == ["well"]


def test_columns_without_values_have_no_figures():
    found, schema = computed(pd.DataFrame({"a": [np.nan] * 3, "b": [1.5, 1.5, 1.5], "c": ["x"] * 3}))
    assert found.column_lines(RowFormat(schema), 20) == [
        "- a: missing 100.0 %",
        "- b: mean 1.50, standard deviation 0",
        "- c: x 100.0 %",
    ]


def test_an_identifier_has_no_statistics_even_if_others_depend_on_it():
    X = table()
    X["bed"] = X["visits"] * 3  # a code of repeated values, which a search over kinds as guessed would find
    schema = TableSchema.infer(X, column_kinds={**kinds_of(X), "bed": "identifier"})
    found = TableStatistics.compute(schema.encode(X), schema, (X, None), 0)
    without, _ = computed(table())
    assert len(found.columns) == len(schema.modelled) == len(table().columns)
    assert "bed" not in "".join(found.column_lines(RowFormat(schema), 20))
    assert [figure.strength for figure in found.associations] == [figure.strength for figure in without.associations]


def test_they_survive_json(statistics):
    found, _ = statistics
    assert TableStatistics.from_dict(json.loads(json.dumps(found.to_dict()))) == found
