"""Each latent moves by itself."""

from __future__ import annotations

from torch import nn

from mbrl_mts3.gaussian import DiagonalMap, LinearMap
from mbrl_mts3.networks.transition import RATE, Transition, dissipative_cayley, initial_generator


class DiagonalTransition(Transition):
    """n contractions of size 2x2, one per pair of upper and lower latent; cheap, and Pi loses nothing."""

    def __init__(self, latent_dim: int, rate: float = RATE) -> None:
        super().__init__(latent_dim, rate)
        rotation, damping = initial_generator(latent_dim, 2, rate=rate)
        self.rotation = nn.Parameter(rotation)
        self.damping = nn.Parameter(damping)

    def forward(self) -> LinearMap:
        return DiagonalMap(dissipative_cayley(self.rotation, self.damping))
