"""Seeds that every generator takes."""

from __future__ import annotations

from mbrl_mts3.errors import ConfigurationError

_LARGEST = 2**32 - 1


def check_seed(seed: object, name: str = "seed") -> None:
    """Raise ConfigurationError unless a seed is a whole number that NumPy, PyTorch and environments all take."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= _LARGEST:
        raise ConfigurationError(f"{name}={seed} is no seed: choose a whole number from 0 to {_LARGEST}")
