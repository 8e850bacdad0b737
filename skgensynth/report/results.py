"""What a report holds, by question: utility, fidelity and privacy, each figure with what it stands beside."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skgensynth.metrics import (
    AssociationResult,
    AttributeInferenceResult,
    AugmentationResult,
    CategoryCoverageResult,
    ClosestRecordResult,
    CopiesResult,
    DetectionResult,
    DistanceRatioResult,
    FloorResult,
    JensenShannonResult,
    ManifoldResult,
    MembershipResult,
    RiskResult,
    UtilityResult,
    global_fidelity_index,
)


@dataclass(frozen=True)
class UtilityFigures:
    """What models learn.

    Attributes
    ----------
    synthetic : UtilityResult
        Trained on synthetic rows, tested on held-out ones.
    reverse : UtilityResult
        Trained on real rows, tested on synthetic ones.
    augmentation : AugmentationResult
        Trained on real rows alone (the ceiling), and on real rows with as many synthetic ones.
    """

    synthetic: UtilityResult
    reverse: UtilityResult
    augmentation: AugmentationResult

    @property
    def real(self) -> UtilityResult:
        """Trained on real rows, tested on held-out ones: the ceiling."""
        return self.augmentation.real

    @property
    def chance(self) -> dict[str, float]:
        """What a model reaches that always predicts the most frequent class, or the mean."""
        return chance_of(self.real)


def chance_of(result: UtilityResult) -> dict[str, float]:
    """What a model reaches that always predicts the most frequent class of the test rows, or their mean.

    Parameters
    ----------
    result : UtilityResult
        Of any models on these test rows.

    Returns
    -------
    dict of str to float
        "r2" of a regression; else "macro_f1", "auc" and "accuracy".
    """
    if result.task == "regression":
        return {"r2": 0.0}
    counts = np.array([each["support"] for each in next(iter(result.per_class.values())).values()])
    most = counts.max() / counts.sum()
    return {"macro_f1": float(2 * most / (1 + most) / len(counts)), "auc": 0.5, "accuracy": float(most)}


@dataclass(frozen=True)
class FidelityFigures:
    """How closely synthetic rows follow real ones.

    Attributes
    ----------
    means : dict of str to FloorResult
        "divergence", "wasserstein", "association", "class gaps" and "range": means over columns or pairs, of equal
        numbers of synthetic and of held-out rows; without held-out rows, the real rows are split in half.
    columns : JensenShannonResult
        Each column of the synthetic rows against the training rows.
    columns_matched, columns_floor : dict of column label to float
        The same for as many synthetic as held-out rows, and for those held-out rows: figures that can be compared.
    association : AssociationResult
        Each pair of columns of the synthetic rows against the training rows, with both matrices.
    detection, detection_floor : DetectionResult or None
        A classifier that tells synthetic rows, or held-out rows, from training rows.
    manifold, manifold_floor : ManifoldResult or None
        How the regions overlap where the rows lie.
    categories : CategoryCoverageResult
        Which categories occur, among all rows.
    """

    means: dict[str, FloorResult]
    columns: JensenShannonResult
    columns_matched: dict
    columns_floor: dict
    association: AssociationResult
    detection: DetectionResult | None
    detection_floor: DetectionResult | None
    manifold: ManifoldResult | None
    manifold_floor: ManifoldResult | None
    categories: CategoryCoverageResult

    @property
    def index(self) -> tuple[float, float]:
        """Global fidelity index of the synthetic rows and of held-out rows."""
        divergence, association = self.means["divergence"], self.means["association"]
        areas = [np.nan if each is None else each.auc for each in (self.detection, self.detection_floor)]
        return (
            global_fidelity_index(divergence.synthetic, association.synthetic, areas[0]),
            global_fidelity_index(divergence.floor, association.floor, areas[1]),
        )


@dataclass(frozen=True)
class PrivacyFigures:
    """What synthetic rows give away about training rows.

    Attributes
    ----------
    memberships : dict of str to MembershipResult
        Attack to its result: "distance", and "density_ratio" where there are enough held-out rows.
    closest : ClosestRecordResult
        Whether synthetic rows follow the training rows more closely than held-out ones.
    ratio : DistanceRatioResult or None
        Whether they point at single training rows.
    copies : CopiesResult or None
        Rows that repeat a training row, exactly or nearly.
    identifiability, singling_out, linkability : RiskResult or None
        Further attacks.
    attributes : AttributeInferenceResult or None
        Guessing one column from all others.
    train_distances, test_distances : ndarray
        Gower distances of training and held-out rows (at most 2,000 of each) to their closest synthetic row.
    """

    memberships: dict[str, MembershipResult]
    closest: ClosestRecordResult
    ratio: DistanceRatioResult | None
    copies: CopiesResult | None
    identifiability: RiskResult | None
    singling_out: RiskResult | None
    linkability: RiskResult | None
    attributes: AttributeInferenceResult | None
    train_distances: np.ndarray = field(repr=False)
    test_distances: np.ndarray = field(repr=False)
