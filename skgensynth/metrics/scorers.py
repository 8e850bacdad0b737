"""Scorers of synthesizers for scikit-learn's searches and cross-validation: ``(estimator, X, y)`` callables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted, validate_data

from skgensynth.exceptions import TrainingRowsUnavailableError
from skgensynth.metrics.associations import association_difference
from skgensynth.metrics.detection import detection_auc
from skgensynth.metrics.figures import CLASSIFICATION_FIGURES
from skgensynth.metrics.learners import LEARNERS, check_learners
from skgensynth.metrics.marginals import jensen_shannon
from skgensynth.metrics.membership import ATTACKS, membership_inference
from skgensynth.metrics.scores import global_fidelity_index
from skgensynth.metrics.utility import tstr

# A fixed seed: the same fitted synthesizer always gets the same score, whatever its own random_state.
_SEED = 0
_ROWS_PER_REAL_ROW = 5
_FEWEST_ROWS, _MOST_ROWS = 1_000, 20_000
# Two rows in each of five folds; fewer tell nothing.
_FEWEST_TO_DETECT = 10
_METRICS = (*CLASSIFICATION_FIGURES, "r2", "neg_rmse")


def score_utility(estimator, X, y=None):
    """Score a synthesizer by what models learn from its rows that holds for real ones.

    Samples five synthetic rows for each row of `X` (at least 1,000, at most 20,000; about as many as there were
    training rows in a cross-validation of five folds), trains the three learners of `tstr` on them and tests them on
    `X` and `y`. Use it as ``scoring=score_utility``; larger is better. `make_utility_scorer` makes others.

    Parameters
    ----------
    estimator : BaseSynthesizer
        Synthesizer fitted with a target.
    X : {DataFrame, array-like} of shape (n_rows, n_features)
        Real rows that it was not fitted on: the held-out fold.
    y : array-like of shape (n_rows,)
        Their target values.

    Returns
    -------
    float
        Mean over the learners: macro F1 in [0, 1] for a categorical target, R² for a continuous one, at most 1 and
        below 0 where the models do worse than the mean of `y`. 1 is ideal.

    Raises
    ------
    TypeError
        If `estimator` is no synthesizer, such as a pipeline.
    sklearn.exceptions.NotFittedError
        If it was not fitted.
    ValueError
        If there is no target, in `y` or in the fitted synthesizer.
    """
    return _UtilityScorer()(estimator, X, y)


def score_fidelity(estimator, X, y=None):
    """Score a synthesizer by how closely its rows follow real ones.

    Samples five synthetic rows for each row of `X` (at least 1,000, at most 20,000) and compares them with `X` and `y`
    by `global_fidelity_index`: columns, pairs of columns, and whole rows by XGBoost in five folds, the latter if there
    are at least ten real rows. Use it as ``scoring=score_fidelity``; larger is better.

    Parameters
    ----------
    estimator : BaseSynthesizer
        Fitted synthesizer.
    X : {DataFrame, array-like} of shape (n_rows, n_features)
        Real rows that it was not fitted on: the held-out fold.
    y : array-like of shape (n_rows,) or None, default=None
        Their target values; without them the target is left out.

    Returns
    -------
    float
        Index in [0, 1], 1 is ideal. A small fold differs from any other rows by chance: compare scores on the same
        folds only.

    Raises
    ------
    TypeError
        If `estimator` is no synthesizer, such as a pipeline.
    sklearn.exceptions.NotFittedError
        If it was not fitted.
    """
    _check_synthesizer(estimator, "score_fidelity")
    real = _held_out(estimator, X, y)
    synthetic = _sample(estimator, len(real), None, _SEED)[list(real.columns)]
    enough = len(real) >= _FEWEST_TO_DETECT
    return global_fidelity_index(
        jensen_shannon(real, synthetic).mean,
        association_difference(real, synthetic).mean,
        detection_auc(real, synthetic, random_state=_SEED).auc if enough else float("nan"),
    )


def score_privacy(estimator, X, y=None):
    """Score a synthesizer by how little its rows tell about which real rows it was trained on.

    Samples five synthetic rows for each training row (at least 1,000, at most 20,000) and runs
    `membership_inference` with the training rows against the rows of `X`. Use it as ``scoring=score_privacy``; larger
    is better. `make_privacy_scorer` makes others.

    Parameters
    ----------
    estimator : BaseSynthesizer
        Synthesizer that still holds its training rows in memory, as it does after `fit`.
    X : {DataFrame, array-like} of shape (n_rows, n_features)
        Real rows that it was not fitted on: the held-out fold.
    y : array-like of shape (n_rows,) or None, default=None
        Their target values; without them the target is left out of the attack.

    Returns
    -------
    float
        ``1 - 2 * max(0, AUC - 0.5)`` of the attack (ours), in [0, 1]: 1 is chance level, 0 means that every training
        row is recognised.

    Raises
    ------
    TypeError
        If `estimator` is no synthesizer, such as a pipeline.
    sklearn.exceptions.NotFittedError
        If it was not fitted.
    TrainingRowsUnavailableError
        If the synthesizer was loaded or unpickled: it then holds no training rows.
    """
    return _PrivacyScorer()(estimator, X, y)


def make_utility_scorer(*, learners=LEARNERS, metric=None, n_rows=None, random_state=_SEED):
    """Make a scorer like `score_utility` of other learners, another figure or another number of synthetic rows.

    Parameters
    ----------
    learners : sequence of {"linear", "forest", "xgboost", "svm"} or dict, default=("linear", "forest", "xgboost")
        Models to train, as in `tstr`; the score is their mean.
    metric : {"macro_f1", "weighted_f1", "auc", "accuracy", "balanced_accuracy", "r2", "neg_rmse"} or None, default=None
        Figure of `UtilityResult`; larger is better for all, and 1 is ideal but for "neg_rmse", the negative RMSE in the
        target's unit, at most 0. None takes macro F1 for a categorical target, R² for a continuous one.
    n_rows : int or None, default=None
        Number of synthetic rows to train on; None as in `score_utility`.
    random_state : int, default=0
        Seeds sampling and learners: equal synthesizers get equal scores.

    Returns
    -------
    callable
        Scorer ``(estimator, X, y)``, which can be pickled if the learners can.

    Raises
    ------
    ValueError
        If a parameter is unknown; the scorer raises it where a metric or learner does not suit the target.

    Examples
    --------
    >>> from skgensynth import make_utility_scorer
    >>> make_utility_scorer(learners=["linear"], metric="balanced_accuracy").metric
    'balanced_accuracy'
    """
    if metric is not None and metric not in _METRICS:
        raise ValueError(f"metric must be None or one of {_METRICS}, got {metric!r}.")
    if not isinstance(learners, Mapping):
        # Names suit any task; whether estimators do shows when there is a target.
        check_learners(learners, "classification")
    _check_n_rows(n_rows)
    return _UtilityScorer(learners, metric, n_rows, random_state)


def make_privacy_scorer(*, attack="distance", reference=None, n_rows=None, random_state=_SEED):
    """Make a scorer like `score_privacy` of another attack, or for a synthesizer without its training rows.

    Parameters
    ----------
    attack : {"distance", "density_ratio"}, default="distance"
        Attack of `membership_inference`.
    reference : DataFrame, array-like, tuple (X, y) or None, default=None
        What the synthesizer was fitted on, X alone or X and y, for one that was loaded or unpickled. None takes the
        rows that the synthesizer holds, as is needed in cross-validation, where each fold has its own.
    n_rows : int or None, default=None
        Number of synthetic rows that the attacker sees; None as in `score_privacy`.
    random_state : int, default=0
        Seeds sampling and attack: equal synthesizers get equal scores.

    Returns
    -------
    callable
        Scorer ``(estimator, X, y)``, which can be pickled.

    Raises
    ------
    ValueError
        If a parameter is unknown.

    Examples
    --------
    >>> from skgensynth import make_privacy_scorer
    >>> make_privacy_scorer(n_rows=5000).n_rows
    5000
    """
    if attack not in ATTACKS:
        raise ValueError(f"attack must be one of {ATTACKS}, got {attack!r}.")
    _check_n_rows(n_rows)
    return _PrivacyScorer(attack, reference, n_rows, random_state)


@dataclass(frozen=True, eq=False)
class _UtilityScorer:
    learners: Any = LEARNERS
    metric: str | None = None
    n_rows: int | None = None
    random_state: int = _SEED

    def __call__(self, estimator, X, y=None) -> float:
        _check_synthesizer(estimator, "score_utility")
        schema = estimator.schema_
        if y is None:
            raise ValueError(
                "score_utility needs y, the column that models are to predict: pass y to the search as well."
            )
        if schema.target is None:
            raise ValueError(
                f"score_utility needs a {type(estimator).__name__} that was fitted with a target: call fit(X, y)."
            )
        task = "regression" if schema.target.kind == "continuous" else "classification"
        if self.metric is not None and (self.metric in CLASSIFICATION_FIGURES) != (task == "classification"):
            raise ValueError(
                f"The metric {self.metric!r} does not suit the {schema.target.kind} target {schema.target.name!r}."
            )
        test = _held_out(estimator, X, y)
        synthetic = _sample(estimator, len(test), self.n_rows, self.random_state)
        result = tstr(
            synthetic,
            test,
            schema.target.name,
            task=task,
            learners=self.learners,
            n_bootstrap=0,
            random_state=self.random_state,
        )
        if self.metric is None:
            return result.score
        return -result.mean["rmse"] if self.metric == "neg_rmse" else result.mean[self.metric]


@dataclass(frozen=True, eq=False)
class _PrivacyScorer:
    attack: str = "distance"
    reference: Any = field(default=None, repr=False)
    n_rows: int | None = None
    random_state: int = _SEED

    def __call__(self, estimator, X, y=None) -> float:
        _check_synthesizer(estimator, "score_privacy")
        train, holdout = self._training_rows(estimator), _held_out(estimator, X, y)
        synthetic = _sample(estimator, len(train), self.n_rows, self.random_state)
        columns = [column for column in holdout.columns if column in train.columns]
        result = membership_inference(
            train[columns],
            holdout[columns],
            synthetic[columns],
            attack=self.attack,
            n_bootstrap=1,
            random_state=self.random_state,
        )
        return 1.0 - 2.0 * max(0.0, result.auc - 0.5)

    def _training_rows(self, estimator):
        if self.reference is not None:
            return _held_out(estimator, *(self.reference if isinstance(self.reference, tuple) else (self.reference,)))
        training_values = getattr(estimator, "_training_values", None)
        if training_values is None:
            raise TrainingRowsUnavailableError(
                f"score_privacy compares with the training rows, and this {type(estimator).__name__} no longer holds "
                "them because it was loaded or unpickled: fit it again, or pass them as "
                "make_privacy_scorer(reference=(X_train, y_train))."
            )
        schema = estimator.schema_
        decoded = schema.decode(training_values, np.random.default_rng(self.random_state))
        return _to_frame(schema, *(decoded if isinstance(decoded, tuple) else (decoded,)))


def _check_synthesizer(estimator, scorer):
    if not callable(getattr(estimator, "sample", None)):
        raise TypeError(
            f"{scorer} needs a synthesizer, and a {type(estimator).__name__} has no sample: score the synthesizer "
            "itself, outside the pipeline if it is a step of one."
        )
    check_is_fitted(estimator)
    if not hasattr(estimator, "schema_"):
        raise TypeError(f"{scorer} needs a synthesizer of skgensynth, got a {type(estimator).__name__}.")


def _check_n_rows(n_rows):
    if n_rows is not None and n_rows < 1:
        raise ValueError(f"n_rows must be at least 1 or None, got {n_rows}.")


def _held_out(estimator, X, y=None):
    """Rows given by the user, as a frame."""
    return _to_frame(estimator.schema_, validate_data(estimator, X, reset=False, skip_check_array=True), y)


def _sample(estimator, n_real, n_rows, seed):
    """Synthetic rows; by default enough for the number of real rows they are compared with."""
    n_samples = n_rows or int(np.clip(_ROWS_PER_REAL_ROW * n_real, _FEWEST_ROWS, _MOST_ROWS))
    rows = estimator.sample(n_samples, random_state=seed)
    return _to_frame(estimator.schema_, *(rows if isinstance(rows, tuple) else (rows,)))


def _to_frame(schema, X, y=None):
    """Features, and the target if there is one, as a frame with the schema's names and kinds, without identifiers."""
    features = [column for column in schema.columns if column.role == "feature"]
    frame = pd.DataFrame(X).infer_objects().reset_index(drop=True)
    if frame.shape[1] != len(features):
        # With identifiers="drop" the sampled rows lack those columns.
        features = [column for column in features if column.kind != "identifier"]
    frame.columns = [column.name for column in features]
    columns = list(features)
    if schema.target is not None and y is not None:
        frame[schema.target.name] = pd.Series(np.asarray(y).ravel()).infer_objects()
        columns.append(schema.target)
    frame = frame[[column.name for column in columns if column.kind != "identifier"]]
    # The schema knows better than the dtype which numbers are categories.
    return frame.astype({column.name: "category" for column in columns if column.kind == "categorical"})
