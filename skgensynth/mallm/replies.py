"""What the optimizer's reply has to look like, and what is read from whatever came back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from skgensynth.llm import JsonSchema, LarkGrammar
from skgensynth.llm.rows.cells import csv_text, normal, quote
from skgensynth.llm.rows.patterns import literal, one_of
from skgensynth.llm.rows.readers import unescape
from skgensynth.mallm.graph import Edge
from skgensynth.prompted.wording import one_line

__all__ = [
    "LONGEST_INSTRUCTION",
    "USUAL_INSTRUCTION",
    "RawProposal",
    "proposal_grammar",
    "proposal_schema",
    "read_proposal",
]

LONGEST_INSTRUCTION = 700  # characters (ours): the longest that the paper shows has 639
USUAL_INSTRUCTION = 200
SHORTEST_INSTRUCTION = 20
LONGEST_LINE = 300  # characters of a line with arrows

_ARROW = re.compile(r"\s*(?:-{1,2}>|=>|→|\b(?:causes|affects|influences|determines)\b)\s*")
_BACKWARD = re.compile(r"\s*(?:<-{1,2}|<=|←)\s*")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+")
_PAIR = re.compile(r"[(\[]\s*([\"'])((?:(?!\1).){1,200})\1\s*,\s*([\"'])((?:(?!\3).){1,200})\3\s*[)\]]")
_BARE_PAIR = re.compile(r"\(([^()\"',\n]{1,200}),([^()\"',\n]{1,200})\)")
_QUOTED = r'("(?:[^"\\\n]|\\.){1,200}")'
_CUT_PAIR = re.compile(rf'"cause"\s*:\s*{_QUOTED}\s*,\s*"effect"\s*:\s*{_QUOTED}')
_INSTRUCTION = re.compile(
    r"^[^\w\n]*(?:(?:the|new|updated|revised|improved|task) )*(?:instructions?|task)[^\w\n]*(?::|\n)\W*(.*)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt]|u[0-9a-fA-F]{4}))?")
_NO_EDGES = re.compile(r"[\W_]*(?:none|no edges)?[\W_]*", re.IGNORECASE)
_EDGES = re.compile(r"^[^\w\n]*edges[^\w\n]*:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class RawProposal:
    """What a reply says.

    Attributes
    ----------
    edges : list of (str, str) or None
        Pairs of a cause and its effect, with the names of the columns where they could be recognised; None where the
        reply does not speak of edges.
    instruction : str
        On one line; empty if there is none.
    notes : tuple of str
        What was put right.
    """

    edges: list[Edge] | None
    instruction: str
    notes: tuple[str, ...] = ()

    def to_text(self, *, as_json: bool) -> str:
        """Write the proposal in the form that a reply has."""
        edges = self.edges or []
        if as_json:
            listed = ",".join(f'{{"cause":{quote(cause)},"effect":{quote(effect)}}}' for cause, effect in edges)
            return f'{{"edges":[{listed}],"instruction":{quote(self.instruction)}}}'
        lines = [f"{csv_text(cause)} -> {csv_text(effect)}" for cause, effect in edges]
        return "\n".join(["edges:", *lines, f"instruction: {self.instruction}"])


def proposal_grammar(nodes: Sequence[str], most_edges: int) -> LarkGrammar:
    """Say what a reply has to look like: edges between columns, and an instruction on one line.

    Parameters
    ----------
    nodes : sequence of str
        Names of the columns.
    most_edges : int
        Edges of a reply at most; they may still repeat or form a cycle.

    Returns
    -------
    LarkGrammar
        In llguidance's dialect.
    """
    name = one_of(literal(csv_text(node)) for node in nodes)
    edges = f" edge{{0,{most_edges}}}" if most_edges else ""
    rules = [
        f'start: "edges:\\n"{edges} "instruction: " TEXT "\\n"',
        *['edge: NAME " -> " NAME "\\n"', f"NAME: /{name}/"] * bool(most_edges),
        f"TEXT: /[A-Za-z][^\\x00-\\x1f\\x7f]{{{SHORTEST_INSTRUCTION - 1},{LONGEST_INSTRUCTION - 1}}}/",
    ]
    return LarkGrammar("\n".join(rules) + "\n")


def proposal_schema(nodes: Sequence[str], most_edges: int) -> JsonSchema:
    """Say what a JSON reply has to look like; see `proposal_grammar`."""
    name = {"enum": list(nodes)}
    edge = {
        "type": "object",
        "properties": {"cause": name, "effect": name},
        "required": ["cause", "effect"],
        "additionalProperties": False,
    }
    text = {"type": "string", "minLength": SHORTEST_INSTRUCTION, "maxLength": LONGEST_INSTRUCTION}
    return JsonSchema(
        {
            "type": "object",
            "properties": {"edges": {"type": "array", "items": edge, "maxItems": most_edges}, "instruction": text},
            "required": ["edges", "instruction"],
            "additionalProperties": False,
        }
    )


def read_proposal(text: str, nodes: Sequence[str]) -> RawProposal:
    """Read edges and instruction, whatever the model made of the form.

    JSON, lines with arrows, and pairs in brackets are understood, with words around them and names in another case.

    Parameters
    ----------
    text : str
        The reply.
    nodes : sequence of str
        Names of the columns.

    Returns
    -------
    RawProposal
        Names that are none of the columns stand as they are.
    """
    names = {normal(node): node for node in nodes} | {normal(csv_text(node)): node for node in nodes}
    names |= {node: node for node in nodes}
    document = _document(text)
    edges: list[Edge] | None = None
    misread: tuple[str, ...] = ()
    if document is not None:
        if isinstance(document.get("edges"), list):
            edges = [edge for part in document["edges"] for edge in _listed(part, names)]
        instruction = document.get("instruction")
        instruction = instruction if isinstance(instruction, str) else ""
    else:
        head, instruction = _parts(text)
        edges = [edge for line in head.splitlines() for edge in _edges(line, names)]
        heading = _EDGES.search(head)
        if not edges and not (heading and _NO_EDGES.fullmatch(head, heading.end())):
            edges = None
            if heading:
                misread = ("what the optimizer's reply says of edges was not understood",)
    short, notes = _shortened(" ".join(instruction.split()))
    return RawProposal(edges, short, misread + notes)


def _parts(text: str) -> tuple[str, str]:
    """What a reply says of edges, before its instruction or behind it, and the instruction."""
    match = _INSTRUCTION.search(text)
    if match is None:
        return text, ""
    edges = _EDGES.search(match[1])
    end = edges.start() if edges else len(match[1])
    return f"{text[: match.start()]}\n{match[1][end:]}", match[1][:end]


def _document(text: str) -> dict[str, Any] | None:
    """The JSON object of a reply, if it is about edges or an instruction."""
    inside = text[text.find("{") : text.rfind("}") + 1]
    # As it stands, then without the backslashes that escape nothing.
    for said in (inside, _ESCAPE.sub(lambda match: match[0] if match[1] else "", inside)):
        try:
            document = json.loads(said, strict=False)
        except (ValueError, RecursionError):  # the latter where brackets are nested too deeply
            continue
        return document if isinstance(document, dict) and {"edges", "instruction"} & document.keys() else None
    return None


def _listed(part: Any, names: dict[str, str]) -> list[Edge]:
    """Edges in an entry of a JSON reply; what is none has an empty end."""
    if isinstance(part, str):
        return list(_edges(part, names)) or [(part, "")]
    ends = [part.get("cause"), part.get("effect")] if isinstance(part, dict) else part
    if not isinstance(ends, list) or len(ends) != 2:
        return [(str(part), "")]
    return [(_known(str(ends[0]), names), _known(str(ends[1]), names))]


def _edges(line: str, names: dict[str, str]) -> Iterator[Edge]:
    """Edges in a line with arrows, in brackets, or in JSON that was cut off."""
    for pair in _CUT_PAIR.finditer(line):
        yield _known(unescape(pair[1]), names), _known(unescape(pair[2]), names)
    line = _BULLET.sub("", line)
    if len(line) > LONGEST_LINE or not (_ARROW.search(line) or _BACKWARD.search(line)):
        yield from _pairs(line, names)
        return
    for sign, forward in ((_ARROW, True), (_BACKWARD, False)):
        for arrow in sign.finditer(line):  # a name may hold one
            one, others = _known(line[: arrow.start()], names), _several(line[arrow.end() :], names)
            if {one, *others} <= set(names.values()):
                yield from ((one, other) if forward else (other, one) for other in others)
                return
    yield from pairwise(_known(part, names) for part in _ARROW.split(line))


def _pairs(line: str, names: dict[str, str]) -> Iterator[Edge]:
    """Edges in brackets: of names in quotes, or of known names without."""
    for pair in _PAIR.finditer(line):
        yield _known(pair[2], names), _known(pair[4], names)
    for pair in _BARE_PAIR.finditer(line):
        ends = _known(pair[1], names), _known(pair[2], names)
        if set(ends) <= set(names.values()):
            yield ends


def _several(text: str, names: dict[str, str]) -> list[str]:
    """The column that a text means, or the columns in a list; what is said behind them does not count."""
    for said in (text, re.split(r"\s\(|: ", text, maxsplit=1)[0]):
        whole = _known(said, names)
        if whole in names.values():
            return [whole]
        parts = [_known(part, names) for part in re.split(r",|\band\b|&", said) if part.strip()]
        if parts and set(parts) <= set(names.values()):
            return parts
    return [_known(text, names)]


def _known(name: str, names: dict[str, str]) -> str:
    """The column that a name means, or the name."""
    name = name.strip()
    bare = name.strip("`*()[],;. ")
    inside = bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'" else bare
    forms = [form for text in (name, bare, inside) for form in (text, normal(text))]
    return next((names[form] for form in forms if form in names), inside)


def _shortened(instruction: str) -> tuple[str, tuple[str, ...]]:
    """An instruction of bounded length, cut behind a sentence or a word."""
    instruction = one_line(instruction)
    if len(instruction) <= LONGEST_INSTRUCTION:
        return instruction, ()
    cut = instruction[:LONGEST_INSTRUCTION]
    end = max(cut.rfind(". ") + 1, 0) or cut.rfind(" ")
    kept = cut[:end].rstrip() if end > 0 else cut
    return kept, (f"the optimizer's instruction of {len(instruction)} characters was cut",)
