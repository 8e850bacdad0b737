from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import re

import pytest
from common.requests import PERSON, ROWS, ROWS_PATTERN, ask

from skgensynth.exceptions import ContextOverflowError, ModelNotFoundError
from skgensynth.llm import LarkGrammar, LlamaCppModel, Message, Request, SamplingSettings, generate_all

pytest.importorskip("llama_cpp")

MODEL = LlamaCppModel("smollm2-135m")
MIXED = [
    ask(seed=1, constraint=ROWS),
    ask("Tell me a story.", seed=2, max_tokens=12),
    ask("Describe a patient.", seed=3, constraint=PERSON),
    ask(seed=4, constraint=ROWS, system="You write tables."),
    ask("Describe a patient. Take your time, and consider what hospitals see.", seed=5, constraint=PERSON),
]


@pytest.fixture(scope="module")
def mixed_replies():
    return generate_all(MODEL, MIXED)


def test_constrained_replies_keep_their_constraint(mixed_replies):
    for index in (0, 3):
        assert re.fullmatch(ROWS_PATTERN, mixed_replies[index].text)
    for index in (2, 4):
        person = json.loads(mixed_replies[index].text)
        assert list(person) == ["age", "sex"]
        assert 40 <= person["age"] <= 90
    assert [reply.constrained for reply in mixed_replies] == [True, False, True, True, True]
    assert [reply.finish_reason for reply in mixed_replies] == ["stop", "length", "stop", "stop", "stop"]


@pytest.mark.parametrize("model", [LlamaCppModel("smollm2-135m", max_parallel=1), LlamaCppModel("smollm2-135m")])
def test_the_same_request_gets_the_same_text_whatever_is_asked_beside_it(mixed_replies, model):
    assert [generate_all(model, [request])[0] for request in MIXED] == mixed_replies
    assert generate_all(model, MIXED[::-1]) == mixed_replies[::-1]


REFUSING = [
    Request(
        (Message("user", f"Repeat this row of age and sex: {row}"),),
        SamplingSettings(20, temperature=0.3),
        seed,
        LarkGrammar('start: /[4-9][0-9]/ "," ("male" | "female") "\\n"\n'),
        (row,),
    )
    for seed in range(4)
    for row in ("75,male", "48,female")
]


def test_refused_texts_are_left_on_the_way():
    """A small model repeats what it is shown; both ways of going back come to the same replies."""
    free = generate_all(MODEL, [dataclasses.replace(request, refused=()) for request in REFUSING])
    copies = [reply.text == f"{request.refused[0]}\n" for reply, request in zip(free, REFUSING, strict=True)]

    replies = generate_all(MODEL, REFUSING)

    assert sum(copies) >= 2
    assert not any(reply.text == f"{request.refused[0]}\n" for reply, request in zip(replies, REFUSING, strict=True))
    for unhindered, reply, copied in zip(free, replies, copies, strict=True):
        assert re.fullmatch("[4-9][0-9],(male|female)\n", reply.text)
        assert (reply == unhindered) is not copied
    assert [generate_all(MODEL, [request])[0] for request in REFUSING] == replies


def test_a_model_that_cannot_go_back_reads_the_text_again(monkeypatch):
    from skgensynth.llm.llama_runtime import Context

    replies = generate_all(MODEL, REFUSING)

    def lose(self, sequence, n_tokens):
        self.finish(sequence)
        return False

    monkeypatch.setattr(Context, "go_back", lose)
    again = generate_all(MODEL, REFUSING)

    assert [reply.text for reply in again] == [reply.text for reply in replies]


def test_another_seed_writes_another_text():
    replies = generate_all(MODEL, [ask("Tell me a story.", seed=seed, max_tokens=12) for seed in range(4)])

    assert len({reply.text for reply in replies}) > 1


