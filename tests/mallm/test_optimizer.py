import json

import pytest

from skgensynth.llm import CallableModel, JsonSchema, LarkGrammar, Reply
from skgensynth.llm.callables import most_tokens
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.optimizer import MAX_FAULTS, ProcessOptimizer, ScoredProcess
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.prompted.asking import WRAPPING

NODES = ("smoke", "lung", "dysp")
START = DataGenerationProcess("A clinic.", "The columns of the table:\n- smoke: no", CausalGraph(NODES), "Make rows.")
TRIED = [
    ScoredProcess(START, 0.9),
    ScoredProcess(START.with_(CausalGraph(NODES, (("lung", "smoke"),)), "Make better rows."), 0.75),
    ScoredProcess(START.with_(CausalGraph(NODES, (("smoke", "lung"),)), "Make good rows."), 0.6),
]


def optimizer(answer, supports=(), context_length=None, **settings):
    class Model(CallableModel):
        pass

    Model.supports = frozenset(supports)
    requests = []

    def reply(request):
        requests.append(request)
        return answer

    model = Model(reply, is_local=True, context_length=context_length)
    defaults = {"objective": "accuracy", "temperature": 1.0, "top_p": 1.0}
    return ProcessOptimizer(model, **{**defaults, **settings}), requests


def said(requests):
    return requests[0].messages[-1].content


def test_the_prompt_shows_what_was_tried_the_best_last():
    found, requests = optimizer("")
    found.propose(START, TRIED, seed=5)
    prompt = said(requests)
    places = [prompt.index(part) for part in ("score: 90.0 %", "lung -> smoke", "score: 75.0 %", "smoke -> lung")]
    assert places == sorted(places)
    assert prompt.index("smoke -> lung") < prompt.index("instruction: Make good rows.\nscore: 60.0 %")
    assert "A clinic." in prompt
    assert START.columns in prompt
    assert "The columns are smoke, lung, dysp." in prompt
    assert (requests[0].seed, requests[0].settings.temperature) == (5, 1.0)
    assert "share of rows that the classifier gets right: the lower" in requests[0].messages[0].content


def test_the_other_objective_is_told():
    found, requests = optimizer("", objective="distance_to_chance")
    found.propose(START, TRIED, seed=0)
    assert "from one half" in requests[0].messages[0].content


def test_a_good_reply_is_taken():
    found, _ = optimizer("edges:\nsmoke -> lung\nlung -> dysp\ninstruction: Mind the smokers.")
    process, notes = found.propose(START, TRIED, seed=0)
    assert process == START.with_(CausalGraph(NODES, (("smoke", "lung"), ("lung", "dysp"))), "Mind the smokers.")
    assert notes == ()


@pytest.mark.parametrize(
    ("answer", "graph_changes", "instruction", "note"),
    [
        ("I am sorry.", False, "Make rows.", "neither edges nor an instruction"),
        ("edges:\nsmoke -> lung\n", True, "Make rows.", "no instruction: the old one stays"),
        ("instruction: Go.", False, "Go.", "no edges: the graph stays"),
        ("edges:\nsmoke -> fire\ninstruction: Go.", False, "Go.", "smoke -> fire was left out: it names fire"),
        ("edges:\nsmoke -> fire\ninstruction: Go.", False, "Go.", "none of the optimizer's edges can be used"),
        ("edges:\nsmoke -> lung\nlung -> smoke\ninstruction: Go.", True, "Go.", "closes the cycle"),
        ("edges:\ninstruction: Make rows.", False, "Make rows.", "changes nothing"),
        (
            "edges:\n" + "".join(f"x -> y{i}\n" for i in range(9)) + "smoke -> lung\ninstruction: Go.",
            True,
            "Go.",
            "4 more edges were left out",
        ),
    ],
)
def test_a_bad_reply_is_used_as_far_as_it_goes_and_noted(answer, graph_changes, instruction, note):
    found, _ = optimizer(answer)
    process, notes = found.propose(START, TRIED, seed=0)
    assert process.instruction == instruction
    assert process.graph.edges == ((("smoke", "lung"),) if graph_changes else ())
    assert [text for text in notes if note in text]
    assert len(notes) <= MAX_FAULTS + 2


def test_what_is_said_twice_is_taken_once():
    found, _ = optimizer("edges:\nsmoke -> lung\nsmoke -> lung\ninstruction: Go.")
    process, notes = found.propose(START, TRIED, seed=0)
    assert (process.graph.edges, notes) == ((("smoke", "lung"),), ())


