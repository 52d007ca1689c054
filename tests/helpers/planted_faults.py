"""Copies of data sets into which faults are planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.episode import RawEpisode

Plant = Callable[[list[RawEpisode]], list[RawEpisode]]


def planted(dataset: StreamedDataset, plant: Plant, **facts: Any) -> StreamedDataset:
    """A copy with other episodes, and other facts where they are named."""
    episodes = plant(list(dataset.read()))
    return replace(dataset, read=lambda: iter(episodes), **facts)


def in_episode(place: int, change: Callable[[RawEpisode], dict[str, Any]]) -> Plant:
    """Replaces fields of one episode."""

    def plant(episodes: list[RawEpisode]) -> list[RawEpisode]:
        episodes[place] = replace(episodes[place], **change(episodes[place]))
        return episodes

    return plant


def everywhere(change: Callable[[RawEpisode], dict[str, Any]]) -> Plant:
    """Replaces fields of all episodes."""
    return lambda episodes: [replace(episode, **change(episode)) for episode in episodes]


def written(array: np.ndarray, row: Any, value: Any) -> np.ndarray:
    """A copy with one place overwritten."""
    copy = np.array(array)
    copy[row] = value
    return copy


def rows_of(observations: Any, chosen: Any) -> Any:
    """The chosen rows of all arrays of raw observations."""
    if isinstance(observations, dict):
        return {key: rows_of(part, chosen) for key, part in observations.items()}
    return observations[chosen]


def joined(first: RawEpisode, second: RawEpisode) -> RawEpisode:
    """Two episodes as one, as if the boundary between them were lost: the first one's last observation is gone."""

    def pair(one: Any, other: Any) -> Any:
        if isinstance(one, dict):
            return {key: pair(one[key], other[key]) for key in one}
        return np.concatenate([one, other])

    return replace(
        second,
        observations=pair(rows_of(first.observations, slice(None, -1)), second.observations),
        actions=pair(first.actions, second.actions),
        rewards=pair(first.rewards, second.rewards),
        terminations=np.append(np.zeros(len(first), bool), second.terminations),
        truncations=np.append(np.zeros(len(first), bool), second.truncations),
        infos={},
        episode_id=first.episode_id,
    )
