"""Small models in forms that a processor multiplies slowly, brought into one that it multiplies fast."""

from __future__ import annotations

import ctypes
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

__all__ = ["is_slow", "widen"]

# ggml has no matrix product for these, only products of one row at a time.
_SLOW_TYPES = (3, 9)  # LLAMA_FTYPE_MOSTLY_Q4_1, LLAMA_FTYPE_MOSTLY_Q5_1
# The memory of larger models is read more slowly than their products are computed.
_MAX_PARAMETERS = 500_000_000


def is_slow(model: Any) -> bool:
    """Whether a small model is quantised in a way without fast matrix products."""
    import llama_cpp

    room = ctypes.create_string_buffer(32)
    n = llama_cpp.llama_model_meta_val_str(model, b"general.file_type", room, len(room))
    known = n > 0 and room.value.decode().isdigit()
    return known and int(room.value) in _SLOW_TYPES and llama_cpp.llama_model_n_params(model) <= _MAX_PARAMETERS


def widen(path: Path, n_threads: int) -> Any:
    """The model of a file with the same weights in 16 bits, or in 8 where the processor has no products of 16 bits.

    The wider file, two to three times as large, lies in the temporary folder while it is read. Prompts then go faster,
    and many replies together; a single reply does not.

    Parameters
    ----------
    path : Path
        The file.
    n_threads : int
        Threads that convert.

    Returns
    -------
    llama.cpp's pointer
        The wider model; None where it could not be made.

    Warns
    -----
    RuntimeWarning
        If it could not be made, mostly because there is no room for the file.
    """
    import llama_cpp

    settings = llama_cpp.llama_model_quantize_default_params()
    settings.allow_requantize = True
    settings.nthread = n_threads
    settings.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_BF16 if _multiplies_16_bits() else llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_mmap = False  # the file goes
    wide = None
    try:
        with tempfile.TemporaryDirectory(prefix="skgensynth") as folder:
            copy = os.fsencode(Path(folder) / path.name)
            if llama_cpp.llama_model_quantize(os.fsencode(path), copy, ctypes.byref(settings)) == 0:
                wide = llama_cpp.llama_model_load_from_file(copy, params)
    except OSError:
        pass
    if wide is None:
        warnings.warn(
            f"There is no room in the temporary folder for a faster copy of {path.name}, or no memory to load it, so "
            "that it runs several times slower. Free some space or set TMPDIR.",
            RuntimeWarning,
            stacklevel=2,
        )
    return wide


def _multiplies_16_bits() -> bool:
    """Whether the processor multiplies bfloat16 by itself."""
    import llama_cpp

    return b"AVX512_BF16 = 1" in llama_cpp.llama_print_system_info()
