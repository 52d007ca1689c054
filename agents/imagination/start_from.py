"""Going on from a policy that was trained before."""

from __future__ import annotations

import zipfile
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm

from mbrl_mts3.errors import ConfigurationError


def start_from(algorithm: BaseAlgorithm, path: str | Path) -> None:
    """Give an algorithm the networks and optimisers of a file that Stable-Baselines3 saved.

    Args:
        algorithm: of the same class and sizes.
        path: the zip file; parts of it are unpickled, so use files that you trust only.

    Raises:
        ConfigurationError: no such file, or it does not fit.
    """
    if not Path(path).is_file():
        raise ConfigurationError(f"no policy file {str(path)!r}: give the path of a zip file that the algorithm saved")
    try:
        algorithm.set_parameters(str(path), exact_match=True, device=algorithm.device)
    except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError) as error:
        name = type(algorithm).__name__
        raise ConfigurationError(f"{str(path)!r} is no policy of this {name} and its sizes: {error}") from error
