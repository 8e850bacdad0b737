"""Regular expressions that hold exactly the numbers or moments between two bounds."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence

__all__ = ["decimals", "integers", "literal", "moments", "one_of"]

_SEPARATORS = ("", "-", "-", " ", ":", ":", "\\.")
_WIDTHS = (4, 2, 2, 2, 2, 2)
_FIRST = (1, 1, 1, 0, 0, 0, 0)


def literal(text: str) -> str:
    """A pattern of just this text."""
    return "".join(c if c.isascii() and c.isalnum() else f"\\x{{{ord(c):x}}}" for c in text)


def one_of(patterns: Iterable[str]) -> str:
    """A pattern of what any of some patterns holds; an empty one for none."""
    distinct = list(dict.fromkeys(patterns))
    return "".join(distinct) if len(distinct) < 2 else f"(?:{'|'.join(distinct)})"


def integers(low: int, high: int) -> str:
    """Whole numbers from low to high, without leading zeros."""
    return decimals(low, high, 0)


def decimals(low: int, high: int, n_decimals: int) -> str:
    """Decimal numbers between two bounds with at most so many decimals, without exponent.

    Parameters
    ----------
    low, high : int
        The bounds, both included, in units of the last decimal: 325 is 3.25 with two decimals.
    n_decimals : int
        At least 0. Fewer may be written.

    Returns
    -------
    str
        The pattern; numbers have no leading zeros, and 0 has no sign.
    """
    parts = []
    if low < 0:
        parts.append("-" + _unsigned(max(-high, 1), -low, n_decimals))
    if high >= 0:
        parts.append(_unsigned(max(low, 0), high, n_decimals))
    return one_of(parts)


def moments(low: Sequence[int], high: Sequence[int], n_free: int, fraction_width: int) -> str:
    """Dates, with times of day if the bounds have them, between two bounds.

    Parameters
    ----------
    low, high : sequence of int
        Year (1 to 9999), month and day, then maybe hour, minute, second and fraction of a second; both included.
    n_free : int
        How many fields vary, at least 3; those after them are as in ``low``.
    fraction_width : int
        Digits of the fraction.

    Returns
    -------
    str
        The pattern, for texts such as "2020-01-31 12:30:00"; it knows how long months are.
    """
    return _Moments(tuple(low), n_free, fraction_width).pattern(0, tuple(low), tuple(high), 0, 0)


class _Moments:
    """Patterns of the last fields of moments."""

    def __init__(self, example: tuple[int, ...], n_free: int, fraction_width: int) -> None:
        self._example = example
        self._n_free = n_free
        self._widths = (*_WIDTHS, fraction_width)
        self._last = (9999, 12, 31, 23, 59, 59, 10**fraction_width - 1)
        self._known: dict[tuple[int, int], str] = {}

    def pattern(self, i: int, low: tuple[int, ...] | None, high: tuple[int, ...] | None, year: int, month: int) -> str:
        """Fields from the i-th on; a bound is None where the fields before are well inside it."""
        if i >= self._n_free:
            fields = zip(_SEPARATORS[i:], self._example[i:], self._widths[i:], strict=False)
            return "".join(f"{separator}{value:0{width}d}" for separator, value, width in fields)
        days = calendar.monthrange(year, month)[1] if i == 2 else 31 + calendar.isleap(year) if i == 1 else 0
        if low is None and high is None and (i, days) in self._known:
            return self._known[i, days]
        first = _FIRST[i] if low is None else low[i]
        last = (days if i == 2 else self._last[i]) if high is None else high[i]
        groups: dict[str, list[tuple[int, int]]] = {}
        for start, stop in self._spans(i, first, last):
            inner = (low if start == first else None, high if stop == last else None)
            date = (start if i == 0 else year, start if i == 1 else month)
            groups.setdefault(self.pattern(i + 1, *inner, *date), []).append((start, stop))
        parts = []
        for rest, spans in groups.items():
            texts = ((f"{number:0{self._widths[i]}d}" for number in span) for span in _joined(spans))
            parts.append(one_of(_same_length(*pair) for pair in texts) + rest)
        out = _SEPARATORS[i] + one_of(parts)
        if low is None and high is None:
            self._known[i, days] = out
        return out

    @staticmethod
    def _spans(i: int, first: int, last: int) -> list[tuple[int, int]]:
        """Values of a field, in pieces within which the fields that follow have the same bounds."""
        if first == last:
            return [(first, last)]
        if i < 2:  # years and months are of different lengths
            return [(value, value) for value in range(first, last + 1)]
        inner = [(first + 1, last - 1)] if last - first > 1 else []
        return [(first, first), *inner, (last, last)]


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted spans, those that touch made one."""
    out: list[tuple[int, int]] = []
    for start, stop in spans:
        if out and out[-1][1] == start - 1:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return out


