"""The words of a sentence: names and values as they are written, and a sentence taken apart into words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from skgensynth.exceptions import ConstraintError

__all__ = ["KEYWORDS", "Word", "is_number_text", "listed", "name_text", "split_words", "value_text"]

_LINKS = ("and", "determines", "gives", "has", "if", "nor", "or", "then", "usually")
KEYWORDS = frozenset((*_LINKS, "between", "is", "missing", "neither", "not"))

_NAME = r"[^\W\d][\w.%()/\-]*"
_NUMBER = r"[-+]?\.?\d(?:[\w.+\-]|:(?=\d))*"
_BARE_NAME = re.compile(_NAME)
_BARE_NUMBER = re.compile(_NUMBER)
_BARE_VALUE = re.compile(f"{_NAME}|{_NUMBER}")
_WORD = re.compile(
    rf"\s*(?:`(?P<quoted>(?:[^`]|``)*)`|(?P<number>{_NUMBER})|(?P<name>{_NAME})|(?P<sign><=|>=|[<>=+,:])|(?P<bad>\S))"
)


@dataclass(frozen=True)
class Word:
    """One word of a sentence.

    Attributes
    ----------
    text : str
        The word, without its quotes.
    sort : {"name", "number", "quoted", "sign"}
        What it looks like.
    place : int
        Where it starts.
    """

    text: str
    sort: str
    place: int

    @property
    def keyword(self) -> str:
        """The keyword or sign that it is, in lower case; empty for a name, number or value."""
        if self.sort == "sign":
            return self.text
        return self.text.lower() if self.sort == "name" and self.text.lower() in KEYWORDS else ""


def split_words(sentence: str) -> list[Word]:
    """Take a sentence apart.

    Parameters
    ----------
    sentence : str
        Names, values, keywords and signs; anything in backquotes is one name or value, a backquote in it doubled.

    Returns
    -------
    list of Word
        Its words.

    Raises
    ------
    ConstraintError
        If a character belongs to no word.
    """
    words = []
    place, end = 0, len(sentence.rstrip())
    while place < end:
        found = _WORD.match(sentence, place)
        assert found is not None  # the last alternative takes any character
        assert found.lastgroup is not None
        text, sort, start = found[found.lastgroup], found.lastgroup, found.start(found.lastgroup)
        if sort == "bad":
            what = "a backquote is not closed" if text == "`" else f"{text!r} cannot stand by itself"
            raise ConstraintError(
                f"cannot read {sentence!r}: {what} at place {start}; put names and values with blanks, commas or "
                "signs in backquotes"
            )
        words.append(Word(text.replace("``", "`") if sort == "quoted" else text, sort, start))
        place = found.end()
    return words


def is_number_text(text: str) -> bool:
    """Whether a text looks like a number or time, as bounds must."""
    return _BARE_NUMBER.fullmatch(text) is not None


def name_text(name: str) -> str:
    """Write a column's name: bare where it is one word, else in backquotes."""
    return name if _BARE_NAME.fullmatch(name) and name.lower() not in KEYWORDS else _quoted(name)


def value_text(value: str) -> str:
    """Write a value: bare where it is one word or a number, else in backquotes."""
    return value if _BARE_VALUE.fullmatch(value) and value.lower() not in KEYWORDS else _quoted(value)


def listed(texts: list[str], last: str) -> str:
    """Join texts by commas, the last two by a word."""
    return f" {last} ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _quoted(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"
