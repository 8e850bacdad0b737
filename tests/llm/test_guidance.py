from __future__ import annotations

import numpy as np
import pytest
from common.requests import PERSON, ROWS

from skgensynth.exceptions import GrammarError, LanguageModelError
from skgensynth.llm import JsonSchema, LarkGrammar
from skgensynth.llm.guidance import Guides

pytest.importorskip("llguidance")


class Bytes:
    """A tokenizer with a token for each byte, and one that ends."""

    tokens = (*(bytes([byte]) for byte in range(256)), b"<end>")
    eos_token_id = 256
    bos_token_id = None
    special_token_ids = (256,)

    def __call__(self, text):
        return list(text)


@pytest.fixture(scope="module")
def guides():
    from llguidance import LLTokenizer, TokenizerWrapper

    return Guides(LLTokenizer(TokenizerWrapper(Bytes())))


def texts(guides, constraint):
    """All texts of a finite constraint, spelled out by following what is allowed."""
    found = set()

    def follow(drawn):
        guide = guides.guide(constraint)
        text = guide.begin()
        for token in drawn:
            text += [token, *guide.accept(token)]
        for token in [256] if guide.finished else guide.allowed():
            if token == 256:
                found.add(bytes(text).decode())
            else:
                follow([*drawn, int(token)])

    follow([])
    return found


def test_only_texts_of_the_grammar_can_be_written(guides):
    assert texts(guides, LarkGrammar('start: ("a" | "ab") /[1-3]/')) == {"a1", "a2", "a3", "ab1", "ab2", "ab3"}


def test_only_documents_of_the_schema_can_be_written_without_spaces(guides):
    schema = {
        "type": "object",
        "properties": {"sex": {"enum": ["m", "f"]}, "n": {"type": "integer", "minimum": 9, "maximum": 11}},
        "required": ["sex", "n"],
        "additionalProperties": False,
    }
    expected = {f'{{"sex":"{sex}","n":{n}}}' for sex in "mf" for n in (9, 10, 11)}

    assert texts(guides, JsonSchema(schema)) == expected


def test_what_has_to_follow_is_told(guides):
    guide = guides.guide(PERSON)

    assert bytes(guide.begin()) == b'{"age":'
    assert guide.accept(ord("5")) == []
    assert bytes(guide.accept(ord("3"))) == b',"sex":"'
    assert not guide.finished
    assert bytes(guide.accept(ord("m"))) == b'ale"}'
    assert guide.finished


def test_guides_of_one_constraint_do_not_share_their_place(guides):
    first, second = guides.guide(ROWS), guides.guide(ROWS)
    first.accept(ord("4"))

    assert sorted(np.array(second.allowed())) == [ord(digit) for digit in "456789"]
    assert sorted(np.array(first.allowed())) == [ord(digit) for digit in "0123456789"]


def test_no_constraint_needs_no_guide(guides):
    assert guides.guide(None) is None


@pytest.mark.parametrize(
    "constraint", [LarkGrammar("start: nothing"), LarkGrammar("start: ("), JsonSchema({"type": "unheard-of"})]
)
def test_constraints_that_make_no_sense_are_refused(guides, constraint):
    with pytest.raises(GrammarError, match="cannot be read"):
        guides.guide(constraint)


def test_a_token_that_is_not_allowed_is_an_error(guides):
    with pytest.raises(LanguageModelError, match="could not be followed"):
        guides.guide(ROWS).accept(ord("x"))
