from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from common.scripted import cut, write_rows

from skgensynth import SynLLMSynthesizer
from skgensynth.exceptions import ContextOverflowError, PromptWarning
from skgensynth.llm import CallableModel, JsonSchema, LarkGrammar, Message, Reply
from skgensynth.llm.callables import most_tokens
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.asking import (
    MARGIN,
    ROOM,
    WRAPPING,
    Draft,
    RowAsker,
    RowPrompt,
    fit_into_context,
    specimens,
    tokens_per_row,
    warn_of_shortening,
    with_room,
)
from skgensynth.sampling import CUT_OFF, REPLY_CUT_OFF
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame({"age": np.arange(18, 78), "sex": ["F", "M"] * 30})
SCHEMA = TableSchema.infer(TABLE, column_kinds={"age": "continuous"})
VALUES = SCHEMA.encode(TABLE)


def asker(answer, **settings):
    model = CallableModel(answer, is_local=True)
    return RowAsker(
        model, RowFormat(SCHEMA), **{"temperature": 0.5, "top_p": 0.9, "repair": False, **settings}, tokens_per_row=9
    )


def prompt(n_rows, shown=None):
    return RowPrompt((Message("user", f"{n_rows} rows"),), n_rows, shown)


def test_each_prompt_gets_a_seed_and_room_for_its_rows():
    requests = []

    def answer(request):
        requests.append(request)
        return "20,F\n"

    made = asker(answer).ask([prompt(1), prompt(3)], np.random.default_rng(0))
    assert [request.settings.max_tokens for request in requests] == [ROOM * 9 + WRAPPING, ROOM * 27 + WRAPPING]
    assert [request.expected_tokens for request in requests] == [5, 15]
    assert len({request.seed for request in requests}) == 2
    assert len(made.values) == 2
    assert made.reasons == {"the reply has fewer rows than were asked for": 2}


def test_rows_that_were_shown_do_not_come_back():
    made = asker(lambda request: "18,F\n19,M\n20,M\n").ask([prompt(3, VALUES[:2])], np.random.default_rng(0))
    np.testing.assert_array_equal(made.values, [[20, 1]])
    assert made.reasons == {"exact copy of a training row": 2}
    again = asker(lambda request: "18,F\n19,M\n20,M\n").ask([prompt(3)], np.random.default_rng(0))
    assert len(again.values) == 3


def test_requests_say_what_is_refused():
    requests = []

    def answer(request):
        requests.append(request)
        return "20,F\n"

    asker(answer).ask([prompt(1), prompt(1, VALUES[[1, 0, 1]])], np.random.default_rng(0))
    assert [request.refused for request in requests] == [(), ("19,M", "18,F")]


def test_the_first_draft_that_leaves_room_for_enough_rows_is_taken():
    model = CallableModel(print, context_length=MARGIN + 100)
    drafts = [
        ("long", Draft(("x" * 285,), 5, 2)),
        ("short", Draft(("x" * 150, "x" * 60), 5, 2)),
        ("none", Draft(("",), 5, 1)),
    ]
    assert fit_into_context(model, drafts, 10) == ("short", 3)
    assert fit_into_context(CallableModel(print), drafts, 10) == ("long", 5)
    with pytest.raises(
        ContextOverflowError, match="The shortest prompt has 159 tokens and a row up to 10, but print holds"
    ):
        fit_into_context(model, drafts[:1], 10)


def test_what_was_left_out_is_said_and_nothing_is_not():
    model = CallableModel(print, context_length=99)
    with pytest.warns(PromptWarning, match="fit into the 99 tokens of print: no levels, no rules$"):
        warn_of_shortening(model, ["no levels", "no rules"])
    warn_of_shortening(model, [])


def test_the_longest_row_decides():
    form = RowFormat(SCHEMA, output="json")
    longest = max(most_tokens(CallableModel(print), form.write(row[None])) for row in VALUES)
    assert tokens_per_row(CallableModel(print), form) == 2 + int(np.ceil(1.25 * longest))


