"""Reward of the way that is left to a goal."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.envs.rewards.distance_field import DistanceField


@dataclass(frozen=True)
class ShortestPathReward:
    """Less the length of the shortest way through the maze from o_{t+1} to the goal: a shaped reward.

    Summed over a plan it asks to be near the goal early; a plan of a few steps already sees the way around a corner,
    where the straight distance leads into the wall.
    """

    field: DistanceField
    """Of the goals of B environments."""
    columns: tuple[int, int]
    """Where x and y are in an observation."""

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        field = self.field.to(next_observation.device)
        return -field(next_observation[..., self.columns])
