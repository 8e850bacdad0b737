"""How good a synthetic table is: utility, fidelity, consistency and privacy, on pandas DataFrames of mixed types."""

from skgensynth.metrics.associations import AssociationResult, association_difference, association_matrix
from skgensynth.metrics.consistency import ClassGapsResult, RuleViolationsResult, class_gaps, rule_violations
from skgensynth.metrics.coverage import CategoryCoverageResult, RangeCoverageResult, category_coverage, range_coverage
from skgensynth.metrics.detection import DetectionResult, detection_auc
from skgensynth.metrics.floor import FloorResult, with_floor
from skgensynth.metrics.manifold import ManifoldResult, manifold_overlap
from skgensynth.metrics.marginals import JensenShannonResult, WassersteinResult, jensen_shannon, wasserstein
from skgensynth.metrics.privacy import (
    AttributeInferenceResult,
    ClosestRecordResult,
    CopiesResult,
    DistanceRatioResult,
    MembershipResult,
    Rate,
    RiskResult,
    Spread,
    attribute_inference,
    closest_distances,
    distance_to_closest_record,
    exact_copies,
    identifiability,
    linkability,
    membership_inference,
    near_copies,
    nearest_neighbour_distance_ratio,
    singling_out,
)
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
    "AttributeInferenceResult",
    "AugmentationResult",
    "CategoryCoverageResult",
    "ClassGapsResult",
    "ClosestRecordResult",
    "CopiesResult",
    "DetectionResult",
    "DistanceRatioResult",
    "FloorResult",
    "JensenShannonResult",
    "ManifoldResult",
    "MembershipResult",
    "RangeCoverageResult",
    "Rate",
    "RiskResult",
    "RuleViolationsResult",
    "Spread",
    "UtilityResult",
    "WassersteinResult",
    "association_difference",
    "association_matrix",
    "attribute_inference",
    "augmentation_gain",
    "category_coverage",
    "class_gaps",
    "closest_distances",
    "detection_auc",
    "distance_to_closest_record",
    "exact_copies",
    "global_fidelity_index",
    "harmonic_score",
    "identifiability",
    "infer_task",
    "jensen_shannon",
    "linkability",
    "make_privacy_scorer",
    "make_utility_scorer",
    "manifold_overlap",
    "membership_inference",
    "near_copies",
    "nearest_neighbour_distance_ratio",
    "range_coverage",
    "rule_violations",
    "score_fidelity",
    "score_privacy",
    "score_utility",
    "singling_out",
    "trtr",
    "trts",
    "tstr",
    "wasserstein",
    "with_floor",
]
