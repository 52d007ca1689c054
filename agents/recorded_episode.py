"""What happened in one episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, repr=False)
class RecordedEpisode:
    """T steps of an agent in a real environment, raw as they came."""

    seed: int
    """Of the environment's reset."""
    observations: Any
    """Raw observations, T + 1 of them: an array (T + 1, d) or a dict of such."""
    actions: np.ndarray
    """(T, act)."""
    rewards: np.ndarray
    """(T,): the environment's own."""
    success: bool | None
    """Whether the goal was reached at any step; None where the task has none."""

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.actions)

    def __repr__(self) -> str:
        return f"RecordedEpisode(seed={self.seed}, steps={len(self)}, success={self.success})"
