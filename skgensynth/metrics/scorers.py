"""Scorers of synthesizers for scikit-learn's searches and cross-validation: plain ``(estimator, X, y)`` functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted, validate_data

from skgensynth.exceptions import TrainingRowsUnavailableError
from skgensynth.metrics.privacy import membership_inference
from skgensynth.metrics.utility import tstr

# A fixed seed: the same fitted synthesizer always gets the same score, whatever its own random_state.
_SEED = 0
_ROWS_PER_REAL_ROW = 5
_FEWEST_ROWS, _MOST_ROWS = 1_000, 20_000


def score_utility(estimator, X, y=None):
    """Score a synthesizer by what models learn from its rows that holds for real ones.

    Samples five synthetic rows for each row of `X` (at least 1,000, at most 20,000; about as many as there were
    training rows in a cross-validation of five folds), trains the three learners of `tstr` on them and tests them on
    `X` and `y`. Use it as ``scoring=score_utility``; larger is better.

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
        Macro F1 in [0, 1] for a categorical target, R² (at most 1) for a continuous one, mean over the learners.

    Raises
    ------
    ValueError
        If there is no target, in `y` or in the fitted synthesizer.
    """
    check_is_fitted(estimator)
    schema = estimator.schema_
    if y is None:
        raise ValueError("score_utility needs y, the column that models are to predict: pass y to the search as well.")
    if schema.target is None:
        raise ValueError(
            f"score_utility needs a {type(estimator).__name__} that was fitted with a target: call fit(X, y)."
        )
    test = _to_frame(schema, validate_data(estimator, X, reset=False, skip_check_array=True), y)
    synthetic = _sample(estimator, len(test))
    task = "regression" if schema.target.kind == "continuous" else "classification"
    return tstr(synthetic, test, schema.target.name, task=task, random_state=_SEED).score


def score_privacy(estimator, X, y=None):
    """Score a synthesizer by how little its rows tell about which real rows it was trained on.

    Samples five synthetic rows for each training row (at least 1,000, at most 20,000) and runs
    `membership_inference` with the training rows against the rows of `X`. Use it as ``scoring=score_privacy``; larger
    is better.

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
    TrainingRowsUnavailableError
        If the synthesizer was loaded or unpickled: it then holds no training rows.
    """
    check_is_fitted(estimator)
    schema = estimator.schema_
    training_values = getattr(estimator, "_training_values", None)
    if training_values is None:
        raise TrainingRowsUnavailableError(
            f"score_privacy compares with the training rows, and this {type(estimator).__name__} no longer holds them "
            "because it was loaded or unpickled: fit it again, or call membership_inference with the training rows."
        )
    holdout = _to_frame(schema, validate_data(estimator, X, reset=False, skip_check_array=True), y)
    decoded = schema.decode(training_values, np.random.default_rng(_SEED))
    train = _to_frame(schema, *(decoded if isinstance(decoded, tuple) else (decoded,)))
    synthetic = _sample(estimator, len(train))
    columns = list(holdout.columns)
    result = membership_inference(train[columns], holdout, synthetic[columns], n_bootstrap=1, random_state=_SEED)
    return 1.0 - 2.0 * max(0.0, result.auc - 0.5)


def _sample(estimator, n_real):
    """Synthetic rows, enough for the number of real rows they are compared with."""
    n_samples = int(np.clip(_ROWS_PER_REAL_ROW * n_real, _FEWEST_ROWS, _MOST_ROWS))
    rows = estimator.sample(n_samples, random_state=_SEED)
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
