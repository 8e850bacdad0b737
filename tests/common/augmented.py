"""Augmented models over the toy synthesizer."""

from common.keeper import RowKeeper
from common.toy import MarginalsSynthesizer
from skgensynth import AugmentedClassifier

TOY = MarginalsSynthesizer(random_state=0)


def kept_rows(X, y, weights=None, **parameters):
    """What the estimator of an augmented classifier is fitted on."""
    model = AugmentedClassifier(RowKeeper(), TOY, **parameters).fit(X, y, weights)
    return model.estimator_.X_, model.estimator_.y_, model.estimator_.sample_weight_
