"""Real transitions beside imagined ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mbrl_mts3.agents.imagination import real_transitions
from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs.world_model import WorldModelDynamics


def test_they_are_the_data(data: OfflineDataset, world: Callable[..., WorldModelDynamics]) -> None:
    """Rewards too: those of the environment, which the task's function only comes near to."""
    found = real_transitions(world(uncertainty_penalty=5.0), data.episodes)
    assert len(found) == 50
    for name, expected in {
        "observations": [episode.observations[:-1] for episode in data.episodes],
        "next_observations": [episode.observations[1:] for episode in data.episodes],
        "actions": [episode.actions for episode in data.episodes],
        "rewards": [episode.rewards for episode in data.episodes],
    }.items():
        np.testing.assert_allclose(getattr(found, name), np.concatenate(expected), rtol=1e-6, atol=1e-6, err_msg=name)
    assert not found.terminated.any()
    assert np.flatnonzero(found.truncated).tolist() == [24, 49]


def test_ends_are_those_of_the_data(data: OfflineDataset, world: Callable[..., WorldModelDynamics]) -> None:
    ended = replace(data.episodes[0], terminations=np.arange(25) == 24, truncations=np.zeros(25, bool))
    found = real_transitions(world(), [ended])
    assert np.flatnonzero(found.terminated).tolist() == [24]
    assert not found.truncated.any()


def test_each_gets_a_goal_where_the_task_has_some(maze_data: OfflineDataset, maze: WorldModelDynamics) -> None:
    found = real_transitions(maze, maze_data.episodes, seed=3)
    goal = found.observations["desired_goal"]
    position = np.concatenate([episode.observations[1:, :2] for episode in maze_data.episodes])
    near = np.linalg.norm(position - goal, axis=1) <= 0.45
    np.testing.assert_array_equal(found.next_observations["desired_goal"], goal)
    np.testing.assert_array_equal(found.rewards, near.astype(np.float32))
    np.testing.assert_array_equal(found.terminated, near)
    assert len(np.unique(goal, axis=0)) == 50
    assert not np.array_equal(goal, real_transitions(maze, maze_data.episodes, seed=4).observations["desired_goal"])
