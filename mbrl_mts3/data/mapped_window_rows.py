"""Rows of episodes on disk, for windows to be cut out of."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.mapped_episodes import MappedEpisodes

Array = np.ndarray[Any, np.dtype[Any]]


class MappedWindowRows:
    """`WindowRows` of episodes that stay on disk; equal rows, read when they are asked for.

    Args:
        episodes: on disk.
        device: where rows are handed out.
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
        """See `WindowRows.take`."""
        steps = numbers[:, :-1]
        return (
            self._fetch("observations", numbers),
            self._fetch("actions", steps),
            self._fetch("rewards", steps),
            self._fetch("terminations", steps),
        )

    def _fetch(self, name: str, numbers: Array) -> Tensor:
        return torch.from_numpy(self._episodes.rows(name, numbers)).to(self._device)
