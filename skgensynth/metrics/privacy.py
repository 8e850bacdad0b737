"""What a synthetic table gives away about the rows that it was learnt from: all privacy metrics in one place."""

from skgensynth.metrics.attacks import AttributeInferenceResult, attribute_inference, linkability
from skgensynth.metrics.copies import CopiesResult, exact_copies, identifiability, near_copies
from skgensynth.metrics.distances import (
    ClosestRecordResult,
    DistanceRatioResult,
    Spread,
    closest_distances,
    distance_to_closest_record,
    nearest_neighbour_distance_ratio,
)
from skgensynth.metrics.membership import MembershipResult, membership_inference
from skgensynth.metrics.risks import Rate, RiskResult
from skgensynth.metrics.singling_out import singling_out

__all__ = [
    "AttributeInferenceResult",
    "ClosestRecordResult",
    "CopiesResult",
    "DistanceRatioResult",
    "MembershipResult",
    "Rate",
    "RiskResult",
    "Spread",
    "attribute_inference",
    "closest_distances",
    "distance_to_closest_record",
    "exact_copies",
    "identifiability",
    "linkability",
    "membership_inference",
    "near_copies",
    "nearest_neighbour_distance_ratio",
    "singling_out",
]
