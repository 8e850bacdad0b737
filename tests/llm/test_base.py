from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from common.requests import PERSON, ask

from skgensynth.exceptions import LanguageModelError, RemoteRowsError
from skgensynth.llm import (
    CallableModel,
    JsonSchema,
    LlamaCppModel,
    Message,
    Request,
    SamplingSettings,
    ServerModel,
    check_may_leave,
    generate_all,
)


class Backwards(CallableModel):
    """Answers the last request first."""

    def generate(self, requests):
        return reversed(list(super().generate(requests)))


class Failing(CallableModel):
    """Answers one request, then breaks."""

    def generate(self, requests):
        yield from super().generate(requests[:1])
        raise LanguageModelError("broken")


def test_replies_come_in_the_order_of_the_requests():
    model = Backwards(lambda request: request.messages[-1].content)

    assert [reply.text for reply in generate_all(model, map(ask, "abc"))] == ["a", "b", "c"]


def test_an_error_carries_the_replies_that_were_made():
    with pytest.raises(LanguageModelError, match="broken") as caught:
        generate_all(Failing(lambda request: "yes"), [ask(), ask()])

    assert [(index, reply.text) for index, reply in caught.value.replies.items()] == [(0, "yes")]
    assert pickle.loads(pickle.dumps(caught.value)).replies == caught.value.replies


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Message("robot", "hello"), "role='robot'"),
        (lambda: Message("user", "ab\ud800"), r"half a character \(a lone surrogate\) at position 2"),
        (lambda: SamplingSettings(0), "max_tokens=0"),
        (lambda: SamplingSettings(5, temperature=-0.1), "temperature=-0.1"),
        (lambda: SamplingSettings(5, temperature=float("nan")), "temperature=nan"),
        (lambda: SamplingSettings(5, temperature=float("inf")), "temperature=inf"),
        (lambda: SamplingSettings(5, top_p=0), "top_p=0"),
        (lambda: SamplingSettings(5, top_p=1.1), r"top_p=1\.1"),
        (lambda: SamplingSettings(5, stop="end"), "stop='end'"),
        (lambda: SamplingSettings(5, stop=("",)), "stop="),
        (lambda: Request((), SamplingSettings(5), 0), "messages is empty"),
        (lambda: ask(seed=-1), "seed=-1"),
        (lambda: replace(ask(), refused="75,male"), "refused='75,male', but it must be a tuple"),
        (lambda: replace(ask(), refused=("75,male", "")), "texts that are not empty"),
        (lambda: replace(ask(), refused=("75,male\n",)), "no line's end"),
        (lambda: replace(ask(), refused=(75,)), "tuple of texts"),
    ],
)
def test_bad_requests_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_requests_are_values():
    same = JsonSchema(dict(PERSON.schema))

    assert ask(constraint=PERSON) == ask(constraint=same)
    assert hash(ask(constraint=PERSON)) == hash(ask(constraint=same))
    assert pickle.loads(pickle.dumps(ask(constraint=PERSON))) == ask(constraint=PERSON)


REMOTE = ServerModel("https://models.example.org/v1", "large")


@pytest.mark.parametrize(
    ("model", "contains_rows", "allowed"),
    [
        (LlamaCppModel("smollm2-135m"), True, False),
        (ServerModel("http://127.0.0.1:8000/v1", "large"), True, False),
        (CallableModel(str, is_local=True), True, False),
        (REMOTE, False, False),
        (REMOTE, True, True),
    ],
)
def test_prompts_go_where_they_may(model, contains_rows, allowed):
    check_may_leave(model, contains_rows=contains_rows, allow_remote_rows=allowed)


@pytest.mark.parametrize("model", [REMOTE, CallableModel(str)])
def test_rows_do_not_leave_without_permission(model):
    with pytest.raises(RemoteRowsError, match="allow_remote_rows=True"):
        check_may_leave(model, contains_rows=True, allow_remote_rows=False)


@pytest.mark.parametrize(("most", "limit"), [(99, 40), (40, 40), (25, 25), (5, 10)])
def test_a_limit_is_lowered_to_what_is_expected(most, limit):
    request = replace(ask(max_tokens=40), expected_tokens=10)
    assert request.limited_to(most).settings.max_tokens == limit
    assert replace(request, expected_tokens=None).limited_to(most).settings.max_tokens == 40


@pytest.mark.parametrize("expected", [0, 41])
def test_expected_tokens_are_within_the_limit(expected):
    with pytest.raises(ValueError, match=f"expected_tokens={expected}, but it must be from 1 to max_tokens=40"):
        replace(ask(max_tokens=40), expected_tokens=expected)
