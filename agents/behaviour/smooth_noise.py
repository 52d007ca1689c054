"""Low-pass filtered Gaussian noise."""

from __future__ import annotations

import math

import numpy as np

from mbrl_mts3.errors import ConfigurationError

FloatVector = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class SmoothNoise:
    """A stationary Ornstein-Uhlenbeck process: x' = r x + sqrt(1 - r^2) s e, with r = exp(-1 / time_constant).

    Args:
        generator: source of randomness.
        size: dimensions, independent of each other.
        time_constant: steps, positive.
        deviation: standard deviation s at any single step.
    """

    def __init__(self, generator: np.random.Generator, size: int, time_constant: float, deviation: float) -> None:
        if time_constant <= 0 or deviation < 0:
            raise ConfigurationError(
                f"noise needs time_constant > 0 and deviation >= 0, got {time_constant} and {deviation}"
            )
        self._generator = generator
        self._memory = math.exp(-1 / time_constant)
        self._fresh = math.sqrt(1 - self._memory**2) * deviation
        self._state = generator.standard_normal(size) * deviation

    def step(self) -> FloatVector:
        """The next value, (size,)."""
        self._state = self._memory * self._state + self._fresh * self._generator.standard_normal(len(self._state))
        return self._state
