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

from mbrl_mts3.agents.imagination.anchored_critic import AnchoredCritic
from mbrl_mts3.agents.imagination.learning_policies import learning_policy
from mbrl_mts3.agents.imagination.standardized_observations import StandardizedObservations
from mbrl_mts3.errors import ConfigurationError

ALGORITHMS: Mapping[str, type[BaseAlgorithm]] = {"SAC": SAC, "TD3": TD3, "PPO": PPO}


def make_policy(
    environment: VecEnv, algorithm: str, *, exploration: float = 0.0, proximal: float = 0.0, **options: Any
) -> BaseAlgorithm:
    """An untrained policy with the algorithm that will train it.

    Its networks get `StandardizedObservations`; the critics of SAC and TD3 are `NormalisedCritic`s.

    Args:
        environment: where it learns.
        algorithm: "SAC", "TD3" or "PPO".
        exploration: standard deviation of noise on actions scaled to [-1, 1], for SAC and TD3.
        proximal: weight of `AnchoredCritic`, for TD3 alone.
        options: of the algorithm, see Stable-Baselines3.

    Raises:
        ConfigurationError: another algorithm, an option that it does not take, or observations with dicts in a dict.
    """
    kind = algorithm_class(algorithm)
    shown = environment.observation_space
    dictionary = isinstance(shown, spaces.Dict)
    if isinstance(shown, spaces.Dict) and any(isinstance(part, spaces.Dict) for part in shown.values()):
        raise ConfigurationError(
            f"the observation has dicts within its dict ({', '.join(shown)}), which Stable-Baselines3 does not take: "
            "show it as one array (flat_observations=true, or observation='flat' in load_dynamics)"
        )
    if proximal and kind is not TD3:
        raise ConfigurationError(f"proximal steps are for TD3, {algorithm} has none: set policy.proximal=0")
    policy: Any = learning_policy(kind, dictionary=dictionary)
    network = dict(options.pop("policy_kwargs", {}))
    options["policy_kwargs"] = {"features_extractor_class": StandardizedObservations, **network}
    if exploration:
        sigma = np.full(environment.action_space.shape or (), exploration)
        options["action_noise"] = NormalActionNoise(np.zeros_like(sigma), sigma)
    try:
        made = kind(policy, environment, **options)
    except TypeError as error:
        raise ConfigurationError(f"{algorithm} does not take these options: {error}") from error
    critic = getattr(made.policy, "critic", None)
    if isinstance(critic, AnchoredCritic):
        critic.weight = proximal
    return made


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
