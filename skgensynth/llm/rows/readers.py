"""Rows in a language model's reply, whatever stands around them and however well they are formed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from skgensynth.llm.rows.cells import Cell
from skgensynth.sampling import CUT_OFF

__all__ = ["RawObject", "csv_lines", "json_objects"]

# No pattern here tries a text in two ways, and none goes on behind the end of a line in search of a quote: the time
# that a reply takes grows with its length alone.
_STRING = r"""(?:"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')"""
_WORD = r"""(?:[^\s{}\[\],:"'\\][^\n{}\[\],:"\\]*+)"""
_MEMBER = re.compile(rf"\s*+({_STRING}|{_WORD})\s*+:\s*+({_STRING}|{_WORD})\s*+(?=[,}}]|\Z)")
_BETWEEN = re.compile(r"[\s,]*+(\}?)")
_NULLS = frozenset({"None", "NaN", "nan", "undefined"})
_CELL = re.compile(r"""[ \t]*+(?:("(?:[^"\\]|\\.|"")*+"|'(?:[^'\\]|\\.|'')*+')[ \t]*+(?=,|\Z)|([^,]*+))(,|\Z)""")
_LONGEST_TEXT = 1000  # characters of a row that is shown in a message


class RawObject(NamedTuple):
    """A JSON object of a reply: names and cells, why it ended early if it did ("" if not), and its text."""

    members: list[tuple[str, Cell]]
    problem: str
    text: str


def json_objects(text: str) -> Iterator[RawObject]:
    """The objects without objects inside them, wherever they stand in a text.

    Parameters
    ----------
    text : str
        A reply: JSON, JSON lines, Python literals, or something near to these.

    Yields
    ------
    RawObject
        Each object that has at least one member.
    """
    last_brace = text.rfind("}")
    start = text.find("{")
    while start >= 0:
        members: list[tuple[str, Cell]] = []
        position, closed, problem = start + 1, False, ""
        while not closed and not problem:
            between = _BETWEEN.match(text, position)
            assert between is not None
            position, closed = between.end(), bool(between[1])
            member = None if closed else _MEMBER.match(text, position)
            if member is not None:
                members.append((_name(member[1]), _value(member[2])))
                position = member.end()
            elif not closed:
                problem = CUT_OFF if position > last_brace else "the row is not well formed"
        if members:
            yield RawObject(members, problem, text[start : min(position, start + _LONGEST_TEXT)])
        start = text.find("{", position)


def csv_lines(text: str, max_cells: int) -> Iterator[tuple[list[Cell], str]]:
    """The lines of a text, taken apart at their commas.

    Parameters
    ----------
    text : str
        A reply.
    max_cells : int
        Cells behind these on a line are left out.

    Yields
    ------
    cells : list of Cell
        At least one. Quotes may be written twice or behind a backslash; both readings are given.
    line : str
        The line.
    """
    for line in text.split("\n"):
        line = line.strip()
        if line and not line.startswith("```"):
            yield _cells(line, max_cells), line[:_LONGEST_TEXT]


def _cells(line: str, max_cells: int) -> list[Cell]:
    cells: list[Cell] = []
    position, more = 0, True
    while more and len(cells) < max_cells:
        match = _CELL.match(line, position)
        assert match is not None  # whatever is not quoted well is taken as it stands
        quoted, plain, comma = match.groups()
        cells.append(Cell((plain.strip(),), False) if quoted is None else _quoted(quoted))
        position, more = match.end(), bool(comma)
    return cells


def _quoted(text: str) -> Cell:
    """A cell in quotes: as a JSON string, and with doubled quotes and backslashes that are themselves."""
    mark, inner = text[0], text[1:-1]
    readings = [unescape(text)] if 2 * mark not in inner else []
    readings.append(inner.replace(2 * mark, mark))
    if mark == "'":
        readings.append(text)  # apostrophes of its own
    return Cell(tuple(dict.fromkeys(readings)), True)


def _name(text: str) -> str:
    return unescape(text) if text[0] in "\"'" else text.strip()


def _value(text: str) -> Cell:
    if text[0] in "\"'":
        return Cell((unescape(text),), True)
    text = text.strip()
    return Cell(("null" if text in _NULLS else text,), False)


def unescape(text: str) -> str:
    """The content of a string in double or single quotes."""
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    if text[0] == "'":
        inner = inner.replace("\\'", "'")
        inner = re.sub(r'\\.|"', lambda match: '\\"' if match[0] == '"' else match[0], inner)
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:  # an escape that JSON does not have
        return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)
