import json

import pytest
from common.row_tables import accepts

from skgensynth.mallm.replies import (
    LONGEST_INSTRUCTION,
    RawProposal,
    proposal_grammar,
    proposal_schema,
    read_proposal,
)

NODES = ("smoke", "lung cancer", 'X "ray"', "age, years")
EDGES = [("smoke", "lung cancer"), ("age, years", 'X "ray"')]
TEXT = "Smokers have lung cancer more often."


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_written_in_the_form_is_read_again_and_allowed(as_json):
    proposal = RawProposal(EDGES, TEXT)
    text = proposal.to_text(as_json=as_json)
    assert read_proposal(text, NODES) == proposal
    constraint = proposal_schema(NODES, 6) if as_json else proposal_grammar(NODES, 6)
    assert accepts(constraint, text + "\n" * (not as_json))


@pytest.mark.parametrize(
    "text",
    [
        "edges:\nsmoke -> nothing\ninstruction: " + TEXT + "\n",
        "edges:\ninstruction: Short.\n",
        "edges:\ninstruction: " + "x" * (LONGEST_INSTRUCTION + 1) + "\n",
        "edges:\n" + "smoke -> smoke\n" * 7 + "instruction: " + TEXT + "\n",
        "Sure! edges:\ninstruction: " + TEXT + "\n",
        "edges:\ninstruction: two\nlines that are long enough to count\n",
    ],
)
def test_the_grammar_holds_nothing_else(text):
    assert not accepts(proposal_grammar(NODES, 6), text)


def test_no_edges_are_allowed_too_and_a_single_column_has_none():
    assert accepts(proposal_grammar(NODES, 6), f"edges:\ninstruction: {TEXT}\n")
    assert accepts(proposal_grammar(("only",), 0), f"edges:\ninstruction: {TEXT}\n")


@pytest.mark.parametrize(
    "text",
    [
        f'Of course!\n\nEdges:\n- Smoke → Lung Cancer\n* "age, years" --> "X \\"ray\\"";\n\n**Instruction:** {TEXT}',
        f"```\n1. smoke => lung cancer,\n2. `age, years` -> X \"ray\"\n```\nTask: {TEXT}",
        f"edges: [('smoke', 'lung cancer'), ('age, years', 'X \"ray\"')]\ninstruction: {TEXT}",
        "```json\n" + json.dumps({"edges": EDGES, "instruction": TEXT}, indent=1) + "\n```",
        json.dumps({"edges": [{"cause": a.upper(), "effect": b} for a, b in EDGES], "instruction": TEXT}),
        f"## Edges:\nlung cancer <- smoke\nX \"ray\" <- age, years\n## Updated instruction\n{TEXT}",
        f"edges:\nsmoke causes lung cancer\nage, years affects X \"ray\"\nThe task instruction: {TEXT}",
        f"edges:\nsmoke -> lung cancer (as doctors know)\nage, years -> X \"ray\": yes\nInstructions: {TEXT}",
        f"edges: {[*EDGES, *EDGES[:1] * 20]}\ninstruction: {TEXT}",
        json.dumps({"edges": ["smoke -> lung cancer", '"age, years" -> X "ray"'], "instruction": TEXT}),
    ],
)  # fmt: skip
def test_other_forms_are_understood(text):
    found = read_proposal(text, NODES)
    assert list(dict.fromkeys(found.edges)) == EDGES
    assert found.instruction.strip("* ") == TEXT


def test_an_instruction_may_stand_before_the_edges():
    found = read_proposal("Instruction: Mind the age.\nEdges:\nage -> X\n", ("age", "X"))
    assert found == RawProposal([("age", "X")], "Mind the age.")


