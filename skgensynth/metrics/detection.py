"""Whether a classifier tells synthetic rows from real ones, and by which columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state

from skgensynth.metrics._intervals import Z95
from skgensynth.metrics._tables import check_finite, encode_tables
from skgensynth.metrics.learners import make_learner, make_preprocessing

_LEARNERS = ("xgboost", "forest", "linear")


@dataclass(frozen=True)
class DetectionResult:
    """How well a classifier tells synthetic rows from real ones.

    Attributes
    ----------
    auc : float
        Area under the ROC curve on rows that the classifier was not trained on, mean over folds: 0.5 is chance, 1 means
        every row is told.
    auc_interval : tuple of two floats
        95 % interval of ``auc`` over rows; of no width where every row is told.
    importance : dict
        Column label to the loss of AUC when the values of the column are shuffled: the columns that give the synthetic
        rows away come first. A difference that several columns show is shared among them, or shows in none.
    n_rows : int
        Rows of each table that were used.
    """

    auc: float
    auc_interval: tuple[float, float]
    importance: dict
    n_rows: int


def detection_auc(real, synthetic, *, learner="xgboost", n_splits=5, max_rows=5000, random_state=None, n_jobs=1):
    """How well a classifier that saw some rows of both tables tells other synthetic rows from real ones.

    Classifier two-sample test (Lopez-Paz and Oquab, Revisiting classifier two-sample tests, 2017) with the area under
    the ROC curve, cross-validated. As many real as synthetic rows are drawn without replacement. Numbers are imputed by
    the median, with an indicator of what was missing, and scaled; categories are one-hot encoded, missing as a
    category. The interval comes from the influence of single rows (LeDell, Petersen and van der Laan, Computationally
    efficient confidence intervals for cross-validated area under the ROC curve estimates, 2015), and is made wider for
    the training rows that folds share (Nadeau and Bengio, Inference for the generalization error, 2003).

    Parameters
    ----------
    real : DataFrame of shape (n_real, n_columns)
        Real rows. Numbers that stand for categories should be of dtype category.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Rows with the same columns, in any order.
    learner : {"xgboost", "forest", "linear"} or estimator, default="xgboost"
        Classifier: XGBoost or a random forest of 100 trees, logistic regression, or any scikit-learn classifier with
        ``predict_proba`` or ``decision_function``, which is cloned.
    n_splits : int, default=5
        Number of folds.
    max_rows : int or None, default=5000
        At most so many rows are drawn of each table; None draws as many as the shorter one has. A classifier that
        learns from more rows tells more: compare figures of equal numbers of rows.
    random_state : int, RandomState instance or None, default=None
        Draws the rows and folds, shuffles columns and seeds the learner.
    n_jobs : int, default=1
        Threads of forest and XGBoost.

    Returns
    -------
    DetectionResult
        ``auc`` in [0, 1]: 0.5 is ideal, towards 1 is worse. Well below 0.5 is no good sign: the rows of one table
        repeat rows of the other, so that what was learnt of a row is wrong for its copy. With ``auc_interval``,
        ``importance`` and ``n_rows``.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds; names the column.
    SchemaError
        If a column holds infinite values; names the column.
    ValueError
        If a table has fewer rows than folds, or a parameter is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skgensynth.metrics import detection_auc
    >>> rng = np.random.default_rng(0)
    >>> real = pd.DataFrame({"age": rng.normal(60, 10, 200), "sex": rng.choice(["F", "M"], 200)})
    >>> result = detection_auc(real, real.assign(age=real["age"] + 50), learner="linear", random_state=0)
    >>> result.auc > 0.9, next(iter(result.importance))
    (True, 'age')
    """
    rng = check_random_state(random_state)
    seed = int(rng.randint(2**31))
    classifier = _classifier(learner, seed, n_jobs)
    tables = encode_tables({"real": real, "synthetic": synthetic})
    check_finite(tables, ["real", "synthetic"])
    n_rows = min(*map(len, tables.values), *(() if max_rows is None else (max_rows,)))
    if not 2 <= n_splits <= n_rows:
        raise ValueError(
            f"n_splits must be at least 2 and at most the {n_rows} rows that are used of each table, got {n_splits}."
        )
    X = np.concatenate([values[rng.choice(len(values), n_rows, replace=False)] for values in tables.values])
    y = np.repeat([0, 1], n_rows)
    areas, influences, losses = [], [], []
    for fitted_on, judged in StratifiedKFold(n_splits, shuffle=True, random_state=seed).split(X, y):
        model = make_pipeline(make_preprocessing(tables.is_number), clone(classifier)).fit(X[fitted_on], y[fitted_on])
        area, influence = _area(y[judged], _scores(model, X[judged]))
        areas.append(area)
        influences.append(influence)
        losses.append([area - _shuffled_area(model, X[judged], y[judged], j, rng) for j in range(X.shape[1])])
    auc = float(np.mean(areas))
    # Where there is little to learn, folds that share training rows make the same mistakes.
    widening = 1 + n_splits / (n_splits - 1)
    half = Z95 * np.sqrt(widening * np.mean(np.concatenate(influences) ** 2) / len(X))
    loss = np.mean(losses, axis=0)
    return DetectionResult(
        auc=auc,
        auc_interval=(float(max(0.0, auc - half)), float(min(1.0, auc + half))),
        importance={tables.columns[j]: float(loss[j]) for j in np.argsort(-loss, kind="stable")},
        n_rows=n_rows,
    )


def _classifier(learner, seed, n_jobs):
    if isinstance(learner, str):
        if learner not in _LEARNERS:
            raise ValueError(f"learner must be one of {_LEARNERS} or a classifier, got {learner!r}.")
        return make_learner(learner, "classification", seed, n_jobs)
    if not hasattr(learner, "fit") or not any(hasattr(learner, n) for n in ("predict_proba", "decision_function")):
        raise TypeError(f"learner must have fit, and predict_proba or decision_function, got {learner!r}.")
    return learner


def _scores(model, X):
    """How surely each row is taken for a synthetic one."""
    return model.predict_proba(X)[:, 1] if hasattr(model, "predict_proba") else model.decision_function(X)


def _area(y, scores):
    """Area under the ROC curve of one fold, and the influence of each of its rows on it."""
    real, synthetic = np.sort(scores[y == 0]), np.sort(scores[y == 1])
    influence = np.empty(len(y))
    below = _share_below(synthetic, real)
    above = 1 - _share_below(real, synthetic)
    area = below.mean()
    # Dividing by the share of the row's own class, as the estimate is a mean over pairs, not over rows.
    influence[: len(real)] = (above - area) * len(y) / len(real)
    influence[len(real) :] = (below - area) * len(y) / len(synthetic)
    return area, influence


def _share_below(values, others):
    """For each value the share of the others (sorted) that lie below it, equal ones counting half."""
    return (np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")) / (2 * len(others))


def _shuffled_area(model, X, y, column, rng):
    shuffled = X.copy()
    shuffled[:, column] = rng.permutation(shuffled[:, column])
    return roc_auc_score(y, _scores(model, shuffled))
