"""Values within tokens under laws."""

from __future__ import annotations

import numpy as np
import pytest

from skgensynth.conditions import Conditions
from skgensynth.disco.lawful import Decoder
from skgensynth.laws import Laws

NONE = Conditions()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_values_within_their_tokens_keep_the_laws(ends, ordered):
    tokens = np.tile([3, 2], (500, 1))
    free = Decoder(ends.codec_, ends.schema_, Laws((), ends.schema_)).decode(tokens, NONE, np.random.default_rng(0))

    ruled = ordered.decode(tokens, NONE, np.random.default_rng(0))

    assert (free[:, 0] > free[:, 1]).mean() > 0.05
    assert (ruled[:, 0] > ruled[:, 1]).mean() < 0.2 * (free[:, 0] > free[:, 1]).mean()
    # A value rounded onto the border of two bins may count with either.
    assert (ends.codec_.encode(ruled) == tokens).mean() > 0.97
    unbroken = free[:, 0] <= free[:, 1]
    assert np.array_equal(ruled[unbroken], free[unbroken])


def test_decoded_rows_are_on_their_grids(ends, ordered):
    values = ordered.decode(np.tile([0, 3], (50, 1)), NONE, np.random.default_rng(0))

    assert np.array_equal(values, ends.schema_.snap(values))


def test_a_token_breaks_a_law_where_nothing_within_it_keeps_the_law(ends, ordered, rng):
    values = ends.schema_.snap(ends.codec_.decode(ends.states_.draw(100, (), {}, rng).tokens.numpy(), NONE, rng))
    settled = np.where(np.arange(100)[:, None] < 50, 0, 1)

    found = ordered.breaking(values, settled, rng)

    for row, (lo, hi) in enumerate(values):
        last = int(settled[row, 0])
        knots = ends.codec_.columns[last].knots
        for token, cost in enumerate(found[last][row]):
            impossible = knots[token][0] > hi if last == 0 else knots[token][-1] < lo
            certain = knots[token][-1] <= hi if last == 0 else knots[token][0] >= lo
            if impossible or certain:
                assert cost == float(impossible)
        assert not found[1 - last][row].any()
    assert found[0].any()
    assert found[1].any()


def test_laws_of_no_interest_break_nothing(ends, ordered, rng):
    values = ends.sample(10, NONE, rng)

    assert ordered.breaking(values, np.full((10, 1), -1), rng) == {}
