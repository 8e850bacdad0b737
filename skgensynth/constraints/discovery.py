"""Constraints found in a table, together with those that the user gives."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from skgensynth.constraints.base import Constraint
from skgensynth.constraints.items import Item
from skgensynth.constraints.laws import find_dependencies, find_orders, find_sums
from skgensynth.constraints.mining import best_cells, find_cells
from skgensynth.constraints.proposals import Settings
from skgensynth.constraints.pruning import join_levels, to_implication, without_implied, without_linked
from skgensynth.constraints.regions import MinedColumn, read_columns
from skgensynth.constraints.rules import Decimals, Dependency, Domain
from skgensynth.constraints.sentences import parse_constraint, verify_constraint
from skgensynth.constraints.sets import ConstraintSet
from skgensynth.constraints.view import TableView
from skgensynth.exceptions import ConstraintError, ConstraintWarning

__all__ = ["discover_constraints"]

MAX_ALLOWED = 50  # ours: columns of more levels get no list of them


def discover_constraints(
    X: Any,
    y: Any = None,
    *,
    constraints: Iterable[Constraint | str] = (),
    forbidden_rules: Iterable[Constraint | str | Sequence[str]] = (),
    column_kinds: Mapping[Any, str] | None = None,
    max_antecedent: int = 2,
    min_support: float = 0.02,
    alpha: float = 0.005,
    max_itemsets: int = 100_000,
    max_rules: int = 100,
    random_state: Any = None,
) -> ConstraintSet:
    """Find the rules that every row of a table keeps, and that chance does not explain.

    Ranges, allowed values and decimals describe each column. Orders, sums and functional dependencies between columns,
    and implications between ranges and levels, must hold on every row, be significant by an exact permutation
    probability that accounts for all the laws looked at, and be significant at 5 % on a random half of the rows that
    takes no part in proposing them. Implications start from frequent itemsets (apriori of Agrawal and Srikant, Fast
    algorithms for mining association rules, 1994, as in mlxtend) and from the items, complements included, that always
    come with them; at least five rows would be expected where none is; the step-up procedure of Benjamini and Hochberg
    (Controlling the false discovery rate, 1995) decides which are significant. How these are put together is ours.
    Rules that follow from others are left out.

    Parameters
    ----------
    X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
        The table. Identifiers and free text are passed over.
    y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,), default=None
        The target: one more column, called "target" if it has no name.
    constraints : iterable of Constraint or str, default=()
        The user's own, as objects or sentences (`parse_constraint`). They come first in the result, unchanged but for
        their support; a dependency without a mapping takes it from the table.
    forbidden_rules : iterable of Constraint, str or tuple of str, default=()
        What must not be found: a constraint or its sentence; the name of a column: nothing that it is part of; a tuple
        of names: nothing that all of them are part of. The user's own constraints stay.
    column_kinds : mapping of name to {"categorical", "continuous", "identifier"}, default=None
        Kinds of columns; the others are found out.
    max_antecedent : int, default=2
        The most conditions that a rule has.
    min_support : float, default=0.02
        Share of the rows on which a rule's conditions must hold, in (0, 1]; of a range, a part of it.
    alpha : float, default=0.005
        In a table of independent columns, the probability of finding any law, at most; in others, about the share of
        chance rules among those found.
    max_itemsets : int, default=100000
        The most combinations of conditions that are looked at; if there are more, rules have fewer conditions.
    max_rules : int, default=100
        The most implications that are kept. Those between two ranges of numbers go first: numbers that rise together
        have many.
    random_state : int, RandomState instance or None, default=None
        Decides which rows are held out.

    Returns
    -------
    ConstraintSet
        The user's constraints, then for each column its domain and decimals, then orders, sums, dependencies and
        implications, the most significant ones first. Those found are hard.

    Raises
    ------
    ConstraintError
        If one of the user's constraints does not suit the table; names the column and says what is allowed.
    SchemaError
        If the table cannot be used; names the column.
    ValueError
        If a parameter is out of its range; names it.

    Warns
    -----
    ConstraintWarning
        If a bound left something unexplored (it is named), or rows of the table break a hard constraint of the user's.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skgensynth.constraints import discover_constraints
    >>> rng = np.random.default_rng(0)
    >>> age = rng.integers(0, 90, 1000)
    >>> copd = np.where((age >= 18) & (rng.random(1000) < 0.4), "yes", "no")
    >>> found = discover_constraints(pd.DataFrame({"age": age, "copd": copd}), random_state=0)
    >>> found
    ConstraintSet of 4
      age is between 0 and 89  (1000 rows)
      age is a whole number  (1000 rows)
      copd is no or yes  (1000 rows)
      if age < 18 then copd is no  (195 rows)
    """
    _check_settings(
        max_antecedent=max_antecedent,
        min_support=min_support,
        alpha=alpha,
        max_itemsets=max_itemsets,
        max_rules=max_rules,
    )
    notes: list[str] = []
    settings = Settings(max_antecedent, min_support, alpha, max_itemsets, max_rules, notes.append)
    view = TableView(X, y)
    found = find_constraints(view, constraints, forbidden_rules, column_kinds, settings, random_state)
    for note in notes:
        warnings.warn(note, ConstraintWarning, stacklevel=2)
    return found


def find_constraints(
    view: TableView,
    constraints: Constraint | str | Iterable[Constraint | str],
    forbidden_rules: Constraint | str | Iterable[Constraint | str | Sequence[str]],
    column_kinds: Mapping[Any, str] | None,
    settings: Settings,
    random_state: Any,
) -> ConstraintSet:
    """What `discover_constraints` does, but for its settings: bounds are reported to them, not warned of."""
    own = [own_constraint(constraint, view) for constraint in listed(constraints)]
    veto = _Veto(forbidden_rules, view, own)
    columns = read_columns(view, {} if column_kinds is None else column_kinds)
    held_out = check_random_state(random_state).permutation(view.n_rows) % 2 == 0
    found = veto.applied_to(part for column in columns for part in _descriptions(column))
    share = settings.alpha / 30  # a tenth of the level for the three kinds of law, the rest for implications
    laws = veto.applied_to(
        [
            *find_orders(columns, held_out, share),
            *find_sums(columns, held_out, share),
            *find_dependencies(columns, held_out, share),
        ]
    )
    cells, n_found = find_cells(columns, held_out, settings)
    kept = [cell for cell in cells if veto.applied_to([to_implication(cell, columns)])]
    kept = join_levels(without_implied(without_linked(kept, columns, laws), columns))
    if len(kept) > settings.max_rules or len(cells) < n_found:
        n_rules = len(kept) if len(cells) == n_found else n_found
        settings.report(
            f"{n_rules} implications were found, more than max_rules={settings.max_rules}: the most significant ones "
            "are kept"
        )
    rules = veto.applied_to(to_implication(cell, columns) for cell in best_cells(kept, settings.max_rules))
    return ConstraintSet([*own, *(constraint.supported_by(view) for constraint in [*found, *laws, *rules])])


def listed(given: Any) -> list[Any]:
    """Constraints as a list, though a single one may stand for itself."""
    return [given] if isinstance(given, (str, Constraint)) else list(given)


class _Veto:
    """What the user does not want to be found, or has given already."""

    def __init__(self, forbidden: Any, view: TableView, own: list[Constraint]) -> None:
        self.constraints = set(own)
        self.columns: list[set[str]] = []
        for entry in listed(forbidden):
            names = [entry] if isinstance(entry, str) and entry in view.names else entry
            if isinstance(names, (str, Constraint)):
                self.constraints.add(_parsed(names, view, "forbidden_rules"))
                continue
            unknown = [name for name in names if str(name) not in view.names]
            if unknown:
                raise ConstraintError(
                    f"forbidden_rules names the column {unknown[0]!r}, which is not there; columns are "
                    f"{', '.join(view.names)}"
                )
            self.columns.append({str(name) for name in names})

    def applied_to(self, found: Iterable[Constraint]) -> list[Constraint]:
        """What may be found."""
        return [
            constraint
            for constraint in found
            if constraint not in self.constraints
            and not any(names <= set(constraint.columns) for names in self.columns)
        ]


def _check_settings(**settings: Any) -> None:
    """Refuse settings out of their range, in scikit-learn's words."""
    count, share = [Interval(Integral, 1, None, closed="left")], [Interval(Real, 0, 1, closed="right")]
    ranges = {name: share if name in ("min_support", "alpha") else count for name in settings}
    ranges["max_rules"] = [Interval(Integral, 0, None, closed="left")]
    validate_parameter_constraints(ranges, settings, "discover_constraints")


