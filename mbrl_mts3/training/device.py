"""The device of tensors, and a setting of the memory allocator."""

from __future__ import annotations

import ctypes

import torch

from mbrl_mts3.errors import ConfigurationError


def resolve_device(device: torch.device | str) -> torch.device:
    """The device of that name, after a check that it can be used.

    Raises:
        ConfigurationError: no such name, or not on this machine.
    """
    try:
        wanted = torch.device(device)
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        # PyTorch's first line says what is missing; what follows is about its own source.
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f"device={device} cannot be used here ({reason}): take cpu, or cuda where there is a GPU"
        ) from error
    return wanted


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory instead of giving it back to the system; for programs, not for libraries.

    Every update of a model frees and allocates the same large tensors. Given back, they return as pages that the
    system must clear and map one by one: measured 50,000 to 145,000 page faults for each update of 64 sequences of
    360 steps on a CPU, at most 4 with this. The process's memory then stays at its peak.

    Returns:
        Whether the setting took effect; False where the C library is another one.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST // 2) and mallopt(_TRIM_THRESHOLD, _LARGEST))
