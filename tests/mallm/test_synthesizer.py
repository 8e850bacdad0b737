import json
import os
import pickle
import re
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from common.asia import EDGES, NODES, asia_rows
from common.scripted import SCRIPTED, AsiaModel, write_rows
from common.tables import mixed_table
from pandas.testing import assert_frame_equal
from safetensors.numpy import load_file
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skgensynth import BaseSynthesizer, MallmGanSynthesizer
from skgensynth.exceptions import (
    BudgetExceededError,
    CausalGraphError,
    InterruptedTrainingWarning,
    LanguageModelError,
    RemoteRowsError,
    SchemaError,
    TrainingRowsUnavailableError,
)
from skgensynth.llm import CallableModel, Reply
from skgensynth.llm.rows import RowFormat
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.loop import FINISHED
from skgensynth.mallm.process import INSTRUCTION
from skgensynth.schema import TableSchema

TRUE = "edges:\n" + "\n".join(f"{cause} -> {effect}" for cause, effect in EDGES) + "\ninstruction: Mind the causes.\n"


def patients(n=40, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"age": rng.integers(18, 91, n), "weight": rng.normal(75, 12, n).round(1)})
    X.loc[:1, "age"] = [18, 90]
    return X, pd.Series(rng.choice(["F", "M"], n), name="sex")


def quick(llm=SCRIPTED, **settings):
    """Two epochs of two batches."""
    defaults = {"init": "none", "n_epochs": 2, "batch_size": 20, "n_examples": 5, "random_state": 0}
    return MallmGanSynthesizer(llm, **{**defaults, **settings})


def on_asia(answer, **settings):
    model = AsiaModel(answer)
    defaults = {"init": "none", "n_epochs": 3, "batch_size": 30, "n_examples": 5, "random_state": 0}
    return MallmGanSynthesizer(model, **{**defaults, **settings}).fit(*asia_rows(90)), model


def said(request):
    return request.messages[-1].content


# The loop -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("discriminator", ["logistic", "xgboost", "neural"])
def test_the_true_graph_lowers_the_score_and_is_chosen(discriminator):
    fitted, _ = on_asia(lambda prompt, n: TRUE if n == 3 else "", discriminator=discriminator)
    before, after = ([i.adjusted_score for i in part] for part in (fitted.trajectory_[:4], fitted.trajectory_[4:]))
    assert np.mean(after) < np.mean(before) - 0.15
    assert fitted.causal_graph_ == CausalGraph(NODES, EDGES)
    assert fitted.process_.instruction == "Mind the causes."
    distances = [i.graph.edit_distance(fitted.causal_graph_) for i in fitted.trajectory_]
    assert distances == [len(EDGES)] * 4 + [0] * 5
    assert fitted.stop_reason_ == FINISHED


def test_nonsense_changes_nothing():
    fitted, _ = on_asia(lambda prompt, n: ["Beep.", "", '{"edges": 1}', "<|im_start|>"][n % 4])
    assert {(i.graph, i.instruction) for i in fitted.trajectory_} == {
        (fitted.causal_graph_, fitted.process_.instruction)
    }
    assert fitted.causal_graph_ == CausalGraph(NODES)
    assert all("neither edges nor an instruction" in i.notes[0] for i in fitted.trajectory_[1:])
    assert len(fitted.sample(9)[0]) == 9


def test_a_wrong_turn_is_taken_back():
    def answer(prompt, n):
        return [TRUE, "edges:\nxray -> smoke\ninstruction: Try something else."][n % 2]

    fitted, _ = on_asia(answer)
    assert fitted.causal_graph_ == CausalGraph(NODES, EDGES)


def test_the_optimizer_sees_scores_and_no_rows():
    _, model = on_asia(lambda prompt, n: f"edges:\nsmoke -> lung\ninstruction: Attempt {n} of many.")
    prompts = [said(request) for request in model.requests if "Write a description" in said(request)]
    assert len(prompts) == 8
    for prompt in prompts:
        assert "Some of its rows" not in prompt
        assert '{"asia"' not in prompt
        scores = [float(score) for score in re.findall(r"score: ([\d.]+) %", prompt)]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) <= 3
    scores = {request.settings.temperature for request in model.requests}
    assert scores == {0.5, 1.0}


