from __future__ import annotations

import numpy as np
import pytest

from skgensynth.exceptions import LanguageModelError
from skgensynth.llm import SamplingSettings
from skgensynth.llm.choosing import choices


def choose_token(logits, allowed, settings, rng):
    found = choices(logits, allowed, settings)
    return found.tokens[found.draw(rng)]


LOGITS = np.log(np.array([0.05, 0.4, 0.25, 0.3], dtype=np.float32))


def shares(allowed=None, n=20_000, logits=LOGITS, **settings):
    rng = np.random.default_rng(0)
    drawn = [choose_token(logits, allowed, SamplingSettings(1, **settings), rng) for _ in range(n)]
    return np.bincount(drawn, minlength=len(logits)) / n


def test_tokens_come_with_their_probabilities():
    np.testing.assert_allclose(shares(temperature=1, top_p=1), [0.05, 0.4, 0.25, 0.3], atol=0.015)


def test_temperature_sharpens():
    expected = np.array([0.05, 0.4, 0.25, 0.3]) ** 2
    np.testing.assert_allclose(shares(temperature=0.5, top_p=1), expected / expected.sum(), atol=0.015)


@pytest.mark.parametrize(("top_p", "kept"), [(0.3, [1]), (0.45, [1, 3]), (0.75, [1, 2, 3]), (1.0, [0, 1, 2, 3])])
def test_the_nucleus_is_the_smallest_set_that_reaches_top_p(top_p, kept):
    found = shares(temperature=1, top_p=top_p)

    assert np.flatnonzero(found).tolist() == kept
    expected = np.exp(LOGITS[kept]) / np.exp(LOGITS[kept]).sum()
    np.testing.assert_allclose(found[kept], expected, atol=0.015)


def test_the_nucleus_is_found_in_a_large_vocabulary():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=5_000).astype(np.float32) * 2
    weights = np.exp(logits.astype(np.float64))
    order = np.argsort(-weights)
    size = int(np.searchsorted(np.cumsum(weights[order]), 0.9 * weights.sum())) + 1

    found = shares(n=3000, logits=logits, temperature=1, top_p=0.9)

    assert set(np.flatnonzero(found)) <= set(order[:size])
    np.testing.assert_allclose(found[order[0]], weights[order[0]] / weights[order[:size]].sum(), atol=0.01)


def test_only_what_is_allowed_is_drawn():
    found = shares(np.array([0, 2]), temperature=1, top_p=1)
    np.testing.assert_allclose(found, [1 / 6, 0, 5 / 6, 0], atol=0.015)


def test_temperature_zero_takes_the_likeliest():
    assert shares(temperature=0, n=5).tolist() == [0, 1, 0, 0]
    assert shares(np.array([0, 2]), temperature=0, n=5).tolist() == [0, 0, 1, 0]


def test_no_number_is_drawn_where_there_is_no_choice():
    rng = np.random.default_rng(0)

    assert choose_token(LOGITS, np.array([2]), SamplingSettings(1), rng) == 2
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(broken):
    logits = np.array([0.0, broken, 1.0], dtype=np.float32)
    with pytest.raises(LanguageModelError, match="not numbers"):
        choose_token(logits, None, SamplingSettings(1), np.random.default_rng(0))


def test_the_likeliest_token_outside_the_nucleus_is_told_where_asked():
    settings = SamplingSettings(1, temperature=1, top_p=0.6)

    assert choices(LOGITS, None, settings).outside is None
    token, weight = choices(LOGITS, None, settings, with_outside=True).outside
    assert token == 2
    assert weight == pytest.approx(0.25 / 0.7)  # relative to the nucleus
    token, _ = choices(LOGITS, np.array([0, 1, 3]), settings, with_outside=True).outside
    assert token == 0
    assert choices(LOGITS, np.array([1]), settings, with_outside=True).outside is None
