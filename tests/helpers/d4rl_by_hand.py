"""Episodes of D4RL's layout, found by a loop over single rows."""

from typing import Any

import numpy as np
from d4rl_files import Stored

from mbrl_mts3.data import OfflineDataset


def lengths(dataset: OfflineDataset) -> list[int]:
    return [len(episode) for episode in dataset.episodes]


def by_hand(stored: Stored, ends: list[int], shifted: bool) -> list[dict[str, list[Any]]]:
    """Episodes by a loop over single rows; the last of each is left out unless it can be completed."""
    episodes: list[dict[str, list[Any]]] = []
    start = 0
    for end in ends:
        episode: dict[str, list[Any]] = {name: [] for name in ("observations", "actions", "rewards", "next")}
        for row in range(start, end + 1):
            if "next_observations" in stored and not shifted:
                following, reward = stored["next_observations"][row], stored["rewards"][row]
            elif row < end:
                following, reward = stored["observations"][row + 1], stored["rewards"][row + shifted]
            else:
                continue
            episode["observations"].append(stored["observations"][row])
            episode["next"].append(following)
            episode["actions"].append(stored["actions"][row])
            episode["rewards"].append(float(np.reshape(reward, ())))
        episodes.append(episode)
        start = end + 1
    return episodes


def assert_equal_to(dataset: OfflineDataset, expected: list[dict[str, list[Any]]]) -> None:
    assert len(dataset.episodes) == len(expected)
    for episode, hand in zip(dataset.episodes, expected, strict=True):
        np.testing.assert_array_equal(episode.observations[:-1], np.array(hand["observations"], np.float32))
        np.testing.assert_array_equal(episode.observations[1:], np.array(hand["next"], np.float32))
        np.testing.assert_array_equal(episode.actions, np.array(hand["actions"], np.float32))
        np.testing.assert_array_equal(episode.rewards, np.array(hand["rewards"], np.float32))
        assert not episode.terminations[:-1].any()
        assert not episode.truncations[:-1].any()
        assert episode.truncations[-1] != episode.terminations[-1]
