from __future__ import annotations

import gc
import threading
import weakref

import pytest

from skgensynth.llm.shared import MAX_LOADED, release_models, shared


class Weights:
    pass


@pytest.fixture(autouse=True)
def _empty():
    release_models()
    yield
    release_models()


def test_one_load_for_many_threads():
    loads, start = [], threading.Barrier(8)

    def load():
        loads.append(1)
        return Weights()

    found = []

    def work():
        start.wait()
        found.append(shared("model", load))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(loads) == 1
    assert len({id(weights) for weights in found}) == 1


def test_the_longest_unused_is_dropped_first():
    references = {}
    for key in range(MAX_LOADED):
        references[key] = weakref.ref(shared(key, Weights))
    shared(0, Weights)
    shared("another", Weights)
    gc.collect()

    assert references[0]() is not None
    assert references[1]() is None


def test_release_frees_everything():
    reference = weakref.ref(shared("model", Weights))
    release_models()
    gc.collect()

    assert reference() is None


def test_a_load_that_fails_is_tried_again():
    with pytest.raises(ZeroDivisionError):
        shared("model", lambda: 1 / 0)

    assert isinstance(shared("model", Weights), Weights)
