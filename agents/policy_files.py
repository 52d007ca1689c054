"""Several policies by name."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gymnasium import spaces

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.agents.load_policy import load_policy
from mbrl_mts3.agents.noisy_agent import NoisyAgent
from mbrl_mts3.agents.random_agent import RandomAgent
from mbrl_mts3.data.check_same_spaces import check_same_spaces
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError

RANDOM = "random"


def load_policy_files(
    patterns: Sequence[str],
    observation_space: spaces.Space[Any],
    action_space: spaces.Box,
    *,
    algorithm: str = "auto",
    random: bool = False,
    noise: Mapping[str, float] | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> dict[str, Agent]:
    """Policies of zip files, named after them, and worse ones beside.

    Args:
        patterns: paths or globs of files that Stable-Baselines3 saved.
        observation_space, action_space: of the environment that they act in.
        algorithm: see `load_policy`.
        random: one more policy, "random", acts uniformly at random.
        noise: for names of policies a standard deviation, see `NoisyAgent`; each adds a policy "NAME+noise".
        seed: of the random policy and of the noise.
        device: where the policies run.

    Raises:
        ConfigurationError: a pattern without a file, two files of one name, noise for a policy that is not there; as
            `load_policy` does.
        SpaceMismatchError: a policy was trained in other spaces.
    """
    paths = _paths(patterns)
    unknown = [name for name in noise or () if name not in paths]
    if unknown:
        raise ConfigurationError(f"noise for {', '.join(unknown)}, but the policies are {', '.join(paths) or 'none'}")
    policies: dict[str, Agent] = {}
    for name, path in paths.items():
        model: Any = load_policy(path, algorithm=algorithm, device=device)
        trained = model.observation_space, model.action_space
        try:
            check_same_spaces(trained, (observation_space, action_space), "the environment", "environment")
        except SpaceMismatchError as error:
            raise SpaceMismatchError(f"policy {path}: {error}") from error
        policies[name] = model
    for name, deviation in (noise or {}).items():
        policies[f"{name}+noise"] = NoisyAgent(policies[name], action_space, deviation, seed)
    if random:
        policies[RANDOM] = RandomAgent(action_space, seed)
    if not policies:
        raise ConfigurationError("there is no policy to evaluate: name files of policies, or ask for a random one")
    return policies


def _paths(patterns: Sequence[str]) -> dict[str, Path]:
    """By name, in the order of the patterns, files of one pattern in alphabetical order."""
    found: dict[str, Path] = {}
    for pattern in patterns:
        matches = sorted(Path(match) for match in glob.glob(pattern, recursive=True))  # noqa: PTH207 - may be absolute
        if not matches:
            raise ConfigurationError(f"no file matches {pattern!r}: give paths or globs of policies' zip files")
        for path in matches:
            if found.setdefault(path.stem, path) != path:
                raise ConfigurationError(
                    f"{path} and {found[path.stem]} have one name: rename one of them, results go by names"
                )
    return found