def _parsed(constraint: Any, view: TableView, parameter: str) -> Constraint:
    """A constraint or sentence as a constraint that suits the table."""
    if not isinstance(constraint, (str, Constraint)):
        kind = type(constraint).__name__
        raise TypeError(f"{parameter} must hold constraints, sentences or names of columns, got {kind}")
    if isinstance(constraint, str):
        return parse_constraint(constraint, view)
    verify_constraint(constraint, view)
    return constraint


def own_constraint(constraint: Any, view: TableView) -> Constraint:
    """One of the user's constraints, with its support; told if the table breaks it."""
    parsed = _parsed(constraint, view, "constraints")
    if isinstance(parsed, Dependency) and not parsed.mapping:
        parsed = parsed.learned_from(view)
    broken = np.count_nonzero(parsed.violated(view))
    if broken and parsed.hard:
        warnings.warn(
            f"{broken} of {view.n_rows} rows break {str(parsed)!r}; if that may be, write 'usually ...'",
            ConstraintWarning,
            stacklevel=5,
        )
    return parsed.supported_by(view)


def _descriptions(column: MinedColumn) -> list[Constraint]:
    """What holds for one column by itself."""
    if column.has_levels:
        return [Domain(Item(column.name, "is", column.texts))] if len(column.texts) <= MAX_ALLOWED else []
    numbers = column.view.numbers
    bounds = tuple(column.view.format(float(bound)) for bound in (np.nanmin(numbers), np.nanmax(numbers)))
    found: list[Constraint] = [Domain(Item(column.name, "between", bounds))]
    storage = column.schema.storage
    decimals = 0 if storage.family == "integer" else storage.decimals
    if column.view.scale == "number" and decimals is not None:
        found.append(Decimals(column.name, decimals))
    return found
