"""Policy that trains small transformers from scratch on the table's own tokens."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from sklearn.exceptions import NotFittedError

from skgensynth.conditions import Conditions
from skgensynth.disco.blocks import NetworkSettings
from skgensynth.disco.codecs import CompactCodec
from skgensynth.disco.compact_settings import PARAMETERS, automatic_settings, check_parameters
from skgensynth.disco.ensembles import N_PARTS, join, make_parts, ordered, restore
from skgensynth.disco.guided import draw_rows, drawn_target_probs
from skgensynth.disco.importance import draw_given_target
from skgensynth.disco.lawful import Decoder
from skgensynth.disco.policies import read_weights
from skgensynth.disco.sharpening import TargetSharpening
from skgensynth.disco.states import States
from skgensynth.disco.teaching import N_TAUGHT_ROWS, TargetForest, teach_target
from skgensynth.disco.threads import one_torch_thread, worker_threads
from skgensynth.disco.training import TrainingSettings, train_members
from skgensynth.exceptions import InterruptedTrainingWarning
from skgensynth.jsonable import value_to_json
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

__all__ = ["CompactPolicy"]

WEIGHTS_FILE = "policy.safetensors"
# Rows that share a column order, and a generator, when sampling.
ROWS_PER_ORDER = 256
ROWS_PER_SCORE = 1024
# Rows on which the shares of a sharpened target are balanced: the rarest token is to be among them so often.
N_BALANCE_ROWS, N_RARE_ROWS, MIN_SHARE = 2048, 400, 0.0125
# Sharpness of a target (ours, chosen on splits of public tables): labels want the likely class, numbers their spread.
LABEL_TEMPERATURE, NUMBER_TEMPERATURE = 0.1, 0.5


class CompactPolicy:
    """Probability of rows from an ensemble of small transformers trained on one token per column (ours).

    Where the table has a target, an early state of the training draws the features, before it has had time to remember
    single rows. The last state draws the target from them, or, where there are few rows, another one, which a random
    forest has taught what the target is in such rows. Where the target is under a condition, the early state draws
    candidates from it, and those are taken whose features the other state gives that target, see
    `skgensynth.disco.importance`.

    Parameters
    ----------
    n_epochs : int or None, default=None
        Passes over the training rows; None chooses by their number.
    feature_epochs : int or None, default=None
        Passes after which the state that draws the features is taken; None takes the one that is best on rows that
        members leave out, from a quarter of all passes up to a half, or up to 1,000 steps where these are more.
        Without a target, the last state draws all columns.
    n_bins : int or None, default=None
        Bins of a continuous column; None chooses by the number of rows.
    n_members, width, n_layers : int or None, default=None
        Shape of the ensemble, see `NetworkSettings`; None chooses by the number of rows.
    batch_size : int or None, default=None
        Rows per step; None chooses by their number.
    learning_rate : float, default=2e-3
        Step size of AdamW.
    dropout : float, default=0.1
        Share of inner numbers left out in training, in [0, 1).
    weight_decay : float, default=0.01
        Decay of weights.
    smoothing : float or None, default=None
        How far the training targets of numbers among the features spread over the bins nearby: the standard deviation,
        as a share of the column's values, in [0, 1], see `skgensynth.disco.smoothing.heat_kernel`. More of it blurs
        what columns say of each other and hides single rows better. None chooses by the number of rows.
    target_temperature : float or None, default=None
        Sharpness of the target, given all other columns: the probabilities of its tokens are raised to the power of
        ``1 / target_temperature`` and rebalanced so that the shares of classes or bins stay (ours). An ensemble that
        is regularised enough to forget single rows is less sure of the target than the data are; below 1 gives that
        back. 1 samples from the probabilities as they are. None is 0.1 for classes and 0.5 for a number. Where a
        condition asks for the target, it is the square root.
    n_target_trees : int or None, default=None
        Trees of the random forest that teaches the target: rows are drawn by the early state, the forest says how
        probable each value of the target is in them, and a third state learns that. 0 leaves the target to the last
        state. None is 200 for tables of fewer than 600 rows, and 0 for others.
    n_threads : int, default=2
        Threads that train parts of the ensemble side by side, of which no more than 2 are used, and that sample. The
        result does not depend on it.

    Attributes
    ----------
    schema_ : TableSchema
        Schema of the training table.
    codec_ : CompactCodec
        Vocabulary.
    states_ : States
        The ensemble in its states, and how the target is sharpened.
    decoder_ : Decoder
        How tokens become rows, under the laws that are to be kept.
    history_ : list of dict
        Per epoch: ``epoch`` (from 1), ``loss`` (mean smoothed cross-entropy of a training row, in nats), ``seconds``.
    interrupted_ : bool
        Whether a keyboard interrupt ended `fit`; not saved.
    """

    def __init__(
        self,
        *,
        n_epochs: int | None = None,
        feature_epochs: int | None = None,
        n_bins: int | None = None,
        n_members: int | None = None,
        width: int | None = None,
        n_layers: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        dropout: float = 0.1,
        weight_decay: float = 0.01,
        smoothing: float | None = None,
        target_temperature: float | None = None,
        n_target_trees: int | None = None,
        n_threads: int = N_PARTS,
    ) -> None:
        self.n_epochs = n_epochs
        self.feature_epochs = feature_epochs
        self.n_bins = n_bins
        self.n_members = n_members
        self.width = width
        self.n_layers = n_layers
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.smoothing = smoothing
        self.target_temperature = target_temperature
        self.n_target_trees = n_target_trees
        self.n_threads = n_threads

    def fit(
        self,
        values: NDArray[np.float64],
        schema: TableSchema,
        *,
        rng: np.random.Generator,
        verbose: int = 0,
    ) -> CompactPolicy:
        """Train the ensemble.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded training rows, NaN where missing.
        schema : TableSchema
            Their schema.
        rng : numpy.random.Generator
            Source of all randomness.
        verbose : int, default=0
            Above 0: a progress bar.

        Returns
        -------
        CompactPolicy
            Itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range; names it.

        Warns
        -----
        InterruptedTrainingWarning
            After a keyboard interrupt; the state so far is kept.
        """
        check_parameters({name: getattr(self, name) for name in PARAMETERS})
        auto = automatic_settings(len(values))
        given = {name: getattr(self, name) for name in auto}
        chosen = {name: usual if given[name] is None else type(usual)(given[name]) for name, usual in auto.items()}
        self.schema_ = schema
        self.codec_ = CompactCodec.fit(values, schema, chosen["n_bins"])
        tokens = self.codec_.encode(values)
        shape = NetworkSettings(chosen["n_members"], chosen["width"], chosen["n_layers"])
        settings = TrainingSettings(
            chosen["n_epochs"],
            self.feature_epochs,
            chosen["batch_size"],
            self.learning_rate,
            self.dropout,
            self.weight_decay,
            chosen["smoothing"],
        )
        parts = make_parts(self.codec_, tokens, shape, rng)
        early, self.history_ = train_members(
            parts, ordered(self.codec_), tokens, self._target, settings, rng, n_threads=self.n_threads, verbose=verbose
        )
        self.interrupted_ = len(self.history_) < settings.n_epochs
        last, target = join(parts, self.codec_), self._target
        self.states_ = States(last, last)
        self.decoder_ = Decoder(self.codec_, schema, Laws((), schema))
        if target is not None:
            size = self.codec_.sizes[target]
            labels = tokens[:, target]
            sharpenings = (TargetSharpening.of_tokens(target, labels, size, t) for t in self._temperatures)
            self.states_ = States(join(early, self.codec_), last, *sharpenings)
            if chosen["n_target_trees"] and size > 1 and len(self.codec_.sizes) > 1 and not self.interrupted_:
                self._teach(tokens, target, chosen["n_target_trees"], rng)
        self.balance(rng)
        return self

    def _teach(self, tokens: NDArray[np.int64], target: int, n_trees: int, rng: np.random.Generator) -> None:
        """Let a forest teach the target to another state, on rows that the early state draws."""
        states = self.states_
        try:
            forest = TargetForest(self.codec_, target, tokens, n_trees, rng)
            rows = self._in_chunks(lambda n, rng: states.draw(n, [], {}, rng).tokens.numpy(), N_TAUGHT_ROWS, rng)
            states.labels = teach_target(states.features, target, rows, forest.probs(rows), rng)
        except KeyboardInterrupt:
            self.interrupted_ = True
            warnings.warn(
                "Teaching the target was interrupted; the last state of the training draws it.",
                InterruptedTrainingWarning,
                stacklevel=4,
            )

    def log_prob(self, values: NDArray[np.float64], rng: np.random.Generator | None = None) -> NDArray[np.float64]:
        """Natural logarithm of the probability of rows' tokens, each in one column order with the target last.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded rows.
        rng : numpy.random.Generator or None
            Draws a column order for each row; None takes the table's own order for all of them.

        Returns
        -------
        ndarray of shape (n_rows,)
            Of bins, where a column is continuous; ``-inf`` for rows with a level or missing value that no training
            row had.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        self._check_fitted()
        tokens = self.codec_.encode(values)
        known = np.flatnonzero((tokens >= 0).all(axis=1))
        orders = self.states_.orders(len(known), rng)
        out = np.full(len(values), -math.inf)
        with one_torch_thread():
            for start in range(0, len(known), ROWS_PER_SCORE):
                rows = known[start : start + ROWS_PER_SCORE]
                part = orders[start : start + ROWS_PER_SCORE]
                out[rows] = self.states_.log_prob(torch.from_numpy(tokens[rows]), part)
        return out

    def sample(self, n: int, conditions: Conditions, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw rows that satisfy the schema and the conditions by construction.

        Columns under a condition come first, so that no row is rejected; the others follow in random order, and the
        target last. Where the target itself is conditioned, rows are chosen from several for each.

        Parameters
        ----------
        n : int
            Number of rows.
        conditions : Conditions
            What rows must fulfil; empty for no condition.
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        ndarray of shape (n, n_columns)
            Encoded rows; continuous values are not yet on their grid.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        self._check_fitted()
        shares = {j: torch.from_numpy(self.codec_.shares(j, a)).float() for j, a in conditions.allowed.items()}

        def draw(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
            if self.states_.target in shares:
                return draw_given_target(self.states_, self.decoder_, size, shares, conditions, rng)
            return draw_rows(self.states_, self.decoder_, size, shares, conditions, rng)[1]

        return self._in_chunks(draw, n, rng)

    def _in_chunks(
        self, draw: Callable[[int, np.random.Generator], NDArray[Any]], n: int, rng: np.random.Generator
    ) -> NDArray[Any]:
        """Draw rows, in chunks with generators of their own, so that the number of threads changes nothing."""
        sizes = [min(ROWS_PER_ORDER, n - start) for start in range(0, n, ROWS_PER_ORDER)]
        with one_torch_thread(), worker_threads(self.n_threads) as pool:
            return np.concatenate(list(pool.map(draw, sizes, rng.spawn(len(sizes)))))

    @property
    def _target(self) -> int | None:
        """Place of the target."""
        return self.schema_.target_index

    @property
    def _temperatures(self) -> tuple[float, float]:
        """Sharpness of the target, and where a condition asks for it: there half as sharp, by the logarithm."""
        assert self.schema_.target is not None
        usual = LABEL_TEMPERATURE if self.schema_.target.kind == "categorical" else NUMBER_TEMPERATURE
        temperature = usual if self.target_temperature is None else self.target_temperature
        return temperature, math.sqrt(temperature)

    def balance(self, rng: np.random.Generator) -> None:
        """Fit the offsets of the sharpened target anew, on rows that the ensemble draws under its laws.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of these rows.
        """
        states = self.states_
        if states.sharpening is None or not states.sharpening.changes:
            return
        states.sharpening.offsets = None
        n = max(N_BALANCE_ROWS, int(N_RARE_ROWS / max(states.sharpening.shares.min(), MIN_SHARE)))
        probs = self._in_chunks(lambda size, rng: drawn_target_probs(states, self.decoder_, size, rng), n, rng)
        for sharpening in states.sharpenings:
            sharpening.fit(probs)

    def obey(self, laws: Laws, rng: np.random.Generator | None = None) -> None:
        """Draw rows that keep laws from now on; see `skgensynth.disco.guided.draw_rows`.

        Parameters
        ----------
        laws : Laws
            The laws.
        rng : numpy.random.Generator or None, default=None
            Source of rows that keep the laws, to which the shares of the target are fitted; None leaves the offsets
            as they are, which are right where they were fitted under these laws.
        """
        self.decoder_ = Decoder(self.codec_, self.schema_, laws)
        if rng is not None and len(laws):
            self.balance(rng)

    def save(self, folder: str | Path) -> dict[str, Any]:
        """Write the weights to a folder.

        Parameters
        ----------
        folder : str or Path
            Existing folder.

        Returns
        -------
        dict
            Everything else that `load` needs, in values that JSON has.
        """
        self._check_fitted()
        weights = {
            f"{name}.{key}": tensor.clone()
            for name, network in self.states_.named().items()
            for key, tensor in network.state_dict().items()
        }
        save_file(weights, Path(folder) / WEIGHTS_FILE)
        return {
            "parameters": {name: value_to_json(getattr(self, name)) for name in PARAMETERS},
            "network": self.states_.features.settings.to_dict(),
            "codec": self.codec_.to_dict(),
            "sharpenings": [sharpening.to_dict() for sharpening in self.states_.sharpenings],
            "history": self.history_,
        }

    @classmethod
    def load(cls, folder: str | Path, state: Mapping[str, Any], schema: TableSchema) -> CompactPolicy:
        """Rebuild a saved policy.

        Parameters
        ----------
        folder : str or Path
            Folder that `save` wrote to.
        state : mapping
            What `save` returned.
        schema : TableSchema
            Schema of the training table.

        Returns
        -------
        CompactPolicy
            Fitted.

        Raises
        ------
        ModelNotFoundError
            If the file of the weights is not there.
        PersistenceError
            If it is damaged.
        """
        weights = {name: torch.from_numpy(array) for name, array in read_weights(folder, WEIGHTS_FILE).items()}
        policy = cls(**state["parameters"])
        policy.schema_ = schema
        policy.codec_ = CompactCodec.from_dict(state["codec"])
        policy.history_ = [dict(entry) for entry in state["history"]]
        sharpenings, target = [], schema.target_index
        if target is not None:
            saved = zip(state["sharpenings"], policy._temperatures, strict=True)
            sharpenings = [TargetSharpening.from_dict(one, target, temperature) for one, temperature in saved]
        networks = restore(weights, policy.codec_, state["network"])
        policy.states_ = States.of_named(networks, sharpenings)
        policy.decoder_ = Decoder(policy.codec_, schema, Laws((), schema))
        return policy

    def _check_fitted(self) -> None:
        if not hasattr(self, "states_"):
            raise NotFittedError("This CompactPolicy is not fitted yet; call `fit` first.")
