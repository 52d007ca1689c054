"""HalfCheetah's reward from what a model predicts."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class HalfCheetahReward:
    """Forward velocity less the cost of control, r_t = w_f v_{t+1} - w_c sum a_t^2.

    The environment pays (x_{t+1} - x_t) / dt, but x is not observed: the velocity at the end of the step stands for the
    mean velocity of it.
    """

    velocity_column: int
    """Where the forward velocity is in an observation, in units per second."""
    forward_weight: float = 1.0
    control_weight: float = 0.1

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        velocity = next_observation[..., self.velocity_column]
        return self.forward_weight * velocity - self.control_weight * action.square().sum(dim=-1)
