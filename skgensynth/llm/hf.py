"""Causal language models of transformers on this machine."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.exceptions import ContextOverflowError, LanguageModelError, ModelNotFoundError
from skgensynth.llm.base import JsonSchema, LarkGrammar, Reply, Request
from skgensynth.llm.chat import Template, render
from skgensynth.llm.drafts import Draft
from skgensynth.llm.guidance import Guides
from skgensynth.llm.loading import choose_device, load_network, load_tokenizer, needs
from skgensynth.llm.shared import shared

__all__ = ["TransformersModel"]

_PAD_TO = 64


@dataclass(frozen=True)
class TransformersModel:
    """A causal language model that transformers loads, run on this machine.

    Replies are decoded in batches of a fixed shape (short batches are filled up, prompts are padded to multiples of 64
    tokens), so that a request gets the same text whatever is asked beside it. Constraints are kept through token masks
    from llguidance.

    Parameters
    ----------
    model : str
        A folder, a ``.gguf`` file, ``"smollm2-135m"``, or the name of a model in the local Hugging Face cache.
    batch_size : int, default=8
        Replies decoded together. Another size may change the last bits of the logits, and with them a text.
    max_context : int, default=None
        Tokens that prompt and reply may have together; None for as many as the model was trained with.
    device : str, default="auto"
        Where torch computes; ``"auto"`` is the first GPU if there is one, else the CPU.
    dtype : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Type of the weights; ``"auto"`` is bfloat16 on a GPU and float32 on the CPU.

    Raises
    ------
    ModelNotFoundError
        When it is first used: if the model is not on this machine; says how to get it.
    ContextOverflowError
        When a prompt and its reply do not fit.

    Examples
    --------
    >>> from skgensynth.llm import TransformersModel
    >>> TransformersModel("Qwen/Qwen2-7B-Instruct", batch_size=16).name
    'Qwen2-7B-Instruct'
    """

    model: str
    batch_size: int = 8
    max_context: int | None = None
    device: str = "auto"
    dtype: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", str(self.model))
        for name in ("batch_size", "max_context"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}, but it must be at least 1.")
        if self.dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise ValueError(f"dtype={self.dtype!r} is none of 'auto', 'float32', 'bfloat16' and 'float16'.")

    @property
    def name(self) -> str:
        """The model's name, or the folder's or file's."""
        return self.model.rstrip("/").rpartition("/")[2].removesuffix(".gguf")

    @property
    def is_local(self) -> bool:
        """True: prompts stay on this machine."""
        return True

    @property
    def context_length(self) -> int | None:
        """Tokens that prompt and reply may have together."""
        known = [length for length in (self._loaded().context_length, self.max_context) if length is not None]
        return min(known, default=None)

    @property
    def supports(self) -> frozenset[type]:
        """JSON schemas and grammars."""
        return frozenset({JsonSchema, LarkGrammar})

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, by the model's tokenizer."""
        return len(self._loaded().tokenizer(text, add_special_tokens=False)["input_ids"])

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Answer requests; see `LanguageModel.generate`."""
        if not requests:
            return
        loaded = self._loaded()
        limit = self.context_length or sys.maxsize
        groups: dict[int, list[Draft]] = {}
        for index, request in enumerate(requests):
            prompt = loaded.prompt(request)
            if len(prompt) + request.settings.max_tokens > limit:
                raise ContextOverflowError(
                    f"The prompt has {len(prompt)} tokens and the reply up to {request.settings.max_tokens}, but "
                    f"{self.name} holds {limit}. Shorten the prompt, ask for fewer rows at a time, or choose a model "
                    "with a larger context."
                )
            guide = None if request.constraint is None else loaded.guides.guide(request.constraint)
            draft = Draft(index, prompt, request.settings, request.seed, guide)
            groups.setdefault(-(-len(prompt) // _PAD_TO) * _PAD_TO, []).append(draft)
        for width, drafts in groups.items():
            for first in range(0, len(drafts), self.batch_size):
                yield from loaded.decode(drafts[first : first + self.batch_size], width, self.batch_size)

    def _loaded(self) -> _Loaded:
        """The loaded network, shared by all copies."""

        def load() -> _Loaded:
            needs("llguidance", extra="guidance")
            return _Loaded(self.model, self.device, self.dtype)

        return shared(("transformers", self.model, self.device, self.dtype), load)


class _Loaded:
    """A network with its tokenizer; the vocabulary of its drafts."""

    def __init__(self, model: str, device: str, dtype: str) -> None:
        import torch

        self.device = choose_device(device)
        if dtype == "auto":
            dtype = "float32" if self.device.type == "cpu" else "bfloat16"
        self.tokenizer = load_tokenizer(model)
        if not self.tokenizer.is_fast:
            raise ModelNotFoundError(f"The tokenizer of {model!r} has no tokenizer.json, which constraints need.")
        self.network = load_network(model, getattr(torch, dtype)).to(self.device)
        self.context_length: int | None = getattr(self.network.config, "max_position_embeddings", None)
        self.piece = lru_cache(maxsize=None)(self._piece)
        # Without it the logits of the whole prompt would be kept: gigabytes.
        self._last_only = "logits_to_keep" in inspect.signature(self.network.forward).parameters

    @cached_property
    def _n_tokens(self) -> int:
        """How many tokens the network scores, which may be more than the tokenizer has."""
        return int(self.network.get_output_embeddings().weight.shape[0])

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end a reply."""
        told = getattr(self.network.generation_config, "eos_token_id", None)
        ends = {self.tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])} - {None}
        return frozenset(int(token) for token in ends if token < self._n_tokens)

    @cached_property
    def guides(self) -> Guides:
        """Constraints over this vocabulary."""
        return Guides(self._matched)

    @cached_property
    def _matched(self) -> Any:
        """The tokenizer as llguidance sees it."""
        from llguidance.hf import from_tokenizer

        return from_tokenizer(self.tokenizer, n_vocab=self._n_tokens, eos_token=sorted(self.ends))

    def _piece(self, token: int) -> bytes:
        return b"" if self._matched.is_special_token(token) else self._matched.decode_bytes([token])

    @cached_property
    def _template(self) -> Template | None:
        if self.tokenizer.chat_template is None:
            return None
        return lambda messages: str(
            self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        )

    def prompt(self, request: Request) -> list[int]:
        """The tokens of a request's messages."""
        text = render(request.messages, self._template, self.tokenizer.all_special_tokens)
        return list(self.tokenizer(text, add_special_tokens=self._template is None)["input_ids"])

    def decode(self, drafts: list[Draft], width: int, batch_size: int) -> Iterator[tuple[int, Reply]]:
        """Write the replies to prompts of up to ``width`` tokens, in batches of one shape."""
        import torch

        try:
            yield from self._decode(drafts, width, batch_size)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise LanguageModelError(
                f"Memory ran out with {batch_size} replies at a time. Lower batch_size, ask for fewer rows at a time, "
                "or choose a smaller model."
            ) from error

    def _decode(self, drafts: list[Draft], width: int, batch_size: int) -> Iterator[tuple[int, Reply]]:
        import torch

        rows = [draft.prompt for draft in drafts]
        rows += [rows[0]] * (batch_size - len(rows))
        pad = min(self.ends, default=0)
        tokens = torch.tensor([[pad] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        cache = None
        waiting = list(drafts)
        while waiting:
            with torch.inference_mode():
                output = self.network(
                    input_ids=tokens.to(self.device),
                    attention_mask=mask.to(self.device),
                    position_ids=positions.to(self.device),
                    past_key_values=cache,
                    use_cache=True,
                    **({"logits_to_keep": 1} if self._last_only else {}),
                )
                logits = output.logits[:, -1].float().cpu().numpy()
            cache = output.past_key_values
            following = [self._next(draft, logits[i], pad) for i, draft in enumerate(drafts)]
            following += [pad] * (batch_size - len(following))
            tokens = torch.tensor(following)[:, None]
            mask = torch.cat([mask, torch.ones(batch_size, 1, dtype=mask.dtype)], dim=1)
            positions = positions[:, -1:] + 1
            for draft in [draft for draft in waiting if draft.finish_reason is not None]:
                waiting.remove(draft)
                yield draft.index, draft.reply()

    def _next(self, draft: Draft, logits: NDArray[np.float32], pad: int) -> int:
        """The token that a draft goes on with; padding once it is finished."""
        if not draft.pending and draft.finish_reason is None:
            draft.advance(self, logits)
        return pad if draft.finish_reason is not None else draft.pending.pop(0)
