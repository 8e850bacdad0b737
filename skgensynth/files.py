"""Tables in files: read with every value kept as it was written, and written back the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

CSV_SUFFIXES = (".csv", ".csv.gz")
PARQUET_SUFFIXES = (".parquet", ".pq")

# Name on the command line: loader in sklearn.datasets, and a name for its target column.
DATASETS = {
    "breast_cancer": ("load_breast_cancer", "diagnosis"),
    "diabetes": ("load_diabetes", "progression"),
    "iris": ("load_iris", "species"),
    "wine": ("load_wine", "cultivar"),
}

_LEADING_ZERO = r"[+-]?0\d.*"
_WHOLE = r"[+-]?\d+"
_TRUTH = r"(?i:true|false)"
_DATE = r"\d{4}-\d{2}-\d{2}"
_STAMP = _DATE + r"(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
# Whole numbers of more digits than this are names, not quantities, and do not fit into an int64.
_MAX_DIGITS = 18


class Dataset(NamedTuple):
    """A table that scikit-learn ships."""

    table: pd.DataFrame
    target: str


def load_dataset(name: str) -> Dataset:
    """Load a table that scikit-learn ships, class labels as words.

    Parameters
    ----------
    name : {"breast_cancer", "diabetes", "iris", "wine"}
        Which one.

    Returns
    -------
    Dataset
        The table, target column last, and the target's name.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    if name not in DATASETS:
        raise ValueError(f"There is no dataset {name!r}: choose one of {', '.join(sorted(DATASETS))}.")
    from sklearn import datasets

    loader, target = DATASETS[name]
    bunch = getattr(datasets, loader)(as_frame=True)
    table = bunch.frame.rename(columns={"target": target})
    if "target_names" in bunch:
        table[target] = [str(bunch.target_names[code]) for code in table[target]]
    return Dataset(table, target)


def suffix_of(path: str | Path) -> str:
    """Ending of a table's file name, one of those that can be read and written.

    Raises
    ------
    ValueError
        If the file name has another ending.
    """
    for suffix in CSV_SUFFIXES + PARQUET_SUFFIXES:
        if str(path).lower().endswith(suffix):
            return suffix
    raise ValueError(f"{path}: the file name must end in {', '.join(CSV_SUFFIXES + PARQUET_SUFFIXES)}.")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    Parquet carries its types. In a CSV file they are told from the text of each column: "007" and whole numbers of more
    than 18 digits stay strings, whole numbers stay whole where some are missing, true and false are booleans, and
    ISO 8601 dates are dates.

    Parameters
    ----------
    path : str or Path
        File ending in .csv, .csv.gz, .parquet or .pq.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)

    Raises
    ------
    ValueError
        If the file is not such a table, or has no rows.
    OSError
        If the file cannot be read.
    """
    table = _read_csv(path) if suffix_of(path) in CSV_SUFFIXES else _read_parquet(path)
    if table.empty:
        raise ValueError(f"{path}: the table has no rows.")
    return table


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table to a CSV or Parquet file, without its index.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        What to write.
    path : str or Path
        File ending in .csv, .csv.gz, .parquet or .pq.
    """
    if suffix_of(path) in CSV_SUFFIXES:
        table.to_csv(path, index=False)
    else:
        _need_pyarrow()
        table.to_parquet(path, index=False)


def _read_csv(path):
    options: dict[str, Any] = {"header": None, "dtype": str, "encoding": "utf-8-sig", "skipinitialspace": True}
    try:
        rows = pd.read_csv(path, **options)
        header = pd.read_csv(path, **options, nrows=1, keep_default_na=False).iloc[0]
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path}: the file is empty.") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8: {str(error).strip()}") from error
    # The header is read as a row because pandas would rename the second of two equal names.
    names = [name or f"Unnamed: {position}" for position, name in enumerate(header)]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ValueError(f"{path}: more than one column is called {repeated!r}.")
    body = rows.iloc[1:].reset_index(drop=True)
    return pd.DataFrame({name: _typed(body[position]) for position, name in enumerate(names)})


def _typed(column):
    """One column of a CSV file in the type that its text speaks for."""
    present = column.dropna()
    incomplete = len(present) < len(column)
    if present.empty:
        return column.astype(float)

    def every(pattern):
        return bool(present.str.fullmatch(pattern).all())

    if every(_STAMP):
        return _dates(column)
    if present.str.fullmatch(_LEADING_ZERO).any():
        return column
    if every(_WHOLE):
        if present.str.len().max() > _MAX_DIGITS:
            return column
        return present.astype("int64").astype("Int64").reindex(column.index) if incomplete else column.astype("int64")
    if every(_TRUTH):
        truth = column.str.lower().map({"true": True, "false": False})
        return truth.astype("boolean") if incomplete else truth.astype(bool)
    numbers = pd.to_numeric(present, errors="coerce")
    return column if numbers.isna().any() else pd.to_numeric(column)


def _dates(column):
    try:
        return pd.to_datetime(column, format="ISO8601")
    except ValueError:
        # Looks like a date and is none ("2020-13-45"), or time zones are mixed: the text is what there is.
        return column


def _read_parquet(path):
    _need_pyarrow()
    from pyarrow import ArrowInvalid

    try:
        return pd.read_parquet(path)
    except ArrowInvalid as error:
        raise ValueError(f"{path}: not a Parquet file: {error}.") from error


def _need_pyarrow():
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ValueError("Parquet files need pyarrow: pip install 'skgensynth[parquet]'.") from error
