"""What rewards add up to."""

from __future__ import annotations

import numpy as np


def discounted_returns(rewards: np.ndarray, discount: float = 1.0, horizon: int | None = None) -> np.ndarray:
    """Sums of discounted rewards, sum over t < horizon of discount^t r_t.

    Args:
        rewards: (..., T), 0 after the end of an episode.
        discount: 1 for plain sums.
        horizon: how many steps count; None for all.

    Returns:
        (...), float64.
    """
    counted = np.asarray(rewards, np.float64)[..., :horizon]
    weights = discount ** np.arange(counted.shape[-1])
    return np.asarray(counted @ weights)
