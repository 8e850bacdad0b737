"""What a run may cost, and what it has cost."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from skgensynth.exceptions import BudgetExceededError
from skgensynth.llm.base import LanguageModel, Reply, Request
from skgensynth.llm.wrapping import Wrapper

__all__ = ["Budget", "Metered", "Usage"]


@dataclass(frozen=True)
class Usage:
    """What language models were asked and what they answered.

    Attributes
    ----------
    n_requests : int
        Replies received.
    n_prompt_tokens, n_completion_tokens : int
        Tokens read and written, with those that a reply took back (see `Request`); estimated where a server does not
        count them.
    """

    n_requests: int = 0
    n_prompt_tokens: int = 0
    n_completion_tokens: int = 0

    @property
    def n_tokens(self) -> int:
        """Tokens read and written."""
        return self.n_prompt_tokens + self.n_completion_tokens

    def __add__(self, other: Usage) -> Usage:
        """What both took together."""
        return Usage(
            self.n_requests + other.n_requests,
            self.n_prompt_tokens + other.n_prompt_tokens,
            self.n_completion_tokens + other.n_completion_tokens,
        )

    def plus(self, reply: Reply) -> Usage:
        """The usage with one more reply."""
        return replace(
            self,
            n_requests=self.n_requests + 1,
            n_prompt_tokens=self.n_prompt_tokens + reply.n_prompt_tokens,
            n_completion_tokens=self.n_completion_tokens + reply.n_completion_tokens,
        )


@dataclass(frozen=True)
class Budget:
    """What a run may cost at most.

    Attributes
    ----------
    max_requests : int or None
        Requests that may be sent.
    max_tokens_total : int or None
        Tokens that may be read and written. A request is sent only if its prompt and its ``max_tokens`` still fit with
        those that are under way; where less is left, with a lower limit, but with none below its ``expected_tokens``.
        Tokens that a reply took back (see `Request`) count, too, but nothing is set aside for them, so that they may
        pass the limit.
    """

    max_requests: int | None = None
    max_tokens_total: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_requests", "max_tokens_total"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name}={value}, but it cannot be below 0.")


class Metered(Wrapper):
    """A language model that counts what it is asked and stops at a budget.

    Deep copies, as `sklearn.base.clone` makes them, are the same meter: all of them spend one budget. A pickle takes
    the count along and goes on by itself.

    Parameters
    ----------
    model : LanguageModel
        Who answers.
    budget : Budget, default=Budget()
        What all requests together may cost.
    together_with : Metered, default=None
        Another meter whose budget this one spends, too; ``budget`` is then left out.

    Attributes
    ----------
    usage : Usage
        What was asked and answered so far.

    Examples
    --------
    >>> from skgensynth.llm import Budget, CallableModel, Message, Metered, Request, SamplingSettings, generate_all
    >>> model = Metered(CallableModel(lambda request: "yes"), Budget(max_requests=1))
    >>> request = Request((Message("user", "Well?"),), SamplingSettings(max_tokens=4), seed=0)
    >>> generate_all(model, [request])[0].text
    'yes'
    >>> generate_all(model, [request])
    Traceback (most recent call last):
        ...
    skgensynth.exceptions.BudgetExceededError: The budget of max_requests=1 is used up; ...
    """

    def __init__(
        self, model: LanguageModel, budget: Budget | None = None, *, together_with: Metered | None = None
    ) -> None:
        super().__init__(model)
        self.usage = Usage()
        self._account: _Account = together_with._account if together_with else _Account(budget or Budget())

    @property
    def budget(self) -> Budget:
        """What all requests together may cost; set anew, it counts what was spent before."""
        return self._account.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        with self._account.guard:
            self._account.budget = budget

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Answer the requests that the budget allows, then raise if there are more.

        Raises
        ------
        BudgetExceededError
            After the replies to all requests that fitted.
        """
        done = 0
        while done < len(requests):
            # What the first requests cost less than they might have pays for more of them.
            sent, promised, limit = self._promise_many(requests[done:])
            if not promised:
                raise BudgetExceededError(
                    f"The budget of {limit} is used up; {done} of {len(requests)} requests were answered. Raise it to "
                    "get the rest."
                )
            try:
                for index, reply in self.model.generate(sent):
                    with self._account.guard:
                        self._account.pay(promised.pop(index), reply)
                        self.usage = self.usage.plus(reply)
                    yield done + index, reply
            finally:
                with self._account.guard:
                    for cost in promised.values():
                        self._account.redeem(cost)
            done += len(sent)

    def __repr__(self) -> str:
        return f"Metered({self.model!r}, {self.budget!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Metered:
        return self  # copies, such as a search makes, spend the same budget

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "budget": self.budget, "usage": self.usage}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["model"], state["budget"])  # type: ignore[misc]
        self.usage = self._account.spent = state["usage"]

    def _promise_many(self, requests: Sequence[Request]) -> tuple[list[Request], dict[int, int], str | None]:
        """Set aside what requests may cost, as many as fit.

        Returns these requests, with limits that can be paid, the cost of each by its place, and the budget's limit that
        stops the next one.
        """
        sent: list[Request] = []
        promised: dict[int, int] = {}
        for index, request in enumerate(requests):
            n_read, most = self._cost(request)
            granted = self._account.promise(n_read + min(most, request.least_tokens), n_read + most)
            if isinstance(granted, str):
                return sent, promised, granted
            promised[index] = granted
            sent.append(request.limited_to(granted - n_read) if most else request)
        return sent, promised, None

    def _cost(self, request: Request) -> tuple[int, int]:
        """Tokens that a request reads, and those that its reply has at most; both 0 where nobody asks."""
        if self.budget.max_tokens_total is None:
            return 0, 0
        return sum(self.count_tokens(message.content) for message in request.messages), request.settings.max_tokens


class _Account:
    """What one or several meters have spent of a budget, and what they have set aside."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.spent = Usage()
        self.guard = threading.Lock()
        self._promised_requests = 0
        self._promised_tokens = 0

    def promise(self, least: int, most: int) -> int | str:
        """Set aside what a request may cost, from ``least`` to ``most`` tokens: how many, or the limit in the way."""
        most_requests, most_tokens = self.budget.max_requests, self.budget.max_tokens_total
        with self.guard:
            if most_requests is not None and self.spent.n_requests + self._promised_requests >= most_requests:
                return f"max_requests={most_requests}"
            if most_tokens is not None:
                most = min(most, most_tokens - self.spent.n_tokens - self._promised_tokens)
                if most < least:
                    return f"max_tokens_total={most_tokens}"
            self._promised_requests += 1
            self._promised_tokens += most
            return most

    def pay(self, cost: int, reply: Reply) -> None:
        """Note a reply; what was set aside for it is free again."""
        self.redeem(cost)
        self.spent = self.spent.plus(reply)

    def redeem(self, cost: int) -> None:
        """Give back what was set aside for a request."""
        self._promised_requests -= 1
        self._promised_tokens -= cost
