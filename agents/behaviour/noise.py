"""Behaviour policies of noise: smooth, uniformly random, and noise added to another behaviour."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour, BehaviourFactory, action_box
from mbrl_mts3.array_types import DoubleArray
from mbrl_mts3.errors import ConfigurationError


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

    def step(self) -> DoubleArray:
        """The next value, (size,)."""
        self._state = self._memory * self._state + self._fresh * self._generator.standard_normal(len(self._state))
        return self._state


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


class RandomBehaviour(Behaviour):
    """Uniform in the action box.

    Args:
        environment: with bounded actions.
        hold: steps that each sampled action lasts.
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


class NoisyBehaviour(Behaviour):
    """Another behaviour's actions with white Gaussian noise, clipped to the action space.

    How much of it, each episode samples for itself, uniformly from none to the most: data of one policy then show what
    becomes of actions that it would never choose, and of states that it never comes to.

    Args:
        environment: with bounded actions.
        behaviour: makes the other behaviour for the environment.
        most: largest standard deviation of an episode, in half widths of the action space.

    Raises:
        ConfigurationError: `most` is not above 0, or the actions have no bounds.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], behaviour: BehaviourFactory, most: float) -> None:
        if not most > 0:
            raise ConfigurationError(f"noise needs a deviation above 0, got most={most}; leave the noise out for none")
        self._low, self._high = action_box(environment)
        self._behaviour = behaviour(environment)
        self._most = most
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._behaviour.reset(seed)
        # Not the stream that the other behaviour samples from with this seed.
        self._generator = np.random.default_rng((seed, 1))
        self._deviation = self._most * self._generator.uniform() * (self._high - self._low) / 2

    def __call__(self, observation: Any) -> ActionArray:
        noise = self._deviation * self._generator.normal(size=self._deviation.shape)
        return np.clip(self._behaviour(observation) + noise, self._low, self._high).astype(np.float32)
