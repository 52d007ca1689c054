"""The way of an agent through a maze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, repr=False)
class MazeRollout:
    """One episode, in metres."""

    positions: np.ndarray
    """(T + 1, 2): x, y."""
    goal: np.ndarray
    """(2,)."""
    success: bool
