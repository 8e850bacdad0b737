"""A classifier and a regressor that learn from real and synthetic rows, for scikit-learn's own pipelines."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.utils import _safe_indexing, assert_all_finite, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from skgensynth.base import BaseSynthesizer
from skgensynth.containers import read_table, read_target
from skgensynth.exceptions import SchemaError
from skgensynth.resampling import append_rows, check_classes, densify
from skgensynth.sampling import make_generator

__all__ = ["AugmentedClassifier", "AugmentedRegressor"]


def _estimator_has(method: str) -> Callable[[Any], bool]:
    """Condition that the estimator, the fitted one where there is one, has a method."""

    def check(self) -> bool:
        getattr(self.estimator_ if hasattr(self, "estimator_") else self._unfitted_estimator(), method)
        return True

    return check


class _Augmented(MetaEstimatorMixin):
    """What the two share: an estimator that is fitted on real and synthetic rows, and answers for itself."""

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "synthesizer": [BaseSynthesizer, None],
        "ratio": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    synthesizer_: BaseSynthesizer
    n_synthetic_: int
    n_features_in_: int
    feature_names_in_: np.ndarray

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **fit_params) -> Self:
        """Fit the synthesizer on the rows, and the estimator on the rows and on synthetic ones.

        Parameters
        ----------
        X : DataFrame, array-like or list of lists of shape (n_rows, n_columns)
            Columns of any kind that the estimator takes. It gets them in their container and with their dtypes, the
            synthetic rows below the real ones; a frame has a new index from 0.
        y : array-like of shape (n_rows,)
            Target.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights for the estimator. Real rows keep theirs; rows of weight 0 are left out altogether. A synthetic row
            weighs as much as the real rows on average, for a classifier those of its class. The synthesizer takes no
            weights: it learns every other row once.
        **fit_params : dict
            For the estimator's `fit`, by scikit-learn's metadata routing where that is enabled. Weights may go by the
            name of a step, as ``ridge__sample_weight``. Nothing else can be given by row.

        Returns
        -------
        self : object
            Fitted.

        Raises
        ------
        SchemaError
            If the table or the target cannot be used; the message names the column.
        SamplingError
            If the synthesizer makes too few valid rows.
        ValueError
            If a parameter is invalid.
        """
        given = fit_params if sample_weight is None else {"sample_weight": sample_weight, **fit_params}
        params = self._route("fit", given)
        validate_data(self, X, y, skip_check_array=True)
        table = read_table(densify(X))
        read_target(y, table)
        X, y = _as_container(X), _one_dimensional(_as_container(y))
        weights, others = self._split_weights(params, table.n_rows)
        X, y, weights = _without_weightless_rows(X, y, weights)
        synthesizer, estimator = self._make_parts()
        X_all, y_all = self._augment(synthesizer, X, y)
        extended = {name: self._extend_weights(values, y_all) for name, values in weights.items()}
        self.estimator_ = estimator.fit(X_all, y_all, **others, **extended)
        self.synthesizer_ = synthesizer
        self.n_synthetic_ = len(y_all) - len(y)
        return self

    def predict(self, X):
        """Predict with the fitted estimator.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_rows, n_columns)
            Rows.

        Returns
        -------
        ndarray of shape (n_rows,)
            Predicted target.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @available_if(_estimator_has("score"))
    def score(self, X, y, **params):
        """Score the fitted estimator by its own score, on the given rows alone.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_rows, n_columns)
            Rows.
        y : array-like of shape (n_rows,)
            Their target.
        **params : dict
            For the estimator's `score`, such as ``sample_weight``.

        Returns
        -------
        float
            Accuracy of most classifiers, R² of most regressors.
        """
        check_is_fitted(self)
        return self.estimator_.score(X, y, **self._route("score", params))

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell scikit-learn that all metadata goes to the estimator; the synthesizer takes none.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            Routes of `fit` and `score`.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit").add(caller="score", callee="score")
        return MetadataRouter(owner=self).add(estimator=self._unfitted_estimator(), method_mapping=mapping)

    def _augment(self, synthesizer: BaseSynthesizer, X, y) -> tuple[Any, Any]:
        """Fit the synthesizer and give the rows with synthetic ones below them."""
        raise NotImplementedError

    def _extend_weights(self, weights: np.ndarray, y_all) -> np.ndarray:
        """Give the weights of real rows with those of synthetic rows behind them."""
        raise NotImplementedError

    def _default_estimator(self) -> BaseEstimator:
        """What ``estimator=None`` stands for."""
        raise NotImplementedError

    def _unfitted_estimator(self) -> Any:
        return self._default_estimator() if self.estimator is None else self.estimator

    def _make_parts(self) -> tuple[BaseSynthesizer, Any]:
        """Clones of the synthesizer and of the estimator, with seeds where there is one for both."""
        synthesizer = self.synthesizer
        if synthesizer is None:
            from skgensynth.disco.synthesizer import DiscoTabSynthesizer

            synthesizer = DiscoTabSynthesizer()
        parts = clone(synthesizer), clone(self._unfitted_estimator())
        if self.random_state is not None:
            rng = make_generator(self.random_state, "fit")
            for part in parts:
                names = [name for name in sorted(part.get_params()) if name.rpartition("__")[2] == "random_state"]
                part.set_params(**{name: int(rng.integers(2**31)) for name in names})
        return parts

    def _route(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Parameters of a method as the estimator is to get them."""
        if not get_config()["enable_metadata_routing"]:
            return params
        return dict(process_routing(self, method, **params).estimator[method])

    def _split_weights(self, params: dict[str, Any], n_rows: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Weights among the parameters of `fit`, and the others."""
        weights, others = {}, {}
        for name, value in params.items():
            if name.rpartition("__")[2] == "sample_weight":
                if value is not None:
                    weights[name] = _check_sample_weight(value, np.empty((n_rows, 0)))
            elif _length(value) == n_rows:
                raise InvalidParameterError(
                    f"The fit parameter {name!r} of {type(self).__name__} has one value for each row, and synthetic "
                    "rows have none: only sample_weight can be given by row."
                )
            else:
                others[name] = value
        return weights, others

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._unfitted_estimator())
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.positive_only = inner.input_tags.positive_only
        tags.input_tags.sparse = False
        # Strings are passed on: whether the estimator takes them is its own affair, and pipelines do not tell.
        tags.input_tags.string = True
        for sort, shared in (("classifier_tags", ("poor_score", "multi_class")), ("regressor_tags", ("poor_score",))):
            own, theirs = getattr(tags, sort), getattr(inner, sort)
            for name in shared if own is not None and theirs is not None else ():
                setattr(own, name, getattr(theirs, name))
        return tags


