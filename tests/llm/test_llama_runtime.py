from __future__ import annotations

import ctypes
import os

import numpy as np
import pytest

from skgensynth.llm.loading import find_gguf

llama_cpp = pytest.importorskip("llama_cpp")
runtime = pytest.importorskip("skgensynth.llm.llama_runtime")

PATH = find_gguf("smollm2-135m")
TYPES = {"F16": "LLAMA_FTYPE_MOSTLY_F16", "Q8_0": "LLAMA_FTYPE_MOSTLY_Q8_0", "Q4_0": "LLAMA_FTYPE_MOSTLY_Q4_0"}
PROMPTS = [list(range(1000, 1040)), list(range(2000, 2007)), list(range(1000, 1030)), list(range(3000, 3300))]
N_STEPS = 6


@pytest.fixture(scope="module", params=["embedded", *TYPES])
def weights(request, tmp_path_factory):
    """The embedded model as it is loaded, and its weights in other types of numbers."""
    if request.param == "embedded":
        return runtime.Weights(PATH, 0)
    path = tmp_path_factory.mktemp("models") / f"{request.param}.gguf"
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.allow_requantize, settings.nthread = True, 1
    settings.ftype = getattr(llama_cpp, TYPES[request.param])
    with runtime._entering():
        assert llama_cpp.llama_model_quantize(os.fsencode(PATH), os.fsencode(path), ctypes.byref(settings)) == 0
    return runtime.Weights(path, 0)


def reply_logits(weights, n_parallel, prompts, *, move_at=None):
    """Logits along the reply to the first prompt; every other token of the others is not asked for."""
    found = []
    with weights.context(n_parallel, 400, 1) as context:
        if move_at is not None:
            context.start(1, prompts[0])
        else:
            for sequence, prompt in enumerate(prompts):
                context.start(sequence, prompt)
        for step in range(N_STEPS):
            if step == 0 and move_at is not None:
                context.move(1, 0)
            entries = [
                (500 + step, len(prompt) + step, sequence, sequence == 0 or (step + sequence) % 2 == 0)
                for sequence, prompt in enumerate(prompts)
            ]
            logits = context.step(entries)
            assert len(logits) == sum(wanted for *_, wanted in entries)
            found.append(logits[0].copy())
    return np.array(found)


def test_logits_of_a_reply_are_the_same_bits_whatever_is_decoded_beside_it(weights):
    alone = reply_logits(weights, 1, PROMPTS[:1])

    assert len(np.unique(alone, axis=0)) == N_STEPS
    np.testing.assert_array_equal(reply_logits(weights, 4, PROMPTS[:1]), alone)
    for n in (2, 3, 4):
        np.testing.assert_array_equal(reply_logits(weights, 4, PROMPTS[:n]), alone)
    np.testing.assert_array_equal(reply_logits(weights, 2, PROMPTS[:1], move_at=0), alone)


def test_a_step_alone_leaves_the_prompt_as_it_was(weights):
    with weights.context(1, 400, 1) as context:
        first = context.start(0, PROMPTS[0]).copy()
        context.step([(7, len(PROMPTS[0]), 0, True)])
        context.finish(0)
        longer = context.start(0, [*PROMPTS[0], 5, 6]).copy()
        context.finish(0)
        again = context.start(0, PROMPTS[0])
        np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(longer, _fresh(weights, [*PROMPTS[0], 5, 6]))


@pytest.mark.parametrize("weights", ["Q8_0"], indirect=True)
def test_an_interrupted_step_leaves_the_prompt_as_it_was(weights, monkeypatch):
    entry = (7, len(PROMPTS[0]), 0, True)
    with weights.context(1, 400, 1) as context:
        context.start(0, PROMPTS[0])
        expected = context.step([entry]).copy()

    decode = runtime.Context.decode

    def interrupted(self, entries):
        decode(self, entries)
        raise KeyboardInterrupt

    with weights.context(1, 400, 1) as again, monkeypatch.context() as patch:
        assert again is context
        again.start(0, PROMPTS[0])
        patch.setattr(runtime.Context, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            again.step([entry])
    with weights.context(1, 400, 1) as again:
        again.start(0, PROMPTS[0])
        np.testing.assert_array_equal(again.step([entry]), expected)


def _fresh(weights, prompt):
    return runtime.Context(weights, 1, 400, 1).start(0, prompt)
