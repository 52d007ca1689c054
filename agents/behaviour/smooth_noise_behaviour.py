"""Actions that wander slowly."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.behaviour.action_box import action_box
from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour
from mbrl_mts3.agents.behaviour.smooth_noise import SmoothNoise


class SmoothNoiseBehaviour(Behaviour):
    """Ornstein-Uhlenbeck noise around the middle of the action box, clipped to it.

    Args:
        environment: with bounded actions.
        time_constant: steps after which the noise has forgotten 63% of itself.
        deviation: standard deviation before clipping, in half widths of the box.
    """

    def __init__(
        self, environment: gymnasium.Env[Any, Any], time_constant: float = 10.0, deviation: float = 0.7
    ) -> None:
        low, high = action_box(environment)
        self._middle, self._half_width = (low + high) / 2, (high - low) / 2
        self._time_constant = time_constant
        self._deviation = deviation
        self.reset(0)

    def reset(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._noise = SmoothNoise(generator, len(self._middle), self._time_constant, self._deviation)

    def __call__(self, observation: Any) -> ActionArray:
        noise = np.clip(self._noise.step(), -1.0, 1.0)
        return (self._middle + self._half_width * noise).astype(np.float32)
