"""What a reply of rows has to look like: a grammar that is exact, and a JSON schema that is nearly so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from skgensynth.llm.base import JsonSchema, LarkGrammar
from skgensynth.llm.rows.cells import Cells, Patterned, csv_text, quote
from skgensynth.llm.rows.patterns import literal, one_of

__all__ = ["cell_pattern", "cell_schema", "csv_grammar", "json_grammar", "json_schema"]


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


def csv_grammar(patterns: Sequence[str], optional: Sequence[bool], least: int, most: int) -> LarkGrammar:
    """Lines of cells.

    Parameters
    ----------
    patterns : sequence of str
        What each cell may be.
    optional : sequence of bool
        Which cells may be empty.
    least, most : int
        Number of lines.

    Returns
    -------
    LarkGrammar
        Each line ends with a line break.
    """
    parts = []
    for j, (pattern, may_be_empty) in enumerate(zip(patterns, optional, strict=True)):
        parts += ['","'] * bool(j) + [f"C{j}" + "?" * may_be_empty] * bool(pattern)
    return _grammar(f"start: row{{{least},{most}}}", [*parts, '"\\n"'], patterns)


def json_grammar(names: Sequence[str], patterns: Sequence[str], least: int, most: int) -> LarkGrammar:
    """An array of objects without spaces between its parts.

    Parameters
    ----------
    names : sequence of str
        The members of each object, in their order.
    patterns : sequence of str
        What each member may be.
    least, most : int
        Number of objects.

    Returns
    -------
    LarkGrammar
        The array is closed.
    """
    parts = []
    for j, name in enumerate(names):
        parts += [f"/{literal((',' if j else '{') + quote(name) + ':')}/", f"C{j}"]
    more = f' ("," row){{{least - 1},{most - 1}}}' if most > 1 else ""
    return _grammar(f'start: "[" row{more} "]"', [*parts, '"}"'], patterns)


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


def _grammar(start: str, row: Sequence[str], patterns: Sequence[str]) -> LarkGrammar:
    """A grammar with a terminal for each column, so that a column looks the same in all rows."""
    terminals = [f"C{j}: /{pattern}/" for j, pattern in enumerate(patterns) if pattern]
    return LarkGrammar("\n".join([start, "row: " + " ".join(row), *terminals]) + "\n")
