"""How many threads to compute with, found out while computing."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["ThreadPace"]


class ThreadPace:
    """Keeps to the number of threads that is fastest at the moment.

    llama.cpp's threads wait for each other many times for each token: where another process holds one of the cores,
    two threads are several times slower than one. Now and then a step is therefore done with twice or half the
    threads, and where that was faster, it stays so. The time lost in trials is kept to about 2 %.

    Parameters
    ----------
    most : int
        Number of threads at most, and to begin with.
    clock : callable, default=time.monotonic
        Seconds.
    """

    _SHARE = 50  # a trial is paid for by as many times its loss of undisturbed work
    _LEAST_WAIT = 0.25

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._counts = [most]
        while self._counts[0] > 1:
            self._counts.insert(0, self._counts[0] // 2)
        self._now = len(self._counts) - 1
        self._trial: int | None = None
        self._upwards = False
        self._reference: tuple[int, float] | None = None
        self._clock = clock
        self._next_trial = clock()

    def choose(self, size: int) -> int:
        """Threads for a step that decodes ``size`` tokens."""
        same = self._reference is not None and self._reference[0] == size
        if same and len(self._counts) > 1 and self._clock() >= self._next_trial:
            self._upwards = not self._upwards
            other = self._now + (1 if self._upwards else -1)
            self._trial = other if 0 <= other < len(self._counts) else 2 * self._now - other
        return self._counts[self._now if self._trial is None else self._trial]

    def note(self, size: int, seconds: float) -> None:
        """Take note of how long that step took."""
        if self._trial is not None and self._reference is not None:
            usual = self._reference[1]
            if seconds < usual:
                self._now, self._reference = self._trial, (size, seconds)
            self._next_trial = self._clock() + max(self._LEAST_WAIT, self._SHARE * abs(seconds - usual))
            self._trial = None
        else:
            self._reference = (size, seconds)