def test_the_optimizer_is_told_the_objective():
    _, model = on_asia(lambda prompt, n: "", objective="distance_to_chance", n_epochs=1)
    systems = {request.messages[0].content for request in model.requests if "Write a description" in said(request)}
    assert len(systems) == 1
    assert "how far the share of rows that the classifier gets right is from one half" in systems.pop()


def test_rows_are_made_from_every_training_row():
    fitted, model = on_asia(lambda prompt, n: "", optimize=False)
    assert model.requests == []
    fitted.sample(90)
    shown = [json.loads(said(request).split("Some of its rows:\n")[1]) for request in model.requests[:18]]
    rows = sorted(tuple(row.items()) for part in shown for row in part)
    X, y = asia_rows(90)
    assert rows == sorted(tuple(row.items()) for row in X.assign(dysp=y).to_dict("records"))


def test_the_prompt_that_is_shown_is_the_one_that_is_sent():
    fitted, model = on_asia(lambda prompt, n: TRUE)
    start = fitted.prompt_.split("Some of its rows:")[0]
    fitted.sample(5)
    assert "\n\n".join(message.content for message in model.requests[-1].messages).startswith(start)
    assert "lung <- smoke" in start


# The start ------------------------------------------------------------------------------------------------------------


def test_the_first_graph_is_found_in_the_rows():
    pytest.importorskip("pgmpy")
    X, y = asia_rows(300)
    fitted = quick(init="heuristic", optimize=False).fit(X, y)
    skeleton = {frozenset(edge) for edge in fitted.causal_graph_.edges}
    assert frozenset(("either", "xray")) in skeleton
    assert len(skeleton & {frozenset(edge) for edge in EDGES}) >= 4


def test_experts_bound_the_first_graph():
    pytest.importorskip("pgmpy")
    X, y = asia_rows(300)
    free = quick(init="heuristic", optimize=False).fit(X, y).causal_graph_
    wrong, gone = ("xray", "smoke"), free.edges[0]
    experts = {"required_edges": [wrong], "forbidden_edges": [gone], "max_parents": 1}
    bounded = quick(init="heuristic", optimize=False, **experts).fit(X, y).causal_graph_
    assert wrong in bounded.edges
    assert gone not in bounded.edges
    assert max(len(bounded.parents(node)) for node in NODES) == 1 < max(len(free.parents(node)) for node in NODES)
    assert quick(init="none", optimize=False, **experts).fit(X, y).causal_graph_.edges == (wrong,)


def test_examples_alone_and_with_a_graph_are_settings():
    X, y = patients()
    alone, with_graph = (quick(init=init, optimize=False).fit(X, y) for init in ("none", [("age", "weight")]))
    assert "depend on each other" not in alone.prompt_
    assert "weight <- age" in with_graph.prompt_
    for fitted in (alone, with_graph):
        assert "Some of its rows:" in fitted.prompt_
        assert (fitted.trajectory_, fitted.usage_.n_requests) == ((), 0)


def test_the_first_graph_may_be_given_and_experts_have_the_last_word():
    X, y = patients()
    given = [("age", "weight"), ("sex", "weight")]
    assert quick(init=given, optimize=False).fit(X, y).causal_graph_.edges == tuple(given)
    experts = {"required_edges": [("sex", "age")], "forbidden_edges": [("age", "weight")]}
    with pytest.raises(CausalGraphError, match=r"init does not go with .*age -> weight was left out"):
        quick(init=given, **experts).fit(X, y)
    fitted = quick(init=given[1:], **experts).fit(X, y)
    for iteration in fitted.trajectory_:
        assert ("sex", "age") in iteration.graph.edges
        assert ("age", "weight") not in iteration.graph.edges
    with pytest.raises(CausalGraphError, match="required_edges names the column 'wait'"):
        quick(required_edges=[("wait", "age")]).fit(X, y)
    with pytest.raises(CausalGraphError, match="form a cycle"):
        quick(init=[("age", "sex"), ("sex", "age")]).fit(X, y)


