"""Tables that hold their target: split for an honest measurement, taken apart for `fit`, drawn in the same form."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["draw_table", "hold_out", "split_target"]

# Figures on fewer held-out rows than this would be chance.
_LEAST_HOLDOUT = 10


def hold_out(table: pd.DataFrame, target: Any, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a table into training rows and held-out rows, classes in proportion where there are enough of each.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Real rows.
    target : column label or None
        Its target.
    share : float
        Share of the rows that are held out, in (0, 1).
    seed : int
        Decides which.

    Returns
    -------
    train, test : DataFrame
        With the index of `table`.

    Raises
    ------
    ValueError
        If either would have fewer than ten rows.
    """
    from sklearn.model_selection import train_test_split

    n_test = round(share * len(table))
    if min(n_test, len(table) - n_test) < _LEAST_HOLDOUT:
        raise ValueError(
            f"{len(table)} rows are too few to hold out a share of {share} and to say anything with "
            f"{_LEAST_HOLDOUT} rows on either side"
        )
    strata = _strata(table, target, n_test)
    train, test = train_test_split(table, test_size=n_test, random_state=seed, stratify=strata)
    return train, test


def _strata(table, target, n_test):
    """Labels to keep in proportion on both sides of the split, where there are enough of each."""
    from skgensynth.metrics import infer_task

    if target is None or infer_task(table[target]) == "regression":
        return None
    counts = table[target].value_counts()
    enough = counts.min() >= 2 and len(counts) <= min(n_test, len(table) - n_test)
    return table[target].astype(str) if enough else None


def split_target(table: pd.DataFrame, target: Any) -> tuple[pd.DataFrame] | tuple[pd.DataFrame, pd.Series]:
    """Arguments of `fit`: X, and y if there is a target."""
    return (table,) if target is None else (table.drop(columns=target), table[target])


def draw_table(synthesizer: Any, n_rows: int, table: pd.DataFrame, target: Any, conditions: Any = None) -> pd.DataFrame:
    """Synthetic rows as one frame, its columns in the order of the real table.

    Parameters
    ----------
    synthesizer : BaseSynthesizer
        Fitted to what `split_target` gave.
    n_rows : int
        Rows to draw.
    table : DataFrame
        The real table.
    target : column label or None
        Its target.
    conditions : dict, default=None
        What rows have to fulfil.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        Without columns that the synthesizer leaves out.
    """
    drawn = synthesizer.sample(n_rows) if conditions is None else synthesizer.sample(n_rows, conditions=conditions)
    if target is None:
        frame = drawn
    else:
        frame = drawn[0].copy()
        frame[target] = drawn[1]
    return frame[[name for name in table.columns if name in frame.columns]]
