import pytest
from common.requests import ask

from skgensynth.exceptions import BudgetExceededError
from skgensynth.llm import CallableModel, Reply
from skgensynth.mallm import deadline as module
from skgensynth.mallm.deadline import Deadline


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_answers_come_until_the_time_is_over(clock):
    def answer(request):
        clock[0] += 4
        return Reply("yes", "stop", 1, 1)

    model = Deadline(CallableModel(answer), 10, 100.0)
    replies = []
    with pytest.raises(BudgetExceededError, match=r"max_seconds=10 is over; 3 of 5 requests were answered"):
        replies.extend(index for index, _ in model.generate([ask()] * 5))
    with pytest.raises(BudgetExceededError, match="0 of 1"):
        list(model.generate([ask()]))
    assert list(model.generate([])) == []


def test_the_last_answer_is_in_time(clock):
    def answer(request):
        clock[0] += 20
        return "yes"

    assert len(list(Deadline(CallableModel(answer), 10, 100.0).generate([ask()]))) == 1
