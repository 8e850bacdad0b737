"""What a reply of rows has to look like: a grammar that is exact, and a JSON schema that is nearly so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from skgensynth.llm.base import JsonSchema, LarkGrammar
from skgensynth.llm.rows.cells import Cells, Patterned, csv_text, quote
from skgensynth.llm.rows.patterns import literal, one_of

__all__ = ["RowPattern", "cell_pattern", "cell_schema", "csv_grammar", "json_grammar", "json_schema"]


def cell_pattern(cells: Cells, missing: str | None, as_json: bool) -> str:
    """Pattern of a column's cells.

    Parameters
    ----------
    cells : Cells
        The column.
    missing : str or None
        How a missing value is written; None where there may be none.
    as_json : bool
        Whether texts are quoted as JSON has them.

    Returns
    -------
    str
        The pattern; "" if nothing can be written, or nothing but an empty cell.
    """
    form = cells.form()
    if isinstance(form, Patterned):
        mark = literal('"') if as_json and not cells.bare else ""
        options = [mark + form.pattern + mark]
    elif as_json:
        options = [literal(text if cells.bare else quote(text)) for text in form.texts]
    else:
        options = [literal(csv_text(text)) for text in form.texts]
    return one_of([*options, *([literal(missing)] if missing else [])])


def cell_schema(cells: Cells, missing: bool) -> dict[str, Any]:
    """JSON schema of a column's cells."""
    form = cells.form()
    if isinstance(form, Patterned):
        return {"anyOf": [*form.schema.get("anyOf", [form.schema]), {"type": "null"}]} if missing else form.schema
    values: list[Any] = [json.loads(text) for text in form.texts] if cells.bare else list(form.texts)
    return {"enum": [*values, *([None] if missing else [])]}


class RowPattern(NamedTuple):
    """What one row may be.

    Attributes
    ----------
    cells : tuple of str
        What each cell may be.
    optional : tuple of bool
        Which cells may be empty; used in CSV only.
    """

    cells: tuple[str, ...]
    optional: tuple[bool, ...]


class _Text(NamedTuple):
    """What stands in every reply, as a grammar writes it."""

    written: str


class _Terminal(NamedTuple):
    """A cell of a column, as one of the grammar's terminals."""

    column: int
    pattern: str
    may_be_empty: bool


_Part: TypeAlias = _Text | _Terminal


def csv_grammar(rows: Sequence[RowPattern], least: int, most: int) -> LarkGrammar:
    """Lines of cells.

    Parameters
    ----------
    rows : sequence of RowPattern
        One for all rows, or one for each.
    least, most : int
        Number of lines.

    Returns
    -------
    LarkGrammar
        Each line ends with a line break.
    """
    bodies = []
    for row in rows:
        body: list[_Part] = []
        for j, (pattern, may_be_empty) in enumerate(zip(*row, strict=True)):
            body += [_Text('","')] * bool(j) + [_Terminal(j, pattern, may_be_empty)] * bool(pattern)
        bodies.append([*body, _Text('"\\n"')])
    names = _row_names(bodies)
    start = f"{names[0]}{{{least},{most}}}" if len(names) == 1 else " ".join(names)
    return _grammar(start, names, bodies)


def json_grammar(names: Sequence[str], rows: Sequence[RowPattern], least: int, most: int) -> LarkGrammar:
    """An array of objects without spaces between its parts.

    Parameters
    ----------
    names : sequence of str
        The members of each object, in their order.
    rows : sequence of RowPattern
        One for all rows, or one for each.
    least, most : int
        Number of objects.

    Returns
    -------
    LarkGrammar
        The array is closed.
    """
    bodies = []
    for row in rows:
        body: list[_Part] = []
        for j, (name, pattern) in enumerate(zip(names, row.cells, strict=True)):
            body += [_Text(f"/{literal((',' if j else '{') + quote(name) + ':')}/"), _Terminal(j, pattern, False)]
        bodies.append([*body, _Text('"}"')])
    rules = _row_names(bodies)
    if len(rules) == 1:
        between = f'{rules[0]} ("," {rules[0]}){{{least - 1},{most - 1}}}' if most > 1 else rules[0]
    else:
        between = ' "," '.join(rules)
    return _grammar(f'"[" {between} "]"', rules, bodies)


def json_schema(names: Sequence[str], cells: Sequence[dict[str, Any]], least: int, most: int) -> JsonSchema:
    """Schema of an array of objects.

    Parameters
    ----------
    names : sequence of str
        The members of each object, in their order; all are required.
    cells : sequence of dict
        The schema of each member.
    least, most : int
        Number of objects.

    Returns
    -------
    JsonSchema
        No other members are allowed.
    """
    row = {
        "type": "object",
        "properties": dict(zip(names, cells, strict=True)),
        "required": list(names),
        "additionalProperties": False,
    }
    return JsonSchema({"type": "array", "items": row, "minItems": least, "maxItems": most})


def _row_names(bodies: Sequence[Sequence[_Part]]) -> list[str]:
    return ["row"] if len(bodies) == 1 else [f"row_{i}" for i in range(len(bodies))]


def _grammar(start: str, names: Sequence[str], bodies: Sequence[Sequence[_Part]]) -> LarkGrammar:
    """A grammar with a terminal for each column, and further ones where a column is not the same in all rows."""
    terminals: dict[tuple[int, str], str] = {}
    rules = []
    for i, (name, body) in enumerate(zip(names, bodies, strict=True)):
        words = []
        for part in body:
            if isinstance(part, _Text):
                words.append(part.written)
                continue
            terminal = terminals.setdefault((part.column, part.pattern), f"C{part.column}" + f"_{i}" * bool(i))
            words.append(terminal + "?" * part.may_be_empty)
        rules.append(f"{name}: {' '.join(words)}")
    lines = [f"{terminal}: /{pattern}/" for (_, pattern), terminal in terminals.items()]
    return LarkGrammar("\n".join([f"start: {start}", *rules, *lines]) + "\n")
