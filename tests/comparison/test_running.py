import json
from pathlib import Path

import numpy as np
import pytest
from common.planted import Planted
from common.scripted import SCRIPTED, write_rows
from common.toy import MarginalsSynthesizer
from common.ward import ward
from sklearn.model_selection import GridSearchCV

import skgensynth
from skgensynth import SynLLMSynthesizer, compare, score_privacy, score_utility
from skgensynth.comparison import ComparisonTable
from skgensynth.exceptions import ConstraintError, PromptError, SchemaMismatchError
from skgensynth.holdout import draw_table, hold_out, split_target
from skgensynth.llm import CallableModel
from skgensynth.metrics import membership_inference

pytestmark = pytest.mark.usefixtures("quick")

WARD = ComparisonTable(ward(), "died", context="A ward.")
ROWS = 12


class Counting:
    """The scripted model, which counts requests and keeps prompts; it can be made to fail."""

    def __init__(self, name="model"):
        self.prompts = []
        self.failing = None
        self.__name__ = name

    def __call__(self, request):
        self.prompts.append(request.messages[-1].content)
        if self.failing is not None:
            raise self.failing
        return write_rows(request)

    def __deepcopy__(self, memo):
        return self


def counting(name="model"):
    function = Counting(name)
    return function, CallableModel(function, is_local=True)


def names(report):
    return [(run.table, *(run.llm, run.prompt)) for run in report.runs]


def test_each_model_with_each_prompt_on_each_table():
    models = {"one": counting()[1], "two": counting()[1]}
    tables = {"ward": WARD, "other": ComparisonTable(ward(60, seed=3))}
    report = compare(tables, llms=models, prompts=["seed_ex", "clin_rule"], n_rows=ROWS)
    expected = [(table, llm, prompt) for table in tables for llm in models for prompt in ("seed_ex", "clin_rule")]
    assert names(report) == expected
    assert report.failed == ()
    frame = report.to_frame()
    assert (frame["n_rows"] == ROWS).all()
    assert frame["utility"].notna().tolist() == [True] * 4 + [False] * 4
    # Both models are the same function.
    assert frame["fidelity"][0] == frame["fidelity"][2]


def test_the_rows_measured_are_those_of_the_synthesizer():
    report = compare({"ward": WARD}, llms=SCRIPTED, prompts=["seed_ex"], n_rows=ROWS, temperature=0.2)
    (run,) = report.runs
    assert (run.synthesizer, run.llm) == ("SynLLM", "write_rows")
    train, test = hold_out(ward(), "died", 0.25, 0)
    synthesizer = SynLLMSynthesizer(SCRIPTED, "seed_ex", context="A ward.", temperature=0.2, random_state=0)
    rows = draw_table(synthesizer.fit(*split_target(train, "died")), ROWS, train, "died")
    assert run.figures["membership_auc"] == membership_inference(train, test, rows, random_state=0).auc


@pytest.mark.usefixtures("unmeasured")
def test_models_are_taken_one_after_the_other():
    asked = []

    def one(request):
        asked.append("one")
        return write_rows(request)

    def two(request):
        asked.append("two")
        return write_rows(request)

    models = [CallableModel(function, is_local=True) for function in (one, two)]
    tables = {"ward": WARD, "other": ComparisonTable(ward(), "died", context="Another.")}
    report = compare(tables, llms=models, prompts=["seed_ex"], n_rows=ROWS)
    assert [run.llm for run in report.runs] == ["one", "two", "one", "two"]
    assert asked == 4 * ["one"] + 4 * ["two"]


@pytest.mark.parametrize("described", [False, True])
@pytest.mark.usefixtures("unmeasured")
def test_the_prompts_are_those_that_the_table_has_words_for(described):
    table = ComparisonTable(ward(), feature_descriptions={"age": "in years"} if described else None)
    report = compare({"ward": table}, llms=SCRIPTED, n_rows=ROWS)
    expected = ["seed_ex", "featdesc", "statguide", "clin_rule"]
    assert [run.prompt for run in report.runs] == [name for name in expected if described or name != "featdesc"]


