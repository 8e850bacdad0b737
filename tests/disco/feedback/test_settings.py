from __future__ import annotations

import re

import pytest

from skgensynth.disco.feedback.settings import DEFAULT_WEIGHTS, FeedbackSettings


def test_what_is_given_is_set_and_the_rest_keeps_its_default():
    settings = FeedbackSettings.from_params({"n_cycles": 2, "weights": {"row": 1.0}, "shaping": None})

    assert (settings.n_cycles, settings.weights, settings.shaping) == (2, {"row": 1.0}, None)
    assert settings.n_batches == FeedbackSettings().n_batches
    assert FeedbackSettings.from_params({}) == FeedbackSettings()


def test_default_weights_add_up_to_1():
    assert sum(DEFAULT_WEIGHTS.values()) == pytest.approx(1)


def test_an_unknown_name_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"feedback_params names 'cycles', which is not there; it has n_cycles, .*"):
        FeedbackSettings.from_params({"cycles": 2})


def test_an_unknown_level_is_named_with_those_there_are():
    message = "feedback_params weighs the level 'cell'; there are token, sentence, feature, row"
    with pytest.raises(ValueError, match=re.escape(message)):
        FeedbackSettings(weights={"row": 1.0, "cell": 1.0})


@pytest.mark.parametrize(
    "params",
    [
        *({name: value} for name in ("n_cycles", "n_batches", "batch_size", "n_passes") for value in (0, 1.5, True)),
        {"learning_rate": 0},
        {"clip": -0.1},
        {"kl_weight": -1},
        {"kl_weight": float("nan")},
        {"violation_weight": -1},
        {"frequency_weight": -1},
        {"shaping": "rows"},
        {"clip": None},
        {"clip": "wide"},
        {"learning_rate": "fast"},
        {"kl_weight": None},
    ],
)
def test_a_value_that_cannot_be_is_named(params):
    ((name, value),) = params.items()
    with pytest.raises(ValueError, match=re.escape(f"feedback_params gives {name}={value!r}; it ")):
        FeedbackSettings.from_params(params)


@pytest.mark.parametrize("weight", [-1, "much", None, float("nan")])
def test_a_weight_that_cannot_be_is_named(weight):
    message = f"feedback_params weighs the level 'row' by {weight!r}; it must be 0 or more"
    with pytest.raises(ValueError, match=re.escape(message)):
        FeedbackSettings(weights={"row": weight})


@pytest.mark.parametrize("params", [{"kl_weight": 0}, {"violation_weight": 0.0}, {"learning_rate": None}, {"clip": 1}])
def test_values_at_the_border_are_allowed(params):
    assert FeedbackSettings.from_params(params)
