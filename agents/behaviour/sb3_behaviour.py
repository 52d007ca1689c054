"""A trained policy as behaviour."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
import stable_baselines3
import torch

from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError


class SB3Behaviour(Behaviour):
    """Acts by a policy that Stable-Baselines3 saved.

    Args:
        environment: with the spaces that the policy was trained in.
        path: the zip file that `model.save` wrote; it is unpickled, so use files that you trust only.
        algorithm: the class that wrote it.
        deterministic: take the mode instead of a sample.
        device: where the policy runs.

    Raises:
        ConfigurationError: no such file, or not one of that algorithm.
        SpaceMismatchError: the policy was trained in other spaces.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        path: str | Path,
        algorithm: Literal["SAC", "TD3", "DDPG", "PPO", "A2C"] = "SAC",
        deterministic: bool = False,
        device: str = "cpu",
    ) -> None:
        if not Path(path).is_file():
            raise ConfigurationError(f"no policy file {str(path)!r}: give the path of a zip file saved by {algorithm}")
        try:
            self._model = getattr(stable_baselines3, algorithm).load(path, device=device)
        except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError, AttributeError) as error:
            raise ConfigurationError(f"{str(path)!r} is not a policy saved by {algorithm}: {error}") from error
        _check_spaces(self._model, environment)
        self._deterministic = deterministic

    def reset(self, seed: int) -> None:
        # SB3 draws actions from torch's global generator; this is the only way to make a sampled policy repeatable.
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
