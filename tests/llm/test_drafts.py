from __future__ import annotations

import numpy as np
import pytest

from skgensynth.llm import SamplingSettings
from skgensynth.llm.drafts import Draft


class Letters:
    """A vocabulary of letters; the last token ends a reply."""

    ends = frozenset({26})

    def piece(self, token):
        return b"" if token == 26 else bytes([ord("a") + token])


def logits_for(token):
    scores = np.zeros(27, dtype=np.float32)
    scores[token] = 100
    return scores


def write(text, *, stop=(), max_tokens=20):
    """A draft that was led to write a text; "." ends it."""
    draft = Draft(3, [0, 0], SamplingSettings(max_tokens, stop=stop), 0, None)
    for letter in text:
        if draft.finish_reason is None:
            draft.advance(Letters(), logits_for(26 if letter == "." else ord(letter) - ord("a")))
    return draft.reply()


@pytest.mark.parametrize(
    ("text", "settings", "expected", "reason", "n_tokens"),
    [
        ("hello.", {}, "hello", "stop", 5),
        ("hello.", {"max_tokens": 3}, "hel", "length", 3),
        ("hello.", {"max_tokens": 5}, "hello", "length", 5),
        ("hello.", {"stop": ("ll",)}, "he", "stop", 4),
        ("hello.", {"stop": ("lo", "l")}, "he", "stop", 3),
        ("hello.", {"stop": ("x",)}, "hello", "stop", 5),
        ("hello.", {"stop": ("llo",), "max_tokens": 5}, "he", "stop", 5),
    ],
)
def test_replies_end_where_they_should(text, settings, expected, reason, n_tokens):
    reply = write(text, **settings)

    assert (reply.text, reply.finish_reason) == (expected, reason)
    assert (reply.n_prompt_tokens, reply.n_completion_tokens) == (2, n_tokens)
    assert not reply.constrained
