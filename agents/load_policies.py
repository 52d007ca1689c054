"""Several policies of one kind, such as those of several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
from stable_baselines3.common.base_class import BaseAlgorithm

from mbrl_mts3.agents.load_policy import load_policy
from mbrl_mts3.errors import ConfigurationError


def load_policies(
    environment: gymnasium.Env[Any, Any],
    path: str | Path | Sequence[str | Path] | None,
    *,
    algorithm: str = "auto",
    device: str = "cpu",
) -> dict[str, BaseAlgorithm]:
    """Policies by the shortest ends of their paths that tell them apart.

    Args:
        environment: where they are to act.
        path: of one file or of several.
        algorithm, device: see `load_policy`.

    Raises:
        ConfigurationError: no path, a path twice, or as `load_policy` does.
        SpaceMismatchError: as `load_policy` does.
    """
    paths = [] if path is None else [path] if isinstance(path, str | Path) else list(path)
    if not paths:
        raise ConfigurationError("no policy is named: set path to a zip file saved by Stable-Baselines3, or to several")
    loaded = [load_policy(one, environment, algorithm=algorithm, device=device) for one in paths]
    return dict(zip(_names([Path(one) for one in paths]), loaded, strict=True))


def _names(paths: list[Path]) -> list[str]:
    """runs/bc/0/policy.zip and runs/bc/1/policy.zip become 0/policy and 1/policy."""
    whole = [path.with_suffix("").parts for path in paths]
    for length in range(1, max(map(len, whole)) + 1):
        names = ["/".join(parts[-length:]) for parts in whole]
        if len(set(names)) == len(names):
            return names
    raise ConfigurationError(f"a policy is named twice: {', '.join(map(str, paths))}")