@pytest.mark.usefixtures("unmeasured")
def test_what_is_known_of_a_table_is_in_its_prompts():
    function, model = counting()
    table = ComparisonTable(
        ward(), "died", context="A ward.", feature_descriptions={"age": "in years"}, rules=["usually age < 80"]
    )
    template = "{columns} {descriptions} {rules} {context} Now {n_rows}."
    report = compare({"ward": table}, llms=model, prompts={"mine": template, "rules": "clin_rule"}, n_rows=ROWS)
    assert [run.prompt for run in report.runs] == ["mine", "rules"]
    assert len({prompt.startswith("- age") for prompt in function.prompts}) == 2
    for prompt in function.prompts:
        for words in ("A ward.", "in years", "usually age < 80"):
            assert words in prompt


def test_other_synthesizers_stand_beside_them():
    others = {"marginals": MarginalsSynthesizer(), "copies": Planted()}
    report = compare({"ward": WARD}, llms=[], synthesizers=others, n_rows=ROWS, random_state=7)
    first, second = report.runs
    assert [(run.synthesizer, run.llm, run.prompt) for run in report.runs] == [(name, "", "") for name in others]
    assert first.figures["validity"] == 1.0
    assert np.isnan(second.figures["validity"])
    assert second.figures["copies"] == ROWS
    assert others["marginals"].random_state is None
    again = compare({"ward": WARD}, llms=(), synthesizers=others, n_rows=ROWS, random_state=7)
    timeless = ["fit_seconds", "seconds"]
    assert again.to_frame().drop(columns=timeless).equals(report.to_frame().drop(columns=timeless))


# Going on -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.jsonl"


def run_counted(path, function, table=WARD, **settings):
    """Compare, and say how many requests that took."""
    before = len(function.prompts)
    settings = {"prompts": ["seed_ex", "clin_rule"], "n_rows": ROWS, "resume": path} | settings
    llms = settings.pop("llms", None) or CallableModel(function, is_local=True)
    report = compare({"ward": table}, llms=llms, **settings)
    return report, len(function.prompts) - before


@pytest.mark.usefixtures("unmeasured")
def test_finished_runs_are_not_done_again(path):
    function, _ = counting()
    first, n_first = run_counted(path, function)
    again, n_again = run_counted(path, function)
    assert n_first == 4
    assert n_again == 0
    assert again.to_dict() == first.to_dict()
    more, n_more = run_counted(path, function, prompts=["seed_ex", "statguide", "clin_rule"])
    assert n_more == 2
    assert [run.prompt for run in more.runs] == ["seed_ex", "statguide", "clin_rule"]


