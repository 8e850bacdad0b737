"""A language model that stops answering at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from skgensynth.exceptions import BudgetExceededError
from skgensynth.llm import LanguageModel, Reply, Request
from skgensynth.llm.wrapping import Wrapper

__all__ = ["Deadline"]


class Deadline(Wrapper):
    """A language model whose answers come until a time.

    Parameters
    ----------
    model : LanguageModel
        Who answers.
    max_seconds : float
        How long.
    began : float
        When the time began, by `time.monotonic`.
    """

    def __init__(self, model: LanguageModel, max_seconds: float, began: float) -> None:
        super().__init__(model)
        self.max_seconds = max_seconds
        self._end = began + max_seconds

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Answer requests as long as there is time; what is under way at the end is left.

        Raises
        ------
        BudgetExceededError
            At the end of the time, unless there was nothing more to answer.
        """
        n_done = 0
        if requests:
            self._check(n_done, len(requests))
        for answer in self.model.generate(requests):
            yield answer
            n_done += 1
            if n_done < len(requests):
                self._check(n_done, len(requests))

    def _check(self, n_done: int, n: int) -> None:
        if time.monotonic() >= self._end:
            raise BudgetExceededError(
                f"The time of max_seconds={self.max_seconds:g} is over; {n_done} of {n} requests were answered."
            )
