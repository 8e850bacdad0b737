"""The estimator that every synthesizer is: `fit`, `sample`, `fit_resample`, `save`, `load`; methods fill in hooks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted, validate_data

from skgensynth.checks import RowCheck, row_texts
from skgensynth.conditions import Conditions
from skgensynth.containers import read_table, read_target
from skgensynth.copies import CopyFilter
from skgensynth.exceptions import LanguageModelError, SamplingError
from skgensynth.laws import Laws
from skgensynth.persistence import load_synthesizer, save_synthesizer
from skgensynth.resampling import append_rows, check_classes, densify, take_columns, to_indicators
from skgensynth.sampling import Candidates, RandomState, gather, make_generator
from skgensynth.schema import TableSchema

__all__ = ["BaseSynthesizer"]

# Attributes that hold training rows: they live in memory only.
_TRAINING_ROWS = ("_training_values", "_copies")


class BaseSynthesizer(BaseOverSampler):
    """Base of the estimators that learn a table and generate new rows.

    A method derives from it, repeats the parameters below in its own constructor, and fills in four hooks:
    ``_fit_model(values, rng)``, ``_sample_model(n, conditions, rng)``, ``_save_model(folder)`` and
    ``_load_model(folder, state)``. They see encoded rows only (see `TableSchema.encode`); containers, names, dtypes,
    seeds, validity, conditions, resampling and files are dealt with here.

    What goes in comes back: a synthesizer fitted with ``fit(X)`` samples X, one fitted with ``fit(X, y)`` samples
    ``(X, y)``, in the container, with the names, order, dtypes, category levels and missing values of the training
    table.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        How many rows of which class `fit_resample` adds, as everywhere in imbalanced-learn: "auto" or "not majority"
        fills every other class up to the majority's size, "minority", "not minority" and "all" name other sets of
        classes, a float is the ratio of minority to majority in a binary problem, a dict gives the rows per class
        after resampling, a callable makes that dict from y.
    categorical_features : array-like of str, int or bool, default=None
        Columns to treat as categories: names, positions or a mask. None infers them.
    column_kinds : dict of str to {"categorical", "continuous", "identifier"}, default=None
        Kinds of single columns, over what is inferred.
    identifiers : {"regenerate", "drop", "refuse"}, default="regenerate"
        What becomes of columns that look like identifiers or free text: made anew, left out of the synthetic table, or
        an error at `fit`.
    copies : {"refuse", "allow"}, default="refuse"
        Whether a row that equals a training row in every modelled column is drawn again. Where such rows are the
        table's nature (few columns with few values each), they are kept in either case: see `CopyFilter`. Refusing
        needs the training rows in memory, so it ends when the estimator is pickled, copied or loaded.
    random_state : int, RandomState or None, default=None
        Source of all randomness. With an int, `fit` learns the same model and `sample` gives the same rows at every
        call.
    verbose : int, default=0
        0 is silent; 1 shows progress on standard error.

    Attributes
    ----------
    schema_ : TableSchema
        What is known about the columns.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of X, where all are strings.
    sampling_strategy_ : dict
        Rows to add per class; set by `fit_resample` only.
    sampling_summary_ : SamplingSummary
        Candidates, accepted rows and reasons for rejection of the last draw.
    """

    _parameter_constraints: ClassVar[dict] = {
        "sampling_strategy": BaseOverSampler._parameter_constraints["sampling_strategy"],
        "categorical_features": ["array-like", None],
        "column_kinds": [Mapping, None],
        "identifiers": [StrOptions({"regenerate", "drop", "refuse"})],
        "copies": [StrOptions({"refuse", "allow"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    # Candidates asked of the model at once, and the lowest yield tolerated; a method with other costs sets its own.
    _batch_size = 4096
    _max_candidates_per_row = 100

    schema_: TableSchema
    n_features_in_: int
    feature_names_in_: np.ndarray

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        categorical_features=None,
        column_kinds=None,
        identifiers="regenerate",
        copies="refuse",
        random_state=None,
        verbose=0,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.categorical_features = categorical_features
        self.column_kinds = column_kinds
        self.identifiers = identifiers
        self.copies = copies
        self.random_state = random_state
        self.verbose = verbose

    # Hooks -----------------------------------------------------------------------------------------------------------

    @abstractmethod
    def _fit_model(self, values: np.ndarray, rng: np.random.Generator) -> None:
        """Learn from encoded rows of shape (n_rows, n_modelled_columns); ``self.schema_`` is set."""

    @abstractmethod
    def _sample_model(self, n: int, conditions: Conditions, rng: np.random.Generator) -> np.ndarray | Candidates:
        """Make about `n` encoded candidates under the conditions; bad ones are sorted out by the caller."""

    @abstractmethod
    def _save_model(self, folder: Path) -> dict[str, Any]:
        """Write the weights as safetensors into the folder; give back the rest of the model as JSON values."""

    @abstractmethod
    def _load_model(self, folder: Path, state: dict[str, Any]) -> None:
        """Undo `_save_model`; ``self.schema_`` is set."""

    # Learning --------------------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None) -> Self:
        """Learn a table.

        Parameters
        ----------
        X : DataFrame, array-like or list of lists of shape (n_rows, n_columns)
            Columns of any kind; missing values are learned too.
        y : array-like of shape (n_rows,), default=None
            A target, of classes or numbers, that is to be sampled along with X.

        Returns
        -------
        self : object
            The fitted synthesizer. It holds the encoded training rows in memory (not in pickles or saved models).

        Raises
        ------
        SchemaError
            If the table cannot be used; the message names the column.
        ValueError
            If a parameter is invalid.
        """
        return self._fit(X, y, self.column_kinds)

    def sample(self, n_samples=1, *, conditions=None, random_state: RandomState = None):
        """Generate rows.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, at least 1. Exactly so many come back.
        conditions : dict, default=None
            What every row must satisfy, by column name: a value, a ``(low, high)`` range with None for an open end,
            a set or list of values, or None for a missing value. The target goes by its own name.
        random_state : int, RandomState, Generator or None, default=None
            Seed of this call; None uses the constructor's, which gives the same rows at every call if it is an int.

        Returns
        -------
        X : container of the training table, n_samples rows
            Frames have a new index from 0.
        y : container of the training target, n_samples values
            Only if fitted with a target; then the result is a tuple ``(X, y)``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ConditionError
            If a condition names an unknown column or asks for what the training table rules out.
        SamplingError
            If too few candidates are valid; carries the rows already made.
        ValueError
            If `n_samples` is not a positive integer.
        """
        check_is_fitted(self)
        validate_parameter_constraints(
            {
                "n_samples": [Interval(Integral, 1, None, closed="left")],
                "random_state": ["random_state", np.random.Generator],
            },
            {"n_samples": n_samples, "random_state": random_state},
            caller_name=f"{type(self).__name__}.sample",
        )
        seed = self.random_state if random_state is None else random_state
        rng = make_generator(seed, "sample")
        return self.schema_.decode(self._draw(int(n_samples), conditions, rng), rng)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y):
        """Learn a table and add synthetic rows of the classes that `sampling_strategy` asks for.

        Parameters
        ----------
        X : DataFrame, array-like or list of lists of shape (n_rows, n_columns)
            Columns of any kind; missing values are learned too.
        y : array-like of shape (n_rows,), or one indicator column per class
            Classes.

        Returns
        -------
        X_resampled : container of X
            The original rows in their order, then the synthetic ones class by class. Frames have a new index from 0.
            With ``identifiers="drop"``, without the columns that look like identifiers.
        y_resampled : container of y
            The classes.

        Raises
        ------
        SchemaError
            If the table cannot be used; the message names the column.
        SamplingError
            If too few candidates of a class are valid.
        ValueError
            If y is continuous, has one class only, or does not suit `sampling_strategy`.
        """
        labels, one_hot = check_classes(y)
        strategy = check_sampling_strategy(self.sampling_strategy, labels, self._sampling_type)
        y_classes = labels if one_hot else y
        X_dense = densify(X)
        # Classes stay classes, even if they are many numbers.
        target = {read_target(y_classes, read_table(X_dense)).name: "categorical"}
        self._fit(X_dense, y_classes, {**(self.column_kinds or {}), **target})
        self.sampling_strategy_ = strategy
        X_all, y_all = self._fit_resample(X, y_classes)
        return X_all, to_indicators(y_all, like=y) if one_hot else y_all

    def _fit(self, X, y, column_kinds) -> Self:
        """Learn the schema and the model; after any failure the estimator is as unfitted as before its first `fit`."""
        self._forget()
        try:
            self.schema_ = TableSchema.infer(
                X,
                y,
                categorical_features=self.categorical_features,
                column_kinds=column_kinds,
                identifiers=self.identifiers,
            )
            validate_data(self, X, skip_check_array=True)
            values = self.schema_.encode(X, y)
            self._fit_model(values, make_generator(self.random_state, "fit"))
            self._training_values = values
            self._copies = CopyFilter(values, self.schema_)
        except BaseException:
            self._forget()
            raise
        return self

    def _forget(self) -> None:
        """Remove everything learned, so that two fits never mix."""
        learned = [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]
        for name in (*learned, *(name for name in _TRAINING_ROWS if name in vars(self))):
            delattr(self, name)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def _draw(self, n_samples: int, conditions, rng: np.random.Generator) -> np.ndarray:
        """Draw encoded rows; errors are in the user's values."""
        parsed = Conditions.parse(conditions, self.schema_)
        try:
            return self._draw_values(n_samples, parsed, rng)
        except (SamplingError, LanguageModelError) as error:
            made = error.partial
            error.partial = self.schema_.decode(made, rng) if made is not None and len(made) else None
            if isinstance(error, SamplingError):
                error.examples = [row_texts(row, self.schema_) for row in error.examples]
            raise

    def _draw_values(self, n_samples: int, conditions: Conditions, rng: np.random.Generator) -> np.ndarray:
        """Draw encoded rows."""
        values, self.sampling_summary_ = gather(
            lambda n, child: self._snapped(self._sample_model(n, conditions, child)),
            n_samples,
            rng=rng,
            check=self._row_check(conditions),
            batch_size=self._batch_size,
            max_candidates_per_row=self._max_candidates_per_row,
            progress=bool(self.verbose),
            desc=f"{type(self).__name__} sampling",
        )
        return values

    def _snapped(self, made: np.ndarray | Candidates) -> np.ndarray | Candidates:
        """Move candidates to the grids of their columns."""
        if isinstance(made, Candidates):
            return replace(made, values=self.schema_.snap(made.values))
        return self.schema_.snap(made)

    def _row_check(self, conditions: Conditions) -> RowCheck:
        """Give the gate that every candidate has to pass."""
        return RowCheck(self.schema_, conditions, self._active_copy_filter(conditions), self._laws())

    def _laws(self) -> Laws | None:
        """Constraints that generated rows must keep; a method that has any says so."""
        return None

    def _active_copy_filter(self, conditions: Conditions) -> CopyFilter | None:
        """Give the filter of training rows, where copies are to be refused and the rows are at hand."""
        copies = getattr(self, "_copies", None)
        refused = self.copies == "refuse" and copies is not None and copies.refuses(conditions)
        return copies if refused else None

    def _fit_resample(self, X, y):
        """Append what ``sampling_strategy_`` asks for to the rows that were fitted."""
        rng = make_generator(self.random_state, "resample")
        target = self.schema_.columns[-1].name
        X_all, y_all = X, y
        if self.identifiers == "drop":
            features = [column for column in self.schema_.columns if column.role == "feature"]
            X_all = take_columns(X, [index for index, column in enumerate(features) if column.kind != "identifier"])
        wanted = {label: int(n) for label, n in self.sampling_strategy_.items() if n}
        if wanted:
            # Decoded together, so that identifiers do not begin anew with each class.
            drawn = [self._draw(n, {target: label}, rng) for label, n in wanted.items()]
            X_new, y_new = self.schema_.decode(np.concatenate(drawn), rng)
            X_all, y_all = append_rows(X_all, X_new), append_rows(y_all, y_new)
        return X_all, y_all

    # Keeping ---------------------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the fitted synthesizer to a folder: weights as safetensors, the rest as JSON, no training rows.

        Parameters
        ----------
        folder : str or Path
            Made if it does not exist; a model saved there before is replaced.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        PersistenceError
            If a parameter holds an object, such as a function, that JSON cannot hold.
        """
        save_synthesizer(self, folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a synthesizer that `save` wrote. No code is run from the folder.

        A loaded synthesizer samples the same rows under the same seed as the saved one, up to exact copies of training
        rows: these can only be refused while the training rows are in memory.

        Parameters
        ----------
        folder : str or Path
            Where the synthesizer was saved.

        Returns
        -------
        synthesizer : object of the class that was saved

        Raises
        ------
        ModelNotFoundError
            If there is no saved synthesizer in the folder.
        PersistenceError
            If the folder holds another kind of synthesizer, or damaged files.
        """
        return load_synthesizer(cls, folder)

    def __getstate__(self) -> dict[str, Any]:
        """State for pickles and copies: everything but the training rows."""
        state = dict(super().__getstate__())
        for name in _TRAINING_ROWS:
            state.pop(name, None)
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "schema_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.sparse = False
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags
