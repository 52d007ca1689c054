"""Rewards of the straight distance to a goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

GOAL_RADIUS = 0.45
"""Within it PointMaze's goals count as reached, in units of length."""

DistanceKind = Literal["straight", "dense", "sparse"]


@dataclass(frozen=True)
class GoalDistanceReward:
    """Reward for the distance d of o_{t+1} to the goal, walls or not.

    "straight": -d. "dense": exp(-d), as PointMaze's own dense reward. "sparse": 1 within the goal's radius, else 0.
    """

    goal: Tensor
    """(B, 2)."""
    columns: tuple[int, int]
    """Where x and y are in an observation."""
    kind: DistanceKind = "straight"
    radius: float = GOAL_RADIUS

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        goal = self.goal.to(next_observation.device).reshape(len(self.goal), *(1,) * (next_observation.ndim - 2), 2)
        distance = (next_observation[..., self.columns] - goal).square().sum(dim=-1).sqrt()
        if self.kind == "straight":
            return -distance
        if self.kind == "dense":
            return (-distance).exp()
        return (distance <= self.radius).to(distance.dtype)
