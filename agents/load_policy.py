"""Policies from files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import gymnasium
import stable_baselines3
from stable_baselines3.common.base_class import BaseAlgorithm

from mbrl_mts3.envs.check_spaces import check_spaces
from mbrl_mts3.errors import ConfigurationError

ALGORITHMS = ("SAC", "TD3", "DDPG", "PPO", "A2C")
"""Those of Stable-Baselines3 for continuous actions."""


def load_policy(
    path: str | Path | None,
    environment: gymnasium.Env[Any, Any] | None = None,
    *,
    algorithm: str = "auto",
    device: str = "cpu",
) -> BaseAlgorithm:
    """Read a policy that Stable-Baselines3 saved.

    Args:
        path: the zip file that `save` wrote; it is unpickled, so use files that you trust only.
        environment: where the policy is to act.
        algorithm: the class that wrote it, out of `ALGORITHMS`; "auto" reads it off the file.
        device: where the policy runs.

    Raises:
        ConfigurationError: no such file, or not one of that algorithm.
        SpaceMismatchError: the policy was trained in other spaces than the environment's.
    """
    if algorithm not in ("auto", *ALGORITHMS):
        raise ConfigurationError(f"unknown algorithm {algorithm!r}: expected auto, {', '.join(ALGORITHMS)}")
    if path is None or not Path(path).is_file():
        raise ConfigurationError(f"no policy file {str(path)!r}: give the path of a zip file saved by {algorithm}")
    written_by = _written_by(Path(path), "Stable-Baselines3" if algorithm == "auto" else algorithm)
    if algorithm == "auto":
        algorithm = written_by[0]
    elif algorithm not in written_by:
        raise ConfigurationError(
            f"{str(path)!r} is not a policy saved by {algorithm}, but by {' or '.join(written_by)}: choose that one, "
            "or another file"
        )
    try:
        # A replay buffer is of no use to a policy that acts.
        model: BaseAlgorithm = getattr(stable_baselines3, algorithm).load(
            path, device=device, custom_objects={"buffer_size": 1}
        )
    except Exception as error:  # Zip, pickle, torch and SB3 all raise errors of their own.
        raise ConfigurationError(
            f"{str(path)!r} is not a policy saved by {algorithm}: {type(error).__name__}: {error}"
        ) from error
    if environment is not None:
        check_spaces(model.observation_space, model.action_space, environment)
    return model


def _written_by(path: Path, expected: str) -> tuple[str, ...]:
    """The algorithms that a file can be of, read without unpickling it."""
    try:
        with zipfile.ZipFile(path) as archive:
            data = json.loads(archive.read("data"))
        module = data["policy_class"]["__module__"]
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{str(path)!r} is not a policy saved by {expected} ({type(error).__name__}: {error}): give the path of a "
            "zip file that its save method wrote"
        ) from error
    of_policies = {
        "stable_baselines3.sac.policies": ("SAC",),
        "stable_baselines3.td3.policies": ("TD3", "DDPG"),
        # What `make_policy` makes.
        "mbrl_mts3.agents.imagination.learning_policies": ("SAC",) if "target_entropy" in data else ("TD3",),
        "stable_baselines3.common.policies": ("PPO",) if "clip_range" in data else ("A2C",),
    }
    if module not in of_policies:
        raise ConfigurationError(
            f"{str(path)!r} holds a policy of {module}, expected one of {', '.join(ALGORITHMS)}, whose actions are "
            "continuous"
        )
    return of_policies[module]
