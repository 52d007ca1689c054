"""The transition depends on where the state is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_mts3.gaussian import LinearMap, MixedMap
from mbrl_mts3.networks.mlp import MLP
from mbrl_mts3.networks.transition import RATE, Transition, dissipative_cayley, initial_generator


class LocallyLinearTransition(Transition):
    """A convex sum of contractions, weighted by the state's mean (RKN, arXiv 1905.07357); a contraction itself.

    Args:
        bases: how many contractions to mix.
        hidden: width of the network that weights them.
    """

    def __init__(self, latent_dim: int, rate: float = RATE, *, bases: int = 8, hidden: int = 60) -> None:
        super().__init__(latent_dim, rate)
        rotation, damping = initial_generator(bases, 2 * latent_dim, rate=rate)
        self.rotation = nn.Parameter(rotation)
        self.damping = nn.Parameter(damping)
        self.gate = MLP(2 * latent_dim, (hidden,), bases)

    def forward(self) -> LinearMap:
        return MixedMap(dissipative_cayley(self.rotation, self.damping), self.weights)

    def weights(self, mean: Tensor) -> Tensor:
        """The share of each basis at means (..., 2n)."""
        return torch.softmax(self.gate(mean), dim=-1)
