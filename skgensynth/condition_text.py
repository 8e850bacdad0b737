"""Conditions as a user types them on the command line: "age=65..", "sex=F", "region=north,east", "bmi="."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any

import pandas as pd
from pandas.api import types

from skgensynth.exceptions import ConditionError
from skgensynth.metrics._tables import is_number_column


def parse_condition_texts(texts: Iterable[str], table: pd.DataFrame) -> dict[Any, Any]:
    """Turn typed conditions into those that `sample` takes.

    Parameters
    ----------
    texts : iterable of str
        One condition for a column each: ``"age=65.."``, ``"age=..40"``, ``"age=65..80"`` (a range, ends included),
        ``"sex=F"`` (a value), ``"region=north,east"`` (one of several; a value that holds a comma in double quotes),
        ``"bmi="`` (missing).
    table : DataFrame of shape (n_rows, n_columns)
        The real table; says which columns there are and which of them hold numbers.

    Returns
    -------
    dict
        Column label to range, value, set or None.

    Raises
    ------
    ConditionError
        If a text has another form, names no column, or names one twice.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth.condition_text import parse_condition_texts
    >>> parse_condition_texts(["age=65..", "sex=F"], pd.DataFrame({"age": [70, 50], "sex": ["F", "M"]}))
    {'age': (65, None), 'sex': 'F'}
    """
    conditions: dict[Any, Any] = {}
    for text in texts:
        name = _column_of(text, table)
        if name in conditions:
            raise ConditionError(f"Column {name!r} has more than one condition: put them into one.")
        conditions[name] = _parse(text[len(str(name)) + 1 :].strip(), table[name])
    return conditions


def _column_of(text, table):
    """Return the column named before the equals sign; names may hold equals signs themselves."""
    if "=" not in text:
        raise ConditionError(f"{text!r} is not a condition: write COLUMN=VALUE, COLUMN=LOW..HIGH or COLUMN=A,B.")
    named = [name for name in table.columns if text.startswith(f"{name}=")]
    if not named:
        raise ConditionError(
            f"{text!r} names no column of the table; its columns are {', '.join(map(str, table.columns))}."
        )
    return max(named, key=lambda name: len(str(name)))


def _parse(text, column):
    if not text:
        return None
    # Levels may have an order too; text has none, and may hold two dots.
    if ".." in text and (is_number_column(column) or isinstance(column.dtype, pd.CategoricalDtype)):
        low, high = (part.strip() for part in text.split("..", 1))
        if not low and not high:
            raise ConditionError(f"The range of column {column.name!r} has no end: write LOW.., ..HIGH or LOW..HIGH.")
        return tuple(_value(end, column) if end else None for end in (low, high))
    values = [_value(value, column) for value in next(csv.reader([text], skipinitialspace=True))]
    return values[0] if len(values) == 1 else set(values)


def _value(text, column):
    """One typed value as a value of the column."""
    if types.is_bool_dtype(column.dtype):
        text = text.capitalize()
    elif types.is_numeric_dtype(column.dtype):
        return _number(text, column)
    known = {str(value): value for value in column.dropna().unique()}
    return known.get(text, text)


def _number(text, column):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise ConditionError(f"Column {column.name!r} holds numbers, and {text!r} is not one.")
