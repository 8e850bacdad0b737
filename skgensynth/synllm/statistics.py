"""Statistics of the training rows for a prompt."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from skgensynth.associations import correlation_ratio, cramers_v, dense_codes, pearson
from skgensynth.columns import Column
from skgensynth.constraints import feature_groups
from skgensynth.llm.rows import RowFormat
from skgensynth.llm.rows.cells import csv_text
from skgensynth.schema import TableSchema

__all__ = ["AssociationFigure", "ColumnFigures", "TableStatistics", "in_its_unit"]

# How many associations are told of features, and how many with the target (ours).
N_ASSOCIATIONS = 10
LEAST_STRENGTH = 0.3
# Of a rare class, even what sets it apart is a weak association: at 5 %, means one standard deviation apart give 0.2.
LEAST_WITH_TARGET = 0.1
# Means and shares are given of groups of at least so many rows (ours): the mean of a single row is that row.
MIN_GROUP = 10
MAX_GROUPS = 5


@dataclass(frozen=True)
class ColumnFigures:
    """Figures of one column.

    Attributes
    ----------
    missing : float
        Share of rows without a value.
    mean, std : float or None
        Of a number, in its own unit; the standard deviation is of the sample (n - 1). Of a time there is a mean only,
        in encoded units. None where there is no value, or, for the standard deviation, one.
    shares : tuple of float
        Of a categorical column: share of the rows with each level.
    """

    missing: float
    mean: float | None = None
    std: float | None = None
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class AssociationFigure:
    """How strongly two columns depend on each other.

    Attributes
    ----------
    first, second : int
        Places of the columns among the modelled ones; of a category and a number, the category is the first, of two
        categories the target.
    measure : {"correlation", "Cramér's V", "correlation ratio"}
        Pearson's correlation of two numbers, Cramér's V of two categories with Bergsma's bias correction, the
        correlation ratio of a category and a number.
    strength : float
        Its value; negative only where one number falls as the other rises.
    means : tuple of (int, float)
        Of a category and a number: codes of levels and the number's mean there, where there are few levels.
    shares : tuple of (int, tuple of float)
        Of a target and a category: codes of classes and the shares of the category's levels there, where both are few.
    """

    first: int
    second: int
    measure: str
    strength: float
    means: tuple[tuple[int, float], ...] = ()
    shares: tuple[tuple[int, tuple[float, ...]], ...] = ()


@dataclass(frozen=True)
class TableStatistics:
    """Statistics of a table.

    Attributes
    ----------
    columns : tuple of ColumnFigures
        One for each modelled column.
    associations : tuple of AssociationFigure
        The strongest first: those that a permutation test finds, as `feature_groups` does, of at least 0.3, or of 0.1
        with the target; ten of either kind at most.
    """

    columns: tuple[ColumnFigures, ...] = ()
    associations: tuple[AssociationFigure, ...] = ()

    @classmethod
    def compute(cls, values: np.ndarray, schema: TableSchema, table: tuple[Any, Any], seed: int) -> TableStatistics:
        """Compute the statistics of training rows.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_modelled)
            Encoded training rows.
        schema : TableSchema
            Their schema.
        table : tuple of X and y
            The same rows as a table; y is None without a target.
        seed : int
            Of the permutation test.

        Returns
        -------
        TableStatistics
        """
        columns = tuple(_figures(column, values[:, j]) for j, column in enumerate(schema.modelled))
        places = {column.name: place for place, column in enumerate(schema.modelled)}
        kinds = {column.name: column.kind for column in schema.columns}
        found = feature_groups(*table, threshold=LEAST_WITH_TARGET, column_kinds=kinds, random_state=seed).pairs
        pairs: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
        for pair in found:
            ends = places[pair.first], places[pair.second]
            with_target = schema.target_index in ends
            if (with_target or pair.strength >= LEAST_STRENGTH) and len(pairs[with_target]) < N_ASSOCIATIONS:
                pairs[with_target].append(ends)
        figures = [_association(schema, values, *ends) for kind in pairs.values() for ends in kind]
        return cls(columns, tuple(sorted(figures, key=lambda figure: -abs(figure.strength))))

    def column_lines(self, form: RowFormat, n_levels: int) -> list[str]:
        """Say the figures of the columns in words, a line for each that has any."""
        lines = []
        for place, figures in enumerate(self.columns):
            column = form.schema.modelled[place]
            said = _said(form, place, column, figures, n_levels)
            if said:
                lines.append(f"- {csv_text(column.name)}: {', '.join(said)}")
        return lines

    def association_lines(self, form: RowFormat, n_associations: int) -> list[str]:
        """Say the strongest associations in words, a line for each."""
        return [_association_line(form, figure) for figure in self.associations[:n_associations]]

    def to_dict(self) -> dict[str, Any]:
        """Describe the statistics in values that JSON has."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> TableStatistics:
        """Make the statistics that `to_dict` described."""
        return cls(
            tuple(ColumnFigures(**{**part, "shares": tuple(part["shares"])}) for part in state["columns"]),
            tuple(
                AssociationFigure(
                    **{
                        **part,
                        "means": tuple((code, mean) for code, mean in part["means"]),
                        "shares": tuple((code, tuple(shares)) for code, shares in part["shares"]),
                    }
                )
                for part in state["associations"]
            ),
        )


def _figures(column: Column, values: np.ndarray) -> ColumnFigures:
    present = values[~np.isnan(values)]
    missing = 1.0 - len(present) / len(values)
    if column.kind == "categorical":
        counts = np.bincount(present.astype(np.intp), minlength=len(column.levels))
        return ColumnFigures(missing, shares=tuple((counts / len(values)).tolist()))
    if not len(present):
        return ColumnFigures(missing)
    mean = float(present.mean())
    if not _is_number(column):
        return ColumnFigures(missing, mean)
    with np.errstate(over="ignore"):
        std = float(present.std(ddof=1)) if len(present) > 1 else None
    std = std if std is not None and math.isfinite(std) else None
    return ColumnFigures(missing, in_its_unit(column, mean), std)


