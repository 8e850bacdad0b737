from __future__ import annotations

import copy
import itertools
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from common.policies import small_frame, small_policy
from sklearn.exceptions import NotFittedError

from skgensynth.conditions import Conditions
from skgensynth.constraints import Order, parse_constraint
from skgensynth.disco import compact
from skgensynth.disco.compact import CompactPolicy
from skgensynth.exceptions import InterruptedTrainingWarning, ModelNotFoundError, PersistenceError
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

NONE = Conditions()


def make_frame(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 90, n_rows)
    sick = rng.random(n_rows) < 1 / (1 + np.exp(-(age - 65) / 4))
    return pd.DataFrame(
        {
            "age": age,
            "dose": np.where(rng.random(n_rows) < 0.2, np.nan, (age / 10 + rng.normal(0, 0.5, n_rows)).round(2)),
            "site": rng.choice(["north", "south", "west"], n_rows),
        }
    ), np.where(sick, "yes", "no")


def fit(X, y=None, **settings):
    schema = TableSchema.infer(X, y)
    policy = CompactPolicy(**{"n_epochs": 40, **settings})
    return policy.fit(schema.encode(X, y), schema, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def policy():
    return fit(*make_frame())


@pytest.fixture(scope="module")
def tiny():
    rng = np.random.default_rng(0)
    a = rng.choice(["x", "y", "z"], 120)
    frame = pd.DataFrame(
        {"a": a, "b": np.where(a == "x", "p", rng.choice(["p", "q"], 120)), "c": rng.choice([1, 2], 120)}
    )
    return fit(frame, n_epochs=20, target_temperature=1.0)


def test_dependences_are_learned(policy):
    values = policy.sample(4000, NONE, np.random.default_rng(0))
    age, dose, sick = values[:, 0], values[:, 1], values[:, 3] == 1
    present = ~np.isnan(dose)

    assert np.corrcoef(age[present], dose[present])[0, 1] > 0.8
    assert age[sick].mean() - age[~sick].mean() > 20
    assert present.mean() == pytest.approx(0.8, abs=0.06)


def test_probabilities_of_all_rows_sum_to_one(tiny):
    rows = np.array(list(itertools.product(range(3), range(2), range(2))), dtype=float)

    assert np.exp(tiny.log_prob(rows)).sum() == pytest.approx(1, abs=1e-5)
    assert np.exp(tiny.log_prob(rows)).argmin() == pytest.approx(2, abs=1)


def test_probabilities_with_a_sharpened_target_sum_to_one_too():
    rng = np.random.default_rng(0)
    a = rng.choice(["x", "y", "z"], 120)
    policy = fit(pd.DataFrame({"a": a}), np.where(a == "x", 1, rng.choice([0, 1], 120)), n_epochs=20)
    rows = np.array(list(itertools.product(range(3), range(2))), dtype=float)

    expected = np.exp(policy.log_prob(rows))
    drawn = policy.sample(20_000, NONE, np.random.default_rng(0))

    assert expected.sum() == pytest.approx(1, abs=1e-5)
    observed = [(drawn == row).all(axis=1).mean() for row in rows]
    assert observed == pytest.approx(expected, abs=0.015)


def test_rows_of_other_levels_are_impossible(tiny):
    assert tiny.log_prob(np.array([[0.0, 0.0, np.nan]]))[0] == -np.inf


def test_held_out_rows_are_likelier_than_shuffled_ones(policy):
    X, y = make_frame(seed=1)
    values = policy.schema_.encode(X, y)
    rng = np.random.default_rng(0)
    shuffled = np.column_stack([rng.permutation(column) for column in values.T])

    assert policy.log_prob(values, rng).mean() > policy.log_prob(shuffled, rng).mean() + 0.5


@pytest.mark.parametrize(
    "condition",
    [
        {"age": (80, None)},
        {"dose": None},
        {"target": "yes", "age": (None, 40)},
        {"site": {"north", "west"}, "dose": (5.0, 6.0), "age": (50, 60)},
    ],
)
def test_conditions_hold_in_every_row(policy, condition):
    conditions = Conditions.parse(condition, policy.schema_)

    values = policy.schema_.snap(policy.sample(500, conditions, np.random.default_rng(0)))

    assert len(values) == 500
    assert conditions.mask(values).all()


def test_a_condition_moves_the_other_columns(policy):
    old = policy.sample(1000, Conditions.parse({"age": (75, None)}, policy.schema_), np.random.default_rng(0))

    assert (old[:, 3] == 1).mean() > 0.8


def test_sharpening_keeps_class_shares_and_makes_labels_clearer():
    X, y = make_frame()
    plain, sharp = fit(X, y, target_temperature=1.0), fit(X, y, target_temperature=0.25)

    def noise(policy):
        values = policy.sample(6000, NONE, np.random.default_rng(0))
        risk = 1 / (1 + np.exp(-(values[:, 0] - 65) / 4))
        return np.abs(risk - values[:, 3]).mean(), values[:, 3].mean()

    (before, share_before), (after, share_after) = noise(plain), noise(sharp)
    assert plain.states_.sharpening.offsets is None
    assert after < 0.85 * before
    assert share_after == pytest.approx((y == "yes").mean(), abs=0.03)
    assert share_before == pytest.approx((y == "yes").mean(), abs=0.05)


def test_a_rare_class_is_balanced_on_more_rows_and_not_on_all_at_once(monkeypatch, policy):
    states, n_scored, n_fitted = policy.states_, [], []
    real = states.target_probs

    def counted(tokens, orders):
        n_scored.append(len(tokens))
        return real(tokens, orders)

    for name, value in (("N_BALANCE_ROWS", 1000), ("N_RARE_ROWS", 30)):
        monkeypatch.setattr(compact, name, value)
    monkeypatch.setattr(states, "target_probs", counted)
    monkeypatch.setattr(states, "sharpening", copy.copy(states.sharpening))
    monkeypatch.setattr(states, "given", copy.copy(states.given))
    monkeypatch.setattr(states.sharpening, "fit", lambda probs: n_fitted.append(len(probs)))
    policy.balance(np.random.default_rng(0))
    monkeypatch.setattr(states.sharpening, "shares", np.array([0.99, 0.01]))
    policy.balance(np.random.default_rng(0))
    assert n_fitted == [1000, 2400]
    assert max(n_scored) == compact.ROWS_PER_ORDER


@pytest.mark.parametrize(("target", "usual"), [("class", 0.1), ("number", 0.5)])
def test_labels_are_sharpened_more_than_numbers_unless_told_otherwise(target, usual):
    X, y = make_frame(60)
    schema = TableSchema.infer(X, y if target == "class" else np.arange(60) ** 1.5)
    for chosen, expected in ((None, usual), (0.7, 0.7)):
        policy = CompactPolicy(target_temperature=chosen)
        policy.schema_ = schema
        assert policy._temperatures == (expected, expected**0.5)


def test_a_number_as_target_keeps_its_distribution_when_sharpened():
    X, _ = make_frame()
    y = X.pop("age").to_numpy(float) + 0.5

    values = fit(X, y).sample(6000, NONE, np.random.default_rng(0))

    assert np.quantile(values[:, -1], [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(y, [0.1, 0.5, 0.9]), abs=4)


def crossed(n_rows, seed=0):
    """Classes that are equally frequent whatever one column says, and follow from two of them together."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_rows, 4)).round(2), columns=list("abcd"))
    return X, np.where((X["a"] > 0) == (X["b"] > 0), "same", "other")


def alike(first, second):
    """Whether the target is drawn by networks with the same weights."""
    weights = [policy.states_.labels.state_dict() for policy in (first, second)]
    return all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_few_rows_are_enough_for_trees_to_teach_what_two_columns_say_together():
    X, y = crossed(150)

    def right(policy):
        """Share of labels that follow from the two columns as they do in the table."""
        values = policy.sample(3000, NONE, np.random.default_rng(0))
        same = list(policy.schema_.target.levels).index("same")
        return (((values[:, 0] > 0) == (values[:, 1] > 0)) == (values[:, -1] == same)).mean()

    taught, untaught = fit(X, y), fit(X, y, n_target_trees=0)

    assert right(taught) > max(0.7, right(untaught) + 0.05)  # half of them would be right by chance
    assert not alike(taught, untaught)


@pytest.mark.filterwarnings("ignore:columns look like identifiers")
@pytest.mark.parametrize("features", ["identifier", "others"])
def test_nothing_is_taught_without_features_or_with_one_class(features):
    X, y = make_frame(40)
    X = pd.DataFrame({"patient_id": np.arange(40)}) if features == "identifier" else X
    y = y if features == "identifier" else np.full(40, "yes")
    policy = fit(X, y, n_epochs=2)

    assert (len(policy.codec_.sizes) == 1) == (features == "identifier")
    assert alike(policy, fit(X, y, n_epochs=2, n_target_trees=0))
    assert len(policy.sample(5, NONE, np.random.default_rng(0))) == 5


def test_large_tables_are_not_taught():
    usual, untaught, taught = (fit(*make_frame(600), n_epochs=1, n_target_trees=n) for n in (None, 0, 10))

    assert alike(usual, untaught)
    assert not alike(usual, taught)


def test_an_interrupt_while_trees_teach_leaves_the_target_to_the_last_state(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(compact, "teach_target", interrupted)
    with pytest.warns(InterruptedTrainingWarning, match="Teaching the target was interrupted"):
        policy = fit(*make_frame(60), n_epochs=2)

    assert alike(policy, fit(*make_frame(60), n_epochs=2, n_target_trees=0))
    assert len(policy.sample(5, NONE, np.random.default_rng(0))) == 5


def test_teaching_works_where_gradients_are_switched_off():
    with torch.no_grad():
        policy = fit(*make_frame(60), n_epochs=2)

    assert not alike(policy, fit(*make_frame(60), n_epochs=2, n_target_trees=0))


def test_rows_depend_on_the_seed_alone(policy):
    first, again, other = (policy.sample(50, NONE, np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


def test_a_saved_policy_draws_the_same_rows(policy, tmp_path):
    state = json.loads(json.dumps(policy.save(tmp_path), allow_nan=False))

    back = CompactPolicy.load(tmp_path, state, policy.schema_)

    first, second = (p.sample(80, NONE, np.random.default_rng(0)) for p in (policy, back))
    assert np.array_equal(first, second, equal_nan=True)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors"}


def test_a_pickled_policy_draws_the_same_rows(policy):
    back = pickle.loads(pickle.dumps(policy))

    first, second = (p.sample(20, NONE, np.random.default_rng(0)) for p in (policy, back))
    assert np.array_equal(first, second, equal_nan=True)


def test_a_folder_without_weights_is_named(policy, tmp_path):
    state = policy.save(tmp_path)
    (tmp_path / "policy.safetensors").unlink()

    with pytest.raises(ModelNotFoundError, match=r"policy\.safetensors"):
        CompactPolicy.load(tmp_path, state, policy.schema_)


def test_an_unfitted_policy_says_so(tmp_path):
    policy = CompactPolicy()

    for call in (lambda: policy.sample(1, NONE, np.random.default_rng(0)), lambda: policy.save(tmp_path)):
        with pytest.raises(NotFittedError, match="CompactPolicy"):
            call()


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_a_handful_of_rows_can_be_learned(n_rows):
    X, y = make_frame(n_rows)

    values = fit(X, y, n_epochs=2).sample(20, NONE, np.random.default_rng(0))

    assert values.shape == (20, 4)


@pytest.mark.parametrize("decimals", [3, 15])
def test_any_number_of_conditions_can_be_met(decimals):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 30)).round(decimals)).add_prefix("c")
    policy = fit(frame, n_epochs=1, n_members=2, width=8, n_layers=1)
    row = frame.iloc[7]

    values = policy.sample(50, Conditions.parse(row.to_dict(), policy.schema_), np.random.default_rng(0))

    assert np.abs(policy.schema_.snap(values) - row.to_numpy()).max() < 1e-9


def test_parameters_out_of_range_are_refused_before_training():
    with pytest.raises(ValueError, match="'n_members' parameter of CompactPolicy must be an int in the range"):
        fit(*make_frame(), n_members=0, n_epochs=10**9)


def test_parameters_of_a_search_over_arrays_can_be_saved(tmp_path):
    n_epochs, dropout = np.arange(1, 2)[0], np.linspace(0, 0.1, 2, dtype=np.float32)[1]
    fitted = fit(*make_frame(), n_epochs=n_epochs, n_members=np.int64(2), width=np.int64(8), dropout=dropout)

    state = json.loads(json.dumps(fitted.save(tmp_path)))

    back = CompactPolicy.load(tmp_path, state, fitted.schema_)
    assert (back.n_epochs, back.n_members, back.dropout) == (1, 2, float(dropout))


def test_damaged_weights_are_named(policy, tmp_path):
    state = policy.save(tmp_path)
    weights = tmp_path / compact.WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:100])

    with pytest.raises(PersistenceError, match=r"policy\.safetensors is damaged .*: save the synthesizer again"):
        CompactPolicy.load(tmp_path, state, policy.schema_)


# Laws and shares -----------------------------------------------------------------------------------------------------


def make_ends(n_rows=300, seed=0):
    """No row's low number is above its high one."""
    ends = np.sort(np.random.default_rng(seed).uniform(0, 100, (n_rows, 2)), axis=1).round(1)
    return pd.DataFrame({"lo": ends[:, 0], "hi": ends[:, 1]})


@pytest.fixture(scope="module")
def ends():
    """A policy of few, broad bins, so that the two numbers of a row often share one."""
    return fit(make_ends(), n_epochs=10, n_bins=4, n_members=2, width=8, n_layers=1)


@pytest.fixture
def lawful(ends):
    policy = copy.copy(ends)
    policy.obey(Laws([Order("lo", "hi")], policy.schema_))
    return policy


def test_sampled_rows_keep_laws_and_conditions_together(ends, lawful):
    conditions = Conditions.parse({"lo": (40.0, 60.0)}, ends.schema_)

    free, ruled = (policy.sample(800, conditions, np.random.default_rng(0)) for policy in (ends, lawful))

    assert conditions.mask(ruled).all()
    assert (free[:, 0] > free[:, 1]).mean() > 0.05
    assert (ruled[:, 0] > ruled[:, 1]).mean() < 0.01


def test_laws_last_until_others_are_given(ends, lawful):
    lawful.obey(Laws((), ends.schema_))

    first, second = (policy.sample(100, NONE, np.random.default_rng(0)) for policy in (ends, lawful))

    assert np.array_equal(first, second)


def test_shares_of_the_target_are_balanced_anew(policy):
    fresh = copy.deepcopy(policy)
    fresh.states_.sharpening.offsets = np.array([6.0, -6.0])

    fresh.balance(np.random.default_rng(0))

    drawn = fresh.sample(4000, NONE, np.random.default_rng(1))[:, 3]
    assert np.bincount(drawn.astype(int)) / 4000 == pytest.approx(fresh.states_.sharpening.shares, abs=0.03)


def test_shares_of_the_target_are_fitted_to_rows_that_keep_the_laws():
    policy, values = small_policy(*small_frame())
    laws = Laws([parse_constraint("if b is q then outcome is well")], policy.schema_)
    real = (values[:, 2] == 0).mean()

    def share_of_the_ill(rng):
        ruled = copy.deepcopy(policy)
        ruled.obey(laws, rng)
        drawn = ruled.sample(6000, NONE, np.random.default_rng(1))
        assert not laws.broken(drawn).any()
        return (drawn[:, 2] == 0).mean()

    assert share_of_the_ill(None) < 0.85 * real
    assert share_of_the_ill(np.random.default_rng(0)) == pytest.approx(real, abs=0.03)


def test_there_is_nothing_to_balance_without_sharpening_or_target(ends, tiny):
    assert ends.states_.sharpening is None
    assert tiny.states_.sharpening is None


def test_shares_of_the_target_are_those_of_the_training_rows(policy):
    _, y = make_frame()
    counts = np.array([(y == "no").sum(), (y == "yes").sum()]) + 0.5

    assert policy.states_.sharpening.shares == pytest.approx(counts / counts.sum())


def test_a_saved_policy_can_be_balanced_again(policy, tmp_path):
    state = json.loads(json.dumps(policy.save(tmp_path), allow_nan=False))
    back = CompactPolicy.load(tmp_path, state, policy.schema_)

    for found, saved in zip(back.states_.sharpenings, policy.states_.sharpenings, strict=True):
        assert found.shares == pytest.approx(saved.shares)
        assert (found.temperature, found.offsets) == (saved.temperature, pytest.approx(saved.offsets))
    for one in (back, fresh := copy.deepcopy(policy)):
        one.balance(np.random.default_rng(0))
    for found, saved in zip(back.states_.sharpenings, fresh.states_.sharpenings, strict=True):
        assert found.offsets == pytest.approx(saved.offsets)


def test_a_class_that_is_asked_for_is_less_sharp_and_keeps_its_share(policy):
    states = policy.states_
    rows = states.draw(6000, (), {}, np.random.default_rng(0)).tokens
    orders = states.orders(6000, None)
    likely = [one.log_probs(states.labels, rows, orders).detach().exp().numpy() for one in states.sharpenings]

    assert states.given.temperature == pytest.approx(np.sqrt(states.sharpening.temperature))
    for probs in likely:
        assert probs.mean(axis=0) == pytest.approx(states.sharpening.shares, abs=0.03)
    sharp, softer = (probs.max(axis=1).mean() for probs in likely)
    assert softer < sharp - 0.02


def test_a_temperature_of_one_sharpens_no_class_that_is_asked_for():
    X, y = make_frame()
    states = fit(X, y, target_temperature=1.0).states_

    assert [one.offsets for one in states.sharpenings] == [None, None]
