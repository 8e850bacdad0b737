"""What the augmented classifier and the augmented regressor share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, clone
from sklearn.utils import _safe_indexing, assert_all_finite, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from skgensynth.base import BaseSynthesizer
from skgensynth.containers import read_table, read_target
from skgensynth.resampling import append_rows, densify
from skgensynth.sampling import make_generator

__all__ = ["BaseAugmented", "append_sample", "estimator_has", "refuse_dropped_columns"]


def estimator_has(method: str) -> Callable[[Any], bool]:
    """Condition that the estimator, the fitted one where there is one, has a method."""

    def check(self) -> bool:
        getattr(self.estimator_ if hasattr(self, "estimator_") else self._unfitted_estimator(), method)
        return True

    return check


class BaseAugmented(MetaEstimatorMixin, ABC):
    """An estimator that is fitted on real and synthetic rows, and answers for itself."""

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

    @available_if(estimator_has("score"))
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

    @abstractmethod
    def _augment(self, synthesizer: BaseSynthesizer, X, y) -> tuple[Any, Any]:
        """Fit the synthesizer and give the rows with synthetic ones below them."""

    @abstractmethod
    def _extend_weights(self, weights: np.ndarray, y_all) -> np.ndarray:
        """Give the weights of real rows with those of synthetic rows behind them."""

    @abstractmethod
    def _default_estimator(self) -> BaseEstimator:
        """What ``estimator=None`` stands for."""

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


def append_sample(synthesizer: BaseSynthesizer, ratio: float, X: Any, y: Any) -> tuple[Any, Any]:
    """Put so many synthetic rows for each real row below these, drawn without a condition."""
    n_new = round(ratio * len(y))
    if not n_new:
        return X, y
    X_new, y_new = synthesizer.sample(n_new)
    return append_rows(X, X_new), append_rows(y, y_new)


def refuse_dropped_columns(synthesizer: BaseSynthesizer) -> None:
    """Refuse a synthesizer whose rows lack columns: the estimator would miss them when it predicts."""
    dropped = [column.name for column in synthesizer.schema_.columns if column.kind == "identifier"]
    if dropped and synthesizer.identifiers == "drop":
        raise InvalidParameterError(
            f"The 'synthesizer' parameter has identifiers='drop', and its rows lack {', '.join(map(repr, dropped))}: "
            "take these columns out of X, or use identifiers='regenerate'."
        )


def _as_container(values: Any) -> Any:
    """Anything that is no frame, series or list as an array."""
    return values if isinstance(values, pd.DataFrame | pd.Series | list | tuple) else np.asarray(values)


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