def _unsigned(low: int, high: int, n_decimals: int) -> str:
    """As `decimals`, from 0 on."""
    unit = 10**n_decimals
    (first, low_fraction), (last, high_fraction) = divmod(low, unit), divmod(high, unit)
    if first == last:
        return str(first) + _fraction(low_fraction, high_fraction, n_decimals)
    parts = []
    if low_fraction > 0:
        parts.append(str(first) + _fraction(low_fraction, unit - 1, n_decimals))
        first += 1
    if high_fraction < unit - 1:
        parts.append(str(last) + _fraction(0, high_fraction, n_decimals))
        last -= 1
    if first <= last:
        parts.append(_naturals(first, last) + _fraction(0, unit - 1, n_decimals))
    return one_of(parts)


def _naturals(low: int, high: int) -> str:
    """Whole numbers from 0 on."""
    parts = []
    for length in range(len(str(low)), len(str(high)) + 1):
        start = max(low, 10 ** (length - 1) if length > 1 else 0)
        parts.append(_same_length(str(start), str(min(high, 10**length - 1))))
    return one_of(parts)


def _same_length(low: str, high: str) -> str:
    """Digits between two texts of as many digits."""
    n = len(low)
    if low == high:
        return low
    if low == "0" * n and high == "9" * n:
        return _digits(n, n)
    if low[0] == high[0]:
        return low[0] + _same_length(low[1:], high[1:])
    first, last, parts = int(low[0]), int(high[0]), []
    if low[1:] != "0" * (n - 1):
        parts.append(low[0] + _same_length(low[1:], "9" * (n - 1)))
        first += 1
    if high[1:] != "9" * (n - 1):
        parts.append(high[0] + _same_length("0" * (n - 1), high[1:]))
        last -= 1
    if first <= last:
        parts.append(_class(first, last) + _digits(n - 1, n - 1))
    return one_of(parts)


def _fraction(low: int, high: int, n_decimals: int) -> str:
    """Point and decimals between two bounds in units of the last decimal; nothing at all is 0."""
    if n_decimals == 0:
        return ""
    digits = _decimals_after(f"{low:0{n_decimals}d}", f"{high:0{n_decimals}d}")
    return f"(?:\\.{digits})?" if low == 0 else f"\\.{digits}"


def _decimals_after(low: str, high: str) -> str:
    """One decimal or more, at most as many as the bounds have, whose value is between them."""
    n = len(low)
    parts = []
    first, last = int(low[0]), int(high[0])
    for digit in range(first, last + 1):
        rest_low = low[1:] if digit == first else "0" * (n - 1)
        rest_high = high[1:] if digit == last else "9" * (n - 1)
        stop = rest_low == "0" * (n - 1)
        if stop and rest_high == "9" * (n - 1):
            parts.append((digit, _digits(0, n - 1)))
        elif n > 1:
            rest = _decimals_after(rest_low, rest_high)
            parts.append((digit, f"(?:{rest})?" if stop else rest))
    tails: dict[str, list[int]] = {}
    for digit, tail in parts:
        tails.setdefault(tail, []).append(digit)
    return one_of(_class(min(digits), max(digits)) + tail for tail, digits in tails.items())


def _class(first: int, last: int) -> str:
    return str(first) if first == last else f"[{first}-{last}]"


def _digits(least: int, most: int) -> str:
    if most == 0:
        return ""
    return "[0-9]" + ("" if least == most == 1 else f"{{{most}}}" if least == most else f"{{{least},{most}}}")
