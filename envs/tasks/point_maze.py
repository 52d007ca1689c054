"""The PointMaze tasks: sparse, dense, straight and shaped rewards, and the sampling of goals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

import gymnasium
import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.maze_map import MazeMap
from mbrl_mts3.envs.rendering import PointMazeRenderer
from mbrl_mts3.envs.rewards import GOAL_RADIUS, DistanceKind, GoalDistanceReward, ShortestPathReward
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.terminations import GoalReached, NeverTerminates
from mbrl_mts3.errors import ConfigurationError

KINDS: tuple[str, ...] = ("shaped", *get_args(DistanceKind))


class PointMazeTask(Task):
    """Move the ball to the goal, which each observation holds as `desired_goal`.

    An episode ends there unless the environment was made with continuing_task=True, its default.

    Args:
        kind: of the reward. "shaped" uses the shortest path through the maze (see `ShortestPathReward`); "straight",
            "dense" and "sparse" use the straight distance (see `GoalDistanceReward`). The rewards of the environment
            itself are "dense" and "sparse".
        maze: walls for "shaped"; `prepare` reads them from an environment.
        goals: how goals are sampled in imagined episodes; `prepare` reads it from an environment.

    Raises:
        ConfigurationError: unknown kind.
    """

    name = "PointMaze"
    observation_names = ("x", "y")

    def __init__(self, kind: str = "shaped", maze: MazeMap | None = None, goals: MazeGoals | None = None) -> None:
        if kind not in KINDS:
            raise ConfigurationError(f"unknown maze reward {kind!r}: expected one of {', '.join(KINDS)}")
        self.kind = kind
        self.maze = maze
        self.goals = goals

    def prepare(self, environment: gymnasium.Env[Any, Any]) -> PointMazeTask:
        maze = self.maze or MazeMap.from_environment(environment)
        return PointMazeTask(self.kind, maze, self.goals or MazeGoals.from_environment(environment))

    def reward_function(
        self, observation: Any, selector: ObservationSelector
    ) -> ShortestPathReward | GoalDistanceReward:
        x, y = self.columns(selector)
        goals = _goals(observation)
        if self.kind != "shaped":
            return GoalDistanceReward(goals, (x, y), cast(DistanceKind, self.kind))
        if self.maze is None:
            raise ConfigurationError("the shaped reward needs the walls: call task.prepare(environment) first")
        return ShortestPathReward(self.maze.distance_field(goals.cpu().numpy()), (x, y))

    def termination_function(self, observation: Any, selector: ObservationSelector) -> GoalReached | NeverTerminates:
        return NeverTerminates() if self._prepared.continuing else self.success_function(observation, selector)

    def success_function(self, observation: Any, selector: ObservationSelector) -> GoalReached:
        x, y = self.columns(selector)
        return GoalReached(_goals(observation), (x, y))

    def success(self, observation: Any, info: Mapping[str, Any]) -> bool:
        """Whether the ball is within the goal's radius; info["success"] of the environment decides where it exists."""
        reached = super().success(observation, info)
        if reached is None:
            position = np.asarray(observation["achieved_goal"])
            reached = bool(np.linalg.norm(position - observation["desired_goal"]) <= GOAL_RADIUS)
        return reached

    def sample_goals(
        self, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor:
        return self._prepared.sample(observation[:, self.columns(selector)], generator)

    def next_goals(
        self, goal: Tensor, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor:
        return self._prepared.renew(goal, observation[:, self.columns(selector)], GOAL_RADIUS, generator)

    def raw_entries(self, observation: Tensor, goal: Tensor | None, selector: ObservationSelector) -> dict[str, Tensor]:
        position = observation[..., self.columns(selector)]
        return {"achieved_goal": position} if goal is None else {"achieved_goal": position, "desired_goal": goal}

    def goal_reward(self, achieved: Array, desired: Array) -> Array:
        if self.kind == "shaped":
            return super().goal_reward(achieved, desired)
        places = torch.as_tensor(achieved).reshape(-1, 2)
        reward = GoalDistanceReward(torch.as_tensor(desired).reshape(-1, 2), (0, 1), cast(DistanceKind, self.kind))
        paid: Array = reward(places, places, places).numpy()
        return paid

    def renderer(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> PointMazeRenderer:
        return PointMazeRenderer(environment, selector)

    @property
    def _prepared(self) -> MazeGoals:
        if self.goals is None:
            raise ConfigurationError(
                "the goals of the maze are not known: call task.prepare(environment) with the PointMaze environment"
            )
        return self.goals


def _goals(observation: Any) -> Tensor:
    """Goals (B, 2), float32, of a raw observation."""
    if not isinstance(observation, Mapping) or "desired_goal" not in observation:
        raise ConfigurationError(
            "the PointMaze task reads the goal from the observation's 'desired_goal', which is missing: "
            "give the agent the environment's whole (dict) observation"
        )
    return torch.as_tensor(observation["desired_goal"], dtype=torch.float32).reshape(-1, 2)


# Enough to find another place in any maze that has two; a maze with a single goal next to the start keeps it.
_TRIES = 50


@dataclass(frozen=True)
class MazeGoals:
    """Samples goals as PointMaze does: the middle of a random goal cell plus noise, at a distance from the start."""

    centres: Tensor
    """(m, 2): middles of the cells that may hold a goal."""
    noise: float
    """Largest distance of a goal from the middle of its cell along x and y, in units of length."""
    apart: float
    """Smallest distance of a goal from the start of an episode, in units of length."""
    continuing: bool = True
    """Whether episodes continue when the goal is reached."""
    renewed: bool = False
    """Whether a new goal then replaces it."""

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

    def sample(self, start: Tensor, generator: torch.Generator | None) -> Tensor:
        """Sample goals (B, 2) for episodes that start at positions (B, 2)."""
        return self._sample_until(lambda goals: _distance(goals, start) <= self.apart, start, generator)

    def renew(self, goal: Tensor, position: Tensor, radius: float, generator: torch.Generator | None) -> Tensor:
        """Replace goals (B, 2) that positions (B, 2) have reached, if episodes continue with new goals."""
        reached = _distance(goal, position) <= radius
        if not (self.continuing and self.renewed and len(self.centres) > 1) or not bool(reached.any()):
            return goal
        fresh = self._sample_until(lambda goals: _distance(goals, position) <= radius, position, generator)
        return torch.where(reached[:, None], fresh, goal)

    def _sample_until(
        self, too_near: Callable[[Tensor], Tensor], like: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        goals = self._sample_anywhere(like, generator)
        for _ in range(_TRIES):
            wrong = too_near(goals)
            if not bool(wrong.any()):
                break
            goals = torch.where(wrong[:, None], self._sample_anywhere(like, generator), goals)
        return goals

    def _sample_anywhere(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        place = torch.randint(len(self.centres), (len(like),), generator=generator, device=like.device)
        shift = torch.rand(len(like), 2, generator=generator, device=like.device, dtype=like.dtype)
        return self.centres.to(like)[place] + (2 * shift - 1) * self.noise


def _distance(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).square().sum(dim=-1).sqrt()