def test_columns_go_by_their_labels():
    X, y = patients()
    fitted = quick(init=[(0, 1)], optimize=False).fit(X.set_axis([0, 1], axis=1), y)
    assert fitted.causal_graph_.edges == (("0", "1"),)


def test_words_of_the_user_are_told():
    words = {"context": "A ward.", "instruction": "Be\nexact.", "feature_descriptions": {"age": "in years"}}
    fitted = quick(**words, optimize=False).fit(*patients())
    for part in ("A ward.", "The task:\nBe exact.", "- age: in years"):
        assert part in fitted.prompt_
    assert quick(instruction=" ", optimize=False).fit(*patients()).process_.instruction == INSTRUCTION
    with pytest.raises(SchemaError, match="feature_descriptions names the column 'agee'"):
        quick(feature_descriptions={"agee": "years"}).fit(*patients())


@pytest.mark.parametrize(("n", "n_epochs"), [(100, 5), (101, 4), (400, 3), (401, 2), (900, 2)])
def test_epochs_are_those_of_the_paper(n, n_epochs):
    assert MallmGanSynthesizer()._search_settings(n, 0).n_epochs == n_epochs


# Limits ---------------------------------------------------------------------------------------------------------------


def test_a_budget_ends_the_search_and_leaves_draws_their_own():
    fitted = quick(max_requests=10).fit(*patients())
    assert fitted.usage_.n_requests == 10
    assert "max_requests=10" in fitted.stop_reason_
    # Four or five requests for rows, one for a process, and the rest for rows.
    assert len(fitted.trajectory_) in (1, 2)
    assert len(fitted.sample(40)[0]) == 40
    with pytest.raises(BudgetExceededError) as caught:
        fitted.sample(40)
    assert len(caught.value.partial[0]) >= 5


def test_a_budget_of_draws_can_be_raised():
    fitted = quick(max_requests=2, optimize=False).fit(*patients())
    with pytest.raises(BudgetExceededError):
        fitted.sample(30)
    assert len(fitted.set_params(max_requests=50).sample(30)[0]) == 30
    assert fitted.usage_.n_requests > 2


def test_tokens_are_a_budget_too():
    most = quick().fit(*patients()).usage_.n_tokens // 2
    fitted = quick(max_tokens_total=most).fit(*patients())
    assert f"max_tokens_total={most}" in fitted.stop_reason_
    assert 0 < len(fitted.trajectory_) < 4
    assert len(fitted.sample(3)[0]) == 3


def test_both_models_spend_one_budget():
    fitted = quick(optimizer_llm=CallableModel(write_rows), max_requests=6).fit(*patients())
    assert fitted.usage_.n_requests == 6


def test_a_deadline_ends_the_search():
    fitted = quick(max_seconds=1e-9).fit(*patients())
    assert "The time of max_seconds=1e-09 is over" in fitted.stop_reason_
    assert fitted.trajectory_ == ()
    assert len(fitted.sample(3)[0]) == 3


class Stopping:
    """Breaks at a request."""

    name, is_local, context_length = "stopping", True, None
    supports = frozenset()

    def __init__(self, n, error=None):
        self.n, self.error, self.n_asked = n, error, 0

    def count_tokens(self, text):
        return len(text) // 3

    def generate(self, requests):
        for index, request in enumerate(requests):
            self.n_asked += 1
            if self.n_asked == self.n:
                raise self.error
            yield index, Reply(write_rows(request), "stop", 1, 1)

    def __deepcopy__(self, memo):
        return self


def test_an_interruption_keeps_what_was_found():
    with pytest.warns(InterruptedTrainingWarning, match="ended after 1 of 4 iterations: it was interrupted"):
        fitted = quick(Stopping(8, KeyboardInterrupt())).fit(*patients())
    assert len(fitted.trajectory_) == 1
    assert len(fitted.sample(3)[0]) == 3


def test_a_model_that_is_not_there_is_an_error():
    with pytest.raises(LanguageModelError, match="gone"):
        quick(Stopping(1, LanguageModelError("gone"))).fit(*patients())


