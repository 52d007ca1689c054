"""Offline data sets, whole or streamed one episode at a time, and the hash of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from mbrl_mts3.data.episode import Episode, RawEpisode
from mbrl_mts3.data.mapped_episodes import episode_lengths
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.observations import observation_leaves
from mbrl_mts3.errors import DataError


@dataclass(frozen=True, repr=False)
class OfflineDataset:
    """A data set of episodes in physical units, with its source.

    Raises:
        DataError: no episodes.
    """

    episodes: Sequence[Episode]
    """A tuple, or `MappedEpisodes` that stay on disk."""
    dataset_id: str
    content_hash: str
    """Hash of the stored arrays, whatever was selected of them; data sets of one hash hold the same data."""
    selector: ObservationSelector
    observation_space: spaces.Space[Any]
    """Raw space, before selection."""
    action_space: spaces.Box
    env_id: str | None = None
    notes: tuple[str, ...] = ()
    """What the reader found and changed that a user should know, one sentence each."""
    env_options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `make_environment` that the data was collected with, its time limit too, as far as known."""

    def __post_init__(self) -> None:
        if len(self.episodes) == 0:
            raise DataError(f"data set {self.dataset_id!r} holds no episode with at least one step")

    @property
    def observation_dim(self) -> int:
        """Entries of a selected observation."""
        return self.selector.dim

    @property
    def action_dim(self) -> int:
        """Entries of an action."""
        return int(self.action_space.shape[0])

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Names of the selected entries."""
        return self.selector.names

    @property
    def total_steps(self) -> int:
        """Transitions in all episodes."""
        return int(episode_lengths(self.episodes).sum())

    def __repr__(self) -> str:
        return (
            f"OfflineDataset({self.dataset_id!r}, episodes={len(self.episodes)}, steps={self.total_steps}, "
            f"obs={self.observation_dim}, act={self.action_dim}, env={self.env_id})"
        )


@dataclass(frozen=True, repr=False)
class StreamedDataset:
    """A data set read one episode at a time; nothing is selected, converted or checked.

    `OfflineDataset` is what models are trained on; this is for looking at data that may be wrong.
    """

    dataset_id: str
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    read: Callable[[], Iterator[RawEpisode]]
    """Starts a new pass over all episodes; DataError where the file is damaged."""
    env_id: str | None = None
    layout: str | None = None
    """Key of `known_names` for the entries of an observation: the environment's id where there is one."""
    env_spec: EnvSpec | None = None
    env_options: Mapping[str, Any] = field(default_factory=dict)
    """Options that the environment was made with, as far as known."""
    max_episode_steps: int | None = None
    """Step limit of the environment; None where there is none or it is not known."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the file says of itself: who made it, how, when."""
    total_steps: int = 0
    """Transitions in all episodes, as the file says."""
    fingerprint: str | None = None
    """Hash of the files' names, sizes and times, known without reading them; None where there are no files."""

    @property
    def all_env_options(self) -> dict[str, Any]:
        """The options of the environment with its time limit among them, as `OfflineDataset.env_options`."""
        limit = {} if self.max_episode_steps is None else {"max_episode_steps": self.max_episode_steps}
        return {**self.env_options, **limit}

    def __repr__(self) -> str:
        return f"StreamedDataset({self.dataset_id!r}, steps={self.total_steps}, env={self.env_id})"


def new_digest() -> hashlib.blake2b:
    """A new, empty hash object for content hashes."""
    return hashlib.blake2b(digest_size=16)


def add_to_digest(digest: hashlib.blake2b, episode: RawEpisode) -> None:
    """Update a hash with the stored arrays of an episode, infos aside: equal data give equal hashes."""
    observations = (leaf for _, leaf in observation_leaves(episode.observations))
    for array in (*observations, episode.actions, episode.rewards, episode.terminations, episode.truncations):
        digest.update(np.ascontiguousarray(array).tobytes())


def episode_hash(episode: RawEpisode) -> str:
    """The hash of one episode alone."""
    digest = new_digest()
    add_to_digest(digest, episode)
    return digest.hexdigest()
