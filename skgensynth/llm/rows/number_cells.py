"""Continuous columns of numbers in a reply: written with the column's decimals, read with units and separators."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from skgensynth.columns import Column
from skgensynth.llm.rows.cells import Cell, Intervals, Listed, Patterned, Unreadable, Written, is_number, put_inside
from skgensynth.llm.rows.patterns import decimals, integers, literal, one_of
from skgensynth.scalars import text_of

__all__ = ["NumberCells"]

MIN_DIGITS, MAX_DIGITS = 3, 17  # decimals of a number with an exponent; a double has no more
LARGEST_PLAIN = 1e16  # numbers up to here are written without exponent
FEW_NUMBERS = 20  # so few decimal numbers are listed in a JSON schema: multiples between close bounds get lost
EXACT = 2**53  # JSON readers may take whole numbers up to here apart

# A number with groups of three digits, or with a comma for its point; currency before it, a unit behind it.
_DRESSED = re.compile(
    r"[$€£¥]? ?([-+−]?(?:\d[\d,. \u00a0\u202f'’]*\d|\d)(?:[eE][-+]?\d{1,3})?)\s*([^\d\s.,+\-−*/^x×][^\d\s,]{0,20})?",
    re.ASCII,
)
_GROUPED = {
    ",": re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII),
    ".": re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+(?:,\d+)?", re.ASCII),
    " ": re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:[.,]\d+)?", re.ASCII),
}
_COMMA_FOR_POINT = re.compile(r"[-+]?\d+,\d+", re.ASCII)
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "'": " ", "’": " ", "−": "-"})
# Words that change the number instead of naming a unit.
_FACTORS = frozenset({"k", "m", "bn", "b", "t", "mio", "mrd", "hundred", "thousand", "million", "billion", "dozen"})


class NumberCells:
    """Values of a continuous column of whole or decimal numbers.

    Parameters
    ----------
    column : Column
        The column.
    intervals : sequence of (float, float)
        What its encoded values may be, from the observed range or a condition.
    n_decimals : int
        Decimals that numbers off a grid are written with in a grammar; negative for tens, hundreds, ...
    in_full : bool
        Whether `texts` writes numbers off a grid in full instead.
    """

    bare = True

    def __init__(self, column: Column, intervals: Intervals, n_decimals: int, in_full: bool) -> None:
        self._column = column
        self._intervals = intervals
        self._whole = column.storage.family == "integer"
        self._origin = column.storage.origin if self._whole else 0
        self._grid = 0 if self._whole else column.storage.decimals
        self._rounding = n_decimals if self._grid is None else self._grid
        self._in_full = in_full and self._grid is None
        self._n_decimals, self._exponent = self._layout()

    def texts(self, values: np.ndarray) -> list[str]:
        """See `Cells.texts`."""
        if self._grid is not None:
            return [_short(self._column.format(value)) for value in values.tolist()]
        return [self._full(value) if self._in_full else self._rounded(value) for value in values.tolist()]

    def read(self, cell: Cell, repair: bool) -> Written:
        """See `Cells.read`."""
        text = cell.texts[0].strip()
        if is_number(text):
            return Written(self._encode(text, repair))
        readings, unit = _undress(text)
        if not readings:
            raise Unreadable("is no number")
        values, reason = set(), Unreadable("is no number")
        for reading in readings:
            try:
                values.add(self._encode(reading, False))
            except Unreadable as error:
                reason = error
        if len(values) > 1:
            raise Unreadable("can be read as several numbers")
        if not values:
            raise reason
        return Written(values.pop(), unit)

    def form(self) -> Listed | Patterned:
        """See `Cells.form`; bounds that JSON schemas are not precise enough for are drawn in or left out."""
        if not self._intervals:
            return Listed([])
        one, schema = (self._whole_form, self._json_whole) if self._whole else (self._decimal_form, self._json_decimal)
        schemas = [schema(low, high) for low, high in self._intervals]
        pattern = one_of(one(low, high) for low, high in self._intervals)
        return Patterned(pattern, schemas[0] if len(schemas) == 1 else {"anyOf": schemas})

    def _layout(self) -> tuple[int, int]:
        """Decimals and exponent of ten of the numbers as they are written; no exponent where they are handy."""
        largest = max(abs(self._column.minimum), abs(self._column.maximum))
        if largest == 0 or (self._rounding < MAX_DIGITS and largest < LARGEST_PLAIN):
            return max(self._rounding, 0), 0
        exponent = math.floor(math.log10(largest))
        return min(max(self._rounding + exponent, MIN_DIGITS), MAX_DIGITS), exponent

    def _encode(self, text: str, repair: bool) -> float:
        """Encoded value of a plain number."""
        off_grid = self._grid is not None and _count_decimals(text) > self._grid
        if off_grid and not repair:
            raise Unreadable("has too many decimals" if self._grid else "is no whole number")
        value = _as_float(round(Decimal(text)) - self._origin) if self._whole else float(text) + 0.0
        value = put_inside(value, self._intervals, repair)
        if off_grid:
            value = put_inside(float(self._column.storage.round(np.array([value]))[0]), self._intervals, repair)
        return value

    def _units(self, low: float, high: float) -> tuple[int, int]:
        """An interval in units of the last decimal that is written, drawn in."""
        unit = Fraction(10) ** (self._exponent - self._n_decimals)
        return math.ceil(Fraction(repr(low)) / unit), math.floor(Fraction(repr(high)) / unit)

    def _full(self, value: float) -> str:
        return text_of(value + 0.0)

    def _rounded(self, value: float) -> str:
        """A number with the decimals of the column, rounded to the other side where it would leave the range."""
        n, exponent = self._n_decimals, self._exponent
        unit = Decimal(1).scaleb(exponent - n if exponent else -self._rounding)
        rounded = (Decimal(repr(value)) / unit).to_integral_value() * unit
        for number in (rounded, rounded + unit, rounded - unit):
            digits = _short(f"{number.scaleb(-exponent):.{n}f}")
            text = (digits if digits != "-0" else "0") + (f"e{exponent}" if exponent else "")
            if self._column.minimum <= float(text) <= self._column.maximum:
                return text
        return self._full(value)

    def _whole_form(self, low: float, high: float) -> str:
        return integers(self._origin + int(low), self._origin + int(high))

    def _decimal_form(self, low: float, high: float) -> str:
        first, last = self._units(low, high)
        if first > last:  # no number of so few decimals lies between them
            return literal(self._full(low))
        return decimals(first, last, self._n_decimals) + (literal(f"e{self._exponent}") if self._exponent else "")

    def _json_whole(self, low: float, high: float) -> dict[str, Any]:
        first, last = self._origin + int(low), self._origin + int(high)
        if max(-first, last) > EXACT:
            # Bounds are compared as doubles.
            start, stop = float(first), float(last)
            start = math.nextafter(start, math.inf) if int(start) < first else start
            stop = math.nextafter(stop, -math.inf) if int(stop) > last else stop
            if start > stop:
                return {"enum": list(range(first, last + 1))}
            first, last = int(start), int(stop)
        return {"type": "integer", "minimum": first, "maximum": last}

    def _json_decimal(self, low: float, high: float) -> dict[str, Any]:
        if self._exponent:
            return {"type": "number"}
        first, last = self._units(low, high)
        if first > last:
            return {"enum": [low]}
        if self._n_decimals == 0:
            return {"type": "integer", "minimum": first, "maximum": last}
        if last - first < FEW_NUMBERS:
            return {"enum": [_scaled(number, self._n_decimals) for number in range(first, last + 1)]}
        bounds = {"minimum": _scaled(first, self._n_decimals), "maximum": _scaled(last, self._n_decimals)}
        return {"type": "number", **bounds, "multipleOf": _scaled(1, self._n_decimals)}


def _short(text: str) -> str:
    """A number without the zeros at the end of its decimals."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(units: int, n_decimals: int) -> float:
    return units / 10**n_decimals


def _as_float(number: int) -> float:
    """The closest double; infinite for what is larger than any."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _count_decimals(text: str) -> int:
    """Decimals that a plain number needs; 0 where it is whole."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("+-").lstrip("0")
    zeros = len(digits) - len(digits.rstrip("0"))
    return max(len(fraction) - zeros - int(exponent or 0), 0) if digits else 0


def _undress(text: str) -> tuple[list[str], str]:
    """The numbers that a text may stand for without its unit and its separators, and the unit."""
    match = _DRESSED.fullmatch(text) if len(text) <= 100 else None
    if match is None:
        return [], ""
    number, unit = match[1].translate(_SPACES), _normal_unit(match[2] or "")
    if unit in _FACTORS:
        return [], ""
    readings = [number] if is_number(number) else []
    for separator, grouped in _GROUPED.items():
        # One point before three digits is a point, whatever it may be elsewhere.
        if grouped.fullmatch(number) and not is_number(number):
            readings.append(number.replace(separator, "").replace(",", "."))
    if _COMMA_FOR_POINT.fullmatch(number):
        readings.append(number.replace(",", "."))
    return readings, unit


def _normal_unit(text: str) -> str:
    """A unit without case, point and plural."""
    return text.casefold().rstrip(".").removesuffix("s")
