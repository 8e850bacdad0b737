"""Steps along a policy's gradient."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import Parameter

from skgensynth.disco.feedback.rollouts import GradientSettings

__all__ = ["Stepper"]


class Stepper:
    """Adam with clipped gradients and a step size that rises over the first steps and then falls.

    Parameters
    ----------
    parameters : sequence of Parameter
        What is changed.
    settings : GradientSettings
        The step sizes.
    """

    def __init__(self, parameters: Sequence[Parameter], settings: GradientSettings) -> None:
        self.parameters = list(parameters)
        self._settings = settings
        self._optimizer = torch.optim.Adam(self.parameters, betas=(0.9, 0.99))
        self._n_steps = 0

    def step(self) -> None:
        """One step along the gradients that the parameters hold."""
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.rate(self._n_steps)
        self._optimizer.step()
        self._n_steps += 1

    def forget(self) -> None:
        """Forget gradients."""
        self._optimizer.zero_grad()