@pytest.mark.parametrize(
    "change",
    [
        {"n_rows": 13},
        {"holdout": 0.3},
        {"random_state": 1},
        {"temperature": 0.3},
        {"column_kinds": {"age": "categorical"}},
        {"table": ComparisonTable(ward(seed=1), "died", context="A ward.")},
        {"table": ComparisonTable(ward(), "sex", context="A ward.")},
        {"table": ComparisonTable(ward(), "died", context="Another ward.")},
        {"table": ComparisonTable(ward(), "died", context="A ward.", rules=["age > 3"])},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.usefixtures("unmeasured")
def test_other_settings_are_other_runs(path, change):
    function, _ = counting()
    run_counted(path, function, prompts=["seed_ex"])
    report, n_requests = run_counted(path, function, prompts=["seed_ex"], **change)
    assert n_requests > 0
    assert len(path.read_text().splitlines()) == 2
    assert report.failed == ()


@pytest.mark.parametrize("change", [{"n_jobs": 2}, {"max_requests": 50}, {"allow_remote_rows": True}])
@pytest.mark.usefixtures("unmeasured")
def test_settings_that_change_no_figure_are_not(path, change):
    function, _ = counting()
    run_counted(path, function, prompts=["seed_ex"])
    assert run_counted(path, function, prompts=["seed_ex"], **change)[1] == 0


@pytest.mark.usefixtures("unmeasured")
def test_names_may_change(path):
    function, model = counting()
    run_counted(path, function, prompts=["seed_ex"])
    report, n_requests = run_counted(path, function, llms={"renamed": model}, prompts={"first": "seed_ex"})
    assert n_requests == 0
    assert [(run.llm, run.prompt) for run in report.runs] == [("renamed", "first")]


@pytest.mark.usefixtures("unmeasured")
def test_the_same_under_two_names_is_done_once():
    function, model = counting()
    report = compare({"ward": WARD}, llms={"a": model, "b": model}, prompts=["seed_ex"], n_rows=ROWS)
    assert len(function.prompts) == 2
    assert [run.llm for run in report.runs] == ["a", "b"]


@pytest.mark.usefixtures("unmeasured")
def test_an_interruption_keeps_what_is_done(path):
    function, _ = counting()

    def interrupt(request):
        if len(function.prompts) >= 2:
            raise KeyboardInterrupt
        return function(request)

    model = CallableModel(interrupt, is_local=True)
    with pytest.raises(KeyboardInterrupt):
        compare({"ward": WARD}, llms={"m": model}, prompts=["seed_ex", "clin_rule"], n_rows=ROWS, resume=path)
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["prompt"] == "seed_ex"


@pytest.mark.usefixtures("unmeasured")
def test_a_failure_ends_no_other_run_and_is_tried_again(path):
    function, _ = counting()
    function.failing = RuntimeError("The server is down.")
    models = {"down": CallableModel(function, is_local=True), "gone": "no-such-model", "up": SCRIPTED}
    settings = {"prompts": ["seed_ex"], "n_rows": ROWS, "resume": path}
    report = compare({"ward": WARD}, llms=models, **settings)
    down, gone, up = report.runs
    assert down.error == "LanguageModelError: The function model raised RuntimeError: The server is down."
    assert gone.error.startswith("ModelNotFoundError: The model 'no-such-model' is not on this machine")
    assert up.error == ""
    assert report.failed == (down, gone)
    function.failing = None
    before = len(function.prompts)
    report = compare({"ward": WARD}, llms=models, **settings)
    assert [bool(run.error) for run in report.runs] == [False, True, False]
    assert len(function.prompts) - before == 2
    assert len(path.read_text().splitlines()) == 5


@pytest.mark.usefixtures("unmeasured")
def test_budgets_are_for_each_run():
    report = compare({"ward": WARD}, llms=SCRIPTED, prompts=["seed_ex", "clin_rule"], n_rows=ROWS, max_requests=2)
    assert report.failed == ()
    report = compare({"ward": WARD}, llms=SCRIPTED, prompts=["seed_ex", "clin_rule"], n_rows=ROWS, max_requests=1)
    assert [run.error.split(":")[0] for run in report.runs] == ["BudgetExceededError"] * 2
    # The rows of one class were made.
    assert all(0 < run.figures["n_rows"] < ROWS for run in report.runs)


@pytest.mark.usefixtures("unmeasured")
def test_rows_stay_on_this_machine_unless_allowed():
    remote = CallableModel(write_rows)
    report = compare({"ward": WARD}, llms={"remote": remote}, prompts=["seed_ex", "clin_rule"], n_rows=ROWS)
    assert [run.error.split(":")[0] for run in report.runs] == ["RemoteRowsError", ""]


def test_progress_is_told_when_asked(capsys, path):
    models = {"up": SCRIPTED, "gone": "no-such-model"}
    settings = {"llms": models, "prompts": ["seed_ex"], "n_rows": ROWS, "resume": path}
    compare({"ward": WARD}, **settings)
    assert capsys.readouterr() == ("", "")
    compare({"ward": WARD}, **settings, synthesizers={"copies": Planted()}, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "run 2 of 3: ward, gone, seed_ex\n  failed: ModelNotFoundError" in err
    assert "run 3 of 3: ward, copies\n  fidelity " in err
    assert "run 1 of 3" not in err


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "settings", "error", "message"),
    [
        ({}, {}, ValueError, "at least one table"),
        ([ward()], {}, TypeError, "tables must be a dict of name to table, got list"),
        (ward(), {}, TypeError, "tables must be a dict of name to table, got DataFrame"),
        ({1: ward(), "1": ward()}, {}, ValueError, "no two names may read alike"),
        ({"w": [[1]]}, {}, TypeError, "table 'w' must be a DataFrame"),
        ({"w": ComparisonTable(ward(), "height")}, {}, SchemaMismatchError, "table 'w' has no column 'height'"),
        (
            {"w": ComparisonTable(ward().assign(died=None), "died")},
            {},
            ValueError,
            "table 'w': the target 'died' has missing values",
        ),
        ({"w": ward(30)}, {}, ValueError, "table 'w': 30 rows are too few"),
        ({"w": ComparisonTable(ward(), rules=["height > 3"])}, {}, ConstraintError, "table 'w': .*'height'"),
        ({"w": WARD}, {"prompts": ["seed"]}, PromptError, "'seed' is none of seed_ex"),
        ({"w": WARD}, {"prompts": [3]}, PromptError, "'3' is none of seed_ex"),
        ({"w": WARD}, {"prompts": ["featdesc"]}, PromptError, "table 'w': prompt='featdesc' needs"),
        ({"w": WARD}, {"prompts": {"mine": "{n_rows}"}}, PromptError, "lacks the placeholder {columns}"),
        ({"w": WARD}, {"llms": [SCRIPTED, SCRIPTED]}, ValueError, "two models are called 'write_rows'"),
        ({"w": WARD}, {"llms": [3]}, TypeError, "llm=3 is no language model"),
        ({"w": WARD}, {"llms": []}, ValueError, "nothing to compare"),
        ({"w": WARD}, {"synthesizers": {"x": 3}}, TypeError, "synthesizers: 'x' is no synthesizer"),
        ({"w": WARD}, {"synthesizers": [MarginalsSynthesizer()]}, TypeError, "synthesizers must be a dict"),
        ({"w": WARD}, {"n_rows": 0}, ValueError, "n_rows must be"),
        ({"w": WARD}, {"holdout": "half"}, ValueError, "holdout must be"),
        ({"w": WARD}, {"temperature": -1}, ValueError, "'temperature' parameter"),
        ({"w": WARD}, {"max_requests": 0}, ValueError, "'max_requests' parameter"),
        ({"w": ComparisonTable(ward(), context=3)}, {}, ValueError, "'context' parameter"),
        ({"w": WARD}, {"holdout": 1}, ValueError, "holdout must be"),
        ({"w": WARD}, {"random_state": None}, ValueError, "random_state must be"),
        ({"w": WARD}, {"context": "x"}, TypeError, "context belongs to a table"),
        ({"w": WARD}, {"prompt": "x"}, TypeError, "prompt is given in prompts"),
        ({"w": WARD}, {"temprature": 1}, TypeError, "no parameter 'temprature'"),
    ],
)
def test_bad_input_is_said_before_any_run(tables, settings, error, message):
    function, model = counting()
    with pytest.raises(error, match=message):
        compare(tables, **({"llms": model} | settings))
    assert function.prompts == []


@pytest.mark.parametrize("llms", ["no-such-model", Path("model.gguf"), ["a", Path("b.gguf")], write_rows])
@pytest.mark.usefixtures("unmeasured")
def test_models_are_named_as_they_were_given(llms):
    report = compare({"ward": WARD}, llms=llms, prompts="clin_rule", n_rows=ROWS, max_requests=1)
    expected = llms if isinstance(llms, list) else [llms]
    assert [run.llm for run in report.runs] == [getattr(llm, "__name__", str(llm)) for llm in expected]


def test_it_is_where_users_look_for_it():
    assert skgensynth.compare is compare


def test_a_search_over_models_and_prompts_scores_them_alike():
    X, y = ward().drop(columns="died"), ward()["died"]
    search = GridSearchCV(
        SynLLMSynthesizer(random_state=0),
        {"llm": [SCRIPTED, counting()[1]], "prompt": ["seed_ex", "clin_rule"]},
        scoring={"utility": skgensynth.make_utility_scorer(learners=["linear"]), "privacy": score_privacy},
        refit="utility",
        cv=2,
        error_score="raise",
    ).fit(X, y)
    results = search.cv_results_
    assert [p["prompt"] for p in results["params"]] == ["seed_ex", "clin_rule"] * 2
    assert (results["mean_test_privacy"] > 0.5).all()
    # Both models are the same function.
    np.testing.assert_array_equal(results["mean_test_utility"][:2], results["mean_test_utility"][2:])
    assert 0 <= score_utility(search.best_estimator_, X, y) <= 1


@pytest.mark.slow
def test_the_real_model_is_compared(path):
    pytest.importorskip("llama_cpp")
    report = compare({"ward": WARD}, prompts=["seed_ex", "clin_rule"], n_rows=10, resume=path)
    frame = report.to_frame()
    assert report.failed == ()
    assert (frame["llm"] == "smollm2-135m").all()
    assert (frame["validity"] > 0.5).all()
    assert (frame["copies"] == 0).all()
    assert (frame["n_completion_tokens"] > 10 * ward().shape[1]).all()
