"""A classifier that learns from real and synthetic rows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import InvalidParameterError, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skgensynth.augment._base import BaseAugmented, append_sample, estimator_has, refuse_dropped_columns
from skgensynth.base import BaseSynthesizer
from skgensynth.exceptions import SchemaError
from skgensynth.resampling import check_classes

__all__ = ["AugmentedClassifier"]


class AugmentedClassifier(BaseAugmented, ClassifierMixin, BaseEstimator):
    """Classifier that is trained on real rows together with synthetic ones.

    At `fit`, a clone of the synthesizer learns the training rows, and a clone of the estimator is fitted on these rows
    and on synthetic ones. Nothing else ever sees a synthetic row: predictions and scores are the estimator's, on real
    rows alone. So it does in scikit-learn's pipelines, cross-validation and searches, which allow no sampler inside,
    what a synthesizer does in imbalanced-learn's pipeline.

    Parameters
    ----------
    estimator : classifier, default=None
        What is trained. It may be a pipeline, which then prepares real and synthetic rows alike. None is
        ``RandomForestClassifier()``.
    synthesizer : BaseSynthesizer, default=None
        What makes the rows. None is ``DiscoTabSynthesizer()``.
    where : {"minority", "all"}, default="minority"
        Which classes get synthetic rows: "minority" fills up each class that is smaller than ``ratio`` times the
        largest one; "all" takes rows as the synthesizer draws them, so that classes keep their shares up to chance.
    ratio : float, default=1.0
        How many: with "minority", the size to which smaller classes are filled up, as a share of the largest class, in
        (0, 1] and rounded down, which for two classes is a number as imbalanced-learn's ``sampling_strategy``; with
        "all", synthetic rows for each real row.
    random_state : int, RandomState or None, default=None
        Seeds the clones of synthesizer and estimator instead of their own random states. None leaves these as they
        are.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone.
    synthesizer_ : BaseSynthesizer
        The fitted clone. It holds training rows in memory, not in pickles.
    n_synthetic_ : int
        Synthetic rows that the estimator was fitted on; may be 0, as where classes are balanced already.
    classes_ : ndarray of shape (n_classes,)
        Classes, as the estimator orders them.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of X, where all are strings.

    Notes
    -----
    An estimator that puts training rows aside by itself (a search, early stopping, ``LogisticRegressionCV``) puts
    synthetic ones aside, too. Searches belong around an `AugmentedClassifier`, not into it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgensynth import AugmentedClassifier, DiscoTabSynthesizer
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> X, y = X[40:], y[40:]
    >>> synthesizer = DiscoTabSynthesizer(n_epochs=5, feedback=None)
    >>> model = AugmentedClassifier(LogisticRegression(max_iter=1000), synthesizer, random_state=0)
    >>> model.fit(X, y).n_synthetic_
    40
    >>> model.predict(X).shape
    (110,)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseAugmented._parameter_constraints,
        "where": [StrOptions({"minority", "all"})],
    }

    def __init__(self, estimator=None, synthesizer=None, *, where="minority", ratio=1.0, random_state=None):
        self.estimator = estimator
        self.synthesizer = synthesizer
        self.where = where
        self.ratio = ratio
        self.random_state = random_state

    @property
    def classes_(self) -> np.ndarray:
        """Classes, as the estimator orders them."""
        return self.estimator_.classes_

    @available_if(estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Probabilities of the classes by the fitted estimator.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_rows, n_columns)
            Rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Probabilities, in the order of `classes_`.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(estimator_has("decision_function"))
    def decision_function(self, X):
        """Decision function of the fitted estimator.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_rows, n_columns)
            Rows.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
            What the estimator gives.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    def _augment(self, synthesizer: BaseSynthesizer, X, y) -> tuple[Any, Any]:
        labels, _ = check_classes(y)
        classes, counts = np.unique(labels, return_counts=True)
        if len(classes) == 1:
            raise SchemaError(f"y has one class only, {classes[0]!r}: {type(self).__name__} needs two or more.")
        # With no rows to add, fit_resample still learns the classes as classes, even if they are many numbers.
        sizes = self._sizes(classes, counts) if self.where == "minority" else {}
        X_all, y_all = synthesizer.set_params(sampling_strategy=sizes).fit_resample(X, y)
        refuse_dropped_columns(synthesizer)
        return (X_all, y_all) if self.where == "minority" else append_sample(synthesizer, self.ratio, X_all, y_all)

    def _sizes(self, classes: np.ndarray, counts: np.ndarray) -> dict[Any, int]:
        """How many rows each class is to have after filling up."""
        if self.ratio > 1:
            raise InvalidParameterError(
                f"The 'ratio' parameter of {type(self).__name__} is a share of the largest class and at most 1 with "
                f"where='minority'. Got {self.ratio!r} instead; where='all' takes more."
            )
        least = int(self.ratio * counts.max())
        return {label: max(int(count), least) for label, count in zip(classes, counts, strict=True)}

    def _extend_weights(self, weights: np.ndarray, y_all) -> np.ndarray:
        codes = np.unique(check_classes(y_all)[0], return_inverse=True)[1]
        real, new = codes[: len(weights)], codes[len(weights) :]
        means = np.bincount(real, weights) / np.bincount(real)
        return np.concatenate([weights, means[new]])

    def _default_estimator(self) -> BaseEstimator:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier()
