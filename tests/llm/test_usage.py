from __future__ import annotations

import pickle
import threading
from dataclasses import replace

import pytest
from common.requests import ask
from sklearn.base import BaseEstimator, clone

from skgensynth.exceptions import BudgetExceededError, LanguageModelError
from skgensynth.llm import Budget, CallableModel, Metered, Reply, ServerModel, Usage, generate_all

REPLY = Reply("yes", "stop", 10, 4)


class Estimator(BaseEstimator):
    def __init__(self, llm=None):
        self.llm = llm


def model(**budget):
    return Metered(CallableModel(lambda request: REPLY, context_length=99), Budget(**budget))


def request(max_tokens=4):
    return ask("a" * 30, max_tokens=max_tokens)  # 10 tokens, by estimate


def test_usage_adds_up():
    metered = model()
    generate_all(metered, [request()] * 3)

    assert metered.usage == Usage(3, 30, 12)
    assert metered.usage.n_tokens == 42


@pytest.mark.parametrize(
    ("budget", "n_answered", "limit"),
    [
        ({"max_requests": 2}, 2, "max_requests=2"),
        ({"max_requests": 0}, 0, "max_requests=0"),
        ({"max_tokens_total": 28}, 2, "max_tokens_total=28"),
        ({"max_tokens_total": 41}, 2, "max_tokens_total=41"),
        ({"max_requests": 9, "max_tokens_total": 14}, 1, "max_tokens_total=14"),
    ],
)
def test_a_budget_stops_with_the_replies_that_it_paid_for(budget, n_answered, limit):
    metered = model(**budget)
    with pytest.raises(BudgetExceededError, match=f"{limit} is used up; {n_answered} of 5") as caught:
        generate_all(metered, [request()] * 5)

    assert caught.value.replies == dict.fromkeys(range(n_answered), REPLY)
    assert metered.usage.n_requests == n_answered


def test_a_budget_that_is_raised_counts_what_was_spent():
    metered = model(max_requests=2)
    generate_all(metered, [request()] * 2)
    metered.budget = Budget(max_requests=3)

    with pytest.raises(BudgetExceededError, match="max_requests=3 is used up; 1 of 2"):
        generate_all(metered, [request()] * 2)


def test_a_budget_that_suffices_is_not_noticed():
    assert generate_all(model(max_requests=5, max_tokens_total=70), [request()] * 5) == [REPLY] * 5


def test_tokens_that_were_not_used_can_be_used_later():
    """A request may cost 110 tokens, and costs 14."""
    metered = model(max_tokens_total=130)
    for _ in range(2):
        generate_all(metered, [request(max_tokens=100)])
    with pytest.raises(BudgetExceededError):
        generate_all(metered, [request(max_tokens=100)])

    assert metered.usage.n_tokens == 28


def test_a_call_goes_on_with_what_its_first_requests_did_not_use():
    """A request may cost 110 tokens, and costs 14: one is under way at a time, and the tenth no longer fits."""
    metered = model(max_tokens_total=236)
    with pytest.raises(BudgetExceededError, match=r"used up; 10 of 20") as caught:
        generate_all(metered, [request(max_tokens=100)] * 20)

    assert sorted(caught.value.replies) == list(range(10))
    assert metered.usage.n_tokens == 140


@pytest.mark.parametrize(
    ("total", "limits"), [(330, [100, 100, 100]), (300, [100, 100, 70]), (250, [100, 100, 20]), (249, [100, 100])]
)
def test_a_limit_is_lowered_to_what_a_budget_has_left_but_not_below_what_is_expected(total, limits):
    asked = []

    def write_all(request):
        asked.append(request.settings.max_tokens)
        return Reply("yes", "length", 10, request.settings.max_tokens)

    metered = Metered(CallableModel(write_all), Budget(max_tokens_total=total))
    with pytest.raises(BudgetExceededError, match=f"{len(limits)} of 9"):
        generate_all(metered, [replace(request(max_tokens=100), expected_tokens=20)] * 9)

    assert asked == limits
    assert metered.usage.n_tokens <= total


def test_copies_spend_one_budget():
    metered = model(max_requests=2)
    copied = clone(Estimator(metered)).llm
    generate_all(copied, [request()])

    assert metered.usage.n_requests == 1
    generate_all(metered, [request()])
    with pytest.raises(BudgetExceededError):
        generate_all(copied, [request()])


def test_two_models_spend_one_budget_and_count_apart():
    first = model(max_requests=3)
    second = Metered(CallableModel(lambda request: REPLY), together_with=first)
    generate_all(first, [request()] * 2)
    with pytest.raises(BudgetExceededError, match="max_requests=3 is used up; 1 of 2"):
        generate_all(second, [request()] * 2)

    assert (first.usage.n_requests, second.usage.n_requests) == (2, 1)
    assert first.usage + second.usage == Usage(3, 30, 12)


def test_a_pickle_goes_on_with_its_count():
    metered = Metered(ServerModel("http://localhost:1/v1", "m"), Budget(max_requests=5))
    metered.usage = Usage(2, 3, 4)
    restored = pickle.loads(pickle.dumps(metered))

    assert (restored.model, restored.budget, restored.usage) == (metered.model, metered.budget, metered.usage)
    assert repr(restored).startswith("Metered(ServerModel(base_url=")
    assert repr(restored).endswith("Budget(max_requests=5, max_tokens_total=None))")


def test_what_was_not_answered_is_not_charged():
    answers = iter([REPLY])

    def once(request):
        try:
            return next(answers)
        except StopIteration:
            raise LanguageModelError("broken") from None

    metered = Metered(CallableModel(once), Budget(max_requests=3))
    with pytest.raises(LanguageModelError, match="broken"):
        generate_all(metered, [request()] * 3)
    answers = iter([REPLY, REPLY])

    assert generate_all(metered, [request()] * 2) == [REPLY] * 2
    assert metered.usage.n_requests == 3


def test_leaving_early_gives_back_what_was_set_aside():
    metered = model(max_requests=5)
    replies = metered.generate([request()] * 5)
    next(replies)
    replies.close()

    assert len(generate_all(metered, [request()] * 4)) == 4


def test_threads_share_a_budget():
    metered = model(max_requests=20)
    answered = []

    def work():
        for _ in range(10):
            try:
                answered.extend(generate_all(metered, [request()]))
            except BudgetExceededError:
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answered) == 20


def test_everything_else_is_the_models():
    metered = model()

    assert (metered.name, metered.is_local, metered.context_length) == ("<lambda>", False, 99)
    assert metered.supports == frozenset()
    assert metered.count_tokens("abcd") == 2


@pytest.mark.parametrize("answers", [True, False])
def test_whether_tokens_are_estimated_is_passed_on(answers):
    class Counting(CallableModel):
        estimates_tokens = answers

    assert Metered(Metered(Counting(str))).estimates_tokens is answers


class Sharing(CallableModel):
    shares_prompts = True


@pytest.mark.parametrize(("backend", "expected"), [(Sharing, True), (CallableModel, False)])
def test_whether_prompts_are_shared_is_passed_on(backend, expected):
    assert Metered(Metered(backend(str))).shares_prompts is expected


@pytest.mark.parametrize("name", ["max_requests", "max_tokens_total"])
def test_budgets_are_checked(name):
    with pytest.raises(ValueError, match=f"{name}=-1"):
        Budget(**{name: -1})
