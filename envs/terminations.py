"""Ends of episodes as functions of observations, for learning in imagination."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbrl_mts3.envs.rewards import GOAL_RADIUS, KitchenGoals, aligned


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


@dataclass(frozen=True)
class KitchenFinished:
    """Whether every task is done now or was finished before."""

    goals: KitchenGoals
    finished: Tensor | None = None
    """(B, K): 1 where a task was finished before; None if nothing is known of that."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        done = self.goals.reached(next_observation)
        if self.finished is not None:
            done = done | aligned(self.finished, done)
        return done.all(dim=-1)


class NeverTerminates:
    """No observation ends an episode; time limits do."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        return torch.zeros(next_observation.shape[:-1], dtype=torch.bool, device=next_observation.device)


@runtime_checkable
class TerminationFunction(Protocol):
    """Whether an episode terminates at an observation, in physical units.

    Observations hold the entries that the model sees, in the order of its selector. Where the function was made for B
    environments (with a goal for each, say), the first of the leading dimensions has the size B.
    """

    def __call__(self, next_observation: Tensor) -> Tensor:
        """(..., obs) -> (...), bool."""
        ...


@dataclass(frozen=True)
class TippedOver:
    """Whether a body leans: its own vertical against the world's has the cosine cos(roll) cos(pitch)."""

    columns: tuple[int, int]
    """Where the cosines of roll and pitch are in an observation."""
    angle: float
    """In degrees."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        roll, pitch = self.columns
        return next_observation[..., roll] * next_observation[..., pitch] < math.cos(math.radians(self.angle))
