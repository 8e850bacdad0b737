from __future__ import annotations

import pytest
import torch

from skgensynth.disco.memory import out_of_memory, shrinking
from skgensynth.exceptions import SkgensynthError

CPU_MESSAGE = (
    "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."
)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError(CPU_MESSAGE), MemoryError()]
)
def test_batches_halve_until_they_fit(error):
    tried = []

    def work(size):
        tried.append(size)
        if size > 3:
            raise error
        return "done"

    assert shrinking(work, 16, "batch_size") == ("done", 2)
    assert tried == [16, 8, 4, 2]


def test_single_rows_that_do_not_fit_name_the_setting():
    def work(size):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(SkgensynthError, match="batch_size=1"):
        shrinking(work, 4, "batch_size")


def test_other_errors_pass():
    def work(size):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        shrinking(work, 4, "batch_size")
    assert not out_of_memory(ValueError("out of memory"))
