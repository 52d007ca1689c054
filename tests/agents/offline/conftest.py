"""Data whose best policy and values are known by arithmetic."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces


@pytest.fixture
def data_of() -> Callable[..., Any]:
    """Builds an `OfflineDataset` of single steps: data_of(observations, actions, rewards, ended=True)."""
    from mbrl_mts3.data import Episode, ObservationSelector, OfflineDataset

    def build(
        observations: np.ndarray, actions: np.ndarray, rewards: np.ndarray, ended: bool, bound: float = 1.0
    ) -> OfflineDataset:
        space = spaces.Box(-np.inf, np.inf, observations.shape[1:], np.float64)
        episodes = tuple(
            Episode(
                np.stack([o, o]).astype(np.float32),
                a[None].astype(np.float32),
                np.array([r], np.float32),
                np.array([ended]),
                np.array([not ended]),
            )
            for o, a, r in zip(observations, actions, rewards, strict=True)
        )
        box = spaces.Box(-bound, bound, actions.shape[1:], np.float32)
        return OfflineDataset(episodes, "mine/steps-v0", "0", ObservationSelector.from_space(space), space, box)

    return build
