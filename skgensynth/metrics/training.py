"""Train models on the rows of some tables and test them on those of another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics._tables import check_finite, encode_tables, is_number_column
from skgensynth.metrics.figures import class_figures, classification_figures, regression_figures, sample_weights
from skgensynth.metrics.learners import check_learners, classify, make_learners, make_preprocessing

# Above this many distinct whole numbers a target is a quantity, not a label (ours).
_MAX_CLASSES = 20


class Settings(NamedTuple):
    """What experiments have in common that are to be compared, down to the bootstrap samples."""

    learners: object
    n_bootstrap: int
    seed: int
    bootstrap_seed: int
    n_jobs: int

    @classmethod
    def make(cls, learners, n_bootstrap, random_state, n_jobs) -> Settings:
        """Check the parameters and draw the seeds."""
        if n_bootstrap < 0:
            raise ValueError(f"n_bootstrap must be at least 0, got {n_bootstrap}.")
        rng = check_random_state(random_state)
        seed, bootstrap_seed = (int(rng.randint(2**31)) for _ in range(2))
        return cls(learners, n_bootstrap, seed, bootstrap_seed, n_jobs)


class EncodedRows(NamedTuple):
    """Tables as matrices; the target as codes of `classes`, or as numbers where there are none."""

    task: str
    rows: dict[str, tuple[np.ndarray, np.ndarray]]  # table to features and target
    is_number: np.ndarray
    classes: list


class Outcome(NamedTuple):
    """What learners reached."""

    task: str
    samples: dict[str, dict[str, np.ndarray]]  # learner to figure: for the test rows (first), for each bootstrap sample
    per_class: dict[str, dict[Hashable, dict[str, float]]]
    n_train: int
    n_test: int


def infer_task(y):
    """Whether a target is a label or a quantity (ours).

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Target values.

    Returns
    -------
    str
        "regression" for numbers, dates and durations with a fractional part or more than 20 distinct values, else
        "classification".
    """
    y = pd.Series(y).dropna()
    if not is_number_column(y):
        return "classification"
    if not pd.api.types.is_numeric_dtype(y.infer_objects().dtype):
        return "regression"
    values = y.to_numpy(dtype=float)
    fractional = bool(np.any(values != np.floor(values)))
    return "regression" if fractional or len(np.unique(values)) > _MAX_CLASSES else "classification"


def encode_rows(tables: Mapping[str, pd.DataFrame], target, task: str, learners) -> EncodedRows:
    """Check and encode tables, of which the first is real and one is called "train"."""
    for name, table in tables.items():
        _check_target(table, name, target)
    real = next(iter(tables.values()))
    if task not in ("auto", "classification", "regression"):
        raise ValueError(f"task must be 'auto', 'classification' or 'regression', got {task!r}.")
    if task == "auto":
        task = infer_task(real[target])
    check_learners(learners, task)
    encoded = encode_tables(dict(tables), categorical=(target,) if task == "classification" else ())
    check_finite(encoded, list(tables))
    index = encoded.columns.index(target)
    features, targets = {}, {}
    for name, values in zip(tables, encoded.values, strict=True):
        if np.isnan(values[:, index]).any():
            raise ValueError(f"The target {target!r} has missing values in {name}: drop those rows first.")
        features[name], targets[name] = np.delete(values, index, axis=1), values[:, index]
    classes: list = []
    if task == "classification":
        classes, targets = _to_classes(targets, {name: table[target] for name, table in tables.items()})
    elif not pd.api.types.is_numeric_dtype(real[target].infer_objects().dtype):
        # Seconds since 1970 are too large for the single precision of XGBoost; no figure depends on where they start.
        start = targets["train"].mean()
        targets = {name: y - start for name, y in targets.items()}
    rows = {name: (features[name], targets[name]) for name in tables}
    return EncodedRows(task, rows, np.delete(encoded.is_number, index), classes)


def train_and_test(encoded: EncodedRows, train: list[str], test: str, settings: Settings) -> Outcome:
    """Train on the rows of some tables together and test on those of another."""
    X_train, y_train = (np.concatenate(parts) for parts in zip(*(encoded.rows[name] for name in train), strict=True))
    X_test, y_test = encoded.rows[test]
    preprocessing = make_preprocessing(encoded.is_number)
    X_train, X_test = preprocessing.fit_transform(X_train), preprocessing.transform(X_test)
    learners = make_learners(settings.learners, encoded.task, X_train, seed=settings.seed, n_jobs=settings.n_jobs)
    predictions: dict[str, tuple[np.ndarray, ...]] = {}
    per_class = {}
    for name, learner in learners.items():
        if encoded.task == "classification":
            predictions[name] = classify(learner, X_train, y_train, X_test, len(encoded.classes))
            per_class[name] = _by_class(y_test, predictions[name][0], encoded.classes)
        else:
            predicted = learner.fit(X_train, y_train).predict(X_test)
            predictions[name] = (np.asarray(predicted, dtype=float).ravel(),)
    samples = _sample_figures(encoded.task, y_test, predictions, settings)
    return Outcome(encoded.task, samples, per_class, len(X_train), len(X_test))


def _check_target(table, name, target):
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} must be a pandas DataFrame, got {type(table).__name__}.")
    if target not in table.columns:
        raise SchemaMismatchError(f"The target {target!r} is not a column of {name}.")
    if not table.columns.is_unique:
        duplicated = table.columns[table.columns.duplicated()][0]
        raise ValueError(f"{name} has more than one column {duplicated!r}: column names must be unique.")
    if table.shape[1] < 2:
        raise ValueError(f"There is no column beside the target {target!r} to predict it from.")


def _to_classes(targets, columns):
    """Give the labels in the order of their codes, and the targets as codes without gaps."""
    # The labels of the first table, the real one, come last, so that theirs is the storage shown.
    labels = {
        code: label
        for name in reversed(targets)
        for code, label in zip(targets[name].tolist(), columns[name].tolist(), strict=True)
    }
    codes = np.array(sorted(labels))
    return [labels[code] for code in codes], {name: np.searchsorted(codes, y) for name, y in targets.items()}


def _sample_figures(task, y, predictions, settings):
    """Figures of each learner for the test rows and for each bootstrap sample of them."""
    compute: Callable[..., dict] = classification_figures if task == "classification" else regression_figures
    parts: dict[str, list] = {name: [] for name in predictions}
    for weights in sample_weights(len(y), settings.n_bootstrap, settings.bootstrap_seed):
        for name, predicted in predictions.items():
            parts[name].append(compute(y, *predicted, weights))
    return {
        name: {figure: np.concatenate([part[figure] for part in chunks]) for figure in chunks[0]}
        for name, chunks in parts.items()
    }


def _by_class(y, predicted, classes):
    """Recall, precision and support of each class of the test rows."""
    figures = class_figures(y, predicted, len(classes), np.ones((1, len(y))))
    return {
        classes[code]: {
            "recall": float(figures["recall"][0, code]),
            "precision": float(figures["precision"][0, code]),
            "support": int(figures["support"][0, code]),
        }
        for code in np.unique(y)
    }
