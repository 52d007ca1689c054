"""The transition depends on where the state is, and latents move their neighbours only."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mbrl_mts3.gaussian import LinearMap, MixedMap
from mbrl_mts3.networks.banded_transition import band_of
from mbrl_mts3.networks.mlp import MLP
from mbrl_mts3.networks.transition import RATE, Transition


class BandedLocallyLinearTransition(Transition):
    """A convex sum of banded matrices, weighted by the state's mean (RKN, arXiv 1905.07357).

    Number of bases and bandwidth as published. Bases start near the identity, and each is divided by its norm where
    that exceeds one, so that the sum is a contraction.

    Args:
        bases: how many matrices to mix.
        bandwidth: how many diagonals beside the main one are free, on each side, in each of the four n x n blocks.
        hidden: width of the network that weights them.
    """

    places: Tensor

    def __init__(
        self, latent_dim: int, rate: float = RATE, *, bases: int = 15, bandwidth: int = 3, hidden: int = 60
    ) -> None:
        super().__init__(latent_dim, rate)
        self.bandwidth = min(bandwidth, latent_dim - 1)
        free = band_of(latent_dim, self.bandwidth).flatten()
        self.register_buffer("places", free.nonzero().squeeze(-1), persistent=False)
        start = math.exp(-rate) * torch.eye(2 * latent_dim).flatten()[self.places]
        self.entries = nn.Parameter(start + torch.randn(bases, len(start)) * 0.01)
        self.gate = MLP(2 * latent_dim, (hidden,), bases)

    def forward(self) -> LinearMap:
        size = 2 * self.latent_dim
        zeros = self.entries.new_zeros(len(self.entries), size * size)
        matrices = zeros.index_copy(1, self.places, self.entries).unflatten(1, (size, size))
        norms = spectral_norm(matrices).clamp_min(1.0)
        return MixedMap(matrices / norms[:, None, None], self.weights, self.bandwidth)

    def weights(self, mean: Tensor) -> Tensor:
        """The share of each basis at means (..., 2n)."""
        return torch.softmax(self.gate(mean), dim=-1)


def spectral_norm(matrices: Tensor) -> Tensor:
    """The largest singular value of each matrix (K, rows, columns), with its gradient.

    max |M v| over unit vectors: at the maximum the gradient with respect to v vanishes, so v is taken as a constant; an
    eigenvector of M^T M costs a fraction of a singular value decomposition and its backward pass.
    """
    with torch.no_grad():
        _, vectors = torch.linalg.eigh(matrices.mT @ matrices)
    norms: Tensor = torch.linalg.vector_norm(matrices @ vectors[..., -1:], dim=(-2, -1))
    return norms
