"""How good a synthetic table is: utility, fidelity and privacy, on pandas DataFrames of mixed types."""

from skgensynth.metrics.fidelity import (
    AssociationResult,
    JensenShannonResult,
    association_difference,
    association_matrix,
    jensen_shannon,
)
from skgensynth.metrics.privacy import MembershipResult, closest_distances, exact_copies, membership_inference
from skgensynth.metrics.scorers import (
    make_privacy_scorer,
    make_utility_scorer,
    score_fidelity,
    score_privacy,
    score_utility,
)
from skgensynth.metrics.scores import global_fidelity_index, harmonic_score
from skgensynth.metrics.training import infer_task
from skgensynth.metrics.utility import AugmentationResult, UtilityResult, augmentation_gain, trtr, trts, tstr

__all__ = [
    "AssociationResult",
    "AugmentationResult",
    "JensenShannonResult",
    "MembershipResult",
    "UtilityResult",
    "association_difference",
    "association_matrix",
    "augmentation_gain",
    "closest_distances",
    "exact_copies",
    "global_fidelity_index",
    "harmonic_score",
    "infer_task",
    "jensen_shannon",
    "make_privacy_scorer",
    "make_utility_scorer",
    "membership_inference",
    "score_fidelity",
    "score_privacy",
    "score_utility",
    "trtr",
    "trts",
    "tstr",
]
