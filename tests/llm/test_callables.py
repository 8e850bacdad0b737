from __future__ import annotations

import pytest
from common.requests import ROWS, ask

from skgensynth.exceptions import ContextOverflowError, LanguageModelError
from skgensynth.llm import CallableModel, Reply, generate_all
from skgensynth.llm.callables import estimate_tokens, most_tokens


def test_a_function_gets_the_whole_request():
    seen = []

    def answer(request):
        seen.append(request)
        return "yes"

    requests = [ask(seed=3, constraint=ROWS, temperature=0.1)]
    reply = generate_all(CallableModel(answer), requests)[0]

    assert seen == requests
    assert reply == Reply("yes", "stop", estimate_tokens("Write rows of age and sex."), 1)


def test_a_function_may_count_by_itself():
    reply = Reply("50,male\n", "length", 5, 6, constrained=True)

    assert generate_all(CallableModel(lambda request: reply), [ask()]) == [reply]


def test_what_is_neither_text_nor_reply_is_refused():
    def count(request):
        return 3

    with pytest.raises(LanguageModelError, match="The function count returned int"):
        generate_all(CallableModel(count), [ask()])


def test_a_function_that_fails_is_a_model_that_fails():
    def broken(request):
        raise ConnectionError("reset by peer")

    with pytest.raises(LanguageModelError, match="The function broken raised ConnectionError: reset by peer") as caught:
        generate_all(CallableModel(broken), [ask()])
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_errors_of_the_package_pass_through_a_function():
    def full(request):
        raise ContextOverflowError("too long")

    with pytest.raises(ContextOverflowError, match="too long"):
        generate_all(CallableModel(full), [ask()])


def test_a_function_is_not_local_unless_said():
    assert not CallableModel(str).is_local
    assert CallableModel(str, is_local=True).is_local
    assert CallableModel(str).name == "str"
    assert CallableModel(str).supports == frozenset()


@pytest.mark.parametrize(("text", "expected"), [("", 0), ("a", 1), ("abc", 1), ("abcd", 2), ("中文", 2)])
def test_tokens_are_estimated_from_bytes(text, expected):
    assert estimate_tokens(text) == CallableModel(str).count_tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("F", 1), ("male", 2), ("a word", 3), ("63,1,0.9", 8), ("  -1.5e9\n", 9), ("é", 2), ("心力", 6)],
)
def test_a_limit_takes_a_token_for_each_byte_that_is_no_letter(text, expected):
    assert most_tokens(CallableModel(str), text) == expected


def test_who_counts_is_believed():
    class Counting(CallableModel):
        def count_tokens(self, text):
            return len(text.split())

    assert CallableModel(str).estimates_tokens
    assert not Counting(str).estimates_tokens
    assert most_tokens(Counting(str), "1234 5678") == 2
