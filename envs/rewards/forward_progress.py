"""The way covered, from what a model predicts."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ForwardProgressReward:
    """Mean velocity along one axis less the cost of control, r_t = w_f (x_{t+1} - x_t) / dt - w_c sum a_t^2."""

    column: int
    """Where the position along that axis is in an observation."""
    step_seconds: float
    """dt."""
    forward_weight: float = 1.0
    control_weight: float = 0.0

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        velocity = (next_observation[..., self.column] - observation[..., self.column]) / self.step_seconds
        return self.forward_weight * velocity - self.control_weight * action.square().sum(dim=-1)
