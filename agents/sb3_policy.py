"""Reading the policies that Stable-Baselines3 saved."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Literal

import stable_baselines3
from gymnasium import spaces

from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError

Algorithm = Literal["SAC", "TD3", "DDPG", "PPO", "A2C"]
ALGORITHMS: tuple[str, ...] = ("SAC", "TD3", "DDPG", "PPO", "A2C")


def load_sb3_policy(
    path: str | Path,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
    algorithm: str = "SAC",
    device: str = "cpu",
) -> Any:
    """The algorithm with its policy; its `predict` makes it an `Agent`.

    Args:
        path: the zip file that `model.save` wrote; it is unpickled, so use files that you trust only.
        observation_space, action_space: of the environment that it is to act in.
        algorithm: the class that wrote it, one of `ALGORITHMS`.
        device: where the policy runs.

    Raises:
        ConfigurationError: no such file, or not one of that algorithm.
        SpaceMismatchError: the policy was trained in other spaces.
    """
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(f"unknown algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}")
    if not Path(path).is_file():
        raise ConfigurationError(f"no policy file {str(path)!r}: give the path of a zip file saved by {algorithm}")
    try:
        model = getattr(stable_baselines3, algorithm).load(path, device=device)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise ConfigurationError(f"{str(path)!r} is not a policy saved by {algorithm}: {error}") from error
    for name, given in (("observation_space", observation_space), ("action_space", action_space)):
        trained = getattr(model, name)
        if trained != given:
            raise SpaceMismatchError(
                f"the policy {str(path)!r} was trained with the {name} {trained}, the environment has {given}: "
                "use it in the environment that it was trained in"
            )
    return model
