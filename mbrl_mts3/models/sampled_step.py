"""One step of a drawn future."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.models.prediction import Prediction
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class SampledStep(TensorRecord):
    """What came of one action in B futures, and what the model had predicted of it.

    Units are normalised when a `WorldModel` returns it, physical when a `PhysicalModel` does.
    """

    prediction: Prediction
    """(B, ...), without a dimension of steps."""
    observation: Tensor
    """(B, obs): the drawn o_{t+1}."""
    reward: Tensor | None = None
    """(B,): the drawn r_t."""
    termination: Tensor | None = None
    """(B,): bool, whether the episode terminates at o_{t+1}."""

    @classmethod
    def draw(cls, prediction: Prediction, generator: torch.Generator | None) -> SampledStep:
        """Draw from a prediction (B, 1, ...) of one step."""
        step = prediction[:, 0]
        terminated = None
        if step.termination_logit is not None:
            chance = torch.sigmoid(step.termination_logit)
            drawn = torch.rand(chance.shape, dtype=chance.dtype, device=chance.device, generator=generator)
            terminated = drawn < chance
        observation = _draw(step.mean, step.variance, generator)
        reward = None if step.reward_mean is None else _draw(step.reward_mean, step.reward_variance, generator)
        return cls(step, observation, reward, terminated)

    @classmethod
    def expected(cls, prediction: Prediction) -> SampledStep:
        """The mean of a prediction (B, 1, ...) of one step, and the more likely end: nothing is drawn."""
        step = prediction[:, 0]
        logit = step.termination_logit
        return cls(step, step.mean, step.reward_mean, None if logit is None else logit > 0)


def _draw(mean: Tensor, variance: Tensor | None, generator: torch.Generator | None) -> Tensor:
    if variance is None:
        return mean
    noise = torch.randn(mean.shape, dtype=mean.dtype, device=mean.device, generator=generator)
    return torch.addcmul(mean, variance.sqrt(), noise)
