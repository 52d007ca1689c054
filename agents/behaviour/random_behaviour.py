"""Actions drawn at random."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.behaviour.action_box import action_box
from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour
from mbrl_mts3.errors import ConfigurationError


class RandomBehaviour(Behaviour):
    """Uniform in the action box.

    Args:
        environment: with bounded actions.
        hold: steps that each drawn action lasts.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], hold: int = 1) -> None:
        if hold < 1:
            raise ConfigurationError(f"hold needs at least 1 step, got {hold}")
        self._low, self._high = action_box(environment)
        self._hold = hold
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._action = self._low
        self._left = 0

    def __call__(self, observation: Any) -> ActionArray:
        if self._left == 0:
            self._action = self._generator.uniform(self._low, self._high).astype(np.float32)
            self._left = self._hold
        self._left -= 1
        return self._action
