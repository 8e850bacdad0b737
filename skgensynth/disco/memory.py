"""Work in smaller batches when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

from skgensynth.exceptions import SkgensynthError

T = TypeVar("T")


def shrinking(work: Callable[[int], T], size: int, setting: str) -> tuple[T, int]:
    """Do work in batches, halving their size for as long as memory runs out.

    Parameters
    ----------
    work : callable
        Takes the batch size; is called again from the start with half of it.
    size : int
        Batch size to begin with.
    setting : str
        Name of the parameter to blame when even single rows do not fit.

    Returns
    -------
    result : object
        What ``work`` returned.
    size : int
        The batch size that fitted.

    Raises
    ------
    SkgensynthError
        If a batch of one row does not fit; names the setting.
    """
    while True:
        try:
            return work(size), size
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if size == 1:
                raise SkgensynthError(
                    f"Memory ran out even with {setting}=1. Lower the memory that a row needs with a smaller model, a "
                    "smaller lora_rank or fewer columns, or give device='cpu'."
                ) from error
        # Outside the handler, where the error no longer keeps the failed batch alive.
        _release()
        size = max(size // 2, 1)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that main memory or a device's memory has run out."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("not enough memory" in text or "out of memory" in text)


def _release() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
