from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from skgensynth.llm import SamplingSettings
from skgensynth.llm.drafts import Draft

ALPHABET = "ab,\n]."  # "." ends a reply


class Letters:
    ends = frozenset({ALPHABET.index(".")})

    def piece(self, token):
        return ALPHABET[token].encode()


def likely(text):
    """Logits after a text, different for each."""
    rng = np.random.default_rng(list(text.encode()))
    return (rng.normal(size=len(ALPHABET)) * 1.5).astype(np.float32)


def write(seed, refused=(), logits=likely, **settings):
    """A reply of some tokens by a model that knows nothing but what was written."""
    settings = SamplingSettings(**{"max_tokens": 3, "temperature": 1.0, "top_p": 1.0} | settings)
    draft = Draft(0, [0], settings, seed, None, refused)
    while draft.finish_reason is None:
        draft.advance(Letters(), logits(draft.reply().text))
        draft.n_decoded += len(draft.pending)
        assert draft.n_decoded <= 1 + settings.max_tokens
    return draft.reply()


# Of a model that writes two letters: of "a" at the start, behind "a" and behind "b".
SHARES_OF_A = {"": 0.5, "a": 0.9, "b": 0.5}


def two_letters(text):
    logits = np.full(len(ALPHABET), -np.inf, dtype=np.float32)
    if len(text) < 2:
        logits[:2] = np.log([SHARES_OF_A[text], 1 - SHARES_OF_A[text]])
    else:
        logits[ALPHABET.index(".")] = 0
    return logits


@pytest.mark.parametrize("refused", [("aa",), ("bb", "ba"), ("ab", "aa"), ("aa", "ba"), ("aa", "bb")])
def test_replies_are_drawn_as_if_refused_ones_were_drawn_again(refused):
    """Against the probabilities of the others, out of those of all."""
    n = 1_000
    expected = {"aa": 0.45, "ab": 0.05, "ba": 0.25, "bb": 0.25}
    for text in refused:
        del expected[text]

    replies = [write(seed, refused, two_letters) for seed in range(n)]

    counts = Counter(reply.text for reply in replies)
    assert set(counts) == set(expected)
    for text, weight in expected.items():
        share = weight / sum(expected.values())
        assert counts[text] / n == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
    assert any(reply.n_completion_tokens > 2 for reply in replies)


def test_without_a_refused_text_in_it_a_reply_stays_the_same():
    for seed in range(50):
        free = write(seed, max_tokens=8)
        if "ab" not in free.text:
            assert write(seed, ("ab",), max_tokens=8) == free


@pytest.mark.parametrize(
    ("text", "refused", "found"),
    [
        ("ab\nba.", "ba", True),
        ("ab\nba.", "ab", True),
        ("ab\nba.", "b", False),
        ("ab\nba.", "a", False),
        ("ab,ba]a.", "ba", True),
        ("aab.", "ab", False),
        ("ab", "ab", False),  # cut, and might go on
    ],
)
def test_whole_lines_and_members_are_refused_and_no_parts_of_them(text, refused, found):
    def lead(written):
        """Towards the text, with one other way on at its beginning, on which nothing is refused."""
        logits = np.full(len(ALPHABET), -50, dtype=np.float32)
        on_the_way = text.startswith(written)
        logits[ALPHABET.index(text[len(written)] if on_the_way and len(written) < len(text) else ".")] = 10
        if not written:
            logits[ALPHABET.index("]")] = 5
        return logits

    reply = write(0, (refused,), lead, max_tokens=len(text.rstrip(".")) + text.endswith("."), top_p=0.999)

    assert (reply.text != text.rstrip(".")) is found
    if found:
        assert reply.n_completion_tokens > len(reply.text)


def test_where_the_nucleus_has_nothing_else_the_likeliest_outside_it_is_taken():
    def certain(written):
        logits = np.full(len(ALPHABET), -100, dtype=np.float32)
        logits[ALPHABET.index("a" if len(written) < 2 else ".")] = 10
        logits[ALPHABET.index("b")] = 0
        return logits

    texts = {write(seed, ("aa",), certain, max_tokens=4, top_p=0.9).text for seed in range(30)}

    assert texts <= {"ba", "ab", "aab"}
    assert len(texts) > 1


def test_what_cannot_be_avoided_stays():
    def settled(written):
        logits = np.full(len(ALPHABET), -np.inf, dtype=np.float32)
        logits[ALPHABET.index("a" if len(written) < 2 else ".")] = 0
        return logits

    assert write(0, ("aa",), settled).text == "aa"
    assert write(0, ("aa",), temperature=0.0, logits=settled).text == "aa"


def test_going_back_comes_to_an_end():
    def stubborn(written):
        """Nothing but refused texts."""
        logits = np.full(len(ALPHABET), -np.inf, dtype=np.float32)
        if len(written) < 2:
            logits[:2] = 0
        else:
            logits[ALPHABET.index(".")] = 0
        return logits

    reply = write(0, ("aa", "ab", "ba", "bb"), stubborn, max_tokens=3)

    assert len(reply.text) == 2
    assert reply.n_completion_tokens <= 6 * 3


def test_a_refused_text_before_a_stop_text_is_left_too():
    def lead(written):
        """ "aa", then "bb" or "ba": the stop text, cut off again, or another line."""
        logits = np.full(len(ALPHABET), -np.inf, dtype=np.float32)
        if len(written) < 3:
            logits[ALPHABET.index("aab"[len(written)])] = 0
        elif len(written) == 3:
            logits[:2] = 0
        else:
            logits[ALPHABET.index(".")] = 0
        return logits

    replies = [write(seed, ("aa",), lead, max_tokens=9, stop=("bb",)) for seed in range(20)]

    assert {reply.text for reply in replies} == {"aaba"}
    assert {reply.n_completion_tokens for reply in replies} == {4, 5}


class Leaps:
    """A grammar of two replies."""

    finished = False

    def begin(self):
        return []

    def allowed(self):
        return np.arange(2)

    def accept(self, token):
        self.finished = True
        return [ALPHABET.index(letter) for letter in ("\nb" if token == 0 else "a")]

    def restart(self, tokens):
        self.finished = False


def test_the_first_of_several_refused_texts_is_left():
    texts = set()
    for seed in range(10):
        draft = Draft(0, [0], SamplingSettings(9), seed, Leaps(), ("b", "a"))
        draft.advance(Letters(), np.zeros(len(ALPHABET), dtype=np.float32))
        texts.add(draft.reply().text)

    assert texts == {"ba"}


def test_long_replies_keep_the_draws_only_that_a_refused_text_may_need():
    def lines(written):
        logits = np.full(len(ALPHABET), -np.inf, dtype=np.float32)
        logits[[ALPHABET.index("\n")] if len(written) % 3 == 2 else [0, 1]] = 0
        return logits

    draft = Draft(0, [0], SamplingSettings(600), 0, None, ("aa", "bb"))
    while draft.finish_reason is None:
        draft.advance(Letters(), lines(draft.reply().text))
        assert len(draft._draws) <= 3
        assert len(draft._left) <= 4

    assert set(draft.reply().text.split("\n")) == {"ab", "ba", ""}
    assert draft.reply().n_completion_tokens > 600
