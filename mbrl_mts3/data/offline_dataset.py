"""Everything that is known of one offline data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gymnasium import spaces

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.mapped_episodes import episode_lengths
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.errors import DataError


@dataclass(frozen=True, repr=False)
class OfflineDataset:
    """Episodes in physical units, with where they come from.

    Raises:
        DataError: no episodes.
    """

    episodes: Sequence[Episode]
    """A tuple, or `MappedEpisodes` that stay on disk."""
    dataset_id: str
    content_hash: str
    """Of the stored arrays, whatever was selected of them; two data sets of one hash hold the same data."""
    selector: ObservationSelector
    observation_space: spaces.Space[Any]
    """Raw space, before selection."""
    action_space: spaces.Box
    env_id: str | None = None
    notes: tuple[str, ...] = ()
    """What the reader found and did that a user should know, one sentence each."""

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
