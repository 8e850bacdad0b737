from __future__ import annotations

from skgensynth.llm.pacing import ThreadPace


class Machine:
    """Steps take as long as said for each number of threads; the clock goes on by that much."""

    def __init__(self, most, seconds):
        self.now = 0.0
        self.seconds = seconds
        self.pace = ThreadPace(most, clock=lambda: self.now)

    def run(self, n, size=8):
        used = []
        for _ in range(n):
            threads = self.pace.choose(size)
            self.now += self.seconds[threads]
            self.pace.note(size, self.seconds[threads])
            used.append(threads)
        return used


def test_idle_cores_are_all_used():
    used = Machine(2, {1: 0.02, 2: 0.01}).run(2000)

    assert used[0] == 2
    assert used.count(2) > 0.97 * len(used)


def test_contended_cores_are_left():
    used = Machine(2, {1: 0.02, 2: 0.5}).run(500)

    assert used[:2] == [2, 1]
    assert used.count(1) > 0.97 * len(used)


def test_it_comes_back_when_the_cores_are_idle_again():
    machine = Machine(2, {1: 0.02, 2: 0.5})
    machine.run(500)
    machine.seconds = {1: 0.02, 2: 0.01}

    assert machine.run(4000)[-100:].count(2) >= 97


def test_halves_are_tried_one_after_the_other():
    used = Machine(8, {1: 0.5, 2: 0.1, 4: 0.2, 8: 0.4}).run(2000)

    assert set(used[-200:]) <= {1, 2, 4}
    assert used[-200:].count(2) > 180


def test_steps_of_different_sizes_are_not_compared():
    machine = Machine(2, {1: 0.02, 2: 0.01})

    assert [machine.run(1, size)[0] for size in (1, 2, 1, 2, 1, 2)] == [2] * 6


def test_one_core_is_never_tried_with_more():
    assert set(Machine(1, {1: 0.02}).run(100)) == {1}
