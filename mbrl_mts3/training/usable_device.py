"""Where tensors may go on this machine."""

from __future__ import annotations

import torch

from mbrl_mts3.errors import ConfigurationError


def usable_device(device: torch.device | str) -> torch.device:
    """The device of that name, after a look at whether it is there.

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
