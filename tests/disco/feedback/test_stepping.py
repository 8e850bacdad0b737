from __future__ import annotations

import pytest
import torch

from skgensynth.disco.feedback.rollouts import GradientSettings
from skgensynth.disco.feedback.stepping import Stepper

SETTINGS = GradientSettings(learning_rate=0.1, clip=0.2, kl_weight=0.0, n_passes=1, n_steps=100)


@pytest.fixture
def weight():
    return torch.nn.Parameter(torch.zeros(2))


def test_a_step_goes_against_the_gradient_at_the_size_for_its_number(weight):
    stepper = Stepper([weight], SETTINGS)
    places = []
    for _ in range(3):
        weight.grad = torch.tensor([1.0, -1.0])
        stepper.step()
        places.append(float(weight.detach()[0]))

    # Adam's steps along a constant gradient are of the size asked for.
    assert places[0] == pytest.approx(-SETTINGS.rate(0), rel=1e-4)
    assert places[2] - places[1] == pytest.approx(-SETTINGS.rate(2), rel=1e-2)
    assert float(weight.detach()[1]) == pytest.approx(-places[-1], rel=1e-4)


def test_gradients_are_clipped_together_and_can_be_forgotten(monkeypatch, weight):
    other = torch.nn.Parameter(torch.zeros(1))
    stepper = Stepper([weight, other], SETTINGS)
    seen = []
    monkeypatch.setattr(stepper._optimizer, "step", lambda: seen.append([p.grad.clone() for p in (weight, other)]))
    weight.grad, other.grad = torch.tensor([30.0, 0.0]), torch.tensor([40.0])

    stepper.step()

    torch.testing.assert_close(seen[0][0], torch.tensor([0.6, 0.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen[0][1], torch.tensor([0.8]), atol=1e-4, rtol=0)
    stepper.forget()
    assert weight.grad is None
    assert other.grad is None


def test_parameters_without_a_gradient_stay(weight):
    other = torch.nn.Parameter(torch.ones(1))
    stepper = Stepper([weight, other], SETTINGS)
    weight.grad = torch.ones(2)

    stepper.step()

    assert float(other.detach()) == 1
