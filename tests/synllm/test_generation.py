from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skgensynth.conditions import Conditions
from skgensynth.constraints import ConstraintSet, parse_constraint
from skgensynth.exceptions import ContextOverflowError, LanguageModelError
from skgensynth.llm import CallableModel, LarkGrammar, Metered, Reply
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.asking import MARGIN
from skgensynth.prompted.wording import SYSTEM
from skgensynth.schema import TableSchema
from skgensynth.synllm.generation import PromptAsker
from skgensynth.synllm.prompts import PromptWriter
from skgensynth.synllm.rules import Rules
from skgensynth.synllm.statistics import TableStatistics

LONG = "a long level with more than three words in it"
TABLE = pd.DataFrame({"age": np.arange(18, 78), "group": ["x", "y", LONG] * 20})
SCHEMA = TableSchema.infer(TABLE, column_kinds={"age": "continuous", "group": "categorical"})
FOUND = ConstraintSet([parse_constraint(f"age < {bound}") for bound in range(80, 88)])


def asker(model, prompt="clin_rule", context="", **settings):
    form = RowFormat(SCHEMA)
    writer = PromptWriter(
        prompt,
        form,
        Conditions(),
        context=context,
        descriptions={},
        statistics=TableStatistics(),
        rules=Rules(ConstraintSet(), FOUND),
        examples=SCHEMA.encode(TABLE)[:4],
        n_examples=4,
    )
    return PromptAsker.fitted(model, form, writer, **{"temperature": 0.5, "top_p": 0.8, "repair": False, **settings})


class Model(CallableModel):
    """A function with a context, whose tokens are words."""

    def count_tokens(self, text):
        return len(text.split()) + text.count(",")


def words(found, n_rows=10):
    return Model(print).count_tokens(SYSTEM) + Model(print).count_tokens(found.messages(n_rows)[1].content)


def test_the_longest_cells_decide_how_long_a_row_may_be():
    # 10 words and a comma, a quarter more, and two for its end.
    assert asker(Model(print)).asker.tokens_per_row == 2 + int(np.ceil(1.25 * 11))


def test_as_many_rows_are_asked_for_as_the_context_holds():
    free = asker(Model(print))
    assert free.rows_per_request == 10
    room = words(free) + MARGIN
    assert asker(Model(print, context_length=room + 10 * free.asker.tokens_per_row)).rows_per_request == 10
    assert asker(Model(print, context_length=room + 10 * free.asker.tokens_per_row - 1)).rows_per_request == 9
    assert asker(Model(print, context_length=room + 3 * free.asker.tokens_per_row)).rows_per_request == 3


def test_then_the_prompt_is_shortened_step_by_step():
    free = asker(Model(print))
    room = words(free) + MARGIN + 3 * free.asker.tokens_per_row
    short = asker(Model(print, context_length=room - 1))
    assert short.left_out == ("it shows 4 of 8 rules found in the training rows",)
    assert "age < 83" in short.messages(1)[1].content
    assert "age < 84" not in short.messages(1)[1].content
    examples = asker(Model(print), "seed_ex")
    room = words(examples) + MARGIN + 3 * examples.asker.tokens_per_row
    assert asker(Model(print, context_length=room - 1), "seed_ex").left_out == ("it shows 3 of 4 example rows",)
    assert free.left_out == examples.left_out == ()


@pytest.mark.parametrize(("rows_per_request", "n_least"), [(1, 1), (2, 2), (3, 3), (7, 3)])
def test_a_prompt_stays_whole_if_three_rows_fit_or_as_many_as_are_asked_for(rows_per_request, n_least):
    free = asker(Model(print), rows_per_request=rows_per_request)
    assert free.rows_per_request == rows_per_request
    room = words(free, rows_per_request) + MARGIN + n_least * free.asker.tokens_per_row
    fitting = asker(Model(print, context_length=room), rows_per_request=rows_per_request)
    assert (fitting.rows_per_request, fitting.left_out) == (n_least, ())
    assert asker(Model(print, context_length=room - 1), rows_per_request=rows_per_request).left_out


class Sharing(Model):
    shares_prompts = True


class WithoutSaying(Model):
    pass


@pytest.mark.parametrize(("backend", "expected"), [(Sharing, 1), (WithoutSaying, 10)])
def test_a_row_at_a_time_is_asked_for_where_that_costs_nothing(backend, expected):
    model = backend(print)
    assert asker(model).rows_per_request == asker(Metered(model)).rows_per_request == expected
    assert asker(model, rows_per_request=4).rows_per_request == 4


def test_a_grammar_is_written_once():
    class Grammatical(Model):
        supports = frozenset({LarkGrammar})

    requests = []
    found = asker(Grammatical(lambda request: requests.append(request) or "20,x\n" * 5))
    for _ in range(2):
        found.ask(10, np.random.default_rng(0))
    assert requests[0].constraint is requests[1].constraint
    assert requests[0].messages is requests[1].messages


def test_what_cannot_be_shortened_does_not_fit():
    free = asker(Model(print), context="word " * 500)
    with pytest.raises(
        ContextOverflowError, match=r"shortest prompt has \d+ tokens and a row up to 16, but print holds 500"
    ):
        asker(Model(print, context_length=500), context="word " * 500)
    assert "word" in free.messages(1)[1].content


def test_requests_carry_the_settings_and_seeds_of_their_own():
    requests = []

    def answer(request):
        requests.append(request)
        return "20,x\n" * 5

    found = asker(Model(answer, is_local=True))
    made = found.ask(23, np.random.default_rng(0))
    assert len(made.values) == 15
    assert made.reasons == {"the reply has fewer rows than were asked for": 8}
    assert [request.expected_tokens // found.asker.tokens_per_row for request in requests] == [8, 8, 7]
    assert {(request.settings.temperature, request.settings.top_p) for request in requests} == {(0.5, 0.8)}
    assert len({request.seed for request in requests}) == 3
    again = [request.seed for request in requests]
    requests.clear()
    found.ask(23, np.random.default_rng(0))
    assert [request.seed for request in requests] == again


def test_a_row_that_was_cut_off_is_none():
    reply = Reply("20,x\n21,x\n22,", "length", 1, 1)
    made = asker(Model(lambda request: reply)).ask(3, np.random.default_rng(0))
    np.testing.assert_array_equal(SCHEMA.decode(made.values, np.random.default_rng(0))["age"], [20, 21])
    assert len(made) == 3


def test_replies_before_a_failure_are_read():
    def answer(request):
        if request.seed == last:
            raise LanguageModelError("gone")
        return "20,x\n" * 10

    rng = np.random.default_rng(0)
    last = [int(rng.integers(2**31)) for _ in range(3)][-1]
    made = asker(Model(answer)).ask(30, np.random.default_rng(0))
    assert len(made.values) == 20
    assert str(made.stopped) == "gone"


def test_replies_without_rows_are_shown_as_examples():
    made = asker(Model(lambda request: "No, thanks.")).ask(4, np.random.default_rng(0))
    assert made.examples == ["No, thanks."]
    assert made.reasons.total() == 4
