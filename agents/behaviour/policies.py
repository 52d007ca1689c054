"""Trained policies as behaviour: the ones that come along, and those of Stable-Baselines3."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour, action_box
from mbrl_mts3.agents.observation_statistics import NormalizingAgent, ObservationStatistics
from mbrl_mts3.agents.policies import load_shipped_policy
from mbrl_mts3.agents.policy_files import load_policy
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


class SB3Behaviour(Behaviour):
    """Acts by a policy that a training here or Stable-Baselines3 saved.

    Args:
        environment: with the spaces that the policy was trained in.
        path: the zip file.
        algorithm: the class that wrote it.
        deterministic: take the mode instead of a sample.
        trust_pickle: take files of other origin than trainings here, see `load_policy`.
        normalization: the file of the VecNormalize that it was trained in; None for none.
        device: where the policy runs.

    Raises:
        ConfigurationError: no such file, or not one of that algorithm, or one whose pickles are not trusted.
        SpaceMismatchError: the policy was trained in other spaces.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        path: str | Path,
        algorithm: Literal["SAC", "TD3", "DDPG", "PPO", "A2C"] = "SAC",
        deterministic: bool = False,
        trust_pickle: bool = False,
        normalization: str | Path | None = None,
        device: str = "cpu",
    ) -> None:
        self._model: Any = load_policy(path, algorithm=algorithm, trust_pickle=trust_pickle, device=device)
        _check_spaces(self._model, environment)
        if normalization is not None:
            self._model = NormalizingAgent(self._model, ObservationStatistics.read(normalization))
        self._deterministic = deterministic

    def reset(self, seed: int) -> None:
        # SB3 samples actions from torch's global generator; this is the only way to make a sampled policy repeatable.
        torch.manual_seed(seed)

    def __call__(self, observation: Any) -> ActionArray:
        action, _ = self._model.predict(observation, deterministic=self._deterministic)
        return np.asarray(action, np.float32)


def _check_spaces(model: Any, environment: gymnasium.Env[Any, Any]) -> None:
    for name in ("observation_space", "action_space"):
        trained, given = getattr(model, name), getattr(environment, name)
        if trained != given:
            raise SpaceMismatchError(
                f"the policy was trained with the {name} {trained}, the environment has {given}: "
                "collect in the environment that it was trained in"
            )
