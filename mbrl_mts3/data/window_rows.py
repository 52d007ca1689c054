"""The rows of episodes that windows are cut out of, in memory or memory-mapped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.mapped_episodes import MappedEpisodes


class InMemoryRows:
    """Rows of all episodes one after the other, n + 1 each, so that one row number is valid for all arrays.

    Args:
        episodes: in physical units.
        device: where the rows are kept and returned.
    """

    def __init__(self, episodes: Sequence[Episode], device: torch.device) -> None:
        self._device = device
        lengths = np.array([len(episode) for episode in episodes])
        self.first_rows: Array = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
        self._observations, self._actions, self._rewards, self._terminations = (
            _flat(episodes, name).to(device) for name in ("observations", "actions", "rewards", "terminations")
        )

    @property
    def observation_dim(self) -> int:
        """Entries of an observation."""
        return int(self._observations.shape[-1])

    @property
    def action_dim(self) -> int:
        """Entries of an action."""
        return int(self._actions.shape[-1])

    def take(self, numbers: Array) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Observations (B, T + 1, obs), actions (B, T, act), rewards and terminations (B, T) of rows (B, T + 1)."""
        rows = torch.from_numpy(numbers).to(self._device)
        steps = rows[:, :-1]
        return self._observations[rows], self._actions[steps], self._rewards[steps], self._terminations[steps]


def _flat(episodes: Sequence[Episode], name: str) -> Tensor:
    rows = [array for episode in episodes for array in _padded(getattr(episode, name), len(episode) + 1)]
    return torch.from_numpy(np.concatenate(rows))


def _padded(array: Array, rows: int) -> list[Array]:
    missing = rows - len(array)
    return [array] if missing == 0 else [array, np.zeros((missing, *array.shape[1:]), array.dtype)]


class MemoryMappedRows:
    """The same rows as `InMemoryRows`, of episodes that stay on disk, read when they are needed.

    Args:
        episodes: on disk.
        device: where rows are returned.
    """

    def __init__(self, episodes: MappedEpisodes, device: torch.device) -> None:
        self._episodes, self._device = episodes, device
        self.first_rows: Array = episodes.first_rows

    @property
    def observation_dim(self) -> int:
        """Entries of an observation."""
        return self._episodes.row_shape("observations")[0]

    @property
    def action_dim(self) -> int:
        """Entries of an action."""
        return self._episodes.row_shape("actions")[0]

    def take(self, numbers: Array) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See `InMemoryRows.take`."""
        steps = numbers[:, :-1]
        return (
            self._fetch("observations", numbers),
            self._fetch("actions", steps),
            self._fetch("rewards", steps),
            self._fetch("terminations", steps),
        )

    def _fetch(self, name: str, numbers: Array) -> Tensor:
        return torch.from_numpy(self._episodes.rows(name, numbers)).to(self._device)
