"""Free linear maps from one latent to another."""

from __future__ import annotations

import torch
from torch import nn

from mbrl_mts3.gaussian import DenseMap


class Link(nn.Module):
    """An unconstrained matrix from a cause (slow latent, abstract action) to a latent: C and Y of MTS3.

    Args:
        latent_dim: n of the latent that it moves.
        cause_dim: n of the cause; None means latent_dim.
        scale: standard deviation of the entries at the start, times 1 / sqrt(2n) of the cause.
    """

    def __init__(self, latent_dim: int, cause_dim: int | None = None, scale: float = 0.3) -> None:
        super().__init__()
        size = 2 * (latent_dim if cause_dim is None else cause_dim)
        self.weight = nn.Parameter(torch.randn(2 * latent_dim, size) * (scale / size**0.5))

    def forward(self) -> DenseMap:
        """The map; call once per forward pass."""
        return DenseMap(self.weight)
