"""A worse and wider copy of a behaviour."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.behaviour.action_box import action_box
from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour, BehaviourFactory
from mbrl_mts3.errors import ConfigurationError


class NoisyBehaviour(Behaviour):
    """Another behaviour's actions with white Gaussian noise, clipped to the action space.

    How much of it, each episode draws for itself, uniformly from none to the most: data of one policy then show what
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
        # Not the stream that the other behaviour draws from with this seed.
        self._generator = np.random.default_rng((seed, 1))
        self._deviation = self._most * self._generator.uniform() * (self._high - self._low) / 2

    def __call__(self, observation: Any) -> ActionArray:
        noise = self._deviation * self._generator.normal(size=self._deviation.shape)
        return np.clip(self._behaviour(observation) + noise, self._low, self._high).astype(np.float32)
