from __future__ import annotations

import copy
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgensynth import DiscoTabSynthesizer, score_privacy, score_utility
from skgensynth.constraints import ConstraintSet, Order, parse_constraint
from skgensynth.disco import training
from skgensynth.disco.feedback import discriminators, loop, stage
from skgensynth.disco.feedback.settings import LEVELS
from skgensynth.exceptions import ConstraintError, InterruptedTrainingWarning, SchemaMismatchError


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return train_test_split(X.iloc[:, :8], y, test_size=0.3, random_state=0, stratify=y)


@pytest.fixture(scope="module")
def fitted(cancer):
    X, _, y, _ = cancer
    return DiscoTabSynthesizer(feedback=None, random_state=0).fit(X, y)


def test_synthetic_rows_train_a_classifier_almost_as_well_as_real_ones(fitted, cancer):
    X, X_test, y, y_test = cancer
    X_new, y_new = fitted.sample(2000)

    def score(features, labels):
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(features, labels).score(X_test, y_test)

    assert score(X_new, y_new) > score(X, y) - 0.04
    assert y_new.mean() == pytest.approx(y.mean(), abs=0.04)


def test_no_row_is_a_copy(fitted, cancer):
    X, _, y, _ = cancer
    X_new, y_new = fitted.sample(5000)

    both = pd.concat([X.assign(y=y), X_new.assign(y=y_new)])

    assert not both.duplicated().iloc[len(X) :].any()


def test_threads_do_not_change_the_rows(cancer):
    X, _, y, _ = cancer
    first, second = (
        DiscoTabSynthesizer(n_epochs=2, n_jobs=n, feedback=None, random_state=0).fit(X, y).sample(20)[0] for n in (1, 2)
    )

    pd.testing.assert_frame_equal(first, second)


def test_search_over_settings_with_both_scores_in_two_processes(cancer):
    X, _, y, _ = cancer
    search = GridSearchCV(
        DiscoTabSynthesizer(feedback=None, policy_params={"n_target_trees": 0}, random_state=0),
        {"n_epochs": [1, 30]},
        scoring={"utility": score_utility, "privacy": score_privacy},
        refit="utility",
        cv=2,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)

    assert search.best_params_ == {"n_epochs": 30}
    assert (search.cv_results_["mean_test_privacy"] <= 1).all()
    assert (search.cv_results_["mean_test_privacy"] > 0.8).all()


def test_results_of_a_search_do_not_depend_on_the_number_of_processes(cancer):
    X, _, y, _ = cancer
    synthesizer = DiscoTabSynthesizer(n_epochs=2, feedback=None, policy_params={"n_target_trees": 20}, random_state=0)
    one, two = (
        cross_validate(synthesizer, X, y, scoring=score_privacy, cv=2, n_jobs=n, error_score="raise")["test_score"]
        for n in (1, 2)
    )

    assert np.array_equal(one, two)


def test_settings_reach_the_policy(cancer):
    X, _, y, _ = cancer
    synthesizer = DiscoTabSynthesizer(
        n_epochs=3, batch_size=64, learning_rate=1e-3, policy_params={"n_members": 2}, feedback=None, random_state=0
    ).fit(X, y)

    assert len(synthesizer.history_) == 3
    assert synthesizer.policy_.states_.features.settings.n_members == 2
    assert (synthesizer.policy_.batch_size, synthesizer.policy_.learning_rate) == (64, 1e-3)


@pytest.mark.data
def test_heart_failure_keeps_signal_and_secrets(data_folder):
    table = pd.read_csv(data_folder / "heart_failure_clinical_records.csv")
    train, test = train_test_split(table, test_size=0.3, random_state=0, stratify=table["DEATH_EVENT"])
    y, y_test = train.pop("DEATH_EVENT"), test.pop("DEATH_EVENT")

    synthesizer = DiscoTabSynthesizer(feedback=None, random_state=0).fit(train, y)

    assert score_utility(synthesizer, test, y_test) > 0.65
    assert score_privacy(synthesizer, test, y_test) > 0.8


# Constraints and the second stage ------------------------------------------------------------------------------------

