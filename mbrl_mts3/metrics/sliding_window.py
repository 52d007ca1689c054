"""Averages over windows that slide along the blind steps."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError


def window_starts(steps: int, window: int, stride: int) -> list[int]:
    """First step of each window: every `stride` steps, and one more that ends at the last step.

    Raises:
        ConfigurationError: the window is empty or longer than the steps, or the stride is below 1.
    """
    if not 1 <= window <= steps or stride < 1:
        raise ConfigurationError(
            f"a sliding window of {window} steps at stride {stride} does not fit {steps} steps: "
            f"choose a window of 1 to {steps} and a stride of at least 1"
        )
    last = steps - window
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]


def sliding_mean(values: Tensor, weights: Tensor, window: int, stride: int) -> Tensor:
    """Weighted mean of `values` (L,) over each window of `window_starts`: (windows,).

    `weights` (L,) count what stands behind each value, for instance the sequences that reach that step.
    """
    starts = window_starts(len(values), window, stride)
    index = torch.as_tensor(starts, device=values.device)[:, None] + torch.arange(window, device=values.device)
    return (values * weights)[index].sum(dim=-1) / weights[index].sum(dim=-1)