@pytest.mark.parametrize("n", [5, 6, 9, 14])
def test_a_search_goes_on_from_its_folder(tmp_path, n):
    X, y = patients()
    whole = quick().fit(X, y)
    with pytest.warns(InterruptedTrainingWarning):
        quick(Stopping(n, KeyboardInterrupt()), checkpoint=tmp_path).fit(X, y)
    rest = Stopping(0)
    resumed = quick(rest, checkpoint=tmp_path).fit(X, y)
    assert resumed.trajectory_ == whole.trajectory_
    assert resumed.process_ == whole.process_
    assert_frame_equal(resumed.sample(7)[0], whole.sample(7)[0])
    assert rest.n_asked < whole.usage_.n_requests + 2
    done = Stopping(1, LanguageModelError("not needed"))
    assert quick(done, checkpoint=tmp_path).fit(X, y).trajectory_ == whole.trajectory_
    assert quick(checkpoint=tmp_path).fit(X[::-1], y[::-1]).trajectory_ != whole.trajectory_
    # Other rows and another length are another search.
    shorter = quick(checkpoint=tmp_path, n_epochs=1).fit(X, y)
    assert len(shorter.trajectory_) == len(whole.trajectory_) // 2
    assert len(list(tmp_path.iterdir())) == 3


def test_searches_of_different_generators_have_checkpoints_of_their_own(tmp_path):
    X, y = patients()
    one, other = (quick(checkpoint=tmp_path, random_state=np.random.RandomState(n)).fit(X, y) for n in (1, 2))
    assert one.trajectory_ != other.trajectory_
    assert other.trajectory_ == quick(random_state=np.random.RandomState(2)).fit(X, y).trajectory_
    numpys = quick(checkpoint=tmp_path, random_state=np.int64(0)).fit(X, y)
    again = quick(
        CallableModel(lambda request: pytest.fail("asked again"), is_local=True), checkpoint=tmp_path, random_state=0
    )
    assert again.fit(X, y).trajectory_ == numpys.trajectory_


def test_a_checkpoint_holds_no_training_row(tmp_path):
    X, y = patients()
    quick(checkpoint=tmp_path).fit(X, y)
    text = next(tmp_path.rglob("*.json")).read_text()
    schema = TableSchema.infer(X, y)
    arrays = load_file(next(tmp_path.rglob("*.safetensors")))
    kept = np.concatenate([part for name, part in arrays.items() if name.startswith("rows.")])
    assert len(kept) > 50
    assert not (kept[:, None] == schema.encode(X, y)).all(axis=2).any()
    for form in (RowFormat(schema), RowFormat(schema, output="json")):
        rows = [form.write(row[None]).strip("[]\n") for row in schema.encode(X, y)]
        assert not [row for row in rows if row in text or json.dumps(row)[1:-1] in text]


def test_the_generator_stays_here_unless_allowed_and_the_optimizer_may_be_anywhere():
    remote = CallableModel(write_rows)
    with pytest.raises(RemoteRowsError, match="allow_remote_rows=True"):
        quick(remote).fit(*patients())
    quick(remote, generator_llm=SCRIPTED).fit(*patients()).sample(2)
    with pytest.raises(RemoteRowsError):
        quick(SCRIPTED, generator_llm=remote).fit(*patients())
    quick(remote, allow_remote_rows=True, n_epochs=1).fit(*patients()).sample(2)


def test_the_cost_is_predicted():
    X, y = patients(60)
    for settings in ({"n_examples": 1}, {"output": "csv", "optimizer_llm": CallableModel(write_rows)}):
        synthesizer = quick(**{**settings, "n_epochs": 3})
        cost = synthesizer.estimate_cost(X, y)
        assert not hasattr(synthesizer, "schema_")
        used = synthesizer.fit(X, y).usage_
        assert cost.fit.n_requests == pytest.approx(used.n_requests, rel=0.2)
        assert cost.fit.n_prompt_tokens == pytest.approx(used.n_prompt_tokens, rel=0.2)
        assert cost.fit.n_tokens == pytest.approx(used.n_tokens, rel=0.2)
        before = synthesizer.usage_
        synthesizer.sample(50)
        drawn = synthesizer.usage_.n_tokens - before.n_tokens
        assert cost.sample(50).n_tokens == pytest.approx(drawn, rel=0.2)


