"""Learned variances of process noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class ProcessNoise(nn.Module):
    """2n variances q > 0, through softplus.

    Args:
        latent_dim: n.
        initial: start value of every variance.
    """

    def __init__(self, latent_dim: int, initial: float = 0.05) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.full((2 * latent_dim,), math.log(math.expm1(initial))))

    def forward(self) -> Tensor:
        """(2n,)."""
        return torch.nn.functional.softplus(self.raw) + 1e-6
