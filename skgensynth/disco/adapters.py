"""Language models with a LoRA adapter and a head that scores a table's tokens only."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.exceptions import SkgensynthError
from skgensynth.llm.loading import load_network


def adapted_network(
    model: str | Path,
    vocabulary: NDArray[np.int64],
    device: Any,
    *,
    lora_rank: int,
    lora_dropout: float,
) -> Any:
    """Load a model, cut its head down to some tokens and add a LoRA adapter to all its linear layers.

    The adapter starts as the identity: it changes nothing before it is trained. Only its weights are trainable.

    Parameters
    ----------
    model : str or Path
        As in `skgensynth.llm.loading.find_model`.
    vocabulary : ndarray of shape (n_tokens,)
        Ids of the tokens that the head keeps, in the order of its scores.
    device : torch.device
        Where to put it; weights are bfloat16 on a GPU that has it, float32 elsewhere.
    lora_rank : int
        Rank of the adapter's matrices; they are scaled by 2, as with alpha = 2 * rank.
    lora_dropout : float
        Share of the adapter's inputs that training leaves out.

    Returns
    -------
    peft.PeftModel
        In evaluation mode.

    Raises
    ------
    ModelNotFoundError
        If the model is not on this machine.
    SkgensynthError
        If the model and its tokeniser do not fit together.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    half = device.type == "cuda" and torch.cuda.is_bf16_supported()
    network = load_network(model, torch.bfloat16 if half else torch.float32)
    _keep_head(network, vocabulary, model)
    config = LoraConfig(
        r=lora_rank,
        lora_alpha=2 * lora_rank,
        lora_dropout=lora_dropout,
        target_modules="all-linear",
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in network.modules()),
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # peft asks a model for it under the name that transformers 5 has given up; users can do nothing about it. The
        # filter holds for all threads meanwhile, so that it names this one warning.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(network, config).to(device).eval()


def _keep_head(network: Any, vocabulary: NDArray[np.int64], model: str | Path) -> None:
    """Score a table's few tokens instead of the whole vocabulary: the others are never allowed."""
    import torch

    head = network.get_output_embeddings()
    if head is None or int(vocabulary.max()) >= head.weight.shape[0]:
        raise SkgensynthError(
            f"The model {str(model)!r} has no scores for some tokens of its own tokenizer; choose another model."
        )
    rows = torch.as_tensor(vocabulary)
    bias = getattr(head, "bias", None)
    kept = torch.nn.Linear(head.weight.shape[1], len(rows), bias=bias is not None, dtype=head.weight.dtype)
    with torch.no_grad():
        kept.weight.copy_(head.weight[rows])
        if bias is not None:
            kept.bias.copy_(bias[rows])
    network.set_output_embeddings(kept)


def adapter_weights(network: Any) -> dict[str, NDArray[np.float32]]:
    """A copy of the trainable weights by name."""
    return {
        name: parameter.detach().float().cpu().numpy().copy()
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }


def set_adapter_weights(network: Any, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put weights from `adapter_weights` back.

    Raises
    ------
    SkgensynthError
        If they belong to a network of another shape.
    """
    import torch

    own = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    if {name: tuple(p.shape) for name, p in own.items()} != {name: w.shape for name, w in weights.items()}:
        raise SkgensynthError("The saved adapter does not fit the model; the model at that place is another one now.")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(torch.from_numpy(weights[name]))


@contextlib.contextmanager
def private_torch_rng(seed: int, device: Any) -> Iterator[None]:
    """Seed torch's generators for a while, as LoRA's initial weights and dropout need, then restore them."""
    import torch

    devices = list(range(torch.cuda.device_count())) if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed_all(seed)
        yield
