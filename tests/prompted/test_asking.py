from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import ContextOverflowError, PromptWarning
from skgensynth.llm import CallableModel, JsonSchema, LarkGrammar, Message
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.asking import (
    MARGIN,
    Draft,
    RowAsker,
    RowPrompt,
    fit_into_context,
    tokens_per_row,
    warn_of_shortening,
)
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
    assert [request.settings.max_tokens for request in requests] == [9, 27]
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
    longest = max(len(form.write(row[None]).encode()) for row in VALUES)
    assert tokens_per_row(CallableModel(print), form) == 2 + int(np.ceil(1.25 * -(-longest // 3)))


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
