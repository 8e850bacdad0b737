"""Discriminators of real against generated rows that learn on from step to step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier

from skgensynth.metrics.learners import make_preprocessing
from skgensynth.schema import TableSchema

__all__ = ["KINDS", "Discriminator", "RowFeatures", "make_discriminator"]

State = dict[str, NDArray[Any]]

# Scaled numbers beyond this would throw gradient descent off its course.
_MAX_SCALED = 10.0
_N_HIDDEN, _BATCH_SIZE = 16, 16
_N_TREES = 10  # added in each step
_TREE_SETTINGS: dict[str, Any] = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "eta": 0.3,
    "nthread": 1,
    "verbosity": 0,
}


class RowFeatures:
    """What discriminators see of a row: scaled numbers, flags of missing ones, and an indicator for each level.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_modelled)
        Encoded training rows: means, scales and medians, which stand for missing numbers, are theirs.
    schema : TableSchema
        The table.

    Attributes
    ----------
    n_features : int
        Number of features.
    """

    def __init__(self, values: NDArray[np.float64], schema: TableSchema) -> None:
        is_number = np.array([column.kind == "continuous" for column in schema.modelled], dtype=bool)
        self._preprocessing = make_preprocessing(is_number).fit(values)
        self.n_features: int = self(values[:1]).shape[1]

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The features of encoded rows, of shape (n_rows, n_features)."""
        features = np.asarray(self._preprocessing.transform(values), dtype=np.float64)
        return np.clip(features, -_MAX_SCALED, _MAX_SCALED)


class Discriminator(ABC):
    """Tells real rows from generated ones, and learns on with each update (MALLM-GAN, arXiv:2406.10521, 2024).

    Real and generated rows count the same in an update, whatever their numbers.

    Parameters
    ----------
    features : RowFeatures
        What it sees of rows.
    seed : int
        Seed of all that is random, at least 0. The same updates with the same seed make the same discriminator.

    Attributes
    ----------
    n_updates : int
        How often it learned.
    """

    def __init__(self, features: RowFeatures, seed: int) -> None:
        self.features = features
        self.seed = seed
        self.n_updates = 0

    def update(self, real: NDArray[np.float64], generated: NDArray[np.float64]) -> Self:
        """Learn from rows of a step on top of what was learned before.

        Parameters
        ----------
        real, generated : ndarray of shape (n_rows, n_modelled)
            Encoded rows, at least one of each sort.

        Returns
        -------
        Discriminator
            Itself.

        Raises
        ------
        ValueError
            If there are no rows of a sort.
        """
        _check_rows(real, generated)
        X = self.features(np.concatenate([real, generated]))
        y = np.repeat([1, 0], [len(real), len(generated)])
        weights = (len(y) / (2 * np.array([len(generated), len(real)])))[y]
        # Each update draws anew, and the same whether or not the discriminator was saved in between.
        self._learn(X, y, weights, (self.seed + 7919 * self.n_updates) % 2**31)
        self.n_updates += 1
        return self

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which rows are taken for real.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_modelled)
            Encoded rows.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            True for rows that seem real.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If nothing was learned yet.
        """
        if not self.n_updates:
            raise NotFittedError("the discriminator has learned nothing yet: call update first")
        if not len(values):
            return np.zeros(0, dtype=bool)
        return self._probability(self.features(values)) >= 0.5

    def accuracy(self, real: NDArray[np.float64], generated: NDArray[np.float64]) -> float:
        """How often it is right about rows: 0.5 is chance, 1 means that every row is told.

        The mean of the shares of real and of generated rows that are recognised. With as many rows of both sorts, as
        in the paper, this is plain accuracy; with different numbers chance is still 0.5.

        Parameters
        ----------
        real, generated : ndarray of shape (n_rows, n_modelled)
            Encoded rows that it was not trained on, at least one of each sort.

        Returns
        -------
        float
            Between 0 and 1. Well below 0.5, it is deceived more often than by a coin.

        Raises
        ------
        ValueError
            If there are no rows of a sort.
        sklearn.exceptions.NotFittedError
            If nothing was learned yet.
        """
        _check_rows(real, generated)
        return float((self.predict(real).mean() + 1 - self.predict(generated).mean()) / 2)

    def get_state(self) -> State:
        """Give all that was learned as arrays, which need no pickle to be kept.

        Returns
        -------
        dict of str to ndarray
            Numbers and bytes, for `numpy.savez` or safetensors. The features are not in it: they are made anew from
            the training rows.
        """
        return {"n_updates": np.array(self.n_updates), **(self._get() if self.n_updates else {})}

    def set_state(self, state: State) -> None:
        """Take up what :meth:`get_state` gave, so that further updates go on from there as if nothing had happened.

        Parameters
        ----------
        state : dict of str to ndarray
            Of a discriminator of the same kind, with features of the same rows and the same seed.

        Raises
        ------
        ValueError
            If the state does not fit the kind or the features.
        """
        n_updates = int(state["n_updates"])
        if n_updates:
            try:
                self._set(state)
            except (KeyError, ValueError) as error:
                raise ValueError("the state is not of a discriminator of this kind on these columns") from error
        self.n_updates = n_updates

    @abstractmethod
    def _learn(self, X: NDArray[np.float64], y: NDArray[np.int64], weights: NDArray[np.float64], seed: int) -> None:
        """Learn from features; 1 is real."""

    @abstractmethod
    def _probability(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability that a row is real."""

    @abstractmethod
    def _get(self) -> State:
        """What was learned."""

    @abstractmethod
    def _set(self, state: State) -> None:
        """Undo `_get`."""