def test_the_cost_is_predicted_for_models_that_cannot_be_copied():
    class Client:
        def __init__(self):
            self.lock = threading.Lock()

        def answer(self, request):
            with self.lock:
                return write_rows(request)

    model = CallableModel(Client().answer, is_local=True)
    assert quick(model).estimate_cost(*patients()) == quick(CallableModel(write_rows)).estimate_cost(*patients())


# Rows -----------------------------------------------------------------------------------------------------------------


def test_rare_conditions_are_met_and_the_yield_is_told():
    X, y = patients(200)
    X["drug"] = np.where(np.arange(200) < 4, "rare", "usual")
    model = AsiaModel(None)
    model._rows = lambda prompt, rng: write_rows(model.requests[-1])
    fitted = quick(model, optimize=False, n_examples=2).fit(X, y)
    X_new, _ = fitted.sample(30, conditions={"drug": "rare", "age": (40, 60)})
    assert (X_new["drug"] == "rare").all()
    assert X_new["age"].between(40, 60).all()
    assert fitted.sampling_summary_.yield_rate > 0.5
    task = 'In every new row, age is from 40 to 60 and drug is "rare".'
    assert all(task in said(request) or 'drug is "rare" and age' in said(request) for request in model.requests)
    fitted.sample(8, conditions={"drug": "rare"})
    examples = [json.loads(said(request).split("Some of its rows:\n")[1]) for request in model.requests[-4:]]
    assert {row["drug"] for part in examples for row in part} == {"rare"}


def test_shown_rows_never_come_back():
    def echo(request):
        return said(request).split("Some of its rows:\n")[1]

    X, y = patients()
    mixed = CallableModel(lambda request: (echo if request.seed % 2 else write_rows)(request), is_local=True)
    for copies in ("refuse", "allow"):
        fitted = quick(mixed, optimize=False, copies=copies, n_examples=1).fit(X, y)
        fitted.sample(30)
        assert fitted.sampling_summary_.reasons["exact copy of a training row"] > 5


@pytest.mark.parametrize("target", ["class", "number", None])
def test_small_tables_of_all_sorts_work(target):
    X, y = mixed_table(25)
    y = {"class": y, "number": pd.Series(np.arange(25) ** 1.5), None: None}[target]
    fitted = quick(n_epochs=1).fit(X, y)
    assert len(fitted.trajectory_) == 2
    assert all(iteration.score is not None for iteration in fitted.trajectory_)
    new = fitted.sample(40)
    X_new = new if y is None else new[0]
    assert X_new.dtypes.equals(X.dtypes)
    assert X_new["bmi"].isna().any()


@pytest.mark.parametrize("n", [1, 3])
def test_rows_that_give_no_score_are_not_searched_with(n):
    X = pd.DataFrame({"a": [1.5, 2.5, 3.5, 4.5], "b": list("xyxy")})
    fitted = quick().fit(X[:n])
    assert (fitted.trajectory_, fitted.usage_.n_requests) == ((), 0)
    assert quick().fit(X).trajectory_[0].score is not None


# State ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(*patients())


def test_explain_and_plot(fitted):
    assert fitted.explain().count("Iteration ") == 4
    assert fitted.process_.to_text() in fitted.explain()
    pytest.importorskip("matplotlib").use("agg")
    axes = fitted.plot_trajectory()
    assert len(axes[0].get_lines()[0].get_xdata()) == 4
    with pytest.raises(ValueError, match="no search"):
        quick(optimize=False).fit(*patients()).plot_trajectory()


def test_a_pickle_can_tell_its_process_and_makes_rows_only_if_it_keeps_them(fitted):
    copy = pickle.loads(pickle.dumps(fitted))
    assert copy.explain() == fitted.explain()
    assert copy.usage_ == fitted.usage_
    assert not hasattr(copy, "prompt_")
    with pytest.raises(TrainingRowsUnavailableError, match="keep_examples=True"):
        copy.sample(3)
    keeping = clone(fitted).set_params(keep_examples=True).fit(*patients())
    kept = pickle.loads(pickle.dumps(keeping))
    assert kept.prompt_ == keeping.prompt_
    assert_frame_equal(kept.sample(20)[0], keeping.sample(20)[0])


