"""How the values of a column are written in a reply, and read back from what a language model made of them."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from skgensynth.columns import Column
from skgensynth.conditions import Allowed

__all__ = [
    "MISSING_WORDS",
    "Cell",
    "Cells",
    "Intervals",
    "LevelCells",
    "Listed",
    "Patterned",
    "Unreadable",
    "Written",
    "csv_text",
    "is_number",
    "normal",
    "put_inside",
    "quote",
]

Intervals: TypeAlias = Sequence[tuple[float, float]]

# What models write for a missing value where no level is called so.
MISSING_WORDS = frozenset({"", "none", "null", "nan", "na", "n/a", "nat", "<na>", "missing"})
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 400  # characters; the largest double has 309 digits
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_PLAIN_CELL = re.compile(r"(?:[-+<>]=?|\w)[\w.+\-/()%:<>=&]*(?: [\w.+\-/()%:<>=&]+){0,2}")
_INVISIBLE = "\u200b"  # stands inside what a chat template takes for a marker
_JOINERS = "\u200c\u200d"  # parts of words in some scripts, and of emoji


class Cell(NamedTuple):
    """One cell of a reply: the ways to read its text, the likeliest first, and whether it was quoted."""

    texts: tuple[str, ...]
    quoted: bool


class Written(NamedTuple):
    """What was read from a cell: the encoded value, and the unit that stood behind it, if any."""

    value: float
    unit: str = ""


class Listed(NamedTuple):
    """All texts that may be written in a column."""

    texts: list[str]


class Patterned(NamedTuple):
    """Pattern of the texts that may be written in a column, and JSON schema of their values."""

    pattern: str
    schema: dict[str, Any]


class Unreadable(ValueError):
    """A cell holds no value of its column; the message says why, in words that fit behind the column's name."""


class Cells(Protocol):
    """One column's values as text. ``bare`` tells whether JSON has them without quotes."""

    bare: bool

    def texts(self, values: np.ndarray) -> list[str]:
        """Text of each encoded value, none of them missing."""
        ...

    def read(self, cell: Cell, repair: bool) -> Written:
        """The value in a cell that is not missing, or Unreadable."""
        ...

    def form(self) -> Listed | Patterned:
        """What may be written, missing values apart."""
        ...


class LevelCells:
    """Values of a categorical column.

    Parameters
    ----------
    column : Column
        The column.
    allowed : Allowed or None
        Condition on it.
    as_json : bool
        Whether numbers and truth values are written as JSON has them.
    """

    def __init__(self, column: Column, allowed: Allowed | None, as_json: bool) -> None:
        levels = column.levels
        boolean = bool(levels) and all(isinstance(level, bool) for level in levels)
        self._texts = _distinct_texts(column)
        numeric = not boolean and all(isinstance(level, (int, float)) for level in levels)
        numeric = numeric and all(_JSON_NUMBER.fullmatch(text) for text in self._texts)
        if boolean and as_json:
            self._texts = [text.lower() for text in self._texts]
        self.bare = as_json and (boolean or numeric)
        self._codes = {text: code for code, text in enumerate(self._texts)}
        self._numbers = {Decimal(text): code for code, text in enumerate(self._texts)} if numeric else {}
        self._similar = _unique({code: normal(text) for code, text in enumerate(self._texts)})
        self._boolean = boolean
        self._allowed = np.ones(len(levels), dtype=bool) if allowed is None or allowed.codes is None else allowed.codes
        observed = self._allowed & (np.asarray(column.counts, dtype=np.int64) > 0)
        # A condition may ask for a level that no row of the table had.
        wanted = observed if observed.any() or allowed is None or allowed.missing else self._allowed
        self._choices = [self._texts[code] for code in np.flatnonzero(wanted)]

    def texts(self, values: np.ndarray) -> list[str]:
        """See `Cells.texts`."""
        return [self._texts[int(code)] for code in values]

    def read(self, cell: Cell, repair: bool) -> Written:
        """See `Cells.read`."""
        code = next((self._codes[text] for text in cell.texts if text in self._codes), None)
        if code is None:
            code = self._code_of(cell.texts[0], repair)
        if code is None:
            raise Unreadable("is none of its values")
        if not self._allowed[code]:
            raise Unreadable("does not meet the conditions")
        return Written(float(code))

    def _code_of(self, text: str, repair: bool) -> int | None:
        """Code of a level that is written differently."""
        if self._numbers and is_number(text):
            return self._numbers.get(Decimal(text))
        if _INVISIBLE in text:
            text = text.replace(_INVISIBLE, "")
            if text in self._codes:
                return self._codes[text]
        return self._similar.get(normal(text)) if repair or self._boolean else None

    def form(self) -> Listed:
        """See `Cells.form`."""
        return Listed(self._choices)


def is_number(text: str) -> bool:
    """Whether a text is a plain number, of no more digits than a double may have."""
    return len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text) is not None


def put_inside(value: float, intervals: Intervals, repair: bool) -> float:
    """The value if it is in one of some closed intervals, the nearest that is if it may be repaired, or Unreadable."""
    if any(low <= value <= high for low, high in intervals):
        return value
    if not repair or not intervals or not math.isfinite(value):
        raise Unreadable("is out of range")
    inside = [min(max(value, low), high) for low, high in intervals]
    return min(inside, key=lambda candidate: abs(candidate - value))


def normal(text: str) -> str:
    """A text without case and without differences in white space."""
    return " ".join(text.replace(_INVISIBLE, "").split()).casefold()


def quote(text: str) -> str:
    """A text as a JSON string on one line, in which nothing is invisible or changes the direction of writing."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if quoted.isascii() and quoted.isprintable() else "".join(map(_visible, quoted))


def csv_text(text: str) -> str:
    """A text as a cell: as it is where it is plain and short, else as a JSON string."""
    return text if _PLAIN_CELL.fullmatch(text) and normal(text) not in MISSING_WORDS else quote(text)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if character in _JOINERS or not (category.startswith("C") or category in ("Zl", "Zp")):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _distinct_texts(column: Column) -> list[str]:
    """Texts of the levels; strings are their own."""
    if all(isinstance(level, str) for level in column.levels):
        return list(column.levels)
    taken, texts = set(column.texts), []
    for text in column.texts:
        if text in texts:
            text = next(new for n in count(2) if (new := f"{text} ({n})") not in taken)
            taken.add(text)
        texts.append(text)
    return texts


def _unique(texts: dict[int, str]) -> dict[str, int]:
    """Code of each text that only one level has."""
    counts: dict[str, int] = {}
    for text in texts.values():
        counts[text] = counts.get(text, 0) + 1
    return {text: code for code, text in texts.items() if counts[text] == 1}
