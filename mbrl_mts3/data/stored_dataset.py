"""A data set as it is stored, read one episode at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from mbrl_mts3.data.raw_episode import RawEpisode


@dataclass(frozen=True, repr=False)
class StoredDataset:
    """Nothing is selected, converted or checked; memory holds one episode at a time.

    `OfflineDataset` is what models are trained on; this is for looking at data that may be wrong.
    """

    dataset_id: str
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    read: Callable[[], Iterator[RawEpisode]]
    """Starts a new pass over all episodes; DataError where the file is damaged."""
    env_id: str | None = None
    layout: str | None = None
    """What `known_names` knows the entries of an observation by: the environment's id where there is one."""
    env_spec: EnvSpec | None = None
    env_options: Mapping[str, Any] = field(default_factory=dict)
    """That the environment was made with, as far as known."""
    max_episode_steps: int | None = None
    """Where the environment cuts an episode; None where there is no limit or it is not known."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the file says of itself: who made it, how, when."""
    total_steps: int = 0
    """Transitions in all episodes, as the file says."""
    fingerprint: str | None = None
    """Of the files (names, sizes, times), known without reading them; None where there are none."""

    def __repr__(self) -> str:
        return f"StoredDataset({self.dataset_id!r}, steps={self.total_steps}, env={self.env_id})"
