"""What a policy learns from is what the data set holds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from imagined_worlds import dataset_of

from mbrl_mts3.agents.offline import build_replay_buffer
from mbrl_mts3.data import Episode, ObservationSelector, OfflineDataset
from mbrl_mts3.errors import DataError, SpaceMismatchError

SPACE = spaces.Box(-np.inf, np.inf, (2,), np.float64)
ACTIONS = spaces.Box(np.array([-2.0, 10.0], np.float32), np.array([2.0, 30.0], np.float32))


def episode(first: float, steps: int, ended: bool, cut: bool) -> Episode:
    """Observations count up from `first`, so that each tells where it is from."""
    count = first + np.arange(steps + 1, dtype=np.float32)
    last = np.arange(steps) == steps - 1
    actions = np.stack([np.linspace(-2, 2, steps), np.linspace(30.000002, 10, steps)], axis=1).astype(np.float32)
    rewards = count[:-1] / 10
    return Episode(np.stack([count, -count], axis=1), actions, rewards, last & ended, last & cut)


def dataset(*episodes: Episode) -> OfflineDataset:
    return OfflineDataset(episodes, "mine/counted-v0", "0", ObservationSelector.from_space(SPACE), SPACE, ACTIONS)


def sampled(data: OfflineDataset) -> Any:
    """Every transition, in the order of the first entry of the observation."""
    replay = build_replay_buffer(data)
    samples = replay.sample(100 * data.total_steps)
    rows = np.column_stack([part.numpy() for part in samples[:5]])
    return np.unique(rows, axis=0)


def test_transitions_stay_in_their_episodes_and_only_terminations_end_a_return() -> None:
    data = dataset(
        episode(0, 3, ended=True, cut=False),
        episode(100, 2, ended=False, cut=True),
        episode(200, 2, ended=False, cut=False),
        episode(300, 1, ended=True, cut=True),
    )
    rows = sampled(data)
    first = rows[:, 0]
    np.testing.assert_array_equal(first, [0, 1, 2, 100, 101, 200, 201, 300])
    np.testing.assert_array_equal(rows[:, 4:6], np.stack([first + 1, -first - 1], axis=1))
    np.testing.assert_array_equal(rows[:, 6], [0, 0, 1, 0, 0, 0, 0, 1])
    np.testing.assert_allclose(rows[:, 7], first / 10)


def test_actions_are_those_of_the_policies() -> None:
    rows = sampled(dataset(episode(0, 3, ended=False, cut=True)))
    np.testing.assert_allclose(rows[:, 2:4], [[-1, 1], [0, 0], [1, -1]], atol=1e-6)
    assert np.abs(rows[:, 2:4]).max() <= 1


def test_goals_stay_with_their_observations() -> None:
    data = dataset_of("PointMaze_UMaze-v3", "everything", episodes=2, steps=10)
    samples = build_replay_buffer(data).sample(64)
    assert {key: tuple(part.shape) for key, part in samples.observations.items()} == {
        "achieved_goal": (64, 2),
        "desired_goal": (64, 2),
        "observation": (64, 4),
    }
    assert all(part.dtype == torch.float32 for part in samples.observations.values())
    torch.testing.assert_close(samples.observations["achieved_goal"], samples.observations["observation"][:, :2])
    goals = {tuple(goal) for episode in data.episodes for goal in episode.observations[:, 2:4].tolist()}
    assert {tuple(goal) for goal in samples.next_observations["desired_goal"].tolist()} <= goals


def test_half_an_observation_is_refused() -> None:
    with pytest.raises(SpaceMismatchError, match=r"4 of 8 entries.*observation=everything"):
        build_replay_buffer(dataset_of("PointMaze_UMaze-v3", "all", episodes=1, steps=2))


def test_spaces_without_policies_are_refused() -> None:
    data = dataset(episode(0, 1, ended=True, cut=False))
    nested = spaces.Dict({"goal": spaces.Dict({"kettle": SPACE})})
    with pytest.raises(DataError, match="Dicts in Dicts"):
        build_replay_buffer(replace(data, observation_space=nested))
    with pytest.raises(DataError, match="without bounds"):
        build_replay_buffer(replace(data, action_space=spaces.Box(-np.inf, np.inf, (2,), np.float32)))
