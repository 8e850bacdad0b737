from __future__ import annotations

import copy
import json
import pickle
import random
import re

import numpy as np
import pytest
import torch
from common.requests import PERSON, ROWS, ROWS_PATTERN, ask

from skgensynth.exceptions import ContextOverflowError, ModelNotFoundError
from skgensynth.llm import TransformersModel, generate_all

pytest.importorskip("llguidance")

MIXED = [
    ask(seed=1, constraint=ROWS),
    ask("age is", seed=2, max_tokens=12),
    ask("age is 75, sex is", seed=3, constraint=PERSON),
    ask("stage is new york, " * 9, seed=4, constraint=ROWS),
]


@pytest.fixture
def model(tiny_model):
    return TransformersModel(tiny_model, batch_size=3)


def test_constrained_replies_keep_their_constraint(model):
    replies = generate_all(model, MIXED)

    assert re.fullmatch(ROWS_PATTERN, replies[0].text)
    assert re.fullmatch(ROWS_PATTERN, replies[3].text)
    assert 40 <= json.loads(replies[2].text)["age"] <= 90
    assert [reply.constrained for reply in replies] == [True, False, True, True]
    assert [reply.finish_reason for reply in replies] == ["stop", "length", "stop", "stop"]
    assert replies[1].n_completion_tokens == 12


def test_the_same_request_gets_the_same_text_whatever_is_asked_beside_it(model):
    together = generate_all(model, MIXED)

    assert [generate_all(model, [request])[0] for request in MIXED] == together
    assert generate_all(model, MIXED[::-1]) == together[::-1]


def test_replies_are_drawn_as_transformers_computes_them(model):
    """Without randomness: the likeliest token each time, by transformers' own loop, although prompts are padded."""
    request = ask("age is 75, sex is", max_tokens=8, temperature=0)
    loaded = model._loaded()
    tokens = torch.tensor([loaded.prompt(request)])
    expected = loaded.network.generate(
        tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=8, do_sample=False, pad_token_id=0
    )[0, tokens.shape[1] :]

    reply = generate_all(model, [request])[0]

    assert reply.text == loaded.tokenizer.decode(expected, skip_special_tokens=True)


def test_the_chat_template_is_used(tiny_llama, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    tokenizer.save_pretrained(tmp_path)
    AutoModelForCausalLM.from_pretrained(tiny_llama).save_pretrained(tmp_path)
    model = TransformersModel(str(tmp_path))

    prompt = model._loaded().prompt(ask("Hello", system="Be brief."))

    assert tokenizer.decode(prompt) == "system: Be brief.\nuser: Hello\nassistant:"


def test_global_generators_are_left_alone(model):
    states = random.getstate(), pickle.dumps(np.random.mtrand._rand), torch.get_rng_state()
    generate_all(model, MIXED[:2])

    assert random.getstate() == states[0]
    assert pickle.dumps(np.random.mtrand._rand) == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_copies_share_the_loaded_model_and_pickles_hold_none(model):
    model._loaded()

    assert len(pickle.dumps(model)) < 1000
    assert pickle.loads(pickle.dumps(model)) == copy.deepcopy(model) == model
    assert copy.deepcopy(model)._loaded() is model._loaded()


def test_a_prompt_that_does_not_fit_is_refused(model):
    assert model.context_length == 256
    with pytest.raises(ContextOverflowError, match="the reply up to 255"):
        next(model.generate([ask(max_tokens=255)]))


def test_a_model_that_is_not_here_is_named():
    with pytest.raises(ModelNotFoundError, match="hf download nobody/has-this-model"):
        generate_all(TransformersModel("nobody/has-this-model"), [ask()])


@pytest.mark.parametrize(("options", "message"), [({"batch_size": 0}, "batch_size=0"), ({"dtype": "int8"}, "dtype=")])
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        TransformersModel("some/model", **options)


def test_memory_that_runs_out_is_told(model, monkeypatch):
    from skgensynth.exceptions import LanguageModelError

    def fail(**_):
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(model._loaded().network, "forward", fail)
    with pytest.raises(LanguageModelError, match="Lower batch_size"):
        generate_all(model, MIXED[:1])


@pytest.mark.slow
def test_a_gguf_file_answers_under_a_constraint():
    reply = generate_all(TransformersModel("smollm2-135m", batch_size=1), [ask(constraint=PERSON)])[0]

    assert 40 <= json.loads(reply.text)["age"] <= 90
