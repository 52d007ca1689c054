from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbrl_mts3.data import Episode, split_episodes
from mbrl_mts3.errors import ConfigurationError, DataError


def ids(episodes: Sequence[Episode]) -> list[int]:
    return [episode.episode_id for episode in episodes]


@given(count=st.integers(3, 40), train=st.floats(0.01, 0.98), share=st.floats(0.01, 0.99), seed=st.integers(0, 2**31))
def test_three_sets_share_the_episodes(make_episode: Any, count: int, train: float, share: float, seed: int) -> None:
    fractions = (train, (1 - train) * share, (1 - train) * (1 - share))
    episodes = [make_episode(2, number) for number in range(count)]
    splits = split_episodes(episodes, fractions, seed)
    parts = [ids(part) for part in (splits.train, splits.validation, splits.test)]
    assert sorted(number for part in parts for number in part) == list(range(count))
    assert all(parts)
    assert [sorted(part) for part in parts] == parts
    again = split_episodes(episodes, fractions, seed)
    assert [ids(part) for part in (again.train, again.validation, again.test)] == parts


def test_sizes_follow_the_fractions(make_episode: Any) -> None:
    splits = split_episodes([make_episode(2, number) for number in range(50)], (0.6, 0.3, 0.1))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (30, 15, 5)


def test_seeds_differ(make_episode: Any) -> None:
    episodes = [make_episode(2, number) for number in range(50)]
    assert ids(split_episodes(episodes, seed=0).test) != ids(split_episodes(episodes, seed=1).test)


@pytest.mark.parametrize("fractions", [(0.8, 0.1), (0.9, 0.1, 0.0), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_fractions_that_make_no_sense(make_episode: Any, fractions: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError, match="three positive numbers"):
        split_episodes([make_episode(2)] * 10, fractions)


def test_too_few_episodes(make_episode: Any) -> None:
    with pytest.raises(DataError, match="at least 3 episodes, got 2"):
        split_episodes([make_episode(2)] * 2)
