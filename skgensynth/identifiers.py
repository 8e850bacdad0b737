"""Columns that name rows rather than describe them: how they are recognised, and how new ones are made."""

from __future__ import annotations

import re
import string
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.exceptions import SchemaError
from skgensynth.storage import EXACT, Storage, Values

__all__ = ["learn_identifier", "looks_like_identifier", "make_identifiers"]

MIN_ROWS = 20  # ours: with fewer rows, distinct values prove nothing
DISTINCT_SHARE = 0.9  # ours
_NAMED_ID = re.compile(r"(^|[^A-Za-z])(id|ID|Id|uuid|UUID|guid|GUID)$|[a-z](ID|Id|Uuid|UUID)$")
_NAMED_RECORD = re.compile(
    r"(^|[^a-z])(mrn|ssn)$"
    r"|(patient|subject|person|member|case|record|chart|file|account|admission|encounter|visit|sample|specimen)"
    r"[^a-z]*(number|num|no|nr|key|code)$",
    re.IGNORECASE,
)
_MAX_LENGTH = 64
_CLASSES = {"d": string.digits, "h": "0123456789abcdef", "H": "0123456789ABCDEF", "l": string.ascii_lowercase,
            "U": string.ascii_uppercase, "a": string.ascii_letters + string.digits}  # fmt: skip
_HEADROOM = 1000  # possible identifiers for each one wanted, so that few coincide with real ones


def looks_like_identifier(name: str, storage: Storage, values: Values) -> bool:
    """Whether inner values, none missing, name rows (rules: ours).

    Whole numbers do where all are distinct and they are consecutive or the column's name says so; strings where all
    are distinct and the name says so, or where nine in ten are distinct. A name says so that ends in "id", "mrn" or
    "ssn", or in "record number", "patient no", "case key" and the like.

    Parameters
    ----------
    name : str
        The column's name.
    storage : Storage
        How the values are stored.
    values : ndarray or ExtensionArray of shape (n,)
        The values.

    Returns
    -------
    bool
        Fewer than 20 rows suffice only where the name says so.
    """
    n_rows = len(values)
    if storage.family not in ("integer", "string") or n_rows < 2:
        return False
    n_distinct = len(pd.unique(values))
    named = _NAMED_ID.search(name) is not None or _NAMED_RECORD.search(name) is not None
    if n_distinct == n_rows and named:
        return True
    if n_rows < MIN_ROWS:
        return False
    if storage.family == "string":
        return n_distinct >= DISTINCT_SHARE * n_rows
    return n_distinct == n_rows and int(values.max()) - int(values.min()) == n_rows - 1


def learn_identifier(storage: Storage, values: Values) -> dict[str, Any]:
    """Describe how new identifiers are made, from inner values of which none is missing.

    Parameters
    ----------
    storage : Storage
        How the values are stored.
    values : ndarray or ExtensionArray of shape (n,)
        The values.

    Returns
    -------
    dict
        JSON-able, with a key "form": "number", "numbered" (a prefix and a number), "pattern" (a class of characters
        for each place) or "text". Of single values it holds the largest number only.
    """
    if storage.family == "integer":
        low, high = int(values.min()), int(values.max())
        return {"form": "number", "last": high, "gap": max(1, (high - low) // max(1, len(values) - 1))}
    texts = [str(value) for value in values]
    first, last = min(texts), max(texts)  # all others share what these two share
    prefix = first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
    tails = [text[len(prefix.rstrip(string.digits)) :] for text in texts]
    if all(tail.isascii() and tail.isdigit() for tail in tails):
        width = min(len(tail) for tail in tails)
        padded = any(tail.startswith("0") and len(tail) > 1 for tail in tails)
        head = prefix.rstrip(string.digits)
        return {"form": "numbered", "prefix": head, "width": width if padded else 1, "last": max(map(int, tails))}
    if len({len(text) for text in texts}) == 1 and len(texts[0]) <= _MAX_LENGTH:
        places = [_place(set(characters)) for characters in zip(*texts, strict=True)]
        if all(places):
            return {"form": "pattern", "places": places}
    return {"form": "text", "prefix": prefix[:_MAX_LENGTH]}


def make_identifiers(name: str, how: dict[str, Any], storage: Storage, n: int, rng: np.random.Generator) -> Values:
    """Make n distinct new identifiers, as inner values.

    Parameters
    ----------
    name : str
        The column's name, for the error.
    how : dict
        What :func:`learn_identifier` returned.
    storage : Storage
        How the values are stored.
    n : int
        How many.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray or ExtensionArray of shape (n,)
        Numbers follow the largest one learned, so none repeats it; random strings may in principle.

    Raises
    ------
    SchemaError
        If the column's dtype has no room for n more numbers.
    """
    form = how["form"]
    if form == "number":
        gap = how["gap"]
        for width in (gap, 1):
            steps = np.ones(n, dtype=object) if width == 1 else rng.integers(1, min(2 * width, EXACT), n).astype(object)
            numbers = how["last"] + np.cumsum(steps) if n else steps
            if n == 0 or numbers[-1] <= storage.limits[1]:
                unsigned = storage.limits[1] >= 2**63
                return storage.from_whole(numbers.astype(np.uint64 if unsigned else np.int64), np.zeros(n, dtype=bool))
        raise SchemaError(
            f"column {name!r} of dtype {storage.dtype} has no room for {n} new identifiers after {how['last']}; "
            'make it int64, or use identifiers="drop"'
        )
    if form == "numbered":
        texts = [f"{how['prefix']}{how['last'] + 1 + row:0{how['width']}d}" for row in range(n)]
    elif form == "pattern":
        texts = _distinct(how["places"], n, rng)
    else:
        texts = [how["prefix"] + text for text in _distinct([_CLASSES["h"]] * 12, n, rng)]
    out = np.empty(n, dtype=object)
    out[:] = texts
    return out if isinstance(storage.inner, np.dtype) else pd.array(out, dtype=storage.inner)


def _place(characters: set[str]) -> str:
    """Characters that may stand where these stood; empty where they are of no known class."""
    if len(characters) == 1:
        return next(iter(characters))
    return next((known for known in _CLASSES.values() if characters <= set(known)), "")


def _distinct(places: list[str], n: int, rng: np.random.Generator) -> list[str]:
    """Distinct random strings; digits are appended where there are too few of the pattern."""
    room = 1
    for place in places:
        room *= len(place)
    extra = max(0, int(np.ceil(np.log10(_HEADROOM * max(n, 1) / min(room, 10**18)))))
    places = places + [string.digits] * extra
    found: dict[str, None] = {}
    while len(found) < n:
        columns = [rng.choice(list(place), n - len(found)) for place in places]
        found.update(dict.fromkeys(map("".join, zip(*columns, strict=True))))
    return list(found)
