import numpy as np
import pandas as pd
import pytest
from common.patients import nudged, numbers, patients

from skgensynth.exceptions import SchemaError, SchemaMismatchError
from skgensynth.metrics import attribute_inference, linkability


def _independent(rng, n):
    return patients(rng, n).assign(ill=rng.random(n) < 0.5)


@pytest.mark.parametrize("alter", [lambda rng, table: table, lambda rng, table: nudged(rng, table, 0.001)])
def test_secrets_of_copied_rows_are_given_away(rng, alter):
    train, holdout = _independent(rng, 200), _independent(rng, 80)
    result = attribute_inference(train, holdout, alter(rng, train), random_state=0)
    assert list(result.per_column) == list(train.columns)
    for risk in result.per_column.values():
        assert risk.interval[0] > 0.5
        assert risk.main.share > 0.9
        assert risk.baseline.share < 0.7
    assert result.risk == pytest.approx(np.mean([risk.risk for risk in result.per_column.values()]))
    assert result.per_column[result.worst].risk == max(risk.risk for risk in result.per_column.values())


def test_independent_rows_give_no_secret_away_though_columns_depend_on_each_other(rng):
    def draw(n):
        age = rng.normal(60, 10, n)
        return pd.DataFrame({"age": age, "weight": age + rng.normal(0, 2, n), "old": age > 60})

    result = attribute_inference(draw(400), draw(200), draw(400), random_state=0)
    for risk in result.per_column.values():
        assert risk.interval[0] < 0 < risk.interval[1]
    # What the table says about the population is no leak, however much it is.
    assert result.per_column["old"].control.share > 0.9
    assert result.per_column["old"].main.share > result.per_column["old"].baseline.share + 0.3


def test_a_number_is_right_if_few_values_lie_between_guess_and_truth():
    train = pd.DataFrame({"id": list("abcdefghij"), "x": [1, 2, 3, 4, 5, 6, 7, 8, 9, 1000]})
    # Guesses are one, two and three places off.
    synthetic = pd.DataFrame({"id": list("abc"), "x": [2, 4, 6]})
    for tolerance, expected in ((0.05, 0), (0.1, 1), (0.2, 2), (0.3, 3)):
        result = attribute_inference(train[:3], train[3:], synthetic, ["x"], tolerance=tolerance, random_state=0)
        ranks = {1: 1 / 6, 2: 0.5, 3: 5 / 6, 4: 1, 6: 1}  # among 1, 2, 3
        by_hand = sum(abs(ranks[a] - ranks[b]) <= tolerance for a, b in ((1, 2), (2, 4), (3, 6)))
        assert result.per_column["x"].main.share == by_hand / 3, expected


def test_missing_is_guessed_like_any_category():
    train = pd.DataFrame({"id": list("abcd"), "x": [1.0, np.nan, 3.0, np.nan], "y": ["u", None, "v", None]})
    holdout = pd.DataFrame({"id": list("efgh"), "x": [1.0, 2.0, 3.0, 4.0], "y": list("uuvv")})
    result = attribute_inference(train, holdout, train, ["x", "y"], random_state=0)
    assert {risk.main.share for risk in result.per_column.values()} == {1.0}
    blank = train.assign(x=np.nan, y=None)
    result = attribute_inference(train, holdout, blank, ["x", "y"], random_state=0)
    assert {risk.main.share for risk in result.per_column.values()} == {0.5}


def test_ties_are_broken_at_random(rng):
    train = pd.DataFrame({"known": ["a"] * 300, "secret": list("xy") * 150})
    synthetic = train.sort_values("secret")
    result = attribute_inference(train, train, synthetic, ["secret"], random_state=0).per_column["secret"]
    # One guess for all, since all are known by the same value.
    assert result.main.share == 0.5
    assert result.baseline.share == pytest.approx(0.5, abs=0.1)