class AugmentedClassifier(_Augmented, ClassifierMixin, BaseEstimator):
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
    >>> model = AugmentedClassifier(LogisticRegression(max_iter=1000), DiscoTabSynthesizer(n_epochs=5), random_state=0)
    >>> model.fit(X, y).n_synthetic_
    40
    >>> model.predict(X).shape
    (110,)
    """

    _parameter_constraints: ClassVar[dict] = {
        **_Augmented._parameter_constraints,
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

    @available_if(_estimator_has("predict_proba"))
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

    @available_if(_estimator_has("decision_function"))
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
        _refuse_dropped_columns(synthesizer)
        return (X_all, y_all) if self.where == "minority" else _append_sample(synthesizer, self.ratio, X_all, y_all)

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


class AugmentedRegressor(_Augmented, RegressorMixin, BaseEstimator):
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
    >>> model = AugmentedRegressor(Ridge(), DiscoTabSynthesizer(n_epochs=2), ratio=0.5, random_state=0)
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
        _refuse_dropped_columns(synthesizer)
        return _append_sample(synthesizer, self.ratio, X, y)

    def _extend_weights(self, weights: np.ndarray, y_all) -> np.ndarray:
        return np.concatenate([weights, np.full(len(y_all) - len(weights), weights.mean())])

    def _default_estimator(self) -> BaseEstimator:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor()


def _as_container(values: Any) -> Any:
    """Anything that is no frame, series or list as an array."""
    return values if isinstance(values, pd.DataFrame | pd.Series | list | tuple) else np.asarray(values)


def _append_sample(synthesizer: BaseSynthesizer, ratio: float, X: Any, y: Any) -> tuple[Any, Any]:
    """Put so many synthetic rows for each real row below these, drawn without a condition."""
    n_new = round(ratio * len(y))
    if not n_new:
        return X, y
    X_new, y_new = synthesizer.sample(n_new)
    return append_rows(X, X_new), append_rows(y, y_new)


def _one_dimensional(y: Any) -> Any:
    """A target without infinite values in one dimension, if need be with scikit-learn's warning."""
    assert_all_finite(y, allow_nan=True, input_name="y")
    if np.ndim(y) < 2:
        return y
    column = column_or_1d(y, warn=True)
    return y.iloc[:, 0] if isinstance(y, pd.DataFrame) else column


def _length(value: Any) -> int | None:
    """Number of items of an array or list; None of anything else."""
    if isinstance(value, list | tuple):
        return len(value)
    return value.shape[0] if getattr(value, "shape", ()) else None


def _without_weightless_rows(X: Any, y: Any, weights: dict[str, np.ndarray]) -> tuple[Any, Any, dict[str, np.ndarray]]:
    """Leave out the rows without any weight: they are as good as absent, and may be somebody's test rows."""
    if not weights:
        return X, y, weights
    rows = np.flatnonzero(np.any([values != 0 for values in weights.values()], axis=0))
    kept = {name: values[rows] for name, values in weights.items()}
    return _safe_indexing(X, rows), _safe_indexing(y, rows), kept


def _refuse_dropped_columns(synthesizer: BaseSynthesizer) -> None:
    """Refuse a synthesizer whose rows lack columns: the estimator would miss them when it predicts."""
    dropped = [column.name for column in synthesizer.schema_.columns if column.kind == "identifier"]
    if dropped and synthesizer.identifiers == "drop":
        raise InvalidParameterError(
            f"The 'synthesizer' parameter has identifiers='drop', and its rows lack {', '.join(map(repr, dropped))}: "
            "take these columns out of X, or use identifiers='regenerate'."
        )
