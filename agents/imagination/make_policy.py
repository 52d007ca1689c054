"""Stable-Baselines3's algorithms by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3 import PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecEnv

from mbrl_mts3.errors import ConfigurationError

ALGORITHMS: Mapping[str, type[BaseAlgorithm]] = {"SAC": SAC, "TD3": TD3, "PPO": PPO}


def make_policy(environment: VecEnv, algorithm: str, *, exploration: float = 0.0, **options: Any) -> BaseAlgorithm:
    """An untrained policy with the algorithm that will train it.

    Args:
        environment: where it learns.
        algorithm: "SAC", "TD3" or "PPO".
        exploration: standard deviation of noise on actions scaled to [-1, 1], for SAC and TD3.
        options: of the algorithm, see Stable-Baselines3.

    Raises:
        ConfigurationError: another algorithm, or an option that it does not take.
    """
    kind = algorithm_class(algorithm)
    name = "MultiInputPolicy" if isinstance(environment.observation_space, spaces.Dict) else "MlpPolicy"
    if exploration:
        sigma = np.full(environment.action_space.shape or (), exploration)
        options["action_noise"] = NormalActionNoise(np.zeros_like(sigma), sigma)
    try:
        return kind(name, environment, **options)
    except TypeError as error:
        raise ConfigurationError(f"{algorithm} does not take these options: {error}") from error


def algorithm_class(algorithm: str) -> type[BaseAlgorithm]:
    """The class of that name.

    Raises:
        ConfigurationError: there is none.
    """
    if algorithm not in ALGORITHMS:
        nearest = difflib.get_close_matches(algorithm.upper(), ALGORITHMS, n=1)
        hint = f" (did you mean {nearest[0]}?)" if nearest else ""
        raise ConfigurationError(f"unknown algorithm {algorithm!r}{hint}: expected one of {', '.join(ALGORITHMS)}")
    return ALGORITHMS[algorithm]