def test_attacks_are_bounded_and_seeded(rng):
    tables = _independent(rng, 100), _independent(rng, 60), _independent(rng, 100)
    results = [attribute_inference(*tables, ["ill"], max_attacks=40, random_state=seed) for seed in (1, 1, 2)]
    assert results[0] == results[1] != results[2]
    risk = results[0].per_column["ill"]
    assert (risk.main.n, risk.control.n, risk.baseline.n) == (40, 40, 40)


def test_what_cannot_be_inferred_is_refused(rng):
    rows = patients(rng, 10)
    with pytest.raises(SchemaError, match="the column 'age' alone: at least 2 are needed, one to be guessed"):
        attribute_inference(rows[["age"]], rows[["age"]], rows[["age"]])
    with pytest.raises(SchemaError, match="secrets names 'height', which is not a column of train"):
        attribute_inference(rows, rows, rows, ["height"])
    with pytest.raises(ValueError, match="tolerance must be between 0 and 1, got -1"):
        attribute_inference(rows, rows, rows, tolerance=-1)
    with pytest.raises(SchemaMismatchError, match="'lab' of train is not in synthetic"):
        attribute_inference(rows, rows, rows.drop(columns="lab"))


def test_halves_of_copied_rows_are_linked(rng):
    train, holdout = numbers(rng, 200), numbers(rng, 80)
    result = linkability(train, holdout, nudged(rng, train, 0.001), random_state=0)
    assert result.main.share > 0.95
    assert result.interval[0] > 0.9
    assert result.control.share < 0.1
    assert result.baseline.share < 0.05


def test_halves_of_independent_rows_are_not_linked(rng):
    def draw(n):
        z = rng.normal(size=n)
        return pd.DataFrame({"a": z, "b": z + rng.normal(0, 0.1, n), "c": rng.choice(list("xy"), n)})

    result = linkability(draw(300), draw(150), draw(300), n_neighbours=3, random_state=0)
    assert result.interval[0] < 0 < result.interval[1]
    assert result.main.share > result.baseline.share + 0.05  # a strong dependence links by itself


def test_linked_is_who_is_found_by_both():
    train = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [0.0, 1.0, 2.0, 3.0]})
    # The closest rows by a: 0, 1, 2, 3; by b: 0, 1, 3, 2.
    synthetic = pd.DataFrame({"a": [0.1, 1.1, 2.1, 3.1], "b": [0.1, 1.1, 3.1, 2.1]})
    assert linkability(train, train, synthetic, (["a"], ["b"]), random_state=0).main.share == 0.5
    wider = linkability(train, train, synthetic, (["a"], ["b"]), n_neighbours=2, random_state=0)
    assert wider.main.share == 1
    assert wider.baseline.share > 0.5
    everybody = linkability(train, train, synthetic, (["a"], ["b"]), n_neighbours=9, random_state=0)
    assert everybody.main.share == everybody.control.share == everybody.baseline.share == 1
    assert everybody.risk == 0


def test_parties_are_every_second_column_unless_told_otherwise(rng):
    train, holdout = patients(rng, 60), patients(rng, 60)
    synthetic = pd.concat([train, patients(rng, 60)])
    by_default = linkability(train, holdout, synthetic, random_state=0)
    assert by_default == linkability(
        train, holdout, synthetic, (["age", "sex", "site"], ["lab", "drug"]), random_state=0
    )
    assert by_default != linkability(train, holdout, synthetic, (["age"], ["sex"]), random_state=0)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((["a"], ["z"]), "columns names 'z', which is not a column of train"),
        ((["a", "b"], ["b"]), "columns gives 'b' to both parties"),
        ((["a"], []), "columns leaves one party without any column"),
    ],
)
def test_parties_that_cannot_be_are_refused(rng, columns, message):
    rows = numbers(rng, 5)
    with pytest.raises(SchemaError, match=message):
        linkability(rows, rows, rows, columns)


def test_one_column_cannot_be_split(rng):
    rows = numbers(rng, 5, 1)
    with pytest.raises(SchemaError, match="the column 'a' alone: at least 2 are needed, one for each party"):
        linkability(rows, rows, rows)
    with pytest.raises(ValueError, match="n_neighbours must be at least 1, got 0"):
        linkability(rows, rows, rows, n_neighbours=0)
