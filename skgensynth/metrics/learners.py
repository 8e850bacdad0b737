"""The models that utility is measured with, and the matrix they are trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

LEARNERS = ("linear", "forest", "xgboost")
_NAMES = (*LEARNERS, "svm")
# More categories than this in one column would make the one-hot matrix too large; the rest share one column.
_MAX_CATEGORIES = 100
# An exact kernel machine takes time with the square of the rows; above this the kernel is approximated.
_MAX_KERNEL_ROWS = 5_000
_N_COMPONENTS = 300
_SQUARED_LOSS = "squared_epsilon_insensitive"


def check_learners(learners: Sequence[str] | Mapping[str, Any], task: str) -> None:
    """Refuse unknown names and estimators that do not suit the task."""
    if not isinstance(learners, Mapping):
        unknown = [name for name in learners if name not in _NAMES]
        if unknown or isinstance(learners, str) or not len(learners):
            raise ValueError(
                f"learners must be some of {_NAMES}, or a dict of names to scikit-learn estimators, got {learners!r}."
            )
        return
    if not learners:
        raise ValueError("learners is empty: name at least one.")
    for name, estimator in learners.items():
        if isinstance(estimator, type) or not all(hasattr(estimator, method) for method in ("fit", "predict")):
            raise TypeError(f"The learner {name!r} must be an estimator with fit and predict, got {estimator!r}.")
        if (is_regressor if task == "classification" else is_classifier)(estimator):
            raise ValueError(f"The learner {name!r} is a {type(estimator).__name__}, which does no {task}.")


def make_learners(learners, task, X_train, *, seed, n_jobs) -> dict[str, Any]:
    """Give the unfitted models by name."""
    if isinstance(learners, Mapping):
        return {name: _seeded(clone(estimator), seed) for name, estimator in learners.items()}
    return {
        name: _make_svm(task, X_train, seed) if name == "svm" else make_learner(name, task, seed, n_jobs)
        for name in learners
    }


def make_learner(name: str, task: str, seed: int, n_jobs: int) -> Any:
    """Give one of the default models, unfitted."""
    classification = task == "classification"
    if name == "linear":
        return LogisticRegression(max_iter=2000) if classification else Ridge()
    if name == "forest":
        forest = RandomForestClassifier if classification else RandomForestRegressor
        return forest(n_estimators=100, random_state=seed, n_jobs=n_jobs)
    # Imported late: XGBoost takes about a second to import, and not every user of the metrics trains it.
    from xgboost import XGBClassifier, XGBRegressor

    boosting = XGBClassifier if classification else XGBRegressor
    return boosting(n_estimators=100, random_state=seed, n_jobs=n_jobs, verbosity=0)


def make_preprocessing(is_number: np.ndarray) -> ColumnTransformer:
    """Impute and scale numbers, one-hot encode category codes."""
    # keep_empty_features: a column without any value in the rows trained on stays as a constant, not an error.
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    categories = OneHotEncoder(
        handle_unknown="ignore", max_categories=_MAX_CATEGORIES, sparse_output=False, dtype=np.float32
    )
    return ColumnTransformer(
        [("numbers", numbers, np.flatnonzero(is_number)), ("categories", categories, np.flatnonzero(~is_number))]
    )


def classify(learner, X_train, y_train, X_test, n_classes) -> tuple[np.ndarray, np.ndarray]:
    """Fit on codes of classes; give the predicted codes and a score for each row and class."""
    # Learners such as XGBoost want codes without gaps.
    classes, encoded = np.unique(y_train, return_inverse=True)
    if len(classes) == 1:
        learner = DummyClassifier()
    learner.fit(X_train, encoded)
    predicted = classes[np.asarray(learner.predict(X_test)).ravel().astype(int)]
    # A class that was not trained on has the same score everywhere.
    scores = np.zeros((len(X_test), n_classes))
    found = _scores(learner, X_test)
    if found.shape == (len(X_test), len(classes)) and not np.isnan(found).any():
        scores[:, classes] = found
    else:
        scores[:] = np.nan
    return predicted, scores


def _scores(learner, X):
    """Probabilities of the classes, or what orders the rows as they do; an empty array if there is neither."""
    if hasattr(learner, "predict_proba"):
        return np.asarray(learner.predict_proba(X))
    if not hasattr(learner, "decision_function"):
        return np.empty(0)
    scores = np.asarray(learner.decision_function(X))
    return np.column_stack([-scores, scores]) if scores.ndim == 1 else scores


def _seeded(estimator, seed):
    """Seed what the user left unseeded, so that the same call gives the same figures."""
    unseeded = [
        name
        for name, value in estimator.get_params().items()
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    ]
    return estimator.set_params(**dict.fromkeys(unseeded, seed))


def _make_svm(task, X_train, seed):
    """Give an exact kernel machine for few rows, an approximate one for many."""
    classification = task == "classification"
    if len(X_train) <= _MAX_KERNEL_ROWS:
        machine = SVC() if classification else SVR()
    else:
        # The kernel's width is the one that SVC and SVR choose by default.
        gamma = 1 / (X_train.shape[1] * (X_train.var() or 1.0))
        kernel = Nystroem(gamma=gamma, n_components=_N_COMPONENTS, random_state=seed)
        # The primal problem: as many unknowns as components, and nothing random.
        linear = LinearSVC(dual=False) if classification else LinearSVR(dual=False, loss=_SQUARED_LOSS)
        machine = make_pipeline(kernel, linear)
    # Its tolerance and penalty are in units of the target.
    return machine if classification else TransformedTargetRegressor(machine, transformer=StandardScaler())
