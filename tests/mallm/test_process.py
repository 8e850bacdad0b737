import json

from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.process import DataGenerationProcess

NODES = ("smoke", "lung cancer", "dysp")
PROCESS = DataGenerationProcess(
    "A clinic.",
    "The columns of the table:\n- smoke: one of no, yes",
    CausalGraph(NODES, (("smoke", "dysp"),)),
    "Go on.",
)


def test_the_text_holds_all_parts_in_order():
    parts = PROCESS.to_text().split("\n\n")
    assert parts[:2] == ["A clinic.", PROCESS.columns]
    assert parts[2].splitlines()[1:] == PROCESS.graph.to_text().splitlines()
    assert "dysp <- smoke" in parts[2]
    assert parts[3:] == ["The task:\nGo on."]
    assert PROCESS.to_text().endswith(PROCESS.searched_text())


def test_what_there_is_not_is_not_told():
    bare = DataGenerationProcess("", PROCESS.columns, CausalGraph(NODES), "Go on.")
    assert bare.to_text() == f"{PROCESS.columns}\n\nThe task:\nGo on."


def test_a_process_goes_through_json():
    assert DataGenerationProcess.from_dict(json.loads(json.dumps(PROCESS.to_dict()))) == PROCESS


def test_a_search_changes_graph_and_instruction_only():
    graph = CausalGraph(NODES, (("smoke", "lung cancer"),))
    other = PROCESS.with_(graph, "Stop.")
    assert (other.graph, other.instruction) == (graph, "Stop.")
    assert (other.context, other.columns) == (PROCESS.context, PROCESS.columns)
    assert PROCESS.instruction == "Go on."
    assert other != PROCESS
    assert hash(other) != hash(PROCESS)
