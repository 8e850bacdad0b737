"""A regressor that learns from real and synthetic rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from skgensynth.augment._base import BaseAugmented, append_sample, refuse_dropped_columns
from skgensynth.base import BaseSynthesizer
from skgensynth.resampling import densify

__all__ = ["AugmentedRegressor"]


class AugmentedRegressor(BaseAugmented, RegressorMixin, BaseEstimator):
    """Regressor that is trained on real rows together with synthetic ones.

    At `fit`, a clone of the synthesizer learns the training rows and their target, and a clone of the estimator is
    fitted on these rows and on synthetic ones. Nothing else ever sees a synthetic row: predictions and scores are the
    estimator's, on real rows alone.

    Parameters
    ----------
    estimator : regressor, default=None
        What is trained. It may be a pipeline, which then prepares real and synthetic rows alike. None is
        ``RandomForestRegressor()``.
    synthesizer : BaseSynthesizer, default=None
        What makes the rows. None is ``DiscoTabSynthesizer()``.
    ratio : float, default=1.0
        Synthetic rows for each real row.
    random_state : int, RandomState or None, default=None
        Seeds the clones of synthesizer and estimator instead of their own random states. None leaves these as they
        are.

    Attributes
    ----------
    estimator_ : regressor
        The fitted clone.
    synthesizer_ : BaseSynthesizer
        The fitted clone. It holds training rows in memory, not in pickles.
    n_synthetic_ : int
        Synthetic rows that the estimator was fitted on.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of X, where all are strings.

    Notes
    -----
    An estimator that puts training rows aside by itself (a search, early stopping, ``RidgeCV``) puts synthetic ones
    aside, too. Searches belong around an `AugmentedRegressor`, not into it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skgensynth import AugmentedRegressor, DiscoTabSynthesizer
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> synthesizer = DiscoTabSynthesizer(n_epochs=2, feedback=None)
    >>> model = AugmentedRegressor(Ridge(), synthesizer, ratio=0.5, random_state=0)
    >>> len(X), model.fit(X, y).n_synthetic_
    (442, 221)
    """

    def __init__(self, estimator=None, synthesizer=None, *, ratio=1.0, random_state=None):
        self.estimator = estimator
        self.synthesizer = synthesizer
        self.ratio = ratio
        self.random_state = random_state

    def _augment(self, synthesizer: BaseSynthesizer, X, y) -> tuple[Any, Any]:
        synthesizer.fit(densify(X), y)
        refuse_dropped_columns(synthesizer)
        return append_sample(synthesizer, self.ratio, X, y)

    def _extend_weights(self, weights: np.ndarray, y_all) -> np.ndarray:
        return np.concatenate([weights, np.full(len(y_all) - len(weights), weights.mean())])

    def _default_estimator(self) -> BaseEstimator:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor()
