import math
import warnings

import numpy as np
import pandas as pd
import pytest
from common.planted import Planted
from common.scripted import SCRIPTED
from common.ward import ward
from sklearn.metrics import f1_score

from skgensynth import SynLLMSynthesizer
from skgensynth.comparison.measuring import prepare, try_out
from skgensynth.exceptions import BudgetExceededError, ConstraintError, SamplingError, SkgensynthWarning
from skgensynth.llm import CallableModel
from skgensynth.metrics import (
    association_difference,
    class_gaps,
    detection_auc,
    exact_copies,
    global_fidelity_index,
    jensen_shannon,
    membership_inference,
    trtr,
    tstr,
)

SETTINGS = {"n_rows": 30, "holdout": 0.25, "seed": 0, "n_jobs": 1}


def ready(table=None, target="died", rules=None, **settings):
    return prepare(ward() if table is None else table, target, rules, {}, **(SETTINGS | settings))


def planted(rows, setting):
    return try_out(Planted(rows, setting.target), setting)


def test_figures_are_those_of_the_metrics():
    setting, rows = ready(n_rows=20), ward(20, seed=5)
    figures = planted(rows, setting).figures
    train, test = setting.train, setting.test
    assert (figures["n_train"], figures["n_test"], figures["n_rows"]) == (60, 20, 20)
    learnt = tstr(rows, test, "died", random_state=0)
    assert figures["utility"] == learnt.score
    assert (figures["utility_low"], figures["utility_high"]) == learnt.score_interval
    assert figures["utility_real"] == trtr(train, test, "died", random_state=0).score
    most = test["died"].mode()[0]
    assert figures["utility_chance"] == pytest.approx(f1_score(test["died"], [most] * len(test), average="macro"))
    attack = membership_inference(train, test, rows, random_state=0)
    assert (figures["membership_low"], figures["membership_high"]) == attack.auc_interval
    assert figures["privacy"] == 1 - 2 * max(0, attack.auc - 0.5)
    assert figures["copies"] == exact_copies(train, rows) == 0
    for name, other in (("fidelity", rows), ("fidelity_floor", test)):
        parts = jensen_shannon(train, other).mean, association_difference(train, other).mean
        telling = detection_auc(train, other, max_rows=20, random_state=0).auc
        assert figures[name] == pytest.approx(global_fidelity_index(*parts, telling))
    assert figures["class_gaps"] == pytest.approx(class_gaps(train, rows, "died").mean)
    assert figures["class_gaps_floor"] == pytest.approx(class_gaps(train, test, "died").mean)
    p, q = figures["privacy"], figures["utility"]
    assert figures["harmonic"] == pytest.approx(2 * p * q / (p + q))


@pytest.mark.usefixtures("quick")
def test_rows_that_repeat_the_training_rows_give_them_away():
    setting = ready(n_rows=60)
    figures = try_out(Planted(), setting).figures
    assert figures["copies"] == 60
    assert figures["membership_auc"] == pytest.approx(1.0, abs=0.01)
    assert figures["privacy"] == pytest.approx(0.0, abs=0.02)
    assert figures["harmonic"] < 0.05
    assert figures["utility"] == figures["utility_real"]


@pytest.mark.usefixtures("quick")
def test_as_many_synthetic_as_held_out_rows_are_compared():
    few, many = (ready(n_rows=n_rows) for n_rows in (10, 400))
    assert few.real["fidelity_floor"] < many.real["fidelity_floor"]
    # Equally good rows are not better for being more than there are held out.
    better = [planted(ward(400, seed=3), ready(n_rows=n)).figures["divergence"] for n in (20, 400)]
    assert better[1] == pytest.approx(better[0], rel=0.5)
    assert jensen_shannon(many.train, ward(400, seed=3)).mean < 0.5 * better[1]


@pytest.mark.usefixtures("quick")
def test_broken_rules_are_counted_by_sort_beside_held_out_rows():
    rules = ["age >= 10", "usually weight < 70"]
    setting = ready(rules=rules, n_rows=40)
    rows = ward(40, seed=2)
    rows.loc[:9, "age"] = 5
    figures = planted(rows, setting).figures
    assert figures["hard_broken"] >= 0.25
    assert figures["soft_broken"] == (rows["weight"] >= 70).mean()
    assert figures["soft_broken_real"] == (setting.test["weight"] >= 70).mean()
    assert [str(rule) for rule in setting.rules][:2] == rules


@pytest.mark.usefixtures("quick")
def test_rules_that_all_training_rows_keep_are_checked_without_being_asked():
    table = ward(400)
    table["pension"] = np.where(table["age"] >= 65, "yes", "no")
    setting = ready(table)
    assert any("pension" in rule.columns for rule in setting.rules)
    assert setting.real["hard_broken_real"] < 0.2
    wrong = table.assign(pension=np.where(table["age"] >= 65, "no", "yes"))
    assert planted(wrong, setting).figures["hard_broken"] > 0.5
    assert "soft_broken" not in setting.real


@pytest.mark.usefixtures("quick")
def test_without_a_target_neither_utility_nor_balance_is_claimed():
    setting = ready(ward().drop(columns="died"), target=None)
    outcome = planted(ward(30, seed=4).drop(columns="died"), setting)
    assert outcome.error == ""
    assert "utility" not in outcome.figures
    assert math.isnan(outcome.figures["harmonic"])
    assert 0 <= outcome.figures["fidelity"] <= 1


