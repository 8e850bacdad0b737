"""Rules for prompts and rows: found in the training rows, written by the user, or ready for public tables."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from skgensynth.constraints import Constraint, ConstraintSet, parse_constraint
from skgensynth.constraints.discovery import find_constraints, own_constraint
from skgensynth.constraints.proposals import Settings
from skgensynth.constraints.rules import Decimals, Domain
from skgensynth.constraints.view import TableView
from skgensynth.exceptions import ConstraintError, ConstraintWarning
from skgensynth.schema import TableSchema

__all__ = ["MINED", "READY_RULES", "Rules", "collect_rules"]

MINED = "mined"
MAX_FOUND = 20  # ours: more rules than these lengthen the prompt without being read

# Clinical rules for the three public tables of the paper, each broken by less than a fifth of the real rows that it
# speaks of. "Stage 4 has ascites or edema", which is said of it too, is broken by two thirds of them.
READY_RULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "diabetes": (
            "usually if HbA1c_level > 6.6 then diabetes is 1",
            "usually if blood_glucose_level > 200 then diabetes is 1",
            "usually if HbA1c_level < 5.7 then diabetes is 0",
            "usually if blood_glucose_level < 126 and HbA1c_level < 6.5 then diabetes is 0",
            "usually if age < 18 then hypertension is 0",
            "usually if age < 18 then heart_disease is 0",
            "usually if age < 12 then smoking_history is never or `No Info`",
        ),
        "stroke": (
            "usually if age < 40 then stroke is 0",
            "usually if age < 16 then ever_married is No",
            "usually if age < 18 then hypertension is 0",
            "usually if age < 18 then heart_disease is 0",
            "usually if age < 10 then work_type is children",
            "usually if age < 10 then smoking_status is Unknown or `never smoked`",
            "usually if work_type is children then age < 18",
        ),
        "cirrhosis": (
            "usually if Bilirubin > 10 then Stage is 3 or 4",
            "usually if Albumin < 2.5 then Stage is 3 or 4",
            "usually if Ascites is Y then Stage is 3 or 4",
            "usually if Edema is Y then Stage is 3 or 4",
            "usually if Prothrombin > 12 then Stage is 3 or 4",
            "usually if Stage is 1 then Ascites is N",
            "usually if Stage is 1 then Edema is N or S",
            "usually if Bilirubin < 1 then Ascites is N",
            "usually Drug is D-penicillamine or Placebo",
        ),
    }
)


class Rules(NamedTuple):
    """The rules of a table: those that were given and those that were found."""

    given: ConstraintSet
    found: ConstraintSet


def collect_rules(rules: Any, schema: TableSchema, values: np.ndarray | None, table: Any, seed: int) -> Rules:
    """Bring all rules into one form, checked against the table.

    Parameters
    ----------
    rules : str, Constraint or iterable of these
        "mined", names of ready sets, sentences, and constraints.
    schema : TableSchema
        The table.
    values : ndarray of shape (n_rows, n_modelled), or None
        Encoded training rows; None where there are none.
    table : tuple of X and y, or None
        The same rows as a table; y is None without a target.
    seed : int
        For rules that are found.

    Returns
    -------
    Rules
        With the number of training rows on which each rests.

    Raises
    ------
    ConstraintError
        If a rule cannot be read or does not suit the table, or rules are to be found without rows.

    Warns
    -----
    ConstraintWarning
        If rules of a ready set do not suit the table, or training rows break a rule that is hard.
    """
    given: list[Constraint] = []
    found = ConstraintSet()
    view = None if values is None else TableView.of_encoded(values, schema)
    entries = [rules] if isinstance(rules, (str, Constraint)) else list(rules)
    for entry in entries:
        if not isinstance(entry, (str, Constraint)):
            raise TypeError(f"rules must hold sentences, constraints or names of sets, got {type(entry).__name__}")
        if isinstance(entry, str) and entry in READY_RULES:
            given += _ready(entry, schema, view)
        elif entry != MINED:
            given.append(_adopted(entry, schema, view))
    if MINED in entries:
        if values is None:
            raise ConstraintError(
                "rules='mined' are found in training rows, and there are none: write rules as sentences, such as "
                "'if age < 18 then pregnant is no', or fit on rows"
            )
        found = _mined(schema, table, seed)
    kept = dict.fromkeys(given)  # one rule may be in two places
    return Rules(ConstraintSet(kept), ConstraintSet(rule for rule in found if rule not in kept))


def _adopted(rule: Constraint | str, schema: TableSchema, view: TableView | None) -> Constraint:
    """A rule that suits the table."""
    return parse_constraint(str(rule), schema) if view is None else own_constraint(rule, view)


def _ready(name: str, schema: TableSchema, view: TableView | None) -> Iterable[Constraint]:
    """The rules of a ready set that suit the table."""
    suiting, unsuited = [], []
    for sentence in READY_RULES[name]:
        try:
            suiting.append(_adopted(sentence, schema, view))
        except ConstraintError:
            unsuited.append(sentence)
    if not suiting:
        raise ConstraintError(
            f"none of the ready rules {name!r} suits the table: its columns are "
            f"{', '.join(column.name for column in schema.modelled)}"
        )
    if unsuited:
        listed = "; ".join(unsuited)
        warnings.warn(
            f"of the ready rules {name!r}, these do not suit the table and are left out: {listed}",
            ConstraintWarning,
            stacklevel=2,
        )
    return suiting


def _mined(schema: TableSchema, table: Any, seed: int) -> ConstraintSet:
    """Rules that every training row keeps, without what the schema says."""
    kinds = {column.name: column.kind for column in schema.columns}
    # What a bound of the search left out is no news to those who did not ask for a search.
    settings = Settings(2, 0.02, 0.005, 100_000, MAX_FOUND, lambda note: None)
    found = find_constraints(TableView(*table), (), (), kinds, settings, seed)
    return ConstraintSet(rule for rule in found if not isinstance(rule, (Domain, Decimals)))