LAW = "if age < 30 then copd is no"
POLICY = {"n_epochs": 2, "policy_params": {"n_members": 2, "width": 8, "n_layers": 1, "n_bins": 6}, "random_state": 0}
SHORT = {"n_cycles": 1, "n_batches": 1, "batch_size": 12}


@pytest.fixture
def hasty(monkeypatch):
    """Discriminators that learn from few steps and rows, where it does not matter what they find."""
    monkeypatch.setattr(discriminators, "FIRST_STEPS", 6)
    monkeypatch.setattr(discriminators, "NEXT_STEPS", 2)
    monkeypatch.setattr(stage, "COMPACT", replace(stage.COMPACT, pool=(128, 4096)))
    keep_on_learning(monkeypatch)


def keep_on_learning(patch):
    """Go on to the last cycle and keep its state, though nothing tells that it is better."""
    patch.setattr(loop, "MAX_UNSETTLED", -1.0)
    patch.setattr(loop, "TOLERANCE", np.inf)
    patch.setattr(loop._Loop, "_is_better", lambda *figures: True)


def patients(n=150, seed=0):
    """The young have no COPD, nobody is discharged before the admission; the class follows the age."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    copd = np.where((age >= 30) & (rng.random(n) < 0.5), "yes", "no")
    admitted = rng.integers(0, 60, n)
    X = pd.DataFrame({"age": age, "copd": copd, "admitted": admitted, "discharged": admitted + rng.integers(0, 60, n)})
    return X, pd.Series(np.where(rng.random(n) < age / 120, "ill", "well"), name="outcome")


def synthesizer(**parameters):
    return DiscoTabSynthesizer(**{**POLICY, "feedback_params": SHORT, **parameters})


def broken(rows, sentence=LAW):
    return (~parse_constraint(sentence).check(rows)).mean()


@pytest.fixture(scope="module")
def supervised():
    """Without a second stage, and without a search for laws."""
    return synthesizer(feedback=None).fit(*patients())


@pytest.fixture(scope="module")
def improved():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discriminators, "FIRST_STEPS", 6)
        patch.setattr(stage, "COMPACT", replace(stage.COMPACT, pool=(128, 4096)))
        keep_on_learning(patch)
        return synthesizer(constraints=LAW, copies="allow").fit(*patients())


def test_both_stages_are_in_the_history(improved):
    stages = ["cycle" in entry for entry in improved.history_]

    assert stages == [False, False, True, True]
    assert [entry["epoch"] for entry in improved.history_[:2]] == [1, 2]
    assert improved.history_[3]["kl"] >= 0


def test_without_feedback_there_is_no_second_stage_and_no_search(supervised):
    assert not any("cycle" in entry for entry in supervised.history_)
    assert supervised.constraints_ == ConstraintSet()


@pytest.mark.parametrize("feedback", ["hierarchical", "scalar"])
def test_feedback_changes_the_rows(feedback, supervised, hasty):
    fast = {**SHORT, "learning_rate": 0.1}
    rows = synthesizer(feedback=feedback, feedback_params=fast).fit(*patients()).sample(30)[0]

    assert not rows.equals(supervised.sample(30)[0])


def test_the_kinds_of_feedback_differ(hasty):
    many = {**SHORT, "n_batches": 3, "learning_rate": 0.1}

    first, second = (
        synthesizer(feedback=kind, feedback_params=many).fit(*patients()).policy_.states_.features.state_dict()
        for kind in ("hierarchical", "scalar")
    )

    assert any((first[name] != second[name]).any() for name in first)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cycles": 2}, "feedback_params names 'cycles', which is not there; it has n_cycles"),
        ({"weights": {"cell": 1.0}}, "feedback_params weighs the level 'cell'"),
        ({"n_cycles": 0}, "feedback_params gives n_cycles=0; it must be a whole number of at least 1"),
        ({"shaping": "rows"}, "feedback_params gives shaping='rows'"),
    ],
)
def test_settings_of_feedback_are_checked_before_anything_is_learned(params, message):
    unfitted = synthesizer(feedback_params=params, n_epochs=10**9)

    with pytest.raises(ValueError, match=re.escape(message)):
        unfitted.fit(*patients())


@pytest.mark.parametrize(
    "parameters",
    [
        {"feedback": "dense"},
        {"feedback": True},
        {"violations": "repair"},
        {"feedback_params": [1]},
        {"constraints": 3},
        {"forbidden_rules": None},
    ],
)
def test_parameters_are_checked_at_fit(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        synthesizer(**parameters).fit(*patients())


@pytest.mark.parametrize(
    "given", [LAW, [LAW], (parse_constraint(LAW),), parse_constraint(LAW), ConstraintSet([parse_constraint(LAW)])]
)
def test_constraints_come_as_a_sentence_an_object_or_several(given):
    fitted = synthesizer(feedback=None, constraints=given).fit(*patients())

    assert str(fitted.constraints_[0]) == LAW
    assert fitted.constraints_[0].support == (patients()[0]["age"] < 30).sum()


def test_laws_are_found_and_those_forbidden_are_not():
    X, y = patients()

    def found(**parameters):
        return {
            str(law) for law in synthesizer(feedback=None, violations="refuse", **parameters).fit(X, y).constraints_
        }

    every = found()
    assert "admitted <= discharged" in every
    assert "admitted <= discharged" not in found(forbidden_rules="admitted <= discharged")
    assert not [law for law in found(forbidden_rules=["age"]) if "age" in law]
    pair = [law for law in found(forbidden_rules=[("age", "copd")]) if "age" in law and "copd" in law]
    assert [law for law in every if "age" in law and "copd" in law]
    assert not pair


def test_a_constraint_on_a_column_that_is_not_there_names_it():
    with pytest.raises(ConstraintError, match="smoker"):
        synthesizer(feedback=None, constraints="if smoker is yes then copd is no").fit(*patients())


def test_identifiers_hold_to_no_constraint_and_cannot_be_forbidden():
    X, y = patients()
    X["bed"] = np.arange(len(X)) % 40
    unfitted = synthesizer(feedback=None, column_kinds={"bed": "identifier"})

    with pytest.raises(ConstraintError, match="column 'bed' of 'bed < 30' is an identifier, which is made anew"):
        unfitted.set_params(constraints=["bed < 30"]).fit(X, y)

    with pytest.raises(ConstraintError, match="column 'bed' of 'bed < 30' is an identifier"):
        unfitted.set_params(constraints=parse_constraint("bed < 30")).fit(X, y)

    unfitted.set_params(constraints=(), forbidden_rules=["bed", ("bed", "age"), parse_constraint("bed < 30")])
    found = unfitted.fit(X, y).constraints_
    assert found
    assert not [law for law in found if "bed" in law.columns]


def test_only_constraints_that_speak_of_an_identifier_are_blamed_on_it():
    X, y = patients()
    X["sex_id"] = np.arange(len(X)) % 40
    unfitted = synthesizer(feedback=None, column_kinds={"sex_id": "identifier"})

    with pytest.raises(ConstraintError) as raised:
        unfitted.set_params(constraints=["sex_id2 is F"]).fit(X, y)
    assert "sex_id2" in str(raised.value)
    assert "identifier" not in str(raised.value)

    with pytest.raises(TypeError, match="constraints must hold constraints"):
        unfitted.set_params(constraints=[3]).fit(X, y)


def test_declared_kinds_are_those_that_groups_are_found_among(monkeypatch, hasty):
    X, y = patients(300)
    X["code"] = np.random.default_rng(0).integers(0, 30, 300)
    X["score"] = np.random.default_rng(1).permutation(30)[X["code"]] + 0.1 * X["age"]
    groups = []
    monkeypatch.setattr(stage, "give_feedback", lambda *args, **kwargs: groups.extend(args[4]) or [])

    synthesizer(categorical_features=["code"]).fit(X, y)

    assert any({"code", "score"} <= set(group) for group in groups)


def test_threads_for_drawing_can_be_changed_after_fit(supervised):
    changed = copy.deepcopy(supervised).set_params(n_jobs=1)
    rows = changed.sample(30)[0]

    assert changed.policy_.n_threads == 1
    pd.testing.assert_frame_equal(rows, supervised.sample(30)[0])


def test_rows_keep_constraints_that_are_given_without_a_second_stage(supervised):
    lawful = synthesizer(feedback=None, constraints=LAW).fit(*patients())

    assert broken(supervised.sample(400)[0]) > 0.02
    assert broken(lawful.sample(400)[0]) == 0
    assert not [reason for reason in lawful.sampling_summary_.reasons if reason.startswith("breaks")]


CONTRARY = {"age": (18, 40), "copd": "yes"}


def test_refused_rows_break_no_law_and_the_yield_says_what_that_cost():
    refusing = synthesizer(feedback=None, constraints=LAW, violations="refuse").fit(*patients())

    rows, outcomes = refusing.sample(100, conditions=CONTRARY)

    assert broken(rows) == 0
    assert rows["age"].between(30, 40).all()
    assert not refusing.constraints_.violations(rows, outcomes).any()
    summary = refusing.sampling_summary_
    assert 0 < summary.yield_rate < 1
    assert summary.reasons[f"breaks {LAW!r}"] > 0


def test_allowed_rows_may_break_a_law_where_conditions_ask_for_it():
    allowing = synthesizer(feedback=None, constraints=LAW).fit(*patients())

    assert broken(allowing.sample(100, conditions=CONTRARY)[0]) > 0.02
    assert not [reason for reason in allowing.sampling_summary_.reasons if "breaks" in reason]


@pytest.mark.parametrize("n_jobs", [-1, 3])
def test_any_number_of_threads_goes(n_jobs, supervised):
    fitted = synthesizer(feedback=None, n_jobs=n_jobs).fit(*patients())

    assert fitted.sample(30)[0].equals(supervised.sample(30)[0])


def test_a_saved_synthesizer_keeps_laws_history_and_rows(improved, tmp_path):
    improved.save(tmp_path)

    back = DiscoTabSynthesizer.load(tmp_path)

    assert back.constraints_ == improved.constraints_
    assert [law.support for law in back.constraints_] == [law.support for law in improved.constraints_]
    assert back.history_ == improved.history_
    for one, other in zip(back.sample(200), improved.sample(200), strict=True):
        assert one.equals(other)


def test_a_loaded_synthesizer_refuses_what_the_saved_one_did(tmp_path):
    refusing = synthesizer(feedback=None, constraints=[LAW], violations="refuse", copies="allow").fit(*patients())
    refusing.save(tmp_path)

    back = DiscoTabSynthesizer.load(tmp_path)

    rows = back.sample(100, conditions=CONTRARY)[0]
    assert broken(rows) == 0
    assert rows.equals(refusing.sample(100, conditions=CONTRARY)[0])
    assert back.sampling_summary_.yield_rate < 1


def test_improving_goes_on_where_a_loaded_synthesizer_ended(improved, tmp_path, hasty):
    improved.save(tmp_path)
    back = DiscoTabSynthesizer.load(tmp_path).set_params(feedback_params={**SHORT, "learning_rate": 0.1})
    before = back.sample(40)[0]

    same = back.improve(*patients(), n_cycles=2)

    assert same is back
    assert [entry["cycle"] for entry in back.history_ if "cycle" in entry][:5] == [0, 1, 0, 1, 2]
    assert not back.sample(40)[0].equals(before)


def test_improving_takes_the_cycles_of_the_settings_unless_told(improved, hasty):
    fresh = copy.deepcopy(improved)

    fresh.improve(*patients())

    assert len(fresh.history_) == len(improved.history_) + 2


def test_improving_on_rows_that_lack_a_level_and_missing_values(hasty):
    X, y = patients()
    X["lab"] = np.where(np.arange(150) % 3 == 0, np.nan, np.arange(150) / 7)
    fitted = synthesizer().fit(X, y)
    some = (X["copd"] == "no") & X["lab"].notna()

    fitted.improve(X[some], y[some])

    assert len(fitted.sample(20)[0]) == 20


def test_improving_needs_a_kind_of_feedback_and_the_same_columns(supervised, improved):
    with pytest.raises(ValueError, match="feedback=None has no second stage to continue"):
        supervised.improve(*patients())
    X, y = patients()
    with pytest.raises(SchemaMismatchError, match="age"):
        improved.improve(X.drop(columns="age"), y)
    with pytest.raises(ValueError, match="n_cycles must be a whole number of at least 1, got 0"):
        improved.improve(X, y, n_cycles=0)
    with pytest.raises(ValueError, match="needs at least 40 rows to judge what it makes, got 30; give it the whole"):
        improved.improve(X[:30], y[:30])
    with pytest.raises(ValueError, match="'feedback' parameter of DiscoTabSynthesizer must be"):
        copy.deepcopy(improved).set_params(feedback="dense").improve(X, y)
    with pytest.raises(NotFittedError):
        DiscoTabSynthesizer().improve(X, y)


def test_an_interrupted_stage_leaves_a_synthesizer_that_samples(monkeypatch, hasty):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop._Loop, "_batch", interrupted)

    with pytest.warns(InterruptedTrainingWarning, match="after 0 of 1 cycles") as caught:
        fitted = synthesizer().fit(*patients())

    assert len(caught) == 1
    assert len(fitted.sample(10)[0]) == 10
    assert [entry["cycle"] for entry in fitted.history_ if "cycle" in entry] == [0]


def test_an_interrupted_training_ends_fit_without_a_second_stage(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_wait_for", interrupted)
    monkeypatch.setattr(loop._Loop, "_batch", lambda self: pytest.fail("the second stage began"))

    with pytest.warns(InterruptedTrainingWarning, match="Training was interrupted") as caught:
        fitted = synthesizer().fit(*patients())

    assert len(caught) == 1
    assert not [entry for entry in fitted.history_ if "cycle" in entry]
    assert len(fitted.sample(10)[0]) == 10


def few_rows():
    return tuple(part[:39] for part in patients())


def one_column():
    return patients()[0][["copd"]], None


def without_target():
    return patients()[0], None


def with_numbers():
    X, _ = patients()
    return X.drop(columns="discharged"), X["discharged"] + 0.5


@pytest.mark.parametrize("table", [few_rows, one_column, without_target, with_numbers])
def test_feedback_is_there_for_every_sort_of_table(table, hasty):
    X, y = table()

    fitted = synthesizer().fit(X, y)

    drawn = fitted.sample(15)
    assert len(drawn if y is None else drawn[0]) == 15
    assert any("cycle" in entry for entry in fitted.history_) == (table is not few_rows)
    assert ("class_shares" in fitted.history_[-1]) is False


def test_resampling_with_feedback_balances_the_classes(hasty):
    X, y = patients()

    X_all, y_all = synthesizer(violations="refuse", constraints=[LAW]).fit_resample(X, y)

    assert y_all.value_counts().nunique() == 1
    assert broken(X_all) == 0
    assert X_all.iloc[:150].equals(X)


def test_levels_of_rewards_are_in_every_cycle(improved):
    cycle = improved.history_[-1]

    assert {f"{level}_{figure}" for level in LEVELS for figure in ("auc", "trust", "reward")} <= cycle.keys()


def test_objects_and_words_for_the_same_constraints_teach_the_same(hasty):
    given = [LAW, "admitted <= discharged"]
    objects = [parse_constraint(LAW), Order("admitted", "discharged")]

    first, second = (synthesizer(constraints=laws).fit(*patients()).sample(20)[0] for laws in (given, objects))

    assert first.equals(second)


def test_a_soft_constraint_refuses_nothing():
    soft = parse_constraint("age > 60", soft=True)

    rows = synthesizer(feedback=None, constraints=[soft], violations="refuse").fit(*patients()).sample(100)[0]

    assert (rows["age"] <= 60).any()


def test_the_second_stage_is_drawn(improved, supervised, monkeypatch):
    from matplotlib import pyplot as plt

    monkeypatch.setattr(plt, "show", None)
    axes = improved.plot_history(plt.Figure().subplots(4))

    assert [len(axis.get_lines()[0].get_xdata()) for axis in axes] == [2] * 4
    with pytest.raises(ValueError, match="no second stage to draw"):
        supervised.plot_history()
    with pytest.raises(NotFittedError):
        DiscoTabSynthesizer().plot_history()
