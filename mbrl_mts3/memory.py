"""The memory that is available, and requests for more of it, which are refused before anything is allocated."""

from __future__ import annotations

from pathlib import Path

from mbrl_mts3.errors import ConfigurationError

_BYTES_A_NUMBER = 4
_BYTES_A_WEIGHT = 16
"""In training: the weight itself, its gradient and the two averages of Adam, float32."""


def available_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system does not tell (it is Linux that does)."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def require_memory_for(weights: int, what: str) -> None:
    """Raise ConfigurationError where a network of so many weights could not be trained on this machine."""
    _require(weights * _BYTES_A_WEIGHT, f"{what} has {weights:,} weights, which take", "in training")


def require_memory_of_numbers(count: int, what: str) -> None:
    """Raise ConfigurationError where so many float32 numbers at once do not fit into this machine's memory."""
    _require(count * _BYTES_A_NUMBER, f"{what} take", "at least")


def _require(needed: int, what: str, when: str) -> None:
    available = available_memory()
    if available is not None and needed > available:
        raise ConfigurationError(
            f"{what} {needed / 2**30:,.1f} GiB {when}, of which {available / 2**30:,.1f} are available: choose smaller "
            "sizes, or a larger machine"
        )
