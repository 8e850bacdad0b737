import json

from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.mallm.trajectory import Iteration, explain_search, iterations_of

NODES = ("smoke", "lung cancer", "dysp")
FIRST = CausalGraph(NODES, (("smoke", "dysp"), ("dysp", "lung cancer")))
SECOND = CausalGraph(NODES, (("smoke", "dysp"), ("lung cancer", "dysp"), ("smoke", "lung cancer")))
TRAJECTORY = (
    Iteration(0, 0, FIRST, "Go.", 0.9, 0.8, 1.0, 50, True),
    Iteration(0, 1, SECOND, "Go on.", 0.75, 0.625, 0.96, 48, True, ("a cycle was left out",)),
    Iteration(1, 0, SECOND, "Go on.", None, None, 0.04, 2, False),
)
CHOSEN = DataGenerationProcess("", "The columns", SECOND, "Go on.")


def test_iterations_go_through_json():
    assert tuple(Iteration.from_dict(json.loads(json.dumps(i.to_dict()))) for i in TRAJECTORY) == TRAJECTORY


def test_iterations_of_a_process_are_found():
    assert iterations_of(CHOSEN, TRAJECTORY) == [1, 2]
    assert iterations_of(CHOSEN.with_(SECOND, "Stop."), TRAJECTORY) == []


def test_a_search_is_told_with_what_changed():
    text = explain_search(TRAJECTORY, CHOSEN, "all epochs are done")
    first, second, third, end, *process = text.split("\n\n")
    assert first.splitlines() == [
        "Iteration 0 (epoch 0, batch 0): score 90.0 %, adjusted 80.0 %, yield 100 %, 50 rows",
        "  graph: smoke -> dysp, dysp -> lung cancer",
        "  instruction: Go.",
    ]
    assert second.splitlines()[1:] == [
        "  graph: added smoke -> lung cancer; reversed lung cancer -> dysp",
        "  instruction: Go on.",
        "  note: a cycle was left out",
    ]
    assert third.splitlines() == [
        "Iteration 2 (epoch 1, batch 0): no score, yield 4 %, 2 rows, not shown to the optimizer",
        "  graph: unchanged",
    ]
    assert end == "The search ended: all epochs are done. The chosen process is the one of iteration 1 and 2:"
    assert "\n\n".join(process) == CHOSEN.to_text()


def test_without_a_search_there_is_the_process():
    text = explain_search((), CHOSEN, "there was none")
    assert text.startswith(
        "The search ended: there was none. The chosen process is the one that the search started from"
    )
    assert text.endswith("Go on.")
