import numpy as np
import pandas as pd
import pytest
from common.tables import mixed_table
from sklearn.exceptions import NotFittedError

from skgensynth.mallm.discriminators import KINDS, RowFeatures, make_discriminator
from skgensynth.schema import TableSchema

ALL = sorted(KINDS)


def numbers(rng, n, n_columns=3, shift=0.0):
    return rng.normal(size=(n, n_columns)) + shift


def schema_of(values):
    return TableSchema.infer(pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])]))


def discriminator_for(kind, values, seed=0):
    return make_discriminator(kind, RowFeatures(values, schema_of(values)), seed)


# -- features ----------------------------------------------------------------------------------------------------------


def test_features_are_scaled_numbers_flags_of_missing_ones_and_levels():
    table = pd.DataFrame({"x": [1.5, 2.5, np.nan, 3.5] * 5, "c": ["a", "b", None, "a"] * 5})
    schema = TableSchema.infer(table, column_kinds={"x": "continuous"})
    values = schema.encode(table)
    found = RowFeatures(values, schema)(values[:4])
    scale = np.std([1.5, 2.5, 2.5, 3.5])
    flag_scale = np.std([0, 0, 1, 0])
    expected_x = (np.array([1.5, 2.5, 2.5, 3.5]) - 2.5) / scale
    expected_flag = (np.array([0, 0, 1, 0]) - 0.25) / flag_scale
    np.testing.assert_allclose(found[:, 0], expected_x)
    np.testing.assert_allclose(found[:, 1], expected_flag)
    np.testing.assert_array_equal(found[:, 2:], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_extreme_numbers_and_levels_that_no_row_had_stay_finite():
    table = pd.DataFrame(
        {"x": np.linspace(-1, 1, 40), "c": pd.Categorical(["a", "b"] * 20, categories=["a", "b", "z"])}
    )
    schema = TableSchema.infer(table)
    features = RowFeatures(schema.encode(table), schema)
    found = features(np.array([[1e300, 2.0], [-1e300, 0.0]]))
    np.testing.assert_array_equal(found, [[10, 0, 0], [-10, 1, 0]])


@pytest.mark.parametrize("kind", ALL)
def test_every_sort_of_column_can_be_learned_from(kind):
    table, y = mixed_table(n=120)
    table["nothing"] = np.nan
    table["same"] = 1.5
    schema = TableSchema.infer(table, y)
    values = schema.encode(table, y)
    discriminator = make_discriminator(kind, RowFeatures(values, schema), 0)
    discriminator.update(values[:60], values[60:])
    assert 0 <= discriminator.accuracy(values[:60], values[60:]) <= 1


# -- learning ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
def test_rows_far_apart_are_told(kind):
    rng = np.random.default_rng(0)
    real, generated = numbers(rng, 100), numbers(rng, 100, shift=4.0)
    discriminator = discriminator_for(kind, real).update(real[:50], generated[:50])
    assert discriminator.accuracy(real[50:], generated[50:]) > 0.95
    np.testing.assert_array_equal(discriminator.predict(np.array([[0.0] * 3, [4.0] * 3])), [True, False])


@pytest.mark.parametrize("kind", ALL)
def test_rows_of_one_law_are_not_told(kind):
    rng = np.random.default_rng(0)
    discriminator = discriminator_for(kind, numbers(rng, 200))
    for _ in range(4):
        discriminator.update(numbers(rng, 50), numbers(rng, 50))
    assert abs(discriminator.accuracy(numbers(rng, 2000), numbers(rng, 2000)) - 0.5) < 0.05


@pytest.mark.parametrize("kind", ALL)
def test_a_missing_value_or_a_level_can_give_rows_away(kind):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=200), "c": rng.choice(["a", "b"], 200)})
    table.loc[rng.random(200) < 0.5, "x"] = np.nan
    schema = TableSchema.infer(table)
    real = schema.encode(table)
    complete = real.copy()
    complete[:, 0] = rng.normal(size=200)
    discriminator = make_discriminator(kind, RowFeatures(real, schema), 0).update(real[:100], complete[:100])
    assert 0.65 < discriminator.accuracy(real[100:], complete[100:]) < 0.85
    one_level = real.copy()
    one_level[:, 1] = 0
    discriminator = make_discriminator(kind, RowFeatures(real, schema), 0).update(real[:100], one_level[:100])
    assert 0.65 < discriminator.accuracy(real[100:], one_level[100:]) < 0.85


@pytest.mark.parametrize("kind", ALL)
def test_updates_learn_what_changed(kind):
    rng = np.random.default_rng(0)
    discriminator = discriminator_for(kind, numbers(rng, 100))
    for _ in range(2):
        discriminator.update(numbers(rng, 50), numbers(rng, 50, shift=2.0))
    real, generated = numbers(rng, 300), numbers(rng, 300, shift=-2.0)
    before = discriminator.accuracy(real, generated)
    for _ in range(5):
        discriminator.update(numbers(rng, 50), numbers(rng, 50, shift=-2.0))
    assert before < 0.6
    assert discriminator.accuracy(real, generated) > 0.85


