"""Where the goals of a maze lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError

# Enough to find a free place in any maze that has two; a maze with a single goal next to the start keeps it.
_TRIES = 50


@dataclass(frozen=True)
class MazeGoals:
    """Goals as PointMaze draws them: the middle of a random goal cell, moved a little, apart from the start."""

    centres: Tensor
    """(m, 2): middles of the cells that may hold a goal."""
    noise: float
    """Farthest that a goal lies from the middle of its cell along x and y, in units of length."""
    apart: float
    """Least distance of a goal from the start of an episode, in units of length."""
    continuing: bool = True
    """Whether episodes go on when the goal is reached."""
    renewed: bool = False
    """Whether a new goal then takes its place."""

    @classmethod
    def from_environment(cls, environment: gymnasium.Env[Any, Any]) -> MazeGoals:
        """The goals of a PointMaze environment.

        Raises:
            ConfigurationError: the environment has no maze.
        """
        simulator: Any = environment.unwrapped
        if not hasattr(simulator, "maze"):
            raise ConfigurationError(f"{environment} has no maze, so no goals: this task needs a PointMaze environment")
        scale = float(simulator.maze.maze_size_scaling)
        return cls(
            centres=torch.as_tensor(np.stack(simulator.maze.unique_goal_locations), dtype=torch.float32),
            noise=float(simulator.position_noise_range) * scale,
            apart=0.5 * scale,
            continuing=bool(simulator.continuing_task),
            renewed=bool(simulator.reset_target),
        )

    def draw(self, start: Tensor, generator: torch.Generator | None) -> Tensor:
        """Goals (B, 2) for episodes that start at positions (B, 2)."""
        return self._elsewhere(lambda goals: _distance(goals, start) <= self.apart, start, generator)

    def renew(self, goal: Tensor, position: Tensor, radius: float, generator: torch.Generator | None) -> Tensor:
        """The goals (B, 2), with new ones where the positions (B, 2) lie within the radius and the task asks for it."""
        reached = _distance(goal, position) <= radius
        if not (self.continuing and self.renewed and len(self.centres) > 1) or not bool(reached.any()):
            return goal
        fresh = self._elsewhere(lambda goals: _distance(goals, position) <= radius, position, generator)
        return torch.where(reached[:, None], fresh, goal)

    def _elsewhere(
        self, too_near: Callable[[Tensor], Tensor], like: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        goals = self._draw(like, generator)
        for _ in range(_TRIES):
            wrong = too_near(goals)
            if not bool(wrong.any()):
                break
            goals = torch.where(wrong[:, None], self._draw(like, generator), goals)
        return goals

    def _draw(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        place = torch.randint(len(self.centres), (len(like),), generator=generator, device=like.device)
        shift = torch.rand(len(like), 2, generator=generator, device=like.device, dtype=like.dtype)
        return self.centres.to(like)[place] + (2 * shift - 1) * self.noise


def _distance(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).square().sum(dim=-1).sqrt()
