"""One episode as the environment gave it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class RawEpisode:
    """T transitions in the raw layout of an environment's spaces, ready to be stored."""

    observations: Any
    """Array of T + 1 rows, or a (nested) dict of such arrays."""
    actions: Array
    """(T, act)."""
    rewards: Array
    """(T,)."""
    terminations: Array
    """(T,) bool."""
    truncations: Array
    """(T,) bool."""
    infos: dict[str, Array] = field(default_factory=dict)
    """Arrays of T + 1 or T rows."""
    seed: int | None = None
    """That the environment was reset with."""
    episode_id: int = 0
    """In the data set that it was read from."""

    def __len__(self) -> int:
        """Number of transitions."""
        return len(self.actions)
