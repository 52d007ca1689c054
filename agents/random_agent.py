"""The agent that every other one must beat."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.agents.observation_batch import batch_size
from mbrl_mts3.errors import ConfigurationError


class RandomAgent:
    """Actions drawn uniformly from the action space; the state counts the calls. Implements `Agent`.

    Args:
        action_space: with finite bounds.
        seed: the same seed and the same calls give the same actions.
    """

    def __init__(self, action_space: spaces.Box, seed: int = 0) -> None:
        self.action_space = action_space
        self.seed = seed

    @classmethod
    def of(cls, environment: gymnasium.Env[Any, Any], seed: int = 0) -> RandomAgent:
        """The one for an environment.

        Raises:
            ConfigurationError: its actions are not a Box with finite bounds.
        """
        space = environment.action_space
        if not isinstance(space, spaces.Box) or not space.is_bounded():
            raise ConfigurationError(f"random actions need a bounded Box, {environment} has {space}")
        return cls(space, seed)

    def predict(
        self,
        observation: Any,
        state: int | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, int]:
        """Draw; see `Agent.predict`. There is no mode to be deterministic about."""
        calls = state or 0
        rng = np.random.default_rng((self.seed, calls))
        batch = batch_size(observation)
        shape = self.action_space.shape if batch is None else (batch, *self.action_space.shape)
        drawn = rng.uniform(self.action_space.low, self.action_space.high, shape)
        return drawn.astype(self.action_space.dtype), calls + 1
