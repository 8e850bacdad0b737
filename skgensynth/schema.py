"""The columns of a table: their kinds, their values as a matrix of numbers, and the way back to the user's table."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skgensynth.columns import KINDS, Column
from skgensynth.containers import Container, Table, Target, read_table, read_target
from skgensynth.exceptions import IdentifierWarning, SchemaError, SchemaMismatchError
from skgensynth.identifiers import make_identifiers
from skgensynth.inference import infer_column

__all__ = ["Column", "TableSchema"]

IDENTIFIERS = ("regenerate", "drop", "refuse")


@dataclass(frozen=True, eq=False)
class TableSchema:
    """What is known about a table, and the two-way path between it and a matrix of numbers.

    The *encoded matrix* has one column for each modelled column: codes of levels for categorical ones, numbers in the
    column's own unit for continuous ones, NaN where a value is missing.

    Attributes
    ----------
    columns : tuple of Column
        All columns in the order of X, the target last.
    modelled : tuple of Column
        Those without identifiers: the columns of the encoded matrix.
    target : Column or None
        The target.
    target_index : int or None
        Its place among the modelled columns.
    identifiers : {"regenerate", "drop"}
        What :meth:`decode` does about identifiers.
    container, target_container : Container
        What X and y were; the latter is None without a target.
    """

    columns: tuple[Column, ...]
    identifiers: str
    container: Container
    target_container: Container | None

    @cached_property
    def modelled(self) -> tuple[Column, ...]:
        """Columns of the encoded matrix."""
        return tuple(column for column in self.columns if column.kind != "identifier")

    @property
    def target(self) -> Column | None:
        """The target, if there is one."""
        return self.columns[-1] if self.target_container is not None else None

    @property
    def target_index(self) -> int | None:
        """Place of the target among the modelled columns."""
        return len(self.modelled) - 1 if self.target_container is not None else None

    @classmethod
    def infer(
        cls,
        X: Any,
        y: Any = None,
        *,
        categorical_features: Sequence[Any] | None = None,
        column_kinds: Mapping[Any, str] | None = None,
        identifiers: str = "regenerate",
    ) -> TableSchema:
        """Find out what the columns of a table are.

        Parameters
        ----------
        X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
            The table. Missing values are NaN, None, pandas.NA or NaT.
        y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,), default=None
            The target.
        categorical_features : sequence of str, of int or of bool, default=None
            Columns of X that are categorical, by name or place, or a mask; the others are found out.
        column_kinds : mapping of name to {"categorical", "continuous", "identifier"}, default=None
            Kinds of columns, the target's too; these win over everything else.
        identifiers : {"regenerate", "drop", "refuse"}, default="regenerate"
            Columns that look like identifiers or free text are never learned: decoded tables have new ones, or lack
            the column, or the table is refused.

        Returns
        -------
        TableSchema
            The description.

        Raises
        ------
        SchemaError
            If the table or a parameter cannot be used; the message names the column or parameter.

        Warns
        -----
        IdentifierWarning
            If columns look like identifiers and were not declared to be.
        """
        if identifiers not in IDENTIFIERS:
            raise SchemaError(f"identifiers must be one of {', '.join(IDENTIFIERS)}; got {identifiers!r}")
        table = read_table(X)
        target = None if y is None else read_target(y, table)
        labels = list(table.form.labels) + ([target.label] if target else [])
        names = [*table.names, *([target.name] if target else [])]
        kinds = _kinds_asked(names, labels, len(table.names), categorical_features, column_kinds)
        columns = [
            infer_column(name, label, "feature", values, kinds.get(name))
            for name, label, values in zip(table.names, table.form.labels, table.values, strict=True)
        ]
        if target:
            columns.append(_infer_target(target, kinds.get(target.name)))
        _report_identifiers([c.name for c in columns if c.kind == "identifier"], kinds, identifiers)
        if all(column.kind == "identifier" for column in columns):
            raise SchemaError(
                f"every column looks like an identifier ({', '.join(names)}), so there is nothing to learn; "
                "say what they are with column_kinds"
            )
        return cls(tuple(columns), identifiers, table.form, target.form if target else None)

    def encode(self, X: Any, y: Any = None) -> np.ndarray:
        """Turn a table into a matrix of numbers.

        Parameters
        ----------
        X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
            A table with the columns that were learned: by name, in any order, for a frame; by place for others.
            Identifiers may be absent from a frame.
        y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,), default=None
            The target, where one was learned.

        Returns
        -------
        ndarray of shape (n_rows, n_modelled), float64
            The encoded matrix.

        Raises
        ------
        SchemaMismatchError
            If a column is absent, unknown, or holds other sorts of values; names the column.
        SchemaError
            If a categorical column holds a value that it did not have; names the column and the value.
        """
        if (y is None) != (self.target is None):
            message = "needs its target y" if y is None else "was learned without a target, but y was given"
            raise SchemaMismatchError(f"the table {message}")
        table = read_table(X)
        found = self._match(table)
        if y is not None:
            found[len(self.columns) - 1] = read_target(y, table).values
        out = np.empty((table.n_rows, len(self.modelled)), order="F")
        places = [place for place, column in enumerate(self.columns) if column.kind != "identifier"]
        for j, place in enumerate(places):
            out[:, j] = self.columns[place].encode(found[place])
        return np.ascontiguousarray(out)

    def decode(self, values: np.ndarray, rng: np.random.Generator) -> Any:
        """Turn a matrix of numbers into a table like the one that was learned.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_modelled)
            The encoded matrix. Continuous values are moved to their grid; codes must be whole.
        rng : numpy.random.Generator
            For new identifiers.

        Returns
        -------
        X or (X, y)
            In the containers, with the names, dtypes and levels, of the learned table; a frame has a RangeIndex.
        """
        values = np.asarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.modelled):
            raise SchemaMismatchError(
                f"expected an encoded matrix with {len(self.modelled)} columns, got one of shape {values.shape}"
            )
        encoded = iter(values.T)
        decoded = []
        for column in self.columns:
            if column.kind != "identifier":
                decoded.append(column.decode(np.ascontiguousarray(next(encoded))))
            elif self.identifiers == "regenerate":
                assert column.identifier is not None
                inner = make_identifiers(column.name, column.identifier, column.storage, len(values), rng)
                decoded.append(column.storage.wrap(inner))
        if self.target_container is None:
            return self.container.rebuild(decoded, len(values), self._kept)
        return self.container.rebuild(decoded[:-1], len(values), self._kept), self.target_container.rebuild_target(
            decoded[-1]
        )

    def snap(self, values: np.ndarray) -> np.ndarray:
        """Move continuous values to the grid and into the observed range of their column.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_modelled)
            An encoded matrix; missing values and codes stay.

        Returns
        -------
        ndarray of shape (n_rows, n_modelled), float64
            A new matrix.
        """
        out = np.array(values, dtype=np.float64)
        for j, column in enumerate(self.modelled):
            out[:, j] = column.snap(out[:, j])
        return out

    def to_dict(self) -> dict[str, Any]:
        """Describe the schema in values that JSON has.

        Returns
        -------
        dict
            It holds names, levels with their counts, and ranges, but no rows.
        """
        return {
            "columns": [column.to_dict() for column in self.columns],
            "identifiers": self.identifiers,
            "container": self.container.to_dict(),
            "target_container": None if self.target_container is None else self.target_container.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> TableSchema:
        """Make the schema that :meth:`to_dict` described.

        Parameters
        ----------
        state : dict
            What ``to_dict`` returned.

        Returns
        -------
        TableSchema
            An equal schema.
        """
        form = state["target_container"]
        return cls(
            tuple(Column.from_dict(column) for column in state["columns"]),
            state["identifiers"],
            Container.from_dict(state["container"]),
            None if form is None else Container.from_dict(form),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableSchema) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @property
    def _kept(self) -> list[int]:
        """Places in X of the columns that decoded tables have."""
        features = [column for column in self.columns if column.role == "feature"]
        return [j for j, c in enumerate(features) if c.kind != "identifier" or self.identifiers == "regenerate"]

    def _match(self, table: Table) -> dict[int, Any]:
        """Values of a table's columns by place in the schema."""
        features = [column for column in self.columns if column.role == "feature"]
        if not table.form.sort == self.container.sort == "frame":
            for places in (list(range(len(features))), self._kept):
                if len(places) == len(table.values):
                    return dict(zip(places, table.values, strict=True))
            raise SchemaMismatchError(f"X has {len(table.values)} columns, but {len(features)} were learned")
        known = {column.name: place for place, column in enumerate(features)}
        unknown = [name for name in table.names if name not in known]
        absent = [c.name for c in features if c.name not in table.names and c.kind != "identifier"]
        if unknown or absent:
            parts = [f"lacks {', '.join(absent)}"] * bool(absent) + [f"has unknown {', '.join(unknown)}"] * bool(
                unknown
            )
            raise SchemaMismatchError(f"X does not have the learned columns: it {' and '.join(parts)}")
        return {known[name]: values for name, values in zip(table.names, table.values, strict=True)}


