"""Beginnings of episodes that weigh more."""

import numpy as np
import pytest

from mbrl_mts3.agents.imagination import oversample_episode_starts
from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.errors import ConfigurationError


def test_the_first_steps_come_again(data: OfflineDataset) -> None:
    found = oversample_episode_starts(data.episodes, steps=4, copies=3)
    assert found[:2] == list(data.episodes)
    assert [len(episode) for episode in found] == [25, 25] + 6 * [4]
    for number, piece in enumerate(found[2:]):
        whole = data.episodes[number // 3]
        np.testing.assert_array_equal(piece.observations, whole.observations[:5])
        np.testing.assert_array_equal(piece.actions, whole.actions[:4])
        np.testing.assert_array_equal(piece.rewards, whole.rewards[:4])


def test_short_episodes_and_no_emphasis_stay_as_they_are(data: OfflineDataset) -> None:
    assert oversample_episode_starts(data.episodes, steps=25, copies=3) == list(data.episodes)
    assert oversample_episode_starts(data.episodes, steps=4, copies=0) == list(data.episodes)


@pytest.mark.parametrize(("steps", "times"), [(0, 1), (1, -1)])
def test_numbers_out_of_range(data: OfflineDataset, steps: int, times: int) -> None:
    with pytest.raises(ConfigurationError, match="oversampled"):
        oversample_episode_starts(data.episodes, steps, times)
