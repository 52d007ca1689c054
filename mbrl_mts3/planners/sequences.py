"""Choice among action sequences, and their warm start."""

from __future__ import annotations

import torch
from torch import Tensor


def shift(actions: Tensor) -> Tensor:
    """Drop the first step of sequences (..., L, act), which is executed, and repeat the last one."""
    return torch.cat([actions[..., 1:, :], actions[..., -1:, :]], dim=-2)


def take_best(candidates: Tensor, values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Select the `count` best sequences (B, count, L, act) and their values (B, count), best first."""
    best, index = values.topk(count, dim=1)
    return candidates.gather(1, index[:, :, None, None].expand(-1, -1, *candidates.shape[2:])), best


def take_better(actions: Tensor, value: Tensor, others: Tensor, other_value: Tensor) -> tuple[Tensor, Tensor]:
    """The better of two sequences (B, L, act) by their values (B,), and its value; the first where they are level."""
    better = other_value > value
    return torch.where(better[:, None, None], others, actions), torch.where(better, other_value, value)


def settle_on_mean(mean: Tensor, value: Tensor, best: Tensor, best_value: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (B, L, act) of a search and its value (B,), or the best candidate where the mean's is not finite."""
    lost = ~value.isfinite()
    return torch.where(lost[:, None, None], best, mean), torch.where(lost, best_value, value)
