"""Latents move their neighbours."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mbrl_mts3.gaussian import DenseMap, LinearMap
from mbrl_mts3.networks.transition import RATE, Transition


class BandedTransition(Transition):
    """Four banded n x n blocks (RKN, arXiv 1905.07357), divided by their norm where it exceeds one.

    Args:
        bandwidth: how many diagonals beside the main one are free, on each side.
    """

    band: Tensor

    def __init__(self, latent_dim: int, rate: float = RATE, *, bandwidth: int = 3) -> None:
        super().__init__(latent_dim, rate)
        size = 2 * latent_dim
        self.weight = nn.Parameter(math.exp(-rate) * torch.eye(size) + torch.randn(size, size) * 0.01)
        self.register_buffer("band", band_of(latent_dim, bandwidth), persistent=False)

    def forward(self) -> LinearMap:
        weight = self.weight * self.band
        return DenseMap(weight / torch.linalg.matrix_norm(weight, ord=2).clamp_min(1.0))


def band_of(latent_dim: int, bandwidth: int) -> Tensor:
    """(2n, 2n) bool: True in four n x n blocks where row and column are at most `bandwidth` apart."""
    distance = (torch.arange(latent_dim)[:, None] - torch.arange(latent_dim)).abs()
    return (distance <= bandwidth).repeat(2, 2)
