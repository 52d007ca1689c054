"""A raw data set: all observations, before entries are selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from mbrl_mts3.data.dataset import OfflineDataset, StreamedDataset, add_to_digest, new_digest
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.memory_map import AUTOMATIC_ABOVE, map_dataset, selected_bytes
from mbrl_mts3.data.observation_selector import ObservationSelector, select_episode


@dataclass(frozen=True, repr=False)
class RawDataset:
    """A data set in the layout and types that it is stored in, with all that is known of it."""

    episodes: tuple[RawEpisode, ...]
    dataset_id: str
    content_hash: str
    observation_space: spaces.Space[Any]
    action_space: spaces.Box
    env_id: str | None = None
    """Id of the environment in which the data can be continued; None where there is none."""
    layout: str | None = None
    """Key of `known_names` for the entries of an observation: an environment's id, or D4RL's name."""
    reference_scores: tuple[float, float] | None = None
    """Returns of a random policy and of an expert."""
    env_spec: EnvSpec | None = None
    notes: tuple[str, ...] = field(default=())
    """What the reader found and changed, one sentence each."""

    def select(self, observation: str | Sequence[str] = "all", *, memory_map: bool | None = False) -> OfflineDataset:
        """Select observation entries: the data set as a model sees it.

        Args:
            observation: see `ObservationSelector.from_space`.
            memory_map: keep the episodes in memory-mapped files, without their infos, see `map_dataset`; the memory is
                free once these raw episodes are dropped. None does so where the selected data would take more than
                2 GiB.

        Raises:
            UnknownObservationError: a selected name that the data does not have.
            NonFiniteDataError: NaN or infinity in the selected data.
            StorageError: the disk is full.
            DataError: no episode has a step.
        """
        selector = ObservationSelector.from_space(self.observation_space, self.layout, observation)
        stored = self._stored()
        large = selected_bytes(stored, selector) > AUTOMATIC_ABOVE
        if large if memory_map is None else memory_map:
            mapped = map_dataset(replace(stored, fingerprint=self._digest()), selector)
            return replace(mapped, content_hash=self.content_hash, notes=self.notes)
        return OfflineDataset(
            tuple(select_episode(raw, selector) for raw in stored.read()),
            self.dataset_id,
            self.content_hash,
            selector,
            self.observation_space,
            self.action_space,
            self.env_id,
            self.notes,
        )

    def _stored(self) -> StreamedDataset:
        """The data set as a streamed one, with numbered episodes."""
        return StreamedDataset(
            dataset_id=self.dataset_id,
            observation_space=self.observation_space,
            action_space=self.action_space,
            read=lambda: (replace(raw, episode_id=number) for number, raw in enumerate(self.episodes)),
            env_id=self.env_id,
            total_steps=sum(len(raw) for raw in self.episodes),
        )

    def _digest(self) -> str:
        """Hash of the episodes as they are cut; the content hash is of a file, which may be cut in several ways."""
        digest = new_digest()
        for raw in self.episodes:
            add_to_digest(digest, raw)
        return digest.hexdigest()