def _association(schema: TableSchema, values: np.ndarray, i: int, j: int) -> AssociationFigure:
    numeric = [schema.modelled[place].kind == "continuous" for place in (i, j)]
    if all(numeric):
        return AssociationFigure(i, j, "correlation", pearson(values[:, i], values[:, j]))
    if not any(numeric):
        first, second = (j, i) if j == schema.target_index else (i, j)
        strength = cramers_v(dense_codes(values[:, first]), dense_codes(values[:, second]))
        shares = _shares_by_class(schema, values, first, second) if first == schema.target_index else ()
        return AssociationFigure(first, second, "Cramér's V", strength, shares=shares)
    category, number = (j, i) if numeric[0] else (i, j)
    strength = correlation_ratio(values[:, number], dense_codes(values[:, category]))
    means = _group_means(schema.modelled[number], values[:, category], values[:, number])
    return AssociationFigure(category, number, "correlation ratio", strength, means)


def _shares_by_class(schema: TableSchema, values: np.ndarray, target: int, place: int) -> tuple[Any, ...]:
    """Shares of a category's levels in each class that enough rows have."""
    known = ~np.isnan(values[:, [target, place]]).any(axis=1)
    labels, codes = values[known][:, [target, place]].astype(np.intp).T
    classes, counts = np.unique(labels, return_counts=True)
    if max(len(classes), len(np.unique(codes))) > MAX_GROUPS:
        return ()
    n_levels = len(schema.modelled[place].levels)
    return tuple(
        (int(label), tuple((np.bincount(codes[labels == label], minlength=n_levels) / count).tolist()))
        for label, count in zip(classes, counts, strict=True)
        if count >= MIN_GROUP
    )


def _group_means(column: Column, codes: np.ndarray, numbers: np.ndarray) -> tuple[tuple[int, float], ...]:
    """Mean of a number at each level that enough rows have."""
    if not _is_number(column):
        return ()
    known = ~(np.isnan(codes) | np.isnan(numbers))
    levels, counts = np.unique(codes[known], return_counts=True)
    if len(levels) > MAX_GROUPS:
        return ()
    return tuple(
        (int(code), in_its_unit(column, float(numbers[known & (codes == code)].mean())))
        for code, count in zip(levels, counts, strict=True)
        if count >= MIN_GROUP
    )


def _said(form: RowFormat, place: int, column: Column, figures: ColumnFigures, n_levels: int) -> list[str]:
    """What there is to say about one column."""
    said = []
    if figures.shares:
        shares = np.array(figures.shares)
        codes = np.flatnonzero(shares)
        shown = np.sort(codes[np.argsort(-shares[codes], kind="stable")][:n_levels])
        texts = form.spell(place, shown.astype(np.float64))
        said += [f"{text} {_percent(shares[code])}" for text, code in zip(texts, shown, strict=True)]
    elif figures.mean is not None and not _is_number(column):
        said.append(f"mean {form.spell(place, np.rint([figures.mean]))[0]}")
    elif figures.mean is not None:
        said.append(f"mean {_number(figures.mean, figures.std)}")
        if figures.std is not None:
            said.append(f"standard deviation {_number(figures.std, figures.std)}")
    return said + [f"missing {_percent(figures.missing)}"] * (figures.missing > 0)


def _association_line(form: RowFormat, figure: AssociationFigure) -> str:
    columns = form.schema.modelled
    first, second = (csv_text(columns[place].name) for place in (figure.first, figure.second))
    value = f"{figure.measure} {figure.strength:.2f}"
    if figure.measure == "correlation":
        direction = "rises" if figure.strength > 0 else "falls"
        return f"- {second} {direction} as {first} rises ({value})"
    line = f"- {second} depends on {first} ({value})"
    if figure.shares:
        return f"{line}: {'; '.join(_class_said(form, figure, *told) for told in figure.shares)}"
    if not figure.means:
        return line
    texts = form.spell(figure.first, np.array([float(code) for code, _ in figure.means]))
    spread = float(np.ptp([mean for _, mean in figure.means])) or None
    means = [f"{_number(mean, spread)} for {text}" for text, (_, mean) in zip(texts, figure.means, strict=True)]
    return f"{line}: mean {', '.join(means)}"


def _class_said(form: RowFormat, figure: AssociationFigure, label: int, shares: tuple[float, ...]) -> str:
    """The shares of levels in a class."""
    codes = np.flatnonzero(shares)
    texts = form.spell(figure.second, codes.astype(np.float64))
    parts = [f"{text} {_percent(shares[code])}" for text, code in zip(texts, codes, strict=True)]
    return f"{', '.join(parts)} for {form.spell(figure.first, np.array([float(label)]))[0]}"


def _is_number(column: Column) -> bool:
    return column.kind == "continuous" and column.storage.family in ("integer", "float")


def in_its_unit(column: Column, encoded: float) -> float:
    """A number as users know it: whole numbers are encoded as differences from one of them."""
    return encoded + column.storage.origin if column.storage.family == "integer" else encoded


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _number(value: float, scale: float | None) -> str:
    """A number with two digits below the leading one of what is a large difference."""
    scale = scale or abs(value)
    if not scale or not math.isfinite(scale) or not 1e-6 < scale <= 1e12 or abs(value) > 1e12:
        return f"{value:.4g}"
    decimals = max(0, 2 - math.floor(math.log10(scale)))
    return f"{value:.{decimals}f}"
