"""Reaching a goal in a maze."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

import gymnasium
import numpy as np
import torch

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.rewards.goal_distance import GOAL_RADIUS, DistanceKind, GoalDistanceReward
from mbrl_mts3.envs.rewards.maze_map import MazeMap
from mbrl_mts3.envs.rewards.shortest_path import ShortestPathReward
from mbrl_mts3.envs.tasks.task import Task
from mbrl_mts3.errors import ConfigurationError

KINDS: tuple[str, ...] = ("shaped", *get_args(DistanceKind))


class PointMazeTask(Task):
    """Bring the ball to the goal, which each observation names as `desired_goal`.

    Args:
        kind: "shaped" plans with the shortest way through the maze (see `ShortestPathReward`); "straight", "dense" and
            "sparse" with the straight distance (see `GoalDistanceReward`).
        maze: walls for "shaped"; `prepare` reads them from an environment.

    Raises:
        ConfigurationError: unknown kind.
    """

    name = "PointMaze"
    observation_names = ("x", "y")

    def __init__(self, kind: str = "shaped", maze: MazeMap | None = None) -> None:
        if kind not in KINDS:
            raise ConfigurationError(f"unknown maze reward {kind!r}: expected one of {', '.join(KINDS)}")
        self.kind = kind
        self.maze = maze

    def prepare(self, environment: gymnasium.Env[Any, Any]) -> PointMazeTask:
        return PointMazeTask(self.kind, self.maze or MazeMap.from_environment(environment))

    def reward_function(
        self, observation: Any, selector: ObservationSelector
    ) -> ShortestPathReward | GoalDistanceReward:
        x, y = self.columns(selector)
        goals = _goals(observation)
        if self.kind != "shaped":
            return GoalDistanceReward(
                torch.as_tensor(goals, dtype=torch.float32), (x, y), cast(DistanceKind, self.kind)
            )
        if self.maze is None:
            raise ConfigurationError("the shaped reward needs the walls: call task.prepare(environment) first")
        return ShortestPathReward(self.maze.distance_field(goals), (x, y))

    def success(self, observation: Any, info: Mapping[str, Any]) -> bool:
        """Whether the ball is within the goal's radius, by the environment's word where it gives one."""
        reached = super().success(observation, info)
        if reached is None:
            position = np.asarray(observation["achieved_goal"])
            reached = bool(np.linalg.norm(position - observation["desired_goal"]) <= GOAL_RADIUS)
        return reached


def _goals(observation: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(B, 2)."""
    if not isinstance(observation, Mapping) or "desired_goal" not in observation:
        raise ConfigurationError(
            "the PointMaze task reads the goal from the observation's 'desired_goal', which is not there: "
            "hand the agent the environment's whole (dict) observation"
        )
    goals = np.asarray(observation["desired_goal"], dtype=np.float64)
    return goals.reshape(-1, 2)
