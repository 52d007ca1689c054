"""Reaching a goal in a maze."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

import gymnasium
import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.rewards.goal_distance import GOAL_RADIUS, DistanceKind, GoalDistanceReward
from mbrl_mts3.envs.rewards.maze_map import MazeMap
from mbrl_mts3.envs.rewards.shortest_path import ShortestPathReward
from mbrl_mts3.envs.scenes.point_maze import PointMazeScene
from mbrl_mts3.envs.tasks.maze_goals import MazeGoals
from mbrl_mts3.envs.tasks.task import Task
from mbrl_mts3.envs.terminations import GoalReached, Never
from mbrl_mts3.errors import ConfigurationError

KINDS: tuple[str, ...] = ("shaped", *get_args(DistanceKind))


class PointMazeTask(Task):
    """Bring the ball to the goal, which each observation names as `desired_goal`.

    An episode ends there unless the environment was made with continuing_task=True, its default.

    Args:
        kind: "shaped" plans with the shortest way through the maze (see `ShortestPathReward`); "straight", "dense" and
            "sparse" with the straight distance (see `GoalDistanceReward`). The environment itself pays "dense" or
            "sparse".
        maze: walls for "shaped"; `prepare` reads them from an environment.
        goals: where goals lie, to imagine episodes; `prepare` reads it from an environment.

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

    def termination_function(self, observation: Any, selector: ObservationSelector) -> GoalReached | Never:
        return Never() if self._prepared.continuing else self.success_function(observation, selector)

    def success_function(self, observation: Any, selector: ObservationSelector) -> GoalReached:
        x, y = self.columns(selector)
        return GoalReached(_goals(observation), (x, y))

    def success(self, observation: Any, info: Mapping[str, Any]) -> bool:
        """Whether the ball is within the goal's radius, by the environment's word where it gives one."""
        reached = super().success(observation, info)
        if reached is None:
            position = np.asarray(observation["achieved_goal"])
            reached = bool(np.linalg.norm(position - observation["desired_goal"]) <= GOAL_RADIUS)
        return reached

    def draw_goals(
        self, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor:
        return self._prepared.draw(observation[:, self.columns(selector)], generator)

    def next_goals(
        self, goal: Tensor, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor:
        return self._prepared.renew(goal, observation[:, self.columns(selector)], GOAL_RADIUS, generator)

    def raw_entries(self, observation: Tensor, goal: Tensor | None, selector: ObservationSelector) -> dict[str, Tensor]:
        position = observation[..., self.columns(selector)]
        return {"achieved_goal": position} if goal is None else {"achieved_goal": position, "desired_goal": goal}

    def scene(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> PointMazeScene:
        return PointMazeScene(environment, selector)

    @property
    def _prepared(self) -> MazeGoals:
        if self.goals is None:
            raise ConfigurationError(
                "the goals of the maze are not known: call task.prepare(environment) with the PointMaze environment"
            )
        return self.goals


def _goals(observation: Any) -> Tensor:
    """(B, 2), float32."""
    if not isinstance(observation, Mapping) or "desired_goal" not in observation:
        raise ConfigurationError(
            "the PointMaze task reads the goal from the observation's 'desired_goal', which is not there: "
            "hand the agent the environment's whole (dict) observation"
        )
    return torch.as_tensor(observation["desired_goal"], dtype=torch.float32).reshape(-1, 2)
