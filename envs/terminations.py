"""Termination functions: whether an episode ends at an observation, for training in imagination."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbrl_mts3.envs.rewards import GOAL_RADIUS, KitchenGoals, aligned


@dataclass(frozen=True)
class GoalReached:
    """Terminates when the position is within the radius of its goal."""

    goal: Tensor
    """(B, 2)."""
    columns: tuple[int, int]
    """Columns of x and y in an observation."""
    radius: float = GOAL_RADIUS

    def __call__(self, next_observation: Tensor) -> Tensor:
        goal = self.goal.to(next_observation.device).reshape(len(self.goal), *(1,) * (next_observation.ndim - 2), 2)
        distance = (next_observation[..., self.columns] - goal).square().sum(dim=-1).sqrt()
        return distance <= self.radius


@dataclass(frozen=True)
class KitchenFinished:
    """Terminates when every chosen kitchen task is complete, now or earlier in the episode."""

    goals: KitchenGoals
    finished: Tensor | None = None
    """(B, K): 1 where a task was finished before; None if that is not known."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        done = self.goals.reached(next_observation)
        if self.finished is not None:
            done = done | aligned(self.finished, done)
        return done.all(dim=-1)


@dataclass(frozen=True)
class AnyTerminates:
    """Terminates where any of several functions does."""

    functions: tuple[TerminationFunction, ...]

    def __call__(self, next_observation: Tensor) -> Tensor:
        return torch.stack([function(next_observation) for function in self.functions]).any(dim=0)


class NeverTerminates:
    """Never terminates; episodes end by their time limit."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        return torch.zeros(next_observation.shape[:-1], dtype=torch.bool, device=next_observation.device)


@runtime_checkable
class TerminationFunction(Protocol):
    """Whether an episode terminates at an observation, in physical units.

    Observations hold the entries that the model observes, in the order of its selector. Where the function was made for
    B environments (with a goal for each, for example), the first of the leading dimensions has the size B.
    """

    def __call__(self, next_observation: Tensor) -> Tensor:
        """Whether episodes terminate, (...) bool, at observations (..., obs)."""
        ...


@dataclass(frozen=True)
class TippedOver:
    """Terminates when a body leans too far; the cosine of its vertical to the world's is cos(roll) cos(pitch)."""

    columns: tuple[int, int]
    """Columns of the cosines of roll and pitch in an observation."""
    angle: float
    """Largest angle to the vertical, degrees."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        roll, pitch = self.columns
        return next_observation[..., roll] * next_observation[..., pitch] < math.cos(math.radians(self.angle))
