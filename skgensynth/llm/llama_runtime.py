"""llama.cpp's weights and contexts, through the low-level interface of llama-cpp-python."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skgensynth.exceptions import LanguageModelError, ModelNotFoundError
from skgensynth.llm.chat import Template
from skgensynth.llm.guidance import Guides
from skgensynth.llm.llama_widening import is_slow, widen
from skgensynth.llm.pacing import ThreadPace

__all__ = ["Context", "Weights"]

# (token, position, sequence, whether the logits after it are wanted)
Entry: TypeAlias = tuple[int, int, int, bool]

BATCH_TOKENS = 512
_MAX_KV_BYTES = 512 * 2**20  # or half of what the model takes itself
_ALL_LAYERS = 2**31 - 1

# One call into llama.cpp at a time: two would fight for the same cores, and its log has one listener for all.
_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def _entering() -> Iterator[list[str]]:
    """Enter llama.cpp alone; what it logs is collected instead of printed."""
    import llama_cpp

    lines: list[str] = []

    @llama_cpp.llama_log_callback
    def collect(level: int, text: bytes, _: Any) -> None:
        if level == 3:  # errors
            lines.append(text.decode("utf-8", "replace").strip())

    with _one_at_a_time:
        before, data = llama_cpp.llama_log_callback(), ctypes.c_void_p()
        llama_cpp.llama_log_get(ctypes.byref(before), ctypes.byref(data))
        llama_cpp.llama_log_set(collect, ctypes.c_void_p())
        try:
            yield lines
        finally:
            llama_cpp.llama_log_set(before, data)


class _Model:
    """llama.cpp's pointer to a model: it is freed when nobody holds this any more."""

    def __init__(self, pointer: Any) -> None:
        import llama_cpp

        self.pointer = pointer
        weakref.finalize(self, llama_cpp.llama_model_free, pointer)