class _GradientDiscriminator(Discriminator):
    """A model of scikit-learn that goes over the rows of an update again and again; its weights are all it keeps."""

    _model: Any
    # A step brings some dozens of rows, from which one pass learns next to nothing.
    _n_passes: ClassVar[int]

    def _learn(self, X: NDArray[np.float64], y: NDArray[np.int64], weights: NDArray[np.float64], seed: int) -> None:
        for turn in range(self._n_passes):
            self._pass(X, y, weights, seed + turn)

    def _pass(self, X: NDArray[np.float64], y: NDArray[np.int64], weights: NDArray[np.float64], seed: int) -> None:
        self._model.set_params(random_state=seed, **self._settings(len(X)))
        self._model.partial_fit(X, y, classes=[0, 1], sample_weight=weights)

    def _settings(self, n_rows: int) -> dict[str, Any]:
        """Parameters that depend on the number of rows."""
        return {}

    def _probability(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._model.predict_proba(X)[:, 1]

    def _get(self) -> State:
        return {f"weights_{i}": weights.copy() for i, weights in enumerate(self._weights)}

    def _set(self, state: State) -> None:
        # Only a model that has learned something has arrays to put weights into.
        self._pass(np.zeros((2, self.features.n_features)), np.array([0, 1]), np.ones(2), seed=0)
        for i, weights in enumerate(self._weights):
            kept = state[f"weights_{i}"]
            if kept.shape != weights.shape:
                raise ValueError(f"weights of shape {kept.shape} are no weights of shape {weights.shape}")
            weights[:] = kept

    @property
    @abstractmethod
    def _weights(self) -> list[NDArray[np.float64]]:
        """The arrays that the model predicts with."""


class LogisticDiscriminator(_GradientDiscriminator):
    """Logistic regression by stochastic gradient descent, with a rate that stays so that it keeps learning."""

    _n_passes = 20

    def __init__(self, features: RowFeatures, seed: int) -> None:
        super().__init__(features, seed)
        self._model = SGDClassifier(loss="log_loss", alpha=1e-3, learning_rate="constant", eta0=0.01)

    @property
    def _weights(self) -> list[NDArray[np.float64]]:
        return [self._model.coef_, self._model.intercept_]


class NeuralDiscriminator(_GradientDiscriminator):
    """A neural network with one hidden layer."""

    _n_passes = 30

    def __init__(self, features: RowFeatures, seed: int) -> None:
        super().__init__(features, seed)
        # Without momentum the weights are all there is to keep.
        self._model = MLPClassifier(
            (_N_HIDDEN,), solver="sgd", momentum=0.0, alpha=1e-3, batch_size=_BATCH_SIZE, learning_rate_init=0.05
        )

    def _settings(self, n_rows: int) -> dict[str, Any]:
        return {"batch_size": min(_BATCH_SIZE, n_rows)}

    @property
    def _weights(self) -> list[NDArray[np.float64]]:
        return [*self._model.coefs_, *self._model.intercepts_]


class BoostedDiscriminator(Discriminator):
    """Boosted trees of depth 3 with a learning rate of 0.3; each update adds some to those that are there."""

    _trees: Any = None

    def _learn(self, X: NDArray[np.float64], y: NDArray[np.int64], weights: NDArray[np.float64], seed: int) -> None:
        import xgboost

        data = xgboost.DMatrix(X, label=y, weight=weights, nthread=1)
        settings = {**_TREE_SETTINGS, "seed": seed}
        self._trees = xgboost.train(settings, data, num_boost_round=_N_TREES, xgb_model=self._trees)

    def _probability(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        import xgboost

        return self._trees.predict(xgboost.DMatrix(X, nthread=1))

    def _get(self) -> State:
        return {"trees": np.frombuffer(bytes(self._trees.save_raw("ubj")), dtype=np.uint8)}

    def _set(self, state: State) -> None:
        import xgboost

        trees = xgboost.Booster({"nthread": 1}, model_file=bytearray(state["trees"].tobytes()))
        if trees.num_features() != self.features.n_features:
            raise ValueError(f"the trees have {trees.num_features()} features")
        self._trees = trees


KINDS: dict[str, type[Discriminator]] = {
    "logistic": LogisticDiscriminator,
    "xgboost": BoostedDiscriminator,
    "neural": NeuralDiscriminator,
}


def make_discriminator(kind: str, features: RowFeatures, seed: int) -> Discriminator:
    """Make a discriminator that has learned nothing yet.

    Parameters
    ----------
    kind : {"logistic", "xgboost", "neural"}
        Logistic regression, as in the paper; boosted trees; or a neural network.
    features : RowFeatures
        What it sees of rows.
    seed : int
        Seed of all that is random, at least 0.

    Returns
    -------
    Discriminator
        The discriminator.

    Raises
    ------
    ValueError
        If there is no such kind.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skgensynth.mallm.discriminators import RowFeatures, make_discriminator
    >>> from skgensynth.schema import TableSchema
    >>> rng = np.random.default_rng(0)
    >>> schema = TableSchema.infer(pd.DataFrame({"age": rng.normal(60, 10, 100)}))
    >>> real, generated = rng.normal(60, 10, (100, 1)), rng.normal(90, 10, (100, 1))
    >>> discriminator = make_discriminator("logistic", RowFeatures(real, schema), seed=0)
    >>> discriminator.update(real[:50], generated[:50]).accuracy(real[50:], generated[50:]) > 0.85
    True
    """
    if kind not in KINDS:
        raise ValueError(f"there is no discriminator {kind!r}; choose one of {', '.join(KINDS)}")
    return KINDS[kind](features, seed)


def _check_rows(real: NDArray[np.float64], generated: NDArray[np.float64]) -> None:
    """Refuse to compare rows with none."""
    for word, rows in (("real", real), ("generated", generated)):
        if not len(rows):
            raise ValueError(f"there are no {word} rows; a discriminator needs at least one of each sort")