@pytest.mark.parametrize("end", [None, -3], ids=["whole", "cut off"])
def test_escapes_that_json_does_not_have_are_read(end):
    text = '{"edges": [{"cause": "a\\_b", "effect": "C:\\\\d"}], "instruction": "Mind\tall \\_ \\"of\\" them."}'
    found = read_proposal(text[:end], ("a_b", "C:\\d"))
    assert found.edges == [("a_b", "C:\\d")]
    assert found.instruction == ("" if end else 'Mind all _ "of" them.')


def test_lists_behind_an_arrow_are_edges_each():
    text = "edges:\nsmoke -> lung, X and cough\nX <- age & smoke\n(smoke, age), (smoke, nothing)\n"
    assert read_proposal(text, ("smoke", "lung", "X", "cough", "age")).edges == [
        ("smoke", "lung"), ("smoke", "X"), ("smoke", "cough"), ("age", "X"), ("smoke", "X"), ("smoke", "age"),
    ]  # fmt: skip


def test_edges_of_a_reply_that_was_cut_off_are_kept():
    whole = RawProposal(EDGES, TEXT).to_text(as_json=True)
    assert read_proposal(whole[: whole.index(TEXT) + 9], NODES) == RawProposal(EDGES, "")


@pytest.mark.parametrize("said", ["", "\n", " none\n", "\n- (none)\n", " []\n", " No edges.\n", "\n```\n"])
def test_a_reply_may_want_no_edges(said):
    assert read_proposal(f"edges:{said}instruction: {TEXT}" if "\n" in said else f"edges:{said}", NODES).edges == []


@pytest.mark.parametrize("said", ["smoke makes ill", "lung follows smoke\nsee above", "(smoke; lung)"])
def test_what_is_not_understood_is_not_taken_for_no_edges(said):
    found = read_proposal(f"edges:\n{said}\ninstruction: {TEXT}", NODES)
    assert found == RawProposal(None, TEXT, ("what the optimizer's reply says of edges was not understood",))


def test_chains_and_arrows_in_names_are_understood():
    text = "edges:\nsmoke -> lung cancer -> x\na->b -> smoke\n"
    assert read_proposal(text, (*NODES, "a->b", "x")).edges == [
        ("smoke", "lung cancer"), ("lung cancer", "x"), ("a->b", "smoke"),
    ]  # fmt: skip


def test_unknown_names_stand_as_they_are():
    assert read_proposal("edges:\nsmoke -> Cough\n", NODES).edges == [("smoke", "Cough")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I cannot do that.", RawProposal(None, "")),
        ("", RawProposal(None, "")),
        ("edges:\n", RawProposal([], "")),
        ("instruction: only this", RawProposal(None, "only this")),
        ('{"edges": 3}', RawProposal(None, "")),
        ('{"edges": ' + "[" * 9999 + "}", RawProposal([], "")),
        (
            '{"edges": [3, ["smoke"], {}], "instruction": 5}',
            RawProposal([("3", ""), ("['smoke']", ""), ("None", "None")], ""),
        ),
    ],
)
def test_what_is_not_there_is_not_found(text, expected):
    assert read_proposal(text, NODES) == expected


def test_instructions_are_one_line_of_bounded_length():
    sentence = "A rule of a table is kept in mind. "
    found = read_proposal("edges:\ninstruction: Mind\nthis:\u202e " + sentence * 20, NODES)
    assert len(found.instruction) <= LONGEST_INSTRUCTION
    assert found.instruction.startswith("Mind this:\\u202e A rule")
    assert found.instruction.endswith("kept in mind.")
    assert "characters was cut" in found.notes[0]


@pytest.mark.timeout(60)  # a pattern that goes back over what it has read would take minutes
@pytest.mark.parametrize(
    "part", ["- ", "\n", "-\n", '"', "smoke ->", "(", "('a',", "edges:\n", "task:\n", "('", "(a,", "a, ", '"cause":"']
)
def test_reading_takes_no_longer_than_the_text(part):
    assert len(read_proposal(part * 60_000, NODES).instruction) <= LONGEST_INSTRUCTION
