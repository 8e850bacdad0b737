"""How good a synthetic table is: utility, fidelity, consistency and privacy, on pandas DataFrames of mixed types."""

from skgensynth.metrics.associations import AssociationResult, association_difference, association_matrix
from skgensynth.metrics.consistency import ClassGapsResult, RuleViolationsResult, class_gaps, rule_violations
from skgensynth.metrics.coverage import CategoryCoverageResult, RangeCoverageResult, category_coverage, range_coverage
from skgensynth.metrics.detection import DetectionResult, detection_auc
from skgensynth.metrics.floor import FloorResult, with_floor
from skgensynth.metrics.manifold import ManifoldResult, manifold_overlap
from skgensynth.metrics.marginals import JensenShannonResult, WassersteinResult, jensen_shannon, wasserstein
from skgensynth.metrics.privacy import MembershipResult, closest_distances, exact_copies, membership_inference
from skgensynth.metrics.scorers import score_privacy, score_utility
from skgensynth.metrics.utility import UtilityResult, infer_task, tstr

__all__ = [
    "AssociationResult",
    "CategoryCoverageResult",
    "ClassGapsResult",
    "DetectionResult",
    "FloorResult",
    "JensenShannonResult",
    "ManifoldResult",
    "MembershipResult",
    "RangeCoverageResult",
    "RuleViolationsResult",
    "UtilityResult",
    "WassersteinResult",
    "association_difference",
    "association_matrix",
    "category_coverage",
    "class_gaps",
    "closest_distances",
    "detection_auc",
    "exact_copies",
    "infer_task",
    "jensen_shannon",
    "manifold_overlap",
    "membership_inference",
    "range_coverage",
    "rule_violations",
    "score_privacy",
    "score_utility",
    "tstr",
    "wasserstein",
    "with_floor",
]