def test_what_experts_say_is_told_and_kept():
    experts = {"required": (("smoke", "dysp"),), "forbidden": (("dysp", "lung"),), "max_parents": 1}
    found, requests = optimizer("edges:\ndysp -> lung\nlung -> dysp\nsmoke -> lung\ninstruction: Go.", **experts)
    process, notes = found.propose(START, TRIED, seed=0)
    assert process.graph.edges == (("smoke", "lung"), ("smoke", "dysp"))
    assert [note.split(":")[0] for note in notes] == [
        "dysp -> lung was left out", "lung -> dysp was left out", "smoke -> dysp was added",
    ]  # fmt: skip
    assert "Among the edges must be smoke -> dysp." in said(requests)
    assert "Among the edges must not be dysp -> lung." in said(requests)
    assert "A column has at most 1 causes." in said(requests)


def test_no_edges_is_a_proposal():
    found, _ = optimizer("edges:\ninstruction: Go.")
    current = TRIED[2].process
    assert found.propose(current, TRIED, seed=0).process.graph == CausalGraph(NODES)


@pytest.mark.parametrize(
    ("supports", "expected"),
    [((), LarkGrammar), ((LarkGrammar, JsonSchema), LarkGrammar), ((JsonSchema,), JsonSchema)],
)
def test_replies_are_constrained_and_bounded(supports, expected):
    answer = json.dumps({"edges": [{"cause": "smoke", "effect": "lung"}], "instruction": "Mind the smokers."})
    found, requests = optimizer(answer, supports)
    assert found.propose(START, TRIED, seed=0).process.graph.edges == (("smoke", "lung"),)
    assert isinstance(requests[0].constraint, expected)
    assert 100 < requests[0].expected_tokens == found.max_tokens(NODES) < 400
    room = 0 if LarkGrammar in supports else 2 * found.max_tokens(NODES) + WRAPPING
    assert requests[0].settings.max_tokens == found.max_tokens(NODES) + room
    assert ("Reply as JSON" in said(requests)) == (expected is JsonSchema)
    assert ('{"edges":[{"cause":"smoke","effect":"lung"}]' in said(requests)) == (expected is JsonSchema)


def test_a_short_context_shows_fewer_pairs_and_a_shorter_one_none():
    free, requests = optimizer("")
    free.propose(START, TRIED, seed=0)
    full = sum(most_tokens(free.model, message.content) for message in requests[0].messages)
    room = full + free.max_tokens(NODES) + 64
    short, requests = optimizer("edges:\ninstruction: Go.", context_length=room - 5)
    short.propose(START, TRIED, seed=0)
    assert "score: 60.0 %" in said(requests)
    assert "score: 90.0 %" not in said(requests)
    tiny, requests = optimizer("", context_length=200)
    process, notes = tiny.propose(START, TRIED, seed=0)
    assert process == START
    assert not requests
    assert "the optimizer was not asked" in notes[0]


def test_edges_of_the_users_own_graph_are_never_too_many():
    given = (("smoke", "dysp"), ("lung", "dysp"))
    start = START.with_(CausalGraph(NODES, given), START.instruction)
    answer = "edges:\nsmoke -> dysp\nlung -> dysp\nsmoke -> lung\ninstruction: Make rows as they are in life."

    kept, _ = optimizer(answer, max_parents=1, given=given)
    cut, _ = optimizer(answer, max_parents=1)

    assert set(kept.propose(start, [], seed=0).process.graph.edges) == {*given, ("smoke", "lung")}
    assert set(cut.propose(start, [], seed=0).process.graph.edges) == {given[0], ("smoke", "lung")}


def test_a_process_without_rows_has_no_score():
    found, requests = optimizer("edges:\ninstruction: Make rows as they are in life.")
    found.propose(START, [ScoredProcess(START, None)], seed=0)
    assert "score: none, too few of its rows were rows of the table" in said(requests)


def test_a_reply_that_was_cut_off_is_told():
    class Cut(CallableModel):
        def generate(self, requests):
            yield 0, Reply('{"edges":[{"cause":"smoke","effect":"lung"},{"cause":"sm', "length", 1, 1)

    found = ProcessOptimizer(Cut(str, is_local=True), "accuracy", 1.0, 1.0).propose(START, TRIED, seed=0)

    assert found.process.graph.edges == (("smoke", "lung"),)
    assert found.notes[0] == "the optimizer's reply was cut off"
