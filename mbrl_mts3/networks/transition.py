"""The contract of learned state transitions, and the choice among them by name."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mbrl_mts3.gaussian import LinearMap

RATE = 0.02
"""Memory of about 50 steps."""


class Transition(nn.Module, ABC):
    """A learned linear map of a latent onto itself whose operator norm never exceeds one.

    ||F||_2 <= 1 bounds more than the spectral radius: no transient growth of the mean, and, since the projection
    Pi keeps the trace, no growth of the covariance beyond the process noise that is added. All of them start near
    the identity, so that gradients and memory reach far at once.

    Args:
        latent_dim: n; the map acts on R^{2n}.
        rate: about which rate per step latents decay at the start; some ten times slower, some ten times faster.
    """

    def __init__(self, latent_dim: int, rate: float = RATE) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.rate = rate

    @abstractmethod
    def forward(self) -> LinearMap:
        """The map; call once per forward pass."""


def dissipative_cayley(
    rotation: Float[Tensor, "*batch size size"], damping: Float[Tensor, "*batch size size"]
) -> Float[Tensor, "*batch size size"]:
    """A matrix of operator norm <= 1 from two free square matrices.

    K = (R - R^T) - D D^T has a negative semi-definite symmetric part, so its Cayley transform
    F = (I - K/2)^{-1} (I + K/2) is a contraction: the bilinear discretisation of the dissipative flow x' = K x.
    F = I at K = 0.
    """
    with torch.autocast(rotation.device.type, enabled=False):
        generator = rotation - rotation.mT - damping @ damping.mT
        identity = torch.eye(generator.shape[-1], dtype=generator.dtype, device=generator.device)
        transformed: Tensor = torch.linalg.solve(identity - generator / 2, identity + generator / 2)
        return transformed


def initial_generator(*shape: int, rate: float) -> tuple[Tensor, Tensor]:
    """Start values (R, D): small random rotations, and damping of decay rates around `rate` per step."""
    size = shape[-1]
    rotation = torch.randn(*shape, size) * (0.1 / size**0.5)
    rates = rate * torch.logspace(-1, 1, size)[torch.randperm(size)]
    return rotation, torch.diag(rates.sqrt()).expand(*shape, size).clone()
