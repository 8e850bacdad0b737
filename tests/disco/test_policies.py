from __future__ import annotations

import pytest

from skgensynth.disco.compact import CompactPolicy
from skgensynth.disco.policies import make_policy
from skgensynth.disco.pretrained import PretrainedPolicy


def test_names_stand_for_policies():
    assert isinstance(make_policy("compact", {}), CompactPolicy)
    assert isinstance(make_policy("some/model", {}), PretrainedPolicy)


def test_parameters_that_are_none_keep_the_default():
    policy = make_policy("compact", {"dropout": None, "width": 24})

    assert policy.dropout == CompactPolicy().dropout
    assert policy.width == 24


@pytest.mark.parametrize("policy", ["compact", "some/model"])
def test_an_unknown_parameter_is_named(policy):
    with pytest.raises(ValueError, match=r"'colour'.*batch_size"):
        make_policy(policy, {"colour": "red"})
