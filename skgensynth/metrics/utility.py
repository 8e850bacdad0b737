"""How much a model learns from synthetic rows that holds for real ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import check_random_state

from skgensynth.exceptions import SchemaMismatchError
from skgensynth.metrics._tables import encode_tables, is_number_column

LEARNERS = ("linear", "forest", "xgboost")
# Above this many distinct whole numbers a target is a quantity, not a label (ours).
_MAX_CLASSES = 20
# More categories than this in one column would make the one-hot matrix too large; the rest share one column.
_MAX_CATEGORIES = 100


@dataclass(frozen=True)
class UtilityResult:
    """What learners trained on one table reach on the real rows of another.

    Attributes
    ----------
    task : {"classification", "regression"}
        What was learnt.
    per_learner : dict of dict
        Learner ("linear", "forest", "xgboost") to its figures: "macro_f1", "weighted_f1" and "auc" (one against the
        rest, mean over classes; NaN if the test rows have one class only), or "r2".
    n_train, n_test : int
        Rows trained on and rows tested on.
    """

    task: str
    per_learner: dict[str, dict[str, float]]
    n_train: int
    n_test: int

    @property
    def mean(self) -> dict[str, float]:
        """Each figure as the mean over learners."""
        return {
            name: float(np.mean([figures[name] for figures in self.per_learner.values()]))
            for name in next(iter(self.per_learner.values()))
        }

    @property
    def score(self) -> float:
        """Mean macro F1 of a classification, mean R² of a regression: 1 is ideal."""
        return self.mean["macro_f1" if self.task == "classification" else "r2"]


def tstr(train, test, target, *, task="auto", learners=LEARNERS, random_state=0, n_jobs=1):
    """How well models trained on one table, say a synthetic one, do on real rows that were held out.

    Train on synthetic, test on real (Esteban et al., Real-valued medical time series generation, 2017); with real rows
    as `train` it is the ceiling. Learners: logistic regression (ridge regression for numbers), a random forest, and
    XGBoost, all with 100 trees and otherwise at their defaults. Numbers are imputed by the median, with an indicator of
    what was missing, and scaled; categories are one-hot encoded, missing as a category. Everything is fitted on `train`
    alone; categories that it lacks are ignored.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Synthetic (or real) rows to train on.
    test : DataFrame of shape (n_test, n_columns)
        Real rows, neither seen by the synthesizer nor in `train`. Says which columns are numbers.
    target : column label
        Column to predict; no missing values.
    task : {"auto", "classification", "regression"}, default="auto"
        "auto" asks `infer_task` about the target of `test`.
    learners : sequence of {"linear", "forest", "xgboost"}, default=all three
        Models to train.
    random_state : int, RandomState instance or None, default=0
        Seeds forest and XGBoost.
    n_jobs : int, default=1
        Threads of forest and XGBoost.

    Returns
    -------
    UtilityResult
        Figures for each learner and their means. F1 runs over the labels of `test`, so that a class that `train` lacks
        counts as 0.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds, or lack the target; names the column.
    ValueError
        If the target has missing values, or a parameter is unknown.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth.metrics import tstr
    >>> table = load_iris(as_frame=True).frame
    >>> tstr(table[::2], table[1::2], "target", learners=["linear"]).score > 0.9
    True
    """
    _check_arguments(train, test, target, task, learners)
    if task == "auto":
        task = infer_task(test[target])
    labels = (target,) if task == "classification" else ()
    tables = encode_tables({"test": test, "train": train}, categorical=labels)
    index = tables.columns.index(target)
    (y_test, y_train), (X_test, X_train) = (
        [values[:, index] for values in tables.values],
        [np.delete(values, index, axis=1) for values in tables.values],
    )
    for name, y in (("test", y_test), ("train", y_train)):
        if np.isnan(y).any():
            raise ValueError(f"The target {target!r} has missing values in {name}: drop those rows first.")
    preprocessing = _preprocessing(np.delete(tables.is_number, index))
    X_train, X_test = preprocessing.fit_transform(X_train), preprocessing.transform(X_test)
    seed = int(check_random_state(random_state).randint(2**31))
    evaluate = _classify if task == "classification" else _regress
    figures = {
        name: evaluate(_make_learner(name, task, seed, n_jobs), X_train, y_train, X_test, y_test) for name in learners
    }
    return UtilityResult(task, figures, len(X_train), len(X_test))


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


def _check_arguments(train, test, target, task, learners):
    for name, table in (("train", train), ("test", test)):
        if target not in table.columns:
            raise SchemaMismatchError(f"The target {target!r} is not a column of {name}.")
    if test.shape[1] < 2:
        raise ValueError(f"There is no column beside the target {target!r} to predict it from.")
    if task not in ("auto", "classification", "regression"):
        raise ValueError(f"task must be 'auto', 'classification' or 'regression', got {task!r}.")
    unknown = [name for name in learners if name not in LEARNERS]
    if unknown or not len(learners):
        raise ValueError(f"learners must be some of {LEARNERS}, got {list(learners)!r}.")


def _preprocessing(is_number):
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


def _make_learner(name, task, seed, n_jobs):
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


def _classify(learner, X_train, y_train, X_test, y_test):
    """Macro F1, weighted F1 and AUC of one classifier."""
    classes, encoded = np.unique(y_train, return_inverse=True)
    if len(classes) == 1:
        learner = DummyClassifier()
    probabilities = learner.fit(X_train, encoded).predict_proba(X_test)
    predicted = classes[probabilities.argmax(axis=1)]
    labels = np.unique(y_test)
    by_class = dict(zip(classes, probabilities.T, strict=True))
    never = np.zeros(len(y_test))
    areas = [roc_auc_score(y_test == label, by_class.get(label, never)) for label in labels if len(labels) > 1]
    return {
        "macro_f1": float(f1_score(y_test, predicted, labels=labels, average="macro", zero_division=0)),
        "weighted_f1": float(f1_score(y_test, predicted, labels=labels, average="weighted", zero_division=0)),
        "auc": float(np.mean(areas)) if areas else float("nan"),
    }


def _regress(learner, X_train, y_train, X_test, y_test):
    """R² of one regressor."""
    return {"r2": float(r2_score(y_test, learner.fit(X_train, y_train).predict(X_test)))}