@pytest.mark.parametrize("kind", ALL)
def test_different_numbers_of_rows_do_not_tip_the_scales(kind):
    rng = np.random.default_rng(0)
    discriminator = discriminator_for(kind, numbers(rng, 100))
    for _ in range(4):
        discriminator.update(numbers(rng, 90), numbers(rng, 30, shift=1.0))
    recognised = discriminator.predict(numbers(rng, 2000)).mean(), 1 - discriminator.predict(
        numbers(rng, 2000, shift=1.0)
    ).mean()  # fmt: skip
    assert abs(recognised[0] - recognised[1]) < 0.25


def test_accuracy_is_the_mean_of_both_sorts():
    rng = np.random.default_rng(0)
    real, generated = numbers(rng, 60), numbers(rng, 200, shift=1.0)
    discriminator = discriminator_for("logistic", real).update(real, generated)
    right = [discriminator.predict(real).mean(), np.mean(~discriminator.predict(generated))]
    assert discriminator.accuracy(real, generated) == pytest.approx(np.mean(right))
    equal = np.concatenate([discriminator.predict(real), ~discriminator.predict(generated[:60])])
    assert discriminator.accuracy(real, generated[:60]) == pytest.approx(equal.mean())


@pytest.mark.parametrize("kind", ALL)
def test_one_column_and_one_row_of_each_sort_are_enough(kind):
    values = np.linspace(0, 1, 30)[:, None]
    discriminator = discriminator_for(kind, values).update(values[:1], values[-1:])
    assert discriminator.predict(values).shape == (30,)
    assert discriminator.predict(values[:0]).shape == (0,)


# -- seeds and state ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
def test_the_same_seed_learns_the_same_and_leaves_global_generators_alone(kind):
    rng = np.random.default_rng(0)
    real, generated = numbers(rng, 60), numbers(rng, 60, shift=0.3)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    states = [discriminator_for(kind, real, seed).update(real, generated).get_state() for seed in (3, 3, 4)]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert states[0].keys() == states[1].keys()
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name])
    if kind != "xgboost":  # nothing of it is random
        assert any(not np.array_equal(array, states[2][name]) for name, array in states[0].items())


@pytest.mark.parametrize("kind", ALL)
def test_a_saved_state_goes_on_as_if_nothing_had_happened(kind, tmp_path):
    rng = np.random.default_rng(0)
    real, generated = numbers(rng, 60), numbers(rng, 60, shift=0.5)
    first = discriminator_for(kind, real).update(real, generated)
    np.savez(tmp_path / "state.npz", **first.get_state())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        second = discriminator_for(kind, real)
        second.set_state(dict(state))
    rows = numbers(rng, 500, shift=0.25)
    np.testing.assert_array_equal(second.predict(rows), first.predict(rows))
    for discriminator in (first, second):
        discriminator.update(generated, real)
    assert second.n_updates == 2
    for name, array in first.get_state().items():
        np.testing.assert_array_equal(second.get_state()[name], array)


def test_a_state_does_not_change_with_what_is_learned_later():
    rng = np.random.default_rng(0)
    real, generated = numbers(rng, 60), numbers(rng, 60, shift=0.5)
    for kind in ALL:
        discriminator = discriminator_for(kind, real).update(real, generated)
        state = discriminator.get_state()
        kept = {name: array.copy() for name, array in state.items()}
        discriminator.update(generated, real)
        assert all(np.array_equal(state[name], array) for name, array in kept.items())


@pytest.mark.parametrize("kind", ALL)
def test_a_state_of_before_the_first_update_is_empty(kind):
    values = np.linspace(0, 1, 30)[:, None]
    state = discriminator_for(kind, values).get_state()
    assert list(state) == ["n_updates"]
    restored = discriminator_for(kind, values)
    restored.set_state(state)
    assert restored.n_updates == 0


@pytest.mark.parametrize(
    ("kind", "other", "n_columns"),
    [(kind, other, n) for kind in ALL for other in ALL for n in (1, 2, 3) if (kind, 3) != (other, n)],
)
def test_a_state_of_another_kind_or_table_is_refused(kind, other, n_columns):
    rng = np.random.default_rng(0)
    real = numbers(rng, 40, n_columns)
    state = discriminator_for(other, real).update(real, real + 1).get_state()
    target = discriminator_for(kind, numbers(rng, 40))
    with pytest.raises(ValueError, match="not of a discriminator of this kind on these columns"):
        target.set_state(state)
    assert target.n_updates == 0


def test_what_cannot_be_is_refused():
    values = np.linspace(0, 1, 30)[:, None]
    with pytest.raises(ValueError, match="no discriminator 'svm'; choose one of logistic, xgboost, neural"):
        make_discriminator("svm", RowFeatures(values, schema_of(values)), 0)
    discriminator = discriminator_for("logistic", values)
    with pytest.raises(NotFittedError, match="learned nothing yet"):
        discriminator.predict(values)
    with pytest.raises(ValueError, match="no generated rows"):
        discriminator.update(values, values[:0])
    with pytest.raises(ValueError, match="no real rows"):
        discriminator.accuracy(values[:0], values)
