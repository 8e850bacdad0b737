"""Requests to language models, and what constraints on them mean."""

from __future__ import annotations

from skgensynth.llm import JsonSchema, LarkGrammar, Message, Request, SamplingSettings

ROWS = LarkGrammar('start: row{3}\nrow: /[4-9][0-9]/ "," ("male" | "female") "\\n"\n')
ROWS_PATTERN = r"([4-9][0-9],(male|female)\n){3}"
PERSON = JsonSchema(
    {
        "type": "object",
        "properties": {"age": {"type": "integer", "minimum": 40, "maximum": 90}, "sex": {"enum": ["male", "female"]}},
        "required": ["age", "sex"],
        "additionalProperties": False,
    }
)


def ask(text="Write rows of age and sex.", *, seed=0, max_tokens=40, constraint=None, system=None, **settings):
    """A request with one message of the user, after one of the system if given."""
    messages = [] if system is None else [Message("system", system)]
    messages.append(Message("user", text))
    return Request(tuple(messages), SamplingSettings(max_tokens, **settings), seed, constraint)
