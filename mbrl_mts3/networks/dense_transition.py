"""Every latent may move every other."""

from __future__ import annotations

from torch import nn

from mbrl_mts3.gaussian import DenseMap, LinearMap
from mbrl_mts3.networks.transition import RATE, Transition, dissipative_cayley, initial_generator


class DenseTransition(Transition):
    """A full contraction, the Cayley transform of a dissipative matrix."""

    def __init__(self, latent_dim: int, rate: float = RATE) -> None:
        super().__init__(latent_dim, rate)
        rotation, damping = initial_generator(2 * latent_dim, rate=rate)
        self.rotation = nn.Parameter(rotation)
        self.damping = nn.Parameter(damping)

    def forward(self) -> LinearMap:
        return DenseMap(dissipative_cayley(self.rotation, self.damping))