def _infer_target(target: Target, kind: str | None) -> Column:
    """Describe the target, which must be complete and is always modelled."""
    if kind == "identifier":
        raise SchemaError(f"target {target.name!r} cannot be an identifier")
    column = infer_column(target.name, target.label, "target", target.values, kind)
    if column.has_missing:
        missing = int(np.asarray(pd.isna(target.values)).sum())
        raise SchemaError(f"target {target.name!r} has {missing} missing values (NaN); leave those rows out")
    return column


def _kinds_asked(
    names: list[str],
    labels: list[Hashable],
    n_features: int,
    categorical_features: Sequence[Any] | None,
    column_kinds: Mapping[Any, str] | None,
) -> dict[str, str]:
    """Kinds by name, from the two parameters."""
    kinds: dict[str, str] = {}
    wanted = [] if categorical_features is None else list(categorical_features)
    if wanted and all(isinstance(item, (bool, np.bool_)) for item in wanted):
        if len(wanted) != n_features:
            raise SchemaError(f"categorical_features is a mask of length {len(wanted)}, but X has {n_features} columns")
        wanted = [place for place, item in enumerate(wanted) if item]
    for item in wanted:
        if isinstance(item, (int, np.integer)) and item not in labels and -n_features <= item < n_features:
            kinds[names[:n_features][int(item)]] = "categorical"
        else:
            kinds[_find(item, names[:n_features], labels[:n_features], "categorical_features")] = "categorical"
    for item, kind in ({} if column_kinds is None else column_kinds).items():
        if kind not in KINDS:
            raise SchemaError(f"column_kinds gives column {item!r} the kind {kind!r}; not one of {', '.join(KINDS)}")
        kinds[_find(item, names, labels, "column_kinds")] = kind
    return kinds


def _find(item: Any, names: list[str], labels: list[Hashable], parameter: str) -> str:
    """Name of the column that a parameter names by label or name."""
    for known in (labels, names):
        if item in known:
            return names[known.index(item)]
    raise SchemaError(f"{parameter} names the column {item!r}, which is not there; columns are {', '.join(names)}")


def _report_identifiers(found: list[str], kinds: Mapping[str, str], identifiers: str) -> None:
    """Refuse, or warn about, columns that look like identifiers."""
    listed = ", ".join(repr(name) for name in found)
    advice = 'if they are not, say what they are with column_kinds, such as {"name": "categorical"}'
    if found and identifiers == "refuse":
        raise SchemaError(f"columns look like identifiers or free text: {listed}; leave them out or, {advice}")
    if any(name not in kinds for name in found):
        done = "made up anew" if identifiers == "regenerate" else "left out"
        message = f"columns look like identifiers or free text and are not learned but {done}: {listed}; {advice}"
        warnings.warn(message, IdentifierWarning, stacklevel=3)
