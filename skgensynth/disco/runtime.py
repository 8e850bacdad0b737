"""What a pretrained policy works with: its table's codec, and the network with its adapter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.disco.adapters import adapted_network, set_adapter_weights
from skgensynth.disco.decoding import decode_rows
from skgensynth.disco.grammars import Grammar
from skgensynth.disco.memory import shrinking
from skgensynth.disco.text import TextCodec, TokenRow
from skgensynth.disco.tuning import score_rows
from skgensynth.exceptions import SkgensynthError
from skgensynth.llm.loading import load_tokenizer
from skgensynth.schema import TableSchema

__all__ = ["Runtime"]

_SETTING = "sample_batch_size"  # the policy's parameter that bounds the batches


@dataclass
class Runtime:
    """What is rebuilt on each machine and never saved.

    Attributes
    ----------
    model : str or Path
        What the model was loaded by.
    codec : TextCodec
        Codec of the table.
    network : peft.PeftModel
        The model with its adapter.
    batch_size : int
        Rows decoded or scored together, no more than memory has allowed so far.
    """

    model: str | Path
    codec: TextCodec
    network: Any
    batch_size: int

    @classmethod
    def build(
        cls,
        model: str | Path,
        schema: TableSchema,
        decimals: Sequence[int | None],
        device: Any,
        *,
        lora_rank: int,
        lora_dropout: float,
        batch_size: int,
    ) -> Runtime:
        """Load a model for a table, with an adapter that changes nothing yet.

        The adapter's first weights come from torch's own generator.

        Parameters
        ----------
        model : str or Path
            As in `skgensynth.llm.loading.find_model`.
        schema : TableSchema
            The table.
        decimals : sequence of (int or None)
            Decimals that each continuous column is written with.
        device : torch.device
            Where to put the network.
        lora_rank, lora_dropout : int, float
            As in `skgensynth.disco.adapters.adapted_network`.
        batch_size : int
            Rows decoded or scored together, at first.

        Returns
        -------
        Runtime
            Its network is in evaluation mode.

        Raises
        ------
        ModelNotFoundError
            If the model is not on this machine; says how to get it.
        SkgensynthError
            If the model's tokens or context do not suit the table.
        """
        codec = TextCodec(schema, load_tokenizer(model), decimals)
        network = adapted_network(model, codec.vocabulary, device, lora_rank=lora_rank, lora_dropout=lora_dropout)
        context = getattr(network.config, "max_position_embeddings", None)
        if context is not None and codec.longest_row() > context:
            raise SkgensynthError(
                f"A row may need {codec.longest_row()} tokens, but the model {str(model)!r} reads {context}. "
                "Drop columns, shorten their names and levels, or choose a model with a longer context."
            )
        return cls(model, codec, network, batch_size)

    def restore(self, vocabulary: Sequence[int], adapter: Mapping[str, NDArray[np.float32]]) -> None:
        """Put an adapter back that was trained before.

        Parameters
        ----------
        vocabulary : sequence of int
            Tokens that values needed when it was trained.
        adapter : mapping of str to ndarray
            Its weights.

        Raises
        ------
        SkgensynthError
            If the model is not the one that the adapter was trained with.
        """
        if self.codec.vocabulary.tolist() != list(vocabulary):
            raise SkgensynthError(
                f"The tokenizer of {str(self.model)!r} is not the one of the model that was fine-tuned; put that model "
                "back, or fit again."
            )
        set_adapter_weights(self.network, adapter)

    def score(self, rows: Sequence[TokenRow]) -> NDArray[np.float64]:
        """Log-probability of rows, shape (n_rows,), in batches that memory allows."""
        scores, self.batch_size = score_rows(self.network, self.codec, rows, self.batch_size, _SETTING)
        return scores

    def decode(
        self,
        n: int,
        order: Sequence[int],
        rng: np.random.Generator,
        grammars: Mapping[int, Grammar],
        weighted: Collection[int],
    ) -> NDArray[np.float64]:
        """Draw rows in one column order, in batches that memory allows.

        Parameters
        ----------
        n : int
            Number of rows, at least 1.
        order, grammars, weighted
            As in `skgensynth.disco.decoding.decode_rows`.
        rng : numpy.random.Generator
            Seeds the draws, so that they start anew in smaller batches.

        Returns
        -------
        ndarray of shape (n, n_columns)
            Encoded rows, not yet on their columns' grids.

        Raises
        ------
        SkgensynthError
            If memory runs out with single rows.
        """
        seed = int(rng.integers(2**63))

        def work(size: int) -> NDArray[np.float64]:
            again = np.random.default_rng(seed)
            parts = [
                decode_rows(self.network, self.codec, min(size, n - start), order, again, grammars, weighted, size)
                for start in range(0, n, size)
            ]
            return np.concatenate(parts)

        rows, self.batch_size = shrinking(work, self.batch_size, _SETTING)
        return rows
