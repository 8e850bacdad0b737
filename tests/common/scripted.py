"""A stand-in for a language model: it reads the prompt and writes rows at random, as the prompt describes them."""

from __future__ import annotations

import json
import re
from functools import lru_cache

import numpy as np
import pandas as pd

from skgensynth.llm import CallableModel

_CELL = re.compile(r'"(?:[^"\\]|\\.)*"|[^,]+')
_NAME = r'(?:"(?:[^"\\]|\\.)*"|[^":\n]*?)'
_NOUN = re.compile(r"^(whole number|number with at most \d+ decimals?,|number|time|duration) ")
MISSING_RATE = 0.2


def read_columns(prompt):
    """What the prompt says of each column: whether it may be missing, its noun, and its values."""
    section = prompt.split("The columns of the table:\n")[1].split("\n\n")[0]
    return [_read_column(line) for line in section.splitlines()]


def write_rows(request):
    """Answer a request for CSV rows."""
    columns, n_rows = _read_prompt(request.messages[-1].content)
    rng = np.random.default_rng(request.seed)
    return "".join(",".join(_cell(column, len(columns), rng) for column in columns) + "\n" for _ in range(n_rows))


SCRIPTED = CallableModel(write_rows, is_local=True)


@lru_cache(maxsize=64)
def _read_prompt(prompt):
    return narrowed(read_columns(prompt), prompt), int(re.search(r"Write (\d+) new rows?", prompt)[1])


def narrowed(columns, prompt):
    """The columns with the classes that a condition leaves: the target's line names all of them."""
    target = re.search(rf"^- ({_NAME}) \(the target\): ", prompt, re.MULTILINE)
    wanted = re.search(r"^In every new row, (.*)\.$", prompt, re.MULTILINE)
    if target is None or wanted is None or columns[-1][1] != "level":
        return columns
    names = "|".join(map(re.escape, re.findall(rf"^- ({_NAME})(?: \(the target\))?: ", prompt, re.MULTILINE)))
    pieces = re.split(rf"(?:^| and )({names}) is ", wanted[1])
    told = dict(zip(pieces[1::2], pieces[2::2], strict=True)).get(target[1])
    return columns if told is None else [*columns[:-1], _read_values(False, "level", told)]


def _read_column(line):
    what = re.sub(rf"^- {_NAME}(?: \(the target\))?: ", "", line)
    what, _, missing = what.partition("; may be missing")
    noun = _NOUN.match(what)
    kind = noun[1] if noun else "level"
    what = _NOUN.sub("", what)
    assert not missing
    return _read_values(line.endswith("; may be missing"), kind, what)


def _read_values(may_miss, kind, what):
    if what.startswith("from "):
        return may_miss, kind, [tuple(part.split(" to ")) for part in what.removeprefix("from ").split(" or from ")]
    what = re.sub(r" and \d+ more$", "", what.removeprefix("one of "))
    texts = [] if what == "always missing" else [cell.strip() for cell in _CELL.findall(what)]
    return may_miss, "level", texts


def _cell(column, n_columns, rng):
    may_miss, kind, values = column
    if not values or (may_miss and rng.random() < MISSING_RATE):
        return "null" if n_columns == 1 else ""
    chosen = values[rng.integers(len(values))]
    if kind == "level":
        return chosen
    if kind in ("time", "duration"):
        return _time(kind, *(json.loads(end) if end.startswith('"') else end for end in chosen), rng)
    low, high = map(float, chosen)
    if kind == "whole number":
        return str(rng.integers(int(low), int(high) + 1))
    number = rng.uniform(low, high)
    if kind == "number":
        return f"{min(max(float(f'{number:.6g}'), low), high)!r}"
    return f"{number:.{re.search(r'[0-9]+', kind)[0]}f}"


def _time(kind, low, high, rng):
    """A time between two, whole hours or days after the first."""
    read = pd.Timestamp if kind == "time" else pd.Timedelta
    step = pd.Timedelta(1, "h" if kind == "duration" else "D")
    found = read(low) + step * int(rng.integers((read(high) - read(low)) // step + 1))
    return str(found)
