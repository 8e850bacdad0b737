from __future__ import annotations

import pytest
import torch

from skgensynth.disco.feedback.heads import FeatureHead, SentenceHead, TokenHead
from skgensynth.disco.feedback.units import UnitSpace

SPACE = UnitSpace(n_tokens=12, n_columns=4, features=torch.zeros(12, 2))
COLUMNS = torch.arange(4).expand(5, -1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(seed=0):
    """Five rows of four columns, with three tokens each."""
    return torch.randint(3, (5, 4), generator=generator(seed)) + 3 * torch.arange(4)


def changed(tokens, column):
    out = tokens.clone()
    out[:, column] = 3 * column + (out[:, column] - 3 * column + 1) % 3
    return out


def scored(head, tokens, columns):
    """What each part adds to its surroundings."""
    return torch.sub(*head(tokens, columns))


@torch.no_grad()
def moved(head, column):
    """Which scores move when one column's tokens change."""
    tokens = rows()
    first, second = (scored(head, part, COLUMNS) for part in (tokens, changed(tokens, column)))
    return ((first - second).abs() > 1e-7).any(dim=2).all(dim=0)


@pytest.mark.parametrize("head", [TokenHead(SPACE, generator()), SentenceHead(SPACE, generator())])
@pytest.mark.parametrize("column", [0, 3])
def test_tokens_and_pairs_are_judged_in_the_context_of_all_others(head, column):
    assert moved(head, column).tolist() == [True] * 4


@pytest.mark.parametrize("head", [TokenHead(SPACE, generator()), SentenceHead(SPACE, generator())])
def test_what_surrounds_a_part_does_not_hold_the_part(head):
    tokens = rows()

    alone = [head(part, COLUMNS)[1][:, 2] for part in (tokens, changed(tokens, 2), changed(tokens, 1))]

    assert torch.equal(alone[0], alone[1])
    assert not torch.equal(alone[0], alone[2])


def test_a_group_sees_its_own_columns_and_no_others():
    head = FeatureHead(SPACE, [[0, 1], [1, 3], [2]], generator())

    assert moved(head, 0).tolist() == [True, False, False]
    assert moved(head, 1).tolist() == [True, True, False]
    assert moved(head, 2).tolist() == [False, False, True]


def test_scores_have_one_number_for_each_sort():
    tokens = rows()

    assert scored(TokenHead(SPACE, generator()), tokens, COLUMNS).shape == (5, 4, 3)
    assert scored(SentenceHead(SPACE, generator()), tokens, COLUMNS).shape == (5, 4, 3)
    assert scored(FeatureHead(SPACE, [[0, 1], [2]], generator()), tokens, COLUMNS).shape == (5, 2, 3)
    assert scored(FeatureHead(SPACE, [], generator()), tokens, COLUMNS).shape == (5, 0, 3)


def test_the_end_of_a_shorter_row_changes_no_group_and_no_pair():
    tokens, columns = rows(), COLUMNS.clone()
    longer = torch.cat([tokens, torch.full((5, 2), -1)], dim=1)
    more = torch.cat([columns, torch.full((5, 2), -1)], dim=1)

    for head in (SentenceHead(SPACE, generator()), FeatureHead(SPACE, [[0, 2]], generator())):
        assert torch.allclose(scored(head, tokens, columns), scored(head, longer, more), atol=1e-6)


def test_a_pair_is_all_of_its_columns_tokens():
    """A column may be written with several tokens, here the first two."""
    space = UnitSpace(12, 3, torch.zeros(12, 0))
    tokens = torch.tensor([[4, 5, 7, 9], [5, 4, 7, 9], [4, 6, 7, 9]])
    columns = torch.tensor([[0, 0, 1, 2]] * 3)

    for head in (SentenceHead(space, generator()), FeatureHead(space, [[0, 1]], generator())):
        scores = scored(head, tokens, columns)
        assert scores.shape[1] == (3 if isinstance(head, SentenceHead) else 1)
        assert torch.allclose(scores[0], scores[1], atol=1e-6)
        assert not torch.allclose(scores[0], scores[2], atol=1e-3)


def test_what_is_known_of_tokens_beforehand_is_read():
    """Tokens whose features are alike begin alike, whatever their own vectors."""
    features = torch.tensor([[0.0], [0.1], [9.0]])
    with_features = SentenceHead(UnitSpace(3, 1, features), generator())
    with torch.no_grad():
        with_features.embedding.tokens.zero_()
        near, same, far = scored(with_features, torch.tensor([[0], [1], [2]]), torch.zeros(3, 1, dtype=torch.int64))[
            :, 0
        ]

    assert (near - same).abs().max() < 0.2 * (near - far).abs().max()


@pytest.mark.parametrize("make", [TokenHead, SentenceHead, lambda s, g: FeatureHead(s, [[0, 1]], g)])
def test_initial_weights_come_from_the_generator_alone(make):
    before = torch.get_rng_state()

    first, again, other = (scored(make(SPACE, generator(seed)), rows(), COLUMNS) for seed in (1, 1, 2))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
