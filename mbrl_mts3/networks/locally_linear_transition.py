"""The transition depends on where the state is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_mts3.gaussian import DenseMap, FactorisedGaussian, LinearMap
from mbrl_mts3.networks.mlp import MLP
from mbrl_mts3.networks.transition import Transition, dissipative_cayley, initial_generator


class LocallyLinearTransition(Transition):
    """A convex sum of contractions, weighted by the state's mean (RKN, arXiv 1905.07357); a contraction itself.

    Args:
        bases: how many contractions to mix.
        hidden: width of the network that weights them.
    """

    def __init__(self, latent_dim: int, bases: int = 8, hidden: int = 60) -> None:
        super().__init__(latent_dim)
        rotation, damping = initial_generator(bases, 2 * latent_dim, rate=0.02)
        self.rotation = nn.Parameter(rotation)
        self.damping = nn.Parameter(damping)
        self.gate = MLP(2 * latent_dim, (hidden,), bases)

    def forward(self) -> LinearMap:
        return _GatedMap(dissipative_cayley(self.rotation, self.damping), self.gate)


class _GatedMap(LinearMap):
    """sum_k softmax(gate(mean))_k F_k, linearised at the mean of the belief that it is applied to."""

    def __init__(self, bases: Tensor, gate: nn.Module) -> None:
        self.bases = bases
        self.gate = gate

    def apply(self, belief: FactorisedGaussian) -> FactorisedGaussian:
        return self._at(belief.mean).apply(belief)

    def apply_mean(self, mean: Tensor) -> Tensor:
        return self._at(mean).apply_mean(mean)

    def _at(self, mean: Tensor) -> DenseMap:
        weights = torch.softmax(self.gate(mean), dim=-1)
        with torch.autocast(mean.device.type, enabled=False):
            return DenseMap(torch.einsum("...k,kij->...ij", weights.to(self.bases.dtype), self.bases))

    def to_dense(self) -> Tensor:
        return self.bases.mean(dim=0)
