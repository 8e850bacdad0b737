"""Stand-ins for language models, which do what their prompt says.

`SCRIPTED` writes rows at random, as the prompt describes the columns, and proposes causes at random; `AsiaModel` makes
rows of the Asia network by the graph that it is told. `cut` ends replies at their limit.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

import numpy as np
import pandas as pd

from common.asia import draw_row
from skgensynth.llm import CallableModel, Reply

_CELL = re.compile(r'"(?:[^"\\]|\\.)*"|[^,]+')
_NAME = r'(?:"(?:[^"\\]|\\.)*"|[^":\n]*?)'
_TOKEN = re.compile(r"[^\W\d_]{1,4}|.", re.DOTALL)
_NOUN = re.compile(r"^(whole number|number with at most \d+ decimals?,|number|time|duration) ")
MISSING_RATE = 0.2


def read_columns(prompt):
    """What the prompt says of each column: whether it may be missing, its noun, and its values."""
    return _columns(_section(prompt))


def _section(prompt):
    return prompt.split("The columns of the table:\n")[1].split("\n\n")[0]


@lru_cache(maxsize=64)
def _columns(section):
    return [_read_column(line) for line in section.splitlines()]


def write_rows(request):
    """Answer a request for rows, in CSV or JSON, or for a better process."""
    prompt = request.messages[-1].content
    rng = np.random.default_rng(request.seed)
    if "Write a description" in prompt:
        return write_process(prompt, rng)
    columns = narrowed(read_columns(prompt), prompt)
    n_rows = int(re.search(r"Write (\d+) new rows?", prompt)[1])
    if "as a JSON array" not in prompt:
        return "".join(",".join(_cell(column, len(columns), rng) for column in columns) + "\n" for _ in range(n_rows))
    keys = json.loads("[" + re.search(r"with the members (.*?), in this order", prompt)[1] + "]")
    rows = [[_json_cell(column, rng) for column in columns] for _ in range(n_rows)]
    texts = [",".join(f"{json.dumps(key)}:{cell}" for key, cell in zip(keys, row, strict=True)) for row in rows]
    return "[" + ",".join(f"{{{text}}}" for text in texts) + "]"


def write_process(prompt, rng):
    """Propose some edges between columns, which may be none."""
    names = re.search(r"The columns are (.*)\. No column", prompt)[1]
    names = [name.strip() for name in _CELL.findall(names)]
    edges = [" -> ".join(rng.choice(names, 2)) for _ in range(min(len(names), 4))]
    return "\n".join(["edges:", *edges, f"instruction: Take care of {names[0]}, for the {rng.integers(100)}th time."])


def cut(text, max_tokens):
    """A reply by a tokenizer with a token for each character that is no letter, which stops at its limit."""
    tokens = _TOKEN.findall(text)
    reason = "stop" if len(tokens) <= max_tokens else "length"
    return Reply("".join(tokens[:max_tokens]), reason, 1, min(len(tokens), max_tokens))


class AsiaModel:
    """Makes rows of the Asia network by the graph in the prompt, and proposes what it is told to.

    ``answer`` gets the optimizer's prompt and how often it was asked before.
    """

    name, is_local, context_length = "asia", True, None
    supports = frozenset()

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.n_proposals = 0

    def count_tokens(self, text):
        return len(text.split())

    def generate(self, requests):
        for index, request in enumerate(requests):
            self.requests.append(request)
            prompt = request.messages[-1].content
            if "Write a description" in prompt:
                text = self.answer(prompt, self.n_proposals)
                self.n_proposals += 1
            else:
                text = self._rows(prompt, np.random.default_rng(request.seed))
            n_prompt = sum(self.count_tokens(message.content) for message in request.messages)
            yield index, Reply(text, "stop", n_prompt, self.count_tokens(text))

    def _rows(self, prompt, rng):
        n_rows = int(re.search(r"Write (\d+) new rows?", prompt)[1])
        arrows = re.findall(r"^(\w+) <- (.*)$", prompt, re.MULTILINE)
        parents = {child: causes.split(", ") for child, causes in arrows}
        return json.dumps([draw_row(rng, parents) for _ in range(n_rows)], separators=(",", ":"))

    def __deepcopy__(self, memo):
        return self


SCRIPTED = CallableModel(write_rows, is_local=True)


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


def _json_cell(column, rng):
    cell = _cell(column, 1, rng)
    return cell if cell == "null" or column[1] not in ("time", "duration", "value") else json.dumps(cell)


def _time(kind, low, high, rng):
    """A time between two, whole hours or days after the first."""
    read = pd.Timestamp if kind == "time" else pd.Timedelta
    step = pd.Timedelta(1, "h" if kind == "duration" else "D")
    found = read(low) + step * int(rng.integers((read(high) - read(low)) // step + 1))
    return str(found)
