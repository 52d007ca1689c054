"""Stable-Baselines3's algorithms by name, with the policies and critics used in imagination."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.sac import policies as sac
from stable_baselines3.td3 import policies as td3

from mbrl_mts3.agents.imagination.networks import LayerNormCritic, ProximalCritic, StandardizedObservations
from mbrl_mts3.agents.plain_policy import check_archive_size
from mbrl_mts3.agents.policy_files import ALGORITHMS, check_bounded
from mbrl_mts3.argument_kinds import check_arguments
from mbrl_mts3.errors import ConfigurationError, MTS3Error, close_match

TRAINABLE = {name: ALGORITHMS[name] for name in ("SAC", "TD3", "PPO")}
"""Algorithms that may learn in imagination."""


def make_algorithm(
    environment: VecEnv,
    algorithm: str,
    *,
    exploration: float = 0.0,
    proximal: float = 0.0,
    layer_norm: bool = True,
    **options: Any,
) -> BaseAlgorithm:
    """An untrained policy with the algorithm that will train it.

    Its networks get `StandardizedObservations`; the critics of SAC and TD3 are `LayerNormCritic`s unless `layer_norm`
    is False.

    Args:
        environment: where it learns.
        algorithm: "SAC", "TD3" or "PPO".
        exploration: standard deviation of noise on actions scaled to [-1, 1], for SAC and TD3.
        proximal: weight of `ProximalCritic`, for TD3 alone.
        layer_norm: False takes Stable-Baselines3's own critics, to go on from a policy that has such ones
            (`load_initial_parameters`), as those of TD3+BC.
        options: of the algorithm, see Stable-Baselines3.

    Raises:
        ConfigurationError: another algorithm, an option that it does not take, dicts in a dict of observations, or
            actions without bounds.
    """
    kind = algorithm_class(algorithm)
    check_bounded(environment.action_space)
    shown = environment.observation_space
    dictionary = isinstance(shown, spaces.Dict)
    if isinstance(shown, spaces.Dict) and any(isinstance(part, spaces.Dict) for part in shown.values()):
        raise ConfigurationError(
            f"the observation has dicts within its dict ({', '.join(shown)}), which Stable-Baselines3 does not take: "
            "show it as one array (flat_observations=true, or observation='flat' in load_dynamics)"
        )
    if proximal and kind is not TD3:
        raise ConfigurationError(f"proximal steps are for TD3, {algorithm} has none: set policy.proximal=0")
    if proximal and not layer_norm:
        raise ConfigurationError("proximal steps need the critics with LayerNorm: set policy.proximal=0")
    policy: Any = policy_class(kind, dictionary=dictionary, layer_norm=layer_norm)
    network = dict(options.pop("policy_kwargs", {}))
    options["policy_kwargs"] = {"features_extractor_class": StandardizedObservations, **network}
    check_arguments(kind, options, "policy.")
    if exploration:
        sigma = np.full(environment.action_space.shape or (), exploration)
        options["action_noise"] = NormalActionNoise(np.zeros_like(sigma), sigma)
    try:
        made = kind(policy, environment, **options)
    except TypeError as error:
        raise ConfigurationError(f"{algorithm} does not take these options: {error}") from error
    critic = getattr(made.policy, "critic", None)
    if isinstance(critic, ProximalCritic):
        critic.weight = proximal
    return made


def algorithm_class(algorithm: str) -> type[BaseAlgorithm]:
    """The class of that name.

    Raises:
        ConfigurationError: there is none.
    """
    if algorithm not in TRAINABLE:
        hint = close_match(algorithm.upper(), TRAINABLE)
        raise ConfigurationError(f"unknown algorithm {algorithm!r}{hint}: expected one of {', '.join(TRAINABLE)}")
    return TRAINABLE[algorithm]


def policy_class(
    algorithm: type[BaseAlgorithm], *, dictionary: bool, layer_norm: bool = True
) -> type[BasePolicy] | str:
    """The policy of an algorithm for observations that are a dictionary, or one array."""
    if not layer_norm:
        return "MultiInputPolicy" if dictionary else "MlpPolicy"
    if algorithm is SAC:
        return _SACMultiInputPolicy if dictionary else _SACPolicy
    if algorithm is TD3:
        return _TD3MultiInputPolicy if dictionary else _TD3Policy
    return "MultiInputPolicy" if dictionary else "MlpPolicy"


class _WithCritic(BasePolicy):
    """A policy of SAC or TD3 with critics of another class than Stable-Baselines3's."""

    critic_class: ClassVar[type[LayerNormCritic]]
    critic_kwargs: dict[str, Any]

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> LayerNormCritic:
        options: dict[str, Any] = self._update_features_extractor(self.critic_kwargs, features_extractor)
        return self.critic_class(**options).to(self.device)


class _SACPolicy(_WithCritic, sac.SACPolicy):
    critic_class = LayerNormCritic


class _SACMultiInputPolicy(_SACPolicy, sac.MultiInputPolicy):
    pass


class _TD3Policy(_WithCritic, td3.TD3Policy):
    critic_class = ProximalCritic


class _TD3MultiInputPolicy(_TD3Policy, td3.MultiInputPolicy):
    pass


def load_initial_parameters(algorithm: BaseAlgorithm, path: str | Path) -> None:
    """Give an algorithm the networks and optimisers of a file that Stable-Baselines3 saved.

    Args:
        algorithm: of the same class and sizes.
        path: the zip file; only its weights are read, by PyTorch's reader for tensors alone, which runs no code.

    Raises:
        ConfigurationError: no such file, or it does not fit.
    """
    if not Path(path).is_file():
        raise ConfigurationError(f"no policy file {str(path)!r}: give the path of a zip file that the algorithm saved")
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive_size(archive, Path(path))
        algorithm.set_parameters(str(path), exact_match=True, device=algorithm.device)
    except MTS3Error:
        raise
    except Exception as error:  # Damaged files raise errors of zip, torch and SB3 of any kind.
        name = type(algorithm).__name__
        raise ConfigurationError(f"{str(path)!r} is no policy of this {name} and its sizes: {error}") from error
