"""A classifier and a regressor that learn from real and synthetic rows, for scikit-learn's own pipelines."""

from skgensynth.augment.classifier import AugmentedClassifier
from skgensynth.augment.regressor import AugmentedRegressor

__all__ = ["AugmentedClassifier", "AugmentedRegressor"]
