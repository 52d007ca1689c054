"""Three scalar linear systems whose best possible predictions are known, as a toy to learn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

DECAY = torch.tensor([0.9, 0.7, -0.5])
GAIN = torch.tensor([[0.5, 0.0], [0.0, -0.4], [0.3, 0.3]])
NOISE = 0.2


@dataclass(frozen=True)
class LinearSystem:
    """o_i' = d_i o_i + g_i a + 0.2 e_i, observed without noise; the reward is o_0'.

    Args:
        driven: False leaves the actions without effect, for models that ignore them.
    """

    driven: bool = True

    def draw(self, batch: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Observations o_0..o_T (B, T + 1, 3), actions (B, T, 2) and rewards (B, T)."""
        actions = torch.randn(batch, steps, 2, generator=generator)
        noise = NOISE * torch.randn(batch, steps, 3, generator=generator)
        observations = [torch.randn(batch, 3, generator=generator)]
        for t in range(steps):
            observations.append(DECAY * observations[-1] + self.effect(actions[:, t]) + noise[:, t])
        stacked = torch.stack(observations, dim=1)
        return stacked, actions, stacked[:, 1:, 0]

    def open_loop(self, observation: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (B, L, 3) of what follows o (B, 3) under actions (B, L, 2): no prediction is better."""
        mean, variance, means, variances = observation, torch.zeros(3), [], []
        for t in range(actions.shape[1]):
            mean = DECAY * mean + self.effect(actions[:, t])
            variance = DECAY**2 * variance + NOISE**2
            means.append(mean)
            variances.append(variance.expand_as(mean))
        return torch.stack(means, dim=1), torch.stack(variances, dim=1)

    def effect(self, actions: Tensor) -> Tensor:
        return actions @ GAIN.T * self.driven


def divergence(mean: Tensor, variance: Tensor, other_mean: Tensor, other_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the first Gaussian from the second: nats that the second one loses on average."""
    ratio = variance / other_variance
    return 0.5 * ((mean - other_mean).square() / other_variance + ratio - 1 - ratio.log())
