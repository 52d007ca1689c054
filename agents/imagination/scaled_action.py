"""Actions between the bounds of their space and the unit box that Stable-Baselines3 learns in."""

from __future__ import annotations

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor


def to_unit(actions: np.ndarray, space: spaces.Box) -> np.ndarray:
    """Actions (B, act) of the space, scaled to [-1, 1]; those beyond the bounds are moved to them."""
    inside = np.clip(actions, space.low, space.high)
    return np.asarray(2.0 * (inside - space.low) / (space.high - space.low) - 1.0, np.float32)


def from_unit(actions: Tensor, space: spaces.Box) -> Tensor:
    """The inverse of `to_unit`."""
    low, high = (
        torch.as_tensor(bound, dtype=actions.dtype, device=actions.device) for bound in (space.low, space.high)
    )
    return low + 0.5 * (actions + 1.0) * (high - low)
