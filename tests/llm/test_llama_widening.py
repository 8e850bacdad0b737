from __future__ import annotations

import gc
import tempfile
import warnings

import numpy as np
import pytest

from skgensynth.llm import llama_widening
from skgensynth.llm.loading import find_gguf

llama_cpp = pytest.importorskip("llama_cpp")
runtime = pytest.importorskip("skgensynth.llm.llama_runtime")

PATH = find_gguf("smollm2-135m")
BF16, Q8_0, Q4_1 = 2.0, 17 / 16, 5 / 8  # bytes of a weight


def bytes_of_a_weight(weights):
    model = weights.model.pointer
    return llama_cpp.llama_model_size(model) / llama_cpp.llama_model_n_params(model)


def logits_after(weights, text):
    with weights.context(1, 256, 1) as context:
        return context.start(0, weights.tokenize(text, special=True)).copy()


@pytest.fixture(scope="module")
def narrow():
    """The embedded model as its file has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "is_slow", lambda model: False)
        return runtime.Weights(PATH, 0)


@pytest.mark.parametrize(("multiplies", "size"), [(True, BF16), (False, Q8_0)])
def test_the_embedded_model_is_widened_to_what_the_processor_multiplies(narrow, monkeypatch, multiplies, size):
    monkeypatch.setattr(llama_widening, "_multiplies_16_bits", lambda: multiplies)
    text = "The patient is a woman of"

    wide = runtime.Weights(PATH, 0)

    assert llama_widening.is_slow(narrow.model.pointer)
    assert not llama_widening.is_slow(wide.model.pointer)
    assert bytes_of_a_weight(narrow) == pytest.approx(Q4_1, rel=0.2)
    assert bytes_of_a_weight(wide) == pytest.approx(size, rel=0.05)
    before, after = logits_after(narrow, text), logits_after(wide, text)
    assert np.corrcoef(before, after)[0, 1] > 0.99
    assert wide.ends == narrow.ends
    assert wide.template is not None


def test_without_room_for_a_copy_the_file_is_used_as_it_is(narrow, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    with pytest.warns(RuntimeWarning, match="no room in the temporary folder"):
        weights = runtime.Weights(PATH, 0)

    assert bytes_of_a_weight(weights) == bytes_of_a_weight(narrow)
    text = "The patient is"
    np.testing.assert_array_equal(logits_after(weights, text), logits_after(narrow, text))


def test_the_file_is_given_back_where_the_warning_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    free, freed = llama_cpp.llama_model_free, []
    monkeypatch.setattr(llama_cpp, "llama_model_free", lambda pointer: freed.append(pointer) or free(pointer))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning):
            runtime.Weights(PATH, 0)
    gc.collect()

    assert len(freed) == 1


def test_nothing_stays_in_the_temporary_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    runtime.Weights(PATH, 0)

    assert list(tmp_path.iterdir()) == []
