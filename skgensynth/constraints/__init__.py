"""Rules that rows keep: found in a table, written by a user, checked on any table."""

from skgensynth.constraints.items import Item
from skgensynth.constraints.rules import Constraint, Decimals, Dependency, Domain, Implication, Order, Sum
from skgensynth.constraints.sentences import parse_constraint
from skgensynth.constraints.sets import ConstraintSet

__all__ = [
    "Constraint",
    "ConstraintSet",
    "Decimals",
    "Dependency",
    "Domain",
    "Implication",
    "Item",
    "Order",
    "Sum",
    "parse_constraint",
]
