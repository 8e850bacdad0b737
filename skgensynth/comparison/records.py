"""Runs in a file, one line each, and what tells the settings of a run from those of others."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skgensynth import __version__
from skgensynth.comparison.results import ComparisonRun

__all__ = ["RunFile", "describe", "digest", "table_digest"]

# What figures mean; runs that were measured in another way are done again.
MEASURES = 1
# Parameters of an estimator that change what a run may cost or who may see it, but not what comes out.
SAME_RESULT = frozenset(
    {"verbose", "n_jobs", "cache", "allow_remote_rows", "keep_examples", "max_requests", "max_tokens_total"}
)
_BEGINNING = '{"comparison": '


class RunFile:
    """Runs that are kept in a file, each in a line of JSON that is written as soon as the run ends.

    Parameters
    ----------
    path : str, Path or None
        The file; None keeps nothing.

    Raises
    ------
    ValueError
        If the file holds something else.
    OSError
        If it cannot be read, or there is no folder for it.
    """

    def __init__(self, path: str | Path | None) -> None:
        self._path = None if path is None else Path(path)
        self._runs = {} if self._path is None else _read(self._path)

    def find(self, fingerprint: str) -> ComparisonRun | None:
        """Give the finished run with these settings, if there is one."""
        run = self._runs.get(fingerprint)
        return None if run is None or run.error else run

    def add(self, run: ComparisonRun) -> None:
        """Keep a run; it is on the disk when this returns."""
        self._runs[run.fingerprint] = run
        if self._path is None:
            return
        record = {"comparison": MEASURES, "version": __version__, **run.to_dict()}
        with self._path.open("a+b") as file:
            # A line that was cut off when a run was killed must not swallow this one.
            if file.tell() and not _ends_a_line(file):
                file.write(b"\n")
            file.write(json.dumps(record, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _read(path: Path) -> dict[str, ComparisonRun]:
    """The runs in a file, the last one of each fingerprint; a line that was cut off is none."""
    if not path.exists():
        if not path.resolve().parent.is_dir():
            raise FileNotFoundError(f"{path}: there is no folder {path.parent} to write to.")
        return {}
    runs = {}
    text = path.read_bytes().decode("utf-8", errors="replace")
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            del record["comparison"], record["version"]
            run = ComparisonRun.from_dict(record)
        except (ValueError, KeyError, TypeError) as error:
            if line.startswith(_BEGINNING[: len(line)]):
                continue
            raise ValueError(f"{path}, line {number}: no run of a comparison; give another file.") from error
        runs[run.fingerprint] = run
    return runs


def digest(settings: Any) -> str:
    """A short text that differs wherever settings differ; they must be JSON values."""
    return hashlib.sha256(json.dumps([MEASURES, settings], sort_keys=True).encode()).hexdigest()[:32]


def table_digest(table: pd.DataFrame) -> str:
    """A short text that differs wherever tables differ in a value, a dtype, a name, or the order of rows or columns."""
    content = hashlib.sha256()
    content.update(repr([(str(name), _dtype_text(dtype)) for name, dtype in table.dtypes.items()]).encode())
    for name in table.columns:
        column = table[name]
        values = column if column.dtype != object else column.map(repr)
        content.update(np.ascontiguousarray(pd.util.hash_pandas_object(values, index=False).to_numpy()).tobytes())
    return content.hexdigest()


def _dtype_text(dtype: Any) -> str:
    """All of a dtype; of a category, a level that no row has counts, too."""
    if isinstance(dtype, pd.CategoricalDtype):
        return f"{dtype} {dtype.ordered} {dtype.categories.tolist()}"
    return str(dtype)


def describe(value: Any) -> Any:
    """Say in JSON values what a parameter is, the same in every process; a function counts by its name."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return [[describe(key), describe(value[key])] for key in value]
    if isinstance(value, (list, tuple)):
        return [describe(each) for each in value]
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return table_digest(pd.DataFrame(value))
    if isinstance(value, np.ndarray):
        return describe(value.tolist())
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "get_params") and not isinstance(value, type):
        params = value.get_params(deep=False)
        return [name, {key: describe(params[key]) for key in sorted(params) if key not in SAME_RESULT}]
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    # The repr of an object that has none of its own holds its address.
    own = "" if type(value).__repr__ is object.__repr__ else repr(value)
    return [name, own, str(getattr(value, "name", ""))]
