"""The end of a way."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.envs.rewards.goal_distance import GOAL_RADIUS


@dataclass(frozen=True)
class GoalReached:
    """Whether a position lies within the radius of its goal."""

    goal: Tensor
    """(B, 2)."""
    columns: tuple[int, int]
    """Where x and y are in an observation."""
    radius: float = GOAL_RADIUS

    def __call__(self, next_observation: Tensor) -> Tensor:
        goal = self.goal.to(next_observation.device).reshape(len(self.goal), *(1,) * (next_observation.ndim - 2), 2)
        distance = (next_observation[..., self.columns] - goal).square().sum(dim=-1).sqrt()
        return distance <= self.radius