class Counting(CallableModel):
    """Counts a token for four letters and one for each other byte, and says how often it was asked."""

    supports = frozenset({LarkGrammar})
    counted = 0

    def count_tokens(self, text):
        type(self).counted += 1
        return sum(-(-len(word) // 4) for word in re.findall("[A-Za-z]+", text)) + len(
            re.sub("[A-Za-z]", "", text).encode()
        )


def levels_of(texts):
    table = pd.DataFrame({"diagnosis": pd.Categorical([*texts] * 2), "sex": ["F", "M"] * len(texts)})
    schema = TableSchema.infer(table, column_kinds={"diagnosis": "categorical"})
    return RowFormat(schema), schema.encode(table)


@pytest.mark.parametrize("longest", ["I50.911", "心力衰竭合并感染", "Зависимость"])
@pytest.mark.parametrize("n_others", [1, 300])
def test_each_level_has_room_whatever_its_tokens(longest, n_others):
    others = [f"unspecified{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(n_others)]
    form, values = levels_of([*(["congestive failure"] if n_others == 1 else others), longest])
    model = Counting(print)
    longest_row = max(model.count_tokens(form.write(row[None])) for row in values)
    assert form.spell(0, specimens(form, model.count_tokens)[:1, 0]) == [longest]
    assert tokens_per_row(model, form) == 2 + math.ceil(1.25 * longest_row)


def test_of_very_many_levels_few_are_counted(monkeypatch):
    form, _ = levels_of([f"level {n}" for n in range(2000)])
    monkeypatch.setattr(Counting, "counted", 0)
    specimens(form, Counting(print).count_tokens)
    assert Counting.counted <= 50 + 2


# Ten numbers, most of them of seven digits, and a class, as MAGIC has them.
TELESCOPE = pd.DataFrame(
    {f"f{place}": np.random.default_rng(place).normal(50, 99, 60).round(4) for place in range(10)}
    | {"class": ["g", "h"] * 30}
)
WRITTEN = {
    "as asked for": lambda text: text,
    "in a wrapper": lambda text: f'{{"reply": {text}}}',
    "in lines": lambda text: f"```json\n{json.dumps(json.loads(text), indent=4)}\n```",
}


@pytest.mark.parametrize(("output", "written"), [("csv", "as asked for"), *[("json", written) for written in WRITTEN]])
@pytest.mark.parametrize("rows_per_request", [1, 10])
def test_rows_have_room_where_each_digit_is_a_token(output, written, rows_per_request):
    replies = []

    def answer(request):
        replies.append(cut(WRITTEN[written](write_rows(request)), request.settings.max_tokens))
        return replies[-1]

    settings = {"output": output, "rows_per_request": rows_per_request, "random_state": 0}
    model = CallableModel(answer, is_local=True)
    synthesizer = SynLLMSynthesizer(model, **settings).fit(TELESCOPE.drop(columns="class"), TELESCOPE["class"])
    synthesizer.sample(20)
    assert {reply.finish_reason for reply in replies} == {"stop"}
    assert synthesizer.sampling_summary_.yield_rate == 1


def test_a_limit_leaves_no_room_under_a_grammar_nor_beyond_the_context():
    class Grammatical(CallableModel):
        supports = frozenset({LarkGrammar})

    texts = ("x" * 300,)
    assert with_room(Grammatical(print), texts, 50) == 50
    assert with_room(CallableModel(print), texts, 50) == ROOM * 50 + WRAPPING
    assert with_room(CallableModel(print, context_length=100 + MARGIN + 60), texts, 50) == 60
    assert with_room(CallableModel(print, context_length=100 + MARGIN), texts, 50) == 50


def test_prompts_of_numbers_take_more_of_the_context_than_words():
    model = CallableModel(print, context_length=MARGIN + 100)
    drafts = [("numbers", Draft(("1.25," * 30,), 5, 1)), ("words", Draft(("words" * 30,), 5, 1))]
    assert fit_into_context(model, drafts, 10) == ("words", 5)


@pytest.mark.parametrize(
    ("reply", "reasons"),
    [
        (Reply("18,F\n19,", "length", 1, 1), {CUT_OFF: 1, REPLY_CUT_OFF: 2}),
        (Reply("Let me think. ", "length", 1, 1), {REPLY_CUT_OFF: 4}),
        (Reply("18,F\n", "stop", 1, 1), {"the reply has fewer rows than were asked for": 3}),
    ],
)
def test_rows_that_a_limit_cost_are_told_apart(reply, reasons):
    assert asker(lambda request: reply).ask([prompt(4)], np.random.default_rng(0)).reasons == reasons


def test_rows_that_a_function_cuts_off_itself_are_told_apart():
    form = RowFormat(SCHEMA, output="json")
    model = CallableModel(lambda request: '[{"age":18,"sex":"F"},{"age":1', is_local=True)
    made = RowAsker(model, form, 0.5, 0.9, False, 9).ask([prompt(4)], np.random.default_rng(0))
    assert made.reasons == {CUT_OFF: 1, REPLY_CUT_OFF: 2}


@pytest.mark.parametrize(
    ("supported", "expected"), [({JsonSchema}, JsonSchema), ({LarkGrammar, JsonSchema}, LarkGrammar)]
)
def test_replies_are_constrained_by_what_the_model_knows(supported, expected):
    class Server(CallableModel):
        supports = frozenset(supported)

    requests = []
    model = Server(lambda request: requests.append(request) or "[]", is_local=True)
    RowAsker(model, RowFormat(SCHEMA, output="json"), 0.5, 0.9, False, 9).ask([prompt(1)], np.random.default_rng(0))
    assert isinstance(requests[0].constraint, expected)
