from __future__ import annotations

import numpy as np
import torch

from skgensynth.disco.feedback.units import Units

UNITS = Units(np.array([[4, 7, -1], [5, 8, 9]]), np.array([[0, 1, -1], [0, 1, 1]]))


def test_rows_are_taken_from_tokens_and_columns_alike():
    part = UNITS[np.array([1])]

    assert (len(UNITS), len(part)) == (2, 1)
    assert part.tokens.tolist() == [[5, 8, 9]]
    assert part.columns.tolist() == [[0, 1, 1]]
    assert UNITS[:1].tokens.tolist() == [[4, 7, -1]]


def test_tensors_hold_the_same_numbers():
    tokens, columns = UNITS.tensors()

    assert tokens.dtype == columns.dtype == torch.int64
    assert tokens.tolist() == UNITS.tokens.tolist()
    assert columns.tolist() == UNITS.columns.tolist()
