"""A small stored policy as behaviour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.agents.behaviour.action_box import action_box
from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour
from mbrl_mts3.agents.policies import load_shipped_policy
from mbrl_mts3.errors import SpaceMismatchError


class PolicyBehaviour(Behaviour):
    """Acts by the actor of SAC that `export_sac_actor` wrote.

    Args:
        environment: in which the policy was trained.
        policy: name of a policy that comes with the package, such as "half_cheetah_medium", or the path of a file.
        deterministic: take the mode instead of a sample.

    Raises:
        ConfigurationError: no such policy.
        SpaceMismatchError: the policy was trained with other numbers of observations and actions.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], policy: str | Path, deterministic: bool = False) -> None:
        self._policy = load_shipped_policy(policy)
        low, high = action_box(environment)
        observations = environment.observation_space
        expected = (self._policy.observation_dim,), len(low)
        if not isinstance(observations, spaces.Box) or expected != (observations.shape, self._policy.action_dim):
            raise SpaceMismatchError(
                f"{self._policy} does not fit the observations {observations} and the actions "
                f"{environment.action_space}: use it in {self._policy.metadata.get('environment', 'its environment')}"
            )
        self._middle, self._half_width = (low + high) / 2, (high - low) / 2
        self._deterministic = deterministic
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._generator = None if self._deterministic else np.random.default_rng(seed)

    def __call__(self, observation: Any) -> ActionArray:
        return (self._middle + self._half_width * self._policy(observation, self._generator)).astype(np.float32)
