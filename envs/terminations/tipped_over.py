"""The end of a vehicle that lies on its side."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class TippedOver:
    """Whether a body leans: its own vertical against the world's has the cosine cos(roll) cos(pitch)."""

    columns: tuple[int, int]
    """Where the cosines of roll and pitch are in an observation."""
    angle: float
    """In degrees."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        roll, pitch = self.columns
        return next_observation[..., roll] * next_observation[..., pitch] < math.cos(math.radians(self.angle))
