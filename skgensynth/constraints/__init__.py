"""Rules that rows keep: found in a table, written by a user, checked on any table."""

from skgensynth.constraints.association import Association, FeatureGroups, feature_groups
from skgensynth.constraints.base import Constraint
from skgensynth.constraints.discovery import discover_constraints
from skgensynth.constraints.items import Item
from skgensynth.constraints.rules import Decimals, Dependency, Domain, Implication, Order, Sum
from skgensynth.constraints.sentences import parse_constraint
from skgensynth.constraints.sets import ConstraintSet

__all__ = [
    "Association",
    "Constraint",
    "ConstraintSet",
    "Decimals",
    "Dependency",
    "Domain",
    "FeatureGroups",
    "Implication",
    "Item",
    "Order",
    "Sum",
    "discover_constraints",
    "feature_groups",
    "parse_constraint",
]