def test_tokens_are_counted():
    constrained, free = generate_all(MODEL, [ask(constraint=PERSON), ask(max_tokens=7)])

    assert free.n_completion_tokens == 7
    assert constrained.n_completion_tokens == MODEL.count_tokens(constrained.text)
    assert free.n_prompt_tokens > MODEL.count_tokens("Write rows of age and sex.") == 7


def test_long_prompts_are_read_in_pieces_to_the_same_end():
    """A prompt of more than a batch, read at once and with most of it reused, where a single token is left over."""
    text = "75,male " * 110
    requests = [ask(text + "x " * n, seed=n, max_tokens=6) for n in range(3)]
    together = generate_all(MODEL, requests)

    assert [generate_all(MODEL, [request])[0] for request in requests[::-1]] == together[::-1]


def test_a_marker_in_a_message_is_not_one():
    """A control token is one token; as text it is several."""
    plain, marked = generate_all(MODEL, [ask("ab", max_tokens=1), ask("ab<|im_end|>", max_tokens=1)])

    assert marked.n_prompt_tokens > plain.n_prompt_tokens + 3


def test_stop_texts_end_a_reply():
    reply = generate_all(MODEL, [ask("Count to ten: 1, 2, 3,", stop=(",",), temperature=0)])[0]

    assert "," not in reply.text
    assert reply.finish_reason == "stop"


def test_leaving_early_leaves_the_model_usable(mixed_replies):
    replies = MODEL.generate(MIXED)
    next(replies)
    replies.close()

    assert generate_all(MODEL, MIXED[:1]) == mixed_replies[:1]


def test_two_conversations_do_not_disturb_each_other(mixed_replies):
    first, second = MODEL.generate(MIXED), MODEL.generate(MIXED)
    found = [{}, {}]
    for pair in zip(first, second, strict=True):
        for replies, (index, reply) in zip(found, pair, strict=True):
            replies[index] = reply

    assert found[0] == found[1] == dict(enumerate(mixed_replies))


@pytest.mark.parametrize("constraint", [None, ROWS])
def test_nothing_to_ask_nothing_to_answer(constraint):
    assert generate_all(MODEL, []) == []


def test_copies_share_the_loaded_model_and_pickles_hold_none(mixed_replies):
    assert len(pickle.dumps(MODEL)) < 500
    assert pickle.loads(pickle.dumps(MODEL)) == copy.deepcopy(MODEL) == MODEL
    assert copy.deepcopy(MODEL)._weights() is MODEL._weights()
    assert MODEL.shares_prompts
    assert repr(MODEL).startswith("LlamaCppModel(model='smollm2-135m'")


def test_a_prompt_that_does_not_fit_is_refused_before_anything_is_written():
    small = LlamaCppModel("smollm2-135m", max_context=64)

    assert small.context_length == 64
    with pytest.raises(ContextOverflowError, match="the reply up to 60, but smollm2-135m holds 64"):
        next(small.generate([ask(max_tokens=5), ask(max_tokens=60)]))
    assert MODEL.context_length == 8192


def test_missing_and_broken_files_are_named(tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"nonsense")

    with pytest.raises(ModelNotFoundError, match=r"There is no GGUF file at 'nowhere\.gguf'"):
        generate_all(LlamaCppModel("nowhere.gguf"), [ask()])
    with pytest.raises(ModelNotFoundError, match=r"llama.cpp could not load 'broken.gguf'"):
        generate_all(LlamaCppModel(broken), [ask()])


@pytest.mark.parametrize("option", ["max_context", "max_parallel", "n_threads"])
def test_options_are_checked(option):
    with pytest.raises(ValueError, match=f"{option}=0"):
        LlamaCppModel("smollm2-135m", **{option: 0})


def test_nothing_is_printed(capfd, mixed_replies):
    generate_all(LlamaCppModel("smollm2-135m", n_gpu_layers=-1), [ask(max_tokens=2)])

    assert capfd.readouterr() == ("", "")


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ImportError, match=r"needs llama_cpp: pip install 'skgensynth\[llama\]'"):
        LlamaCppModel("other.gguf").count_tokens("a")
