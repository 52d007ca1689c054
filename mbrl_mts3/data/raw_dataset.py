"""A data set before anything is selected from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.offline_dataset import OfflineDataset
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.select_episode import select_episode


@dataclass(frozen=True, repr=False)
class RawDataset:
    """Episodes in the layout and the types that they are stored in, with all that is known of them."""

    episodes: tuple[RawEpisode, ...]
    dataset_id: str
    content_hash: str
    observation_space: spaces.Space[Any]
    action_space: spaces.Box
    env_id: str | None = None
    """Of the environment in which the data can be continued; None where there is none."""
    layout: str | None = None
    """What `known_names` knows the entries of an observation by: an environment's id, or D4RL's name."""
    reference_scores: tuple[float, float] | None = None
    """Returns of a random policy and of an expert."""
    env_spec: EnvSpec | None = None
    notes: tuple[str, ...] = field(default=())
    """What the reader found and did, one sentence each."""

    def select(self, observation: str | Sequence[str] = "all") -> OfflineDataset:
        """The data as a model sees it.

        Args:
            observation: see `ObservationSelector.from_space`.

        Raises:
            UnknownObservationError: a selected name that the data does not have.
            NonFiniteDataError: NaN or infinity in the selected data.
            DataError: no episode has a step.
        """
        selector = ObservationSelector.from_space(self.observation_space, self.layout, observation)
        episodes = tuple(
            select_episode(replace(raw, episode_id=number), selector) for number, raw in enumerate(self.episodes)
        )
        return OfflineDataset(
            episodes,
            self.dataset_id,
            self.content_hash,
            selector,
            self.observation_space,
            self.action_space,
            self.env_id,
            self.notes,
        )
