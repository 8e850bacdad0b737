"""Constraints read from the sentences that they print."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from skgensynth.constraints.base import Constraint
from skgensynth.constraints.items import COMPARISONS, Item
from skgensynth.constraints.rules import Decimals, Dependency, Domain, Implication, Order, Sum
from skgensynth.constraints.view import TableView
from skgensynth.constraints.words import Word, split_words
from skgensynth.exceptions import ConstraintError
from skgensynth.schema import TableSchema

__all__ = ["parse_constraint", "verify_constraint"]


def parse_constraint(sentence: str, columns: Any = None, *, soft: bool = False) -> Constraint:
    """Read a constraint as a person writes it: "if bilirubin > 10 then stage is 3 or 4".

    The forms are those that constraints print (ours):

    ===============================================  ===========================================================
    sentence                                         meaning
    ===============================================  ===========================================================
    ``if ITEM and ITEM then ITEM or ITEM``           implication; any number of items on each side
    ``ITEM``                                         holds for every row
    ``a <= b``, ``a < b``                            order of two columns
    ``a + b = c``, ``a = c``                         sum of columns, equal columns
    ``a determines b: x gives y, u gives v``         functional dependency; without pairs, within the table at hand
    ``a is a whole number``                          no decimals
    ``a has at most 2 decimals``                     no more than these
    ``usually ...``                                  any of these as a soft constraint
    ===============================================  ===========================================================

    An item is ``age < 18`` (or ``<=``, ``>``, ``>=``), ``age is between 18 and 65`` (both included), ``stage is 3 or
    4``, ``stage is not 1``, ``stage is neither 1 nor 2``, ``bmi is missing`` or ``bmi is not missing``. Names and
    values that are no single word, or are one of the words of this grammar, stand in backquotes, a backquote in them
    doubled: ```blood pressure` > 140``. After a sign, a number or time is a value, anything else a column.

    Parameters
    ----------
    sentence : str
        The sentence. Case matters in names and values only.
    columns : DataFrame, array, TableSchema or iterable of str, default=None
        The table that the constraint is for, its schema, or its columns' names: names and, but for the last, values are
        checked against it.
    soft : bool, default=False
        Whether rows may break it, even if the sentence does not say "usually".

    Returns
    -------
    Constraint
        Its sentence is the one given, but for spacing and the case of keywords.

    Raises
    ------
    ConstraintError
        If the sentence has another form, or names a column or level that is not there; says what is allowed.

    Examples
    --------
    >>> from skgensynth.constraints import parse_constraint
    >>> rule = parse_constraint("if bilirubin > 10 then stage is 3 or 4", ["bilirubin", "stage"])
    >>> rule.columns
    ('bilirubin', 'stage')
    >>> print(parse_constraint("USUALLY `heart rate` < 100"))
    usually `heart rate` < 100
    """
    constraint = _Reader(sentence).constraint()
    if soft:
        constraint = replace(constraint, soft=True)
    if columns is not None:
        verify_constraint(constraint, columns)
    return constraint


def verify_constraint(constraint: Constraint, columns: Any) -> None:
    """Check a constraint against what is known about a table."""
    try:
        if isinstance(columns, (pd.DataFrame, np.ndarray)):
            columns = TableView(columns)
        elif isinstance(columns, TableSchema):
            columns = TableView.of_schema(columns)
        if isinstance(columns, TableView):
            constraint.verify(columns)
            return
        names = [columns] if isinstance(columns, str) else [str(name) for name in columns]
        for name in constraint.columns:
            if name not in names:
                raise ConstraintError(f"there is no column {name!r}; columns are {', '.join(names)}")
    except ConstraintError as error:
        raise ConstraintError(f"{str(constraint)!r} cannot be used: {error}") from error


class _Reader:
    """Reads one sentence from left to right."""

    def __init__(self, sentence: str) -> None:
        if not isinstance(sentence, str):
            raise TypeError(f"a constraint is written as a str, got {type(sentence).__name__}")
        self.sentence = sentence
        self.words = split_words(sentence)
        self.at = 0

    def constraint(self) -> Constraint:
        """The whole sentence."""
        soft = self.take("usually")
        found = self.implication() if self.take("if") else self.statement()
        if self.at < len(self.words):
            self.fail("the end")
        return replace(found, soft=soft)

    def implication(self) -> Constraint:
        """What follows "if"."""
        antecedent = [self.item(self.name())]
        while self.take("and"):
            antecedent.append(self.item(self.name()))
        if not self.take("then"):
            self.fail("'and' or 'then' (for 'or', write one constraint for each)")
        consequent = [self.item(self.name())]
        while self.take("or"):
            consequent.append(self.item(self.name()))
        if self.keyword() == "and":
            self.fail("'or' (for 'and', write one constraint for each)")
        return Implication(tuple(antecedent), tuple(consequent))

    def statement(self) -> Constraint:
        """A sentence without "if"."""
        name = self.name()
        if self.take("determines"):
            return self.dependency(name)
        if self.keyword() in ("+", "="):
            return self.sum(name)
        if self.take("has"):
            return self.decimals(name)
        if [word.text.lower() for word in self.words[self.at :]] == ["is", "a", "whole", "number"]:
            self.at += 4
            return Decimals(name, 0)
        if self.keyword() in COMPARISONS and self.is_column(1):
            sign = self.sign()
            other = self.name()
            return Order(*((name, other) if sign[0] == "<" else (other, name)), strict=len(sign) == 1)
        return Domain(self.item(name))

    def dependency(self, determinant: str) -> Constraint:
        """What follows "determines"."""
        dependent = self.name()
        pairs: list[tuple[str, str]] = []
        if self.take(":"):
            while not pairs or self.take(","):
                first = self.value()
                if not self.take("gives"):
                    self.fail("'gives'")
                pairs.append((first, self.value()))
        return Dependency(determinant, dependent, tuple(pairs))

    def sum(self, first: str) -> Constraint:
        """What follows the first part of a sum."""
        parts = [first]
        while self.take("+"):
            parts.append(self.name())
        if not self.take("="):
            self.fail("'+' or '='")
        return Sum(tuple(parts), self.name())

    def decimals(self, name: str) -> Constraint:
        """What follows "has"."""
        texts = [word.text.lower() for word in self.words[self.at :]]
        if (
            len(texts) != 4
            or texts[:2] != ["at", "most"]
            or not texts[2].isdecimal()
            or texts[3].rstrip("s") != "decimal"
        ):
            self.fail("'at most', a number and 'decimals'")
        self.at += 4
        return Decimals(name, int(texts[2]))

    def item(self, name: str) -> Item:
        """What follows the name of an item's column."""
        if self.keyword() in COMPARISONS:
            sign = self.sign()
            if self.is_column(0):
                self.fail("a number or time (columns are compared in a sentence of their own: 'a <= b')")
            return Item(name, sign, (self.bound(),))
        if not self.take("is"):
            self.fail(f"'is', {', '.join(map(repr, COMPARISONS))} after column {name!r}")
        negated = self.take("not")
        if self.take("missing"):
            return Item(name, "not missing" if negated else "missing")
        if negated:
            return Item(name, "is not", (self.value(),))
        if self.take("neither"):
            values = [self.value()]
            while self.take("nor"):
                values.append(self.value())
            return Item(name, "is not", tuple(values))
        if self.take("between"):
            low = self.bound()
            if not self.take("and"):
                self.fail("'and'")
            return Item(name, "between", (low, self.bound()))
        values = [self.value()]
        while self.take(",") or (self.keyword() == "or" and not self.is_item(1) and self.take("or")):
            values.append(self.value())
        return Item(name, "is", tuple(values))

    # -- words -----------------------------------------------------------------------------------------------------

    def keyword(self, ahead: int = 0) -> str:
        """The keyword or sign so many words ahead, if it is one."""
        place = self.at + ahead
        return self.words[place].keyword if place < len(self.words) else ""

    def take(self, keyword: str) -> bool:
        """Go past a keyword, if it is next."""
        found = self.keyword() == keyword
        self.at += found
        return found

    def is_item(self, ahead: int) -> bool:
        """Whether an item starts so many words ahead."""
        return self.keyword(ahead) == "" and self.keyword(ahead + 1) in ("is", *COMPARISONS)

    def is_column(self, ahead: int) -> bool:
        """Whether what stands so many words ahead, after a sign, is a column."""
        place = self.at + ahead
        return place < len(self.words) and self.words[place].sort != "number" and self.words[place].keyword == ""

    def sign(self) -> str:
        """The comparison that is next."""
        self.at += 1
        return self.words[self.at - 1].text

    def name(self) -> str:
        """Name of a column."""
        return self.word("a column").text

    def value(self) -> str:
        """A level, number or time."""
        return self.word("a value").text

    def bound(self) -> str:
        """A number or time."""
        word = self.word("a number or time")
        if word.sort != "number":
            self.at -= 1
            self.fail("a number or time")
        return word.text

    def word(self, wanted: str) -> Word:
        """The next word, which is neither a keyword nor a sign."""
        if self.at >= len(self.words) or self.words[self.at].keyword:
            self.fail(wanted)
        self.at += 1
        return self.words[self.at - 1]

    def fail(self, wanted: str) -> NoReturn:
        """Say what should stand here."""
        found = repr(self.words[self.at].text) if self.at < len(self.words) else "the end"
        raise ConstraintError(
            f"cannot read {self.sentence!r}: expected {wanted}, found {found}; names and values of several words, and "
            "words of the grammar, stand in backquotes"
        )
