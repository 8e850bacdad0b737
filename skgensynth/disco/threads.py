"""How torch and threads share the cores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

__all__ = ["one_torch_thread", "worker_threads"]


class _Users:
    """How many work on one torch thread at present, and how many threads there were before the first of them."""

    lock = threading.Lock()
    count = 0
    before = 1


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let each operation run on one thread, so that sums, and with them results, do not depend on the machine's load.

    The networks are too small to gain from more; parts of the ensemble run side by side instead. The number belongs to
    a thread and to the process, where new threads take it from: the last who leaves puts back what the first one found.
    """
    own = torch.get_num_threads()
    with _Users.lock:
        _Users.before = _Users.before if _Users.count else own
        _Users.count += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _Users.lock:
            _Users.count -= 1
            torch.set_num_threads(own if _Users.count else _Users.before)


def worker_threads(n: int) -> ThreadPoolExecutor:
    """Threads whose operations take one thread each, to be used within `one_torch_thread`."""
    # They would else start with the process's number, which another user's leaving may have put back.
    return ThreadPoolExecutor(n, initializer=torch.set_num_threads, initargs=(1,))