@pytest.mark.parametrize("keep", [False, True])
def test_saved_models_tell_the_same(tmp_path, fitted, keep):
    saved = MallmGanSynthesizer("smollm2-135m", keep_examples=keep, cache=Path("replies"))
    parameters = fitted.get_params()
    vars(saved).update({name: value for name, value in vars(fitted).items() if name not in parameters})
    saved.save(tmp_path)
    loaded = BaseSynthesizer.load(tmp_path)
    assert loaded.cache == "replies"
    assert (loaded.process_, loaded.trajectory_) == (fitted.process_, fitted.trajectory_)
    assert loaded.explain() == fitted.explain()
    assert (loaded._examples is not None) == keep
    if not keep:
        with pytest.raises(TrainingRowsUnavailableError, match="fit again"):
            loaded.sample(1)


def test_searches_over_parameters_work():
    def score(estimator, X, y=None):
        return -abs(estimator.sample(10)[0]["age"].mean() - X["age"].mean())

    grid = {"optimize": [False, True], "discriminator": ["logistic", "xgboost"]}
    search = GridSearchCV(quick(n_epochs=1), grid, scoring=score, cv=2, error_score="raise").fit(*patients())
    assert len(search.cv_results_["params"]) == 4
    assert len(search.best_estimator_.sample(2)[0]) == 2


@pytest.mark.parametrize(
    "parameters",
    [
        {"llm": 3}, {"optimizer_llm": 3}, {"init": "some"}, {"batch_size": 3}, {"n_pairs": 0}, {"min_yield": 2},
        {"discriminator": "forest"}, {"objective": "loss"}, {"validation_size": 1.0}, {"max_seconds": 0},
    ],
)  # fmt: skip
def test_parameters_are_checked(parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter"):
        MallmGanSynthesizer(**parameters).fit(*patients())
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter"):
        MallmGanSynthesizer(**parameters).estimate_cost(*patients())


def clinic(n=50):
    """A clinical table with gaps, whose outcome depends on age."""
    rng = np.random.default_rng(0)
    age = rng.integers(40, 95, n)
    X = pd.DataFrame(
        {
            "age": age,
            "ejection_fraction": rng.choice([20, 25, 30, 35, 40, 60], n),
            "serum_creatinine": np.exp(rng.normal(0.2, 0.4, n)).round(1),
            "sex": rng.choice(["F", "M"], n),
        }
    )
    X.loc[rng.random(n) < 0.1, "serum_creatinine"] = np.nan
    return X, pd.Series(np.where(age + rng.normal(0, 10, n) > 70, "died", "alive"), name="outcome")


def heart_failure(n=50):
    """Patients of the heart failure records, where these are at hand; otherwise the clinical table."""
    path = Path(os.environ.get("SKGENSYNTH_DATA", "."), "heart_failure_clinical_records.csv")
    if not path.exists():
        return clinic(n)
    table = pd.read_csv(path).sample(n, random_state=0, ignore_index=True)
    return table.drop(columns="DEATH_EVENT"), table["DEATH_EVENT"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("table", [heart_failure, lambda: asia_rows(50)], ids=["heart failure", "asia"])
def test_the_real_model_runs_the_whole_loop(table):
    pytest.importorskip("llama_cpp")
    pytest.importorskip("pgmpy")
    X, y = table()
    synthesizer = MallmGanSynthesizer(n_epochs=1, batch_size=25, n_examples=5, output="csv", random_state=0)
    cost = synthesizer.estimate_cost(X, y)
    fitted = synthesizer.fit(X, y)
    assert fitted.stop_reason_ == FINISHED
    assert len(fitted.trajectory_) == 2
    # Rows are decoded under a grammar, and replies of the optimizer, too.
    assert [iteration.yield_rate for iteration in fitted.trajectory_] == [1.0, 1.0]
    assert not [note for note in fitted.trajectory_[1].notes if "reply has" in note]
    assert cost.fit.n_tokens == pytest.approx(fitted.usage_.n_tokens, rel=0.2)
    X_new, y_new = fitted.sample(5)
    assert len(X_new) == 5
    assert X_new.dtypes.equals(X.dtypes)
    assert set(y_new) <= set(y)
