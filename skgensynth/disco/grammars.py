"""Automata over token ids that say which tokens may come next in the value of one column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

Tokens = tuple[int, ...]


class Grammar(Protocol):
    """What the decoder needs to know about one column: every value has exactly one sequence of tokens."""

    def allowed(self, prefix: Tokens) -> Tokens:
        """Tokens that may follow ``prefix``, sorted, the end token among them; empty once the value is complete."""
        ...

    def value(self, prefix: Tokens) -> float:
        """Encoded value of a complete sequence, without the end token; NaN for a missing value."""
        ...

    def tokens(self, value: float) -> Tokens | None:
        """Sequence of an encoded value, without the end token; None where the grammar does not hold the value."""
        ...


class LevelGrammar:
    """A trie of the token sequences of a column's levels.

    Parameters
    ----------
    sequences : mapping of float to tuple of int
        Encoded value -> its tokens, all different; NaN stands for the missing value.
    end : int
        Token that ends a value; it occurs in none of the sequences.
    """

    def __init__(self, sequences: Mapping[float, Tokens], end: int) -> None:
        self._values = {tokens: value for value, tokens in sequences.items()}
        self._tokens = {_key(value): tokens for value, tokens in sequences.items()}
        children: dict[Tokens, set[int]] = {}
        for tokens in self._values:
            for length, token in enumerate(tokens):
                children.setdefault(tokens[:length], set()).add(token)
        for tokens in self._values:
            # A level that no other level continues is complete by itself and needs no end token to say so.
            if tokens in children:
                children[tokens].add(end)
        self._allowed = {prefix: tuple(sorted(following)) for prefix, following in children.items()}

    def allowed(self, prefix: Tokens) -> Tokens:
        """See `Grammar.allowed`."""
        return self._allowed.get(prefix, ())

    def value(self, prefix: Tokens) -> float:
        """See `Grammar.value`."""
        return self._values[prefix]

    def tokens(self, value: float) -> Tokens | None:
        """See `Grammar.tokens`."""
        return self._tokens.get(_key(value))


class NumberGrammar:
    """Decimal numbers with a fixed number of decimals inside closed intervals, written one character at a time.

    A number has one spelling: an optional minus sign, no leading zeros, exactly ``decimals`` digits after the point.
    A character may come next if at least one number inside the intervals starts that way, so that decoding never
    runs into a dead end.

    Parameters
    ----------
    intervals : sequence of (float, float)
        Closed intervals of the number. Bounds are rounded to the decimals, and a number read back is moved onto the
        bound that it was rounded from.
    decimals : int
        Digits after the decimal point; a negative number or one above 8 leaves out the point and writes the
        number in units of its last decimal.
    characters : mapping of str to int
        The token of each digit, of "-" and of ".".
    missing : tuple of int or None
        Tokens of the missing value, or None where it is not allowed.
    end : int
        Token that ends a number whose last digit could be followed by another.
    """

    def __init__(
        self,
        intervals: Sequence[tuple[float, float]],
        decimals: int,
        characters: Mapping[str, int],
        missing: Tokens | None,
        end: int,
    ) -> None:
        self._bounds = list(intervals)
        self._intervals = [(to_units(low, decimals), to_units(high, decimals)) for low, high in intervals]
        self._unit_decimals = decimals
        self._decimals = decimals if 0 <= decimals <= 8 else 0
        self._characters = dict(characters)
        self._letters = {token: character for character, token in characters.items()}
        self._missing = missing
        self._end = end
        self._max_digits = max((len(str(max(abs(low), abs(high)))) for low, high in self._intervals), default=0)
        self._max_digits = max(self._max_digits, self._decimals + 1)
        self._known: dict[Tokens, Tokens] = {}

    def allowed(self, prefix: Tokens) -> Tokens:
        """See `Grammar.allowed`."""
        known = self._known.get(prefix)
        if known is None:
            known = self._known[prefix] = self._following(prefix)
        return known

    def value(self, prefix: Tokens) -> float:
        """See `Grammar.value`."""
        if prefix == self._missing:
            return math.nan
        number = int("".join(self._letters[token] for token in prefix).replace(".", ""))
        exact = from_units(number, self._unit_decimals)
        inside = (
            min(max(exact, bounds[0]), bounds[1])
            for bounds, (low, high) in zip(self._bounds, self._intervals, strict=True)
            if low <= number <= high
        )
        return next(inside)

    def tokens(self, value: float) -> Tokens | None:
        """See `Grammar.tokens`."""
        if math.isnan(value):
            return self._missing
        number = to_units(value, self._unit_decimals)
        if not self._holds(number, number):
            return None
        return tuple(self._characters[character] for character in self._text(number))

    def _text(self, number: int) -> str:
        digits = str(abs(number)).zfill(self._decimals + 1)
        if self._decimals:
            digits = f"{digits[: -self._decimals]}.{digits[-self._decimals :]}"
        return f"-{digits}" if number < 0 else digits

    def _following(self, prefix: Tokens) -> Tokens:
        following: set[int] = set()
        missing = self._missing
        if missing is not None and len(prefix) < len(missing) and missing[: len(prefix)] == prefix:
            following.add(missing[len(prefix)])
        if all(token in self._letters for token in prefix):
            text = "".join(self._letters[token] for token in prefix)
            following |= {token for letter, token in self._characters.items() if self._viable(text + letter)}
            if following and self._complete(text):
                following.add(self._end)
        return tuple(sorted(following))

    def _viable(self, text: str) -> bool:
        """Whether a number inside the intervals starts with this text."""
        negative = text.startswith("-")
        whole, point, fraction = text.removeprefix("-").partition(".")
        if "-" in whole + fraction or "." in fraction or (point and not self._decimals):
            return False
        if not whole:
            return negative and not point and self._holds(-math.inf, -1)
        if (len(whole) > 1 and whole[0] == "0") or len(fraction) > self._decimals:
            return False
        stem = int(whole + fraction)
        if point or stem == 0:
            lengths = range(self._decimals - len(fraction), self._decimals - len(fraction) + 1)
        else:
            lengths = range(self._decimals, max(self._max_digits - len(whole), self._decimals) + 1)
        # `length` more digits may follow, which leaves the numbers from stem00..0 to stem99..9.
        return any(self._spans(stem * 10**length, (stem + 1) * 10**length - 1, negative) for length in lengths)

    def _complete(self, text: str) -> bool:
        """Whether the text is a number inside the intervals as it stands."""
        if not text or text == "-" or self._decimals:
            return False  # With decimals the last one ends the number by itself.
        number = int(text)
        return self._holds(number, number)

    def _spans(self, low: int, high: int, negative: bool) -> bool:
        if negative:
            return high >= 1 and self._holds(-high, -max(low, 1))
        return self._holds(low, high)

    def _holds(self, low: float, high: float) -> bool:
        """Whether the intervals hold a number between low and high."""
        return any(first <= high and low <= last for first, last in self._intervals)


def to_units(value: float, decimals: int) -> int:
    """The number in units of its last decimal, rounded: 3.25 with two decimals is 325."""
    return round(value * 10.0**decimals) if decimals >= 0 else round(value / 10.0**-decimals)


def from_units(number: int, decimals: int) -> float:
    """The double closest to a number given in units of its last decimal."""
    return number / 10**decimals if decimals >= 0 else float(number * 10**-decimals)


def _key(value: float) -> float | None:
    """NaN differs from itself; None stands in for it as a dictionary's key."""
    return None if math.isnan(value) else value
