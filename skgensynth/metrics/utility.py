"""How much a model learns from synthetic rows that holds for real ones."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from skgensynth.metrics.figures import interval
from skgensynth.metrics.learners import LEARNERS
from skgensynth.metrics.training import Settings, encode_rows, train_and_test

Interval = tuple[float, float]


@dataclass(frozen=True)
class UtilityResult:
    """What learners trained on one table reach on the rows of another.

    Attributes
    ----------
    task : {"classification", "regression"}
        What was learnt.
    per_learner : dict of dict
        Learner to its figures. Of a classification, each in [0, 1] with 1 the ideal: "macro_f1", "weighted_f1", "auc"
        (one against the rest, mean over classes; 0.5 is chance; NaN if the test rows have one class only or the learner
        gives no scores), "accuracy" and "balanced_accuracy" (mean recall of the classes). Of a regression: "r2" (at
        most 1, the ideal; 0 is the mean of the test rows, below is worse) and "rmse" (in the target's unit, seconds for
        dates and durations; 0 is ideal). Means over classes run over those of the test rows.
    n_train, n_test : int
        Rows trained on and rows tested on.
    intervals : dict of dict
        For each learner and figure the 95 % bootstrap interval over the test rows, given the trained model.
    mean_intervals : dict
        The same for the figures in ``mean``.
    per_class : dict of dict of dict
        Learner to class of the test rows to its "recall", "precision" (0 where the class is never predicted), both in
        [0, 1] with 1 the ideal, and "support" (test rows of the class). A rare class that was lost has a recall of 0.
        Empty for a regression.
    """

    task: str
    per_learner: dict[str, dict[str, float]]
    n_train: int
    n_test: int
    intervals: dict[str, dict[str, Interval]]
    mean_intervals: dict[str, Interval]
    per_class: dict[str, dict[Hashable, dict[str, float]]]

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
        return self.mean[_headline(self.task)]

    @property
    def score_interval(self) -> Interval:
        """95 % bootstrap interval of ``score``."""
        return self.mean_intervals[_headline(self.task)]


@dataclass(frozen=True)
class AugmentationResult:
    """What learners gain from synthetic rows that are added to the real ones.

    Attributes
    ----------
    real, augmented : UtilityResult
        Trained on the real rows alone, and on real and synthetic rows; tested on the same real rows.
    gain : dict
        Figure to its difference, augmented minus real, mean over learners. Above 0 the synthetic rows help; for "rmse"
        it is below 0.
    gain_intervals : dict
        Figure to the 95 % bootstrap interval of its gain. Both models are tested on the same resampled rows, so that
        the interval is that of the difference: where it holds 0, no gain is shown.
    """

    real: UtilityResult
    augmented: UtilityResult
    gain: dict[str, float]
    gain_intervals: dict[str, Interval]

    @property
    def score(self) -> float:
        """Gain in macro F1 of a classification, in R² of a regression."""
        return self.gain[_headline(self.real.task)]

    @property
    def score_interval(self) -> Interval:
        """95 % bootstrap interval of ``score``."""
        return self.gain_intervals[_headline(self.real.task)]


def tstr(train, test, target, *, task="auto", learners=LEARNERS, n_bootstrap=200, random_state=0, n_jobs=1):
    """How well models trained on one table, say a synthetic one, do on real rows that were held out.

    Train on synthetic, test on real (Esteban et al., Real-valued medical time series generation, 2017). Numbers are
    imputed by the median, with an indicator of what was missing, and scaled; categories are one-hot encoded, missing as
    a category. Everything is fitted on `train` alone; categories that it lacks are ignored. Compare with `trtr`, the
    ceiling.

    The learners are "linear" (logistic regression, ridge regression for numbers), "forest" (random forest) and
    "xgboost", the latter two with 100 trees, and "svm": a support vector machine with an RBF kernel, which above 5,000
    training rows is approximated with 300 Nyström components (Williams and Seeger, Using the Nyström method to speed up
    kernel machines, 2001) and a linear machine, so that 100,000 rows stay within reach. All else is at scikit-learn's
    and XGBoost's defaults.

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
    learners : sequence of {"linear", "forest", "xgboost", "svm"} or dict, default=("linear", "forest", "xgboost")
        Models to train. A dict gives names to scikit-learn estimators; they are cloned, seeded where their
        ``random_state`` is None, and trained on the matrix described above, classes as the codes 0, 1, ….
    n_bootstrap : int, default=200
        Number of bootstrap samples behind the intervals; 0 leaves them NaN.
    random_state : int, RandomState instance or None, default=0
        Seeds learners and bootstrap.
    n_jobs : int, default=1
        Threads of forest and XGBoost.

    Returns
    -------
    UtilityResult
        Figures for each learner with their intervals, their means, and recall and precision for each class. A class
        that `train` lacks has a recall and an F1 of 0.

    Raises
    ------
    SchemaMismatchError
        If the tables do not share columns and kinds, or lack the target; names the column.
    SchemaError
        If a column holds infinite values; names the column.
    ValueError
        If the target has missing values, or a parameter is unknown.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth.metrics import tstr
    >>> table = load_iris(as_frame=True).frame
    >>> result = tstr(table[::2], table[1::2], "target", learners=["linear"])
    >>> result.score > 0.9
    True
    >>> result.per_class["linear"][0]
    {'recall': 1.0, 'precision': 1.0, 'support': 25}
    """
    settings = Settings.make(learners, n_bootstrap, random_state, n_jobs)
    encoded = encode_rows({"test": test, "train": train}, target, task, learners)
    return _result(train_and_test(encoded, ["train"], "test", settings))


def trtr(train, test, target, *, task="auto", learners=LEARNERS, n_bootstrap=200, random_state=0, n_jobs=1):
    """How well models trained on the real rows do on real rows that were held out: the ceiling of `tstr`.

    Train on real, test on real. Without synthetic rows, this is what `tstr` does with the training rows.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Real rows that the synthesizer was fitted on.
    test : DataFrame of shape (n_test, n_columns)
        Real rows that were held out: those that `tstr` is given.
    target : column label
        Column to predict; no missing values.
    task, learners, n_bootstrap, random_state, n_jobs
        As in `tstr`.

    Returns
    -------
    UtilityResult
        As from `tstr`.

    Raises
    ------
    SchemaError, SchemaMismatchError, ValueError
        As in `tstr`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth.metrics import trtr
    >>> table = load_iris(as_frame=True).frame
    >>> trtr(table[::2], table[1::2], "target", learners=["svm"]).mean["accuracy"] > 0.9
    True
    """
    return tstr(
        train,
        test,
        target,
        task=task,
        learners=learners,
        n_bootstrap=n_bootstrap,
        random_state=random_state,
        n_jobs=n_jobs,
    )


def trts(train, test, target, *, task="auto", learners=LEARNERS, n_bootstrap=200, random_state=0, n_jobs=1):
    """How well what models learnt from the real rows holds for the synthetic ones.

    Train on real, test on synthetic (Esteban et al., Real-valued medical time series generation, 2017). High where
    synthetic rows follow the real rule, even if they cover a part of it only: it says nothing without `tstr`. It may
    exceed `trtr` where the synthetic rows are simpler than real ones.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Real rows. Says which columns are numbers.
    test : DataFrame of shape (n_test, n_columns)
        Synthetic rows.
    target : column label
        Column to predict; no missing values.
    task, learners, n_bootstrap, random_state, n_jobs
        As in `tstr`; "auto" asks `infer_task` about the target of `train`.

    Returns
    -------
    UtilityResult
        As from `tstr`; the intervals are over the synthetic rows.

    Raises
    ------
    SchemaError, SchemaMismatchError, ValueError
        As in `tstr`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth.metrics import trts
    >>> table = load_iris(as_frame=True).frame
    >>> trts(table, table[::2], "target", learners=["forest"]).score
    1.0
    """
    settings = Settings.make(learners, n_bootstrap, random_state, n_jobs)
    encoded = encode_rows({"train": train, "test": test}, target, task, learners)
    return _result(train_and_test(encoded, ["train"], "test", settings))


def augmentation_gain(
    train, synthetic, test, target, *, task="auto", learners=LEARNERS, n_bootstrap=200, random_state=0, n_jobs=1
):
    """How much better models get when synthetic rows are added to the real ones that they are trained on.

    Train on real and synthetic rows, and on the real rows alone; test both on the same real rows that were held out.
    The interval is that of a paired bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        Real rows.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        Synthetic rows, say those of a rare class.
    test : DataFrame of shape (n_test, n_columns)
        Real rows, neither seen by the synthesizer nor in `train`. Says which columns are numbers.
    target : column label
        Column to predict; no missing values.
    task, learners, n_bootstrap, random_state, n_jobs
        As in `tstr`.

    Returns
    -------
    AugmentationResult
        Both results, and the gain in each figure with its 95 % interval.

    Raises
    ------
    SchemaError, SchemaMismatchError, ValueError
        As in `tstr`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth.metrics import augmentation_gain
    >>> table = load_iris(as_frame=True).frame
    >>> few, more, test = table[:110:2], table[110::2], table[1::2]  # the third class is rare in the first rows
    >>> augmentation_gain(few, more, test, "target", learners=["linear"]).score > 0
    True
    """
    settings = Settings.make(learners, n_bootstrap, random_state, n_jobs)
    encoded = encode_rows({"test": test, "train": train, "synthetic": synthetic}, target, task, learners)
    real = train_and_test(encoded, ["train"], "test", settings)
    augmented = train_and_test(encoded, ["train", "synthetic"], "test", settings)
    means = _means(real)
    gains = {name: values - means[name] for name, values in _means(augmented).items()}
    return AugmentationResult(
        real=_result(real),
        augmented=_result(augmented),
        gain={name: float(values[0]) for name, values in gains.items()},
        gain_intervals=_intervals(gains),
    )


def _headline(task):
    return "macro_f1" if task == "classification" else "r2"


def _means(outcome):
    """Each figure as the mean over learners, for the test rows and for each bootstrap sample."""
    figures = next(iter(outcome.samples.values()))
    return {name: np.mean([samples[name] for samples in outcome.samples.values()], axis=0) for name in figures}


def _result(outcome):
    return UtilityResult(
        task=outcome.task,
        per_learner={
            learner: {name: float(values[0]) for name, values in samples.items()}
            for learner, samples in outcome.samples.items()
        },
        n_train=outcome.n_train,
        n_test=outcome.n_test,
        intervals={learner: _intervals(samples) for learner, samples in outcome.samples.items()},
        mean_intervals=_intervals(_means(outcome)),
        per_class=outcome.per_class,
    )


def _intervals(samples):
    return {name: interval(values[1:]) for name, values in samples.items()}
