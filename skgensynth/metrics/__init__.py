"""How good a synthetic table is: utility, fidelity and privacy, on pandas DataFrames of mixed types."""

from skgensynth.metrics.fidelity import (
    AssociationResult,
    JensenShannonResult,
    association_difference,
    association_matrix,
    jensen_shannon,
)
from skgensynth.metrics.privacy import MembershipResult, closest_distances, exact_copies, membership_inference
from skgensynth.metrics.scorers import score_privacy, score_utility
from skgensynth.metrics.utility import UtilityResult, infer_task, tstr

__all__ = [
    "AssociationResult",
    "JensenShannonResult",
    "MembershipResult",
    "UtilityResult",
    "association_difference",
    "association_matrix",
    "closest_distances",
    "exact_copies",
    "infer_task",
    "jensen_shannon",
    "membership_inference",
    "score_privacy",
    "score_utility",
    "tstr",
]