class Weights:
    """A GGUF file in memory: its vocabulary, its chat template, and contexts that decode with it.

    Parameters
    ----------
    path : Path
        The file.
    n_gpu_layers : int
        Layers that go to a GPU; -1 for all.

    Raises
    ------
    ModelNotFoundError
        If llama.cpp cannot load the file.
    """

    def __init__(self, path: Path, n_gpu_layers: int) -> None:
        import llama_cpp

        with _entering() as lines:
            llama_cpp.llama_backend_init()
            params = llama_cpp.llama_model_default_params()
            params.n_gpu_layers = _ALL_LAYERS if n_gpu_layers < 0 else n_gpu_layers
            pointer = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
            if pointer is None:
                reason = f" ({lines[0]})" if lines else ""
                raise ModelNotFoundError(f"llama.cpp could not load {path.name!r}{reason}. Give another GGUF file.")
            self.model = _Model(pointer)
            if n_gpu_layers == 0 and is_slow(pointer) and (wide := widen(path, usable_cores())) is not None:
                self.model, pointer = _Model(wide), wide
        self.vocab = llama_cpp.llama_model_get_vocab(pointer)
        self.n_tokens: int = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.context_length: int = llama_cpp.llama_model_n_ctx_train(pointer)
        self._max_kv_bytes = max(_MAX_KV_BYTES, llama_cpp.llama_model_size(pointer) // 2)
        self._idle: list[Context] = []
        self._pieces: dict[int, bytes] = {}

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end a reply."""
        import llama_cpp

        return frozenset(t for t in range(self.n_tokens) if llama_cpp.llama_vocab_is_eog(self.vocab, t))

    @cached_property
    def special(self) -> tuple[str, ...]:
        """Texts that the tokenizer would read as control tokens."""
        import llama_cpp

        control = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL
        tokens = (t for t in range(self.n_tokens) if llama_cpp.llama_vocab_get_attr(self.vocab, t) & control)
        return tuple(self._text(t) for t in tokens)

    @cached_property
    def guides(self) -> Guides:
        """Constraints over this vocabulary."""
        from llguidance import LLTokenizer, TokenizerWrapper

        return Guides(LLTokenizer(TokenizerWrapper(_Tokens(self)), eos_token=sorted(self.ends)))

    @cached_property
    def template(self) -> Template | None:
        """The chat template in the file; None for a model without one."""
        import llama_cpp
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        source = llama_cpp.llama_model_chat_template(self.model.pointer, None)
        if not source:
            return None
        bos, eos = (self._text(token(self.vocab)) for token in (llama_cpp.llama_vocab_bos, llama_cpp.llama_vocab_eos))
        formatter = Jinja2ChatFormatter(source.decode("utf-8"), eos_token=eos, bos_token=bos)
        return lambda messages: str(formatter(messages=messages).prompt)  # type: ignore[arg-type]

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Tokens of a text; with ``special``, markers become control tokens and the first token of all is added."""
        import llama_cpp

        data = text.encode("utf-8")
        bos = self._text(llama_cpp.llama_vocab_bos(self.vocab))
        add_first = special and not (bos and text.startswith(bos))  # most templates write it themselves
        room = (llama_cpp.llama_token * (len(data) + 8))()
        n = llama_cpp.llama_tokenize(self.vocab, data, len(data), room, len(room), add_first, special)
        return list(room[:n])

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; none for a control token."""
        import llama_cpp

        found = self._pieces.get(token)
        if found is None:
            room = ctypes.create_string_buffer(512)
            n = llama_cpp.llama_token_to_piece(self.vocab, token, room, len(room), 0, False)
            found = self._pieces[token] = room.raw[: max(n, 0)]
        return found

    def _text(self, token: int) -> str:
        import llama_cpp

        return "" if token < 0 else llama_cpp.llama_vocab_get_text(self.vocab, token).decode("utf-8", "replace")

    @contextlib.contextmanager
    def context(self, n_parallel: int, n_positions: int, n_threads: int) -> Iterator[Context]:
        """Borrow a context; fewer replies at a time if they are long."""
        n_positions = -(-n_positions // 256) * 256
        fitting = self._max_kv_bytes // (n_positions * self._kv_bytes_per_token()) - 1
        n_parallel = int(min(n_parallel, max(fitting, 1)))
        with _one_at_a_time:
            idle = self._idle.pop() if self._idle else None
        if idle is not None and idle.suits(n_parallel, n_positions, n_threads):
            context = idle
        else:
            del idle  # its memory is given back before more is taken
            context = Context(self, n_parallel, n_positions, n_threads)
        try:
            yield context
        finally:
            context.clear_replies()
            with _one_at_a_time:
                self._idle[:] = [context]

    def _kv_bytes_per_token(self) -> int:
        """Memory that one position of one sequence takes: keys and values in 16 bits."""
        import llama_cpp

        model = self.model.pointer
        width = llama_cpp.llama_model_n_embd(model) // max(llama_cpp.llama_model_n_head(model), 1)
        return max(4 * llama_cpp.llama_model_n_layer(model) * llama_cpp.llama_model_n_head_kv(model) * width, 1)


class _Tokens:
    """The vocabulary as llguidance asks for it: the bytes of all tokens and a function from text to tokens."""

    def __init__(self, weights: Weights) -> None:
        import llama_cpp

        control = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL
        attributes = [llama_cpp.llama_vocab_get_attr(weights.vocab, t) for t in range(weights.n_tokens)]
        self.special_token_ids = [token for token, attribute in enumerate(attributes) if attribute & control]
        self.tokens = [weights.piece(token) for token in range(weights.n_tokens)]
        for token in self.special_token_ids:
            self.tokens[token] = llama_cpp.llama_vocab_get_text(weights.vocab, token)
        self.eos_token_id = min(weights.ends)
        self.bos_token_id = None
        self._weights = weakref.proxy(weights)  # which owns this

    def __call__(self, text: bytes) -> list[int]:
        return self._weights.tokenize(text.decode("utf-8"), special=False)


class Context:
    """Several sequences decoded together, and one more that holds the last prompt.

    Each sequence has key-value memory of its own and attention is not fused: the logits of a sequence are then the
    same to the last bit whatever is decoded beside it and wherever its prompt was cut. This holds as long as tokens of
    a prompt come at least two at a time and those of a reply one at a time, in batches of at least two sequences: one
    row and several rows take different ways through ggml.

    Parameters
    ----------
    weights : Weights
        The model.
    n_parallel : int
        Number of replies decoded together.
    n_positions : int
        Tokens of each, prompt and reply together.
    n_threads : int
        Threads that compute; 0 for as many as is fastest, up to the cores.
    """

    def __init__(self, weights: Weights, n_parallel: int, n_positions: int, n_threads: int) -> None:
        import llama_cpp

        params = llama_cpp.llama_context_default_params()
        params.n_seq_max = n_parallel + 1
        params.n_ctx = n_positions * params.n_seq_max
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_outputs_max = params.n_seq_max
        params.kv_unified = False
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.no_perf = True
        self.weights = weights
        with _entering() as lines:
            self._handle = llama_cpp.llama_init_from_model(weights.model.pointer, params)
        if self._handle is None:
            reason = f" ({lines[0]})" if lines else ""
            raise LanguageModelError(
                f"There is no memory for {n_parallel} replies of {n_positions} tokens{reason}. Ask for shorter "
                "replies, shorten the prompt, or lower max_parallel."
            )
        self._batch = llama_cpp.llama_batch_init(BATCH_TOKENS, 0, 1)
        # The model is among the arguments so that it outlives its contexts.
        weakref.finalize(self, _free, self._handle, self._batch, weights.model)
        self._memory = llama_cpp.llama_get_memory(self._handle)
        self.n_parallel, self.n_positions, self.n_threads = n_parallel, n_positions, n_threads
        self._pace = None if n_threads else ThreadPace(usable_cores())
        self._prompt: list[int] = []
        self._prompt_logits: NDArray[np.float32] | None = None

    def suits(self, n_parallel: int, n_positions: int, n_threads: int) -> bool:
        """Whether it is large enough, and not four times too large."""
        if self.n_threads != n_threads or self.n_parallel < n_parallel or self.n_positions < n_positions:
            return False
        return self.n_parallel * self.n_positions <= 4 * n_parallel * n_positions

    def start(self, sequence: int, prompt: Sequence[int]) -> NDArray[np.float32]:
        """Put a prompt into an empty sequence; the logits after its last token."""
        import llama_cpp

        logits = self._hold(list(prompt))
        with _entering():
            llama_cpp.llama_memory_seq_cp(self._memory, self.n_parallel, sequence, -1, -1)
        return logits

    def _hold(self, prompt: list[int]) -> NDArray[np.float32]:
        """Let the extra sequence hold a prompt, keeping what it has in common with the one before."""
        if prompt == self._prompt and self._prompt_logits is not None:
            return self._prompt_logits
        kept = _n_common(self._prompt, prompt[:-2])
        self._prompt, self._prompt_logits = [], None  # in case decoding fails
        if not self.go_back(self.n_parallel, kept):
            kept = 0
        logits = np.empty((0, 0), dtype=np.float32)
        while kept < len(prompt):
            tokens = prompt[kept : kept + BATCH_TOKENS - (len(prompt) - kept == BATCH_TOKENS + 1)]
            last = len(prompt) - 1
            logits = self.decode([(t, p, self.n_parallel, p == last) for p, t in enumerate(tokens, kept)])
            kept += len(tokens)
        self._prompt, self._prompt_logits = prompt, logits[-1].copy()
        return self._prompt_logits

    def decode(self, entries: Sequence[Entry]) -> NDArray[np.float32]:
        """Decode tokens; the wanted logits, one row each, which the next call overwrites."""
        import llama_cpp

        batch = self._batch
        batch.n_tokens = len(entries)
        for i, (token, position, sequence, wanted) in enumerate(entries):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = wanted
        with _entering() as lines:
            threads = self.n_threads if self._pace is None else self._pace.choose(len(entries))
            llama_cpp.llama_set_n_threads(self._handle, threads, threads)
            begun = time.monotonic()
            status = llama_cpp.llama_decode(self._handle, batch)
            if self._pace is not None:
                self._pace.note(len(entries), time.monotonic() - begun)
            if status != 0:
                reason = lines[0] if lines else f"status {status}"
                raise LanguageModelError(f"llama.cpp could not decode ({reason}).")
            n_wanted = sum(wanted for *_, wanted in entries)
            if n_wanted == 0:
                return np.empty((0, self.weights.n_tokens), dtype=np.float32)
            found = llama_cpp.llama_get_logits(self._handle)
        return np.ctypeslib.as_array(found, shape=(n_wanted, self.weights.n_tokens))

    def step(self, entries: Sequence[Entry]) -> NDArray[np.float32]:
        """Decode one token of each of the first sequences, in their order; see `decode`."""
        entries, asked = list(entries), [wanted for *_, wanted in entries]
        alone = len(entries) == 1
        if alone:
            # A row of no meaning goes along, behind the prompt where no sequence is free.
            spare, position = 1, 0 if self.n_parallel > 1 else len(self._prompt)
            entries.append((entries[0][0], position, spare, False))
        if sum(asked) == 1:
            other = [wanted for *_, wanted in entries].index(False)
            entries[other] = (*entries[other][:3], True)
        try:
            logits = self.decode(entries)
        finally:
            if alone and not self.go_back(spare, position):
                self._prompt, self._prompt_logits = [], None
        if sum(asked) == 1:
            return logits[int(asked.index(True) > other) :][:1]
        return logits

    def go_back(self, sequence: int, n_tokens: int) -> bool:
        """Leave the first tokens of a sequence only; False, and nothing is left, where the model cannot."""
        import llama_cpp

        with _entering():
            removed = llama_cpp.llama_memory_seq_rm(self._memory, sequence, n_tokens, -1)
        if not removed:  # a recurrent state
            self.finish(sequence)
        return bool(removed)

    def move(self, source: int, destination: int) -> None:
        """Put what a sequence holds into an empty one."""
        import llama_cpp

        with _entering():
            llama_cpp.llama_memory_seq_cp(self._memory, source, destination, -1, -1)
        self.finish(source)

    def finish(self, sequence: int) -> None:
        """Empty a sequence."""
        import llama_cpp

        with _entering():
            llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def clear_replies(self) -> None:
        """Empty all sequences but the one of the prompt."""
        for sequence in range(self.n_parallel):
            self.finish(sequence)


def _n_common(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two texts begin with in common."""
    for n, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return n
    return min(len(first), len(second))


def _free(handle: Any, batch: Any, model: _Model) -> None:
    import llama_cpp

    with _entering():
        llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(handle)


def usable_cores() -> int:
    """Physical cores that this process may use, at most ``OMP_NUM_THREADS``."""
    import joblib
    import psutil

    cores = min(joblib.cpu_count(), psutil.cpu_count(logical=False) or joblib.cpu_count())
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(min(cores, int(asked)) if asked.isdigit() and int(asked) else cores, 1)
