"""An episode of a maze as positions, goals and rewards, whatever its layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_mts3.data.d4rl_table import D4RL_DATASETS
from mbrl_mts3.data.observation_leaves import observation_leaves
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class MazeView:
    """What the traps of mazes look at."""

    positions: Array
    """(T + 1, 2), metres."""
    goals: Array
    """(T + 1, 2), as stored beside each position."""
    rewards: Array
    """(T,)."""
    radius: float
    """Metres: within it the environment counts a goal as reached."""
    sparse: bool
    """Rewards are 0 and 1; else exp(-distance)."""

    @classmethod
    def of(cls, episode: RawEpisode, survey: Survey) -> MazeView | None:
        """None where the data is of no maze, or does not tell its goals."""
        env_id = survey.dataset.env_id or ""
        of_d4rl = "maze2d" in env_id.lower()
        if not of_d4rl and "PointMaze" not in env_id:
            return None
        leaves, steps = dict(observation_leaves(episode.observations)), len(episode)
        positions = leaves.get("achieved_goal", leaves.get("observation"))
        goals = _fixed_goal(env_id, steps)
        if goals is None:
            goals = leaves.get("desired_goal", episode.infos.get("goal"))
        if positions is None or goals is None or len(goals) < steps:
            return None
        if len(goals) == steps:  # D4RL stores one goal for each transition.
            goals = np.concatenate([goals, goals[-1:]])
        return cls(
            positions=np.asarray(positions[:, :2], np.float64),
            goals=np.asarray(goals, np.float64),
            rewards=np.asarray(episode.rewards, np.float64).reshape(steps),
            # D4RL's maze_model and Gymnasium-Robotics' maze_v4.
            radius=0.5 if of_d4rl else 0.45,
            sparse=bool(np.isin(survey.reward_values, (0.0, 1.0)).all()),
        )

    def reward(self, positions: Array, goals: Array) -> Array:
        """What the environment pays at positions (n, 2) for goals (n, 2)."""
        distances = np.linalg.norm(positions - goals, axis=1)
        result: Array = (distances <= self.radius).astype(np.float64) if self.sparse else np.exp(-distances)
        return result


def _fixed_goal(env_id: str, steps: int) -> Array | None:
    """(T + 1, 2): the goal that D4RL's mazes are paid for, whatever their infos/goal aim at."""
    info = D4RL_DATASETS.get(env_id)
    return None if info is None or info.goal is None else np.tile(np.array(info.goal), (steps + 1, 1))