def test_an_r2_below_zero_is_no_quality():
    table = ward().drop(columns="died").assign(dose=lambda t: 2.0 * t["age"] + 0.1)
    setting = ready(table, target="dose")
    figures = planted(table.assign(dose=-1000.0 * table["age"]), setting).figures
    assert figures["utility_real"] > 0.8
    assert figures["utility_chance"] == 0
    assert figures["utility"] < 0
    assert figures["harmonic"] == 0.0
    assert "class_gaps" not in figures


@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("quick")
def test_identifiers_are_not_measured_and_warned_about_in_the_notes():
    table = ward().assign(patient=[f"P-{i:05d}" for i in range(80)])
    setting = ready(table)
    assert "patient" not in setting.tables(table).train.columns
    outcome = try_out(SynLLMSynthesizer(SCRIPTED, "seed_ex", random_state=0), setting)
    assert outcome.error == ""
    assert sum("patient" in note for note in outcome.notes) == 1


@pytest.mark.usefixtures("quick")
def test_validity_reasons_and_tokens_come_from_the_synthesizer():
    setting = ready(rules=["age >= 60"])
    synthesizer = SynLLMSynthesizer(SCRIPTED, "seed_ex", rules=["age >= 60"], random_state=0)
    outcome = try_out(synthesizer, setting)
    summary, usage = synthesizer.sampling_summary_, synthesizer.usage_
    assert outcome.figures["validity"] == summary.n_accepted / summary.n_candidates < 1
    assert outcome.reasons == dict(summary.reasons)
    assert outcome.figures["n_requests"] == usage.n_requests
    assert outcome.figures["n_tokens"] == usage.n_prompt_tokens + usage.n_completion_tokens
    assert 0 < outcome.figures["fit_seconds"] < outcome.figures["seconds"]
    assert outcome.figures["hard_broken"] < 1


def test_a_failure_is_told_with_what_it_cost():
    setting = ready()
    silent = SynLLMSynthesizer(CallableModel(lambda request: "no", is_local=True), "seed_ex", random_state=0)
    outcome = try_out(silent, setting)
    assert outcome.error.startswith("SamplingError: Only 0 of 30 rows could be made")
    assert outcome.figures["n_tokens"] > 0
    assert outcome.figures["seconds"] > 0
    assert "utility" not in outcome.figures
    assert outcome.reasons["the reply has fewer rows than were asked for"] > 0


def test_rows_made_before_a_budget_was_used_up_are_counted():
    outcome = try_out(SynLLMSynthesizer(SCRIPTED, "seed_ex", max_requests=2, stratify=False, random_state=0), ready())
    assert outcome.error.startswith("BudgetExceededError: The budget of max_requests=2 is used up")
    assert outcome.figures["n_rows"] == 20
    assert outcome.figures["n_requests"] == 2


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SamplingError("None\nmade.", reasons={"bad": 2}), "SamplingError: None made."),
        (BudgetExceededError("Spent.", partial=(pd.DataFrame({"a": [1]}), [1])), "BudgetExceededError: Spent."),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_whatever_fails_is_one_line(error, told):
    outcome = try_out(Planted(error=error), ready())
    assert outcome.error == told
    assert outcome.reasons == dict(getattr(error, "reasons", {}))


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_says_nothing_about_a_run_ends_all(error):
    with pytest.raises(error):
        try_out(Planted(error=error()), ready())


@pytest.mark.usefixtures("quick")
def test_the_packages_own_warnings_are_notes_and_others_go_on():
    class Warning_(Planted):
        def fit(self, X, y=None):
            warnings.warn("shortened\n the prompt", SkgensynthWarning, stacklevel=1)
            warnings.warn("from elsewhere", UserWarning, stacklevel=1)
            return super().fit(X, y)

    setting = ready()
    with pytest.warns(UserWarning, match="from elsewhere") as caught:
        outcome = try_out(Warning_(), setting)
    assert len(caught) == 1
    assert outcome.notes == ("shortened the prompt",)


def test_what_the_user_does_not_want_to_hear_is_not_brought_back():
    filters = []

    class Looks(Planted):
        def fit(self, X, y=None):
            filters.extend(warnings.filters)
            return super().fit(X, y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try_out(Looks(ward(), "died"), ready())
    own = next(entry for entry in filters if issubclass(SkgensynthWarning, entry[2]))
    files = next(entry for entry in filters if issubclass(ResourceWarning, entry[2]))
    assert (own[0], files[0]) == ("always", "ignore")


@pytest.mark.usefixtures("quick")
def test_too_few_rows_to_detect_is_a_note():
    outcome = planted(ward(3, seed=1), ready(n_rows=3))
    assert outcome.error == ""
    assert math.isnan(outcome.figures["detection_auc"])
    assert 0 < outcome.figures["fidelity"] < 1
    assert any(note.startswith("Not measured: detection.") for note in outcome.notes)


@pytest.mark.usefixtures("quick")
def test_rows_of_one_class_are_measured():
    figures = planted(ward(30, seed=1).assign(died="no"), ready()).figures
    assert figures["utility"] < 0.5
    assert figures["class_gaps"] > figures["class_gaps_floor"]


def test_a_table_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="30 rows are too few to hold out"):
        ready(ward(30))


def test_a_rule_that_does_not_suit_is_refused():
    with pytest.raises(ConstraintError, match="height"):
        ready(rules=["height > 3"])
