from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch

from skgensynth.disco.threads import one_torch_thread, worker_threads


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_a_new_thread():
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_the_setting_comes_back_after_nested_uses():
    with one_torch_thread():
        with one_torch_thread():
            pass
        assert torch.get_num_threads() == 1

    assert torch.get_num_threads() == 3


def test_it_comes_back_after_an_error():
    with pytest.raises(ZeroDivisionError), one_torch_thread():
        _ = 1 / 0

    assert torch.get_num_threads() == 3


def test_uses_that_overlap_in_threads_leave_the_setting_as_it_was():
    entered, leave = Event(), Event()

    def other():
        with one_torch_thread():
            entered.set()
            leave.wait(timeout=30)
            with worker_threads(2) as pool:
                return pool.submit(torch.get_num_threads).result()

    with ThreadPoolExecutor(1) as pool:
        with one_torch_thread():
            inside = pool.submit(other)
            assert entered.wait(timeout=30)
        leave.set()
        assert inside.result() == 1

    assert torch.get_num_threads() == 3
    assert in_a_new_thread() == 3
