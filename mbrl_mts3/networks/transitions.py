"""Learned transitions of the latent state: base class, five structures, and a table of their names."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.gaussian import DenseMap, DiagonalMap, LinearMap, LocallyLinearMap
from mbrl_mts3.memory import require_memory_for
from mbrl_mts3.networks.mlp import MLP

RATE = 0.02
"""Typical decay rate per step at the start: a memory of about 50 steps."""


class Transition(nn.Module, ABC):
    """Base class of learned linear maps of a latent onto itself, whose operator norm never exceeds one.

    ||F||_2 <= 1 bounds more than the spectral radius: no transient growth of the mean, and, since the projection
    Pi keeps the trace, no growth of the covariance beyond the process noise that is added. All of them start near
    the identity, so that gradients and memory reach far from the first update on.

    Args:
        latent_dim: n; the map acts on R^{2n}.
        rate: typical decay rate of latents per step at the start; it spans from ten times less to ten times more.
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
    """Initial values (R, D): small random rotations, and damping with decay rates around `rate` per step."""
    size = shape[-1]
    rotation = torch.randn(*shape, size) * (0.1 / size**0.5)
    rates = rate * torch.logspace(-1, 1, size)[torch.randperm(size)]
    return rotation, torch.diag(rates.sqrt()).expand(*shape, size).clone()


class DenseTransition(Transition):
    """A full contraction, the Cayley transform of a dissipative matrix."""

    def __init__(self, latent_dim: int, rate: float = RATE) -> None:
        super().__init__(latent_dim, rate)
        rotation, damping = initial_generator(2 * latent_dim, rate=rate)
        self.rotation = nn.Parameter(rotation)
        self.damping = nn.Parameter(damping)

    def forward(self) -> LinearMap:
        return DenseMap(dissipative_cayley(self.rotation, self.damping))


class DiagonalTransition(Transition):
    """n contractions of size 2x2, one per pair of upper and lower latent; cheap, and the projection Pi is exact."""

    def __init__(self, latent_dim: int, rate: float = RATE) -> None:
        super().__init__(latent_dim, rate)
        rotation, damping = initial_generator(latent_dim, 2, rate=rate)
        self.rotation = nn.Parameter(rotation)
        self.damping = nn.Parameter(damping)

    def forward(self) -> LinearMap:
        return DiagonalMap(dissipative_cayley(self.rotation, self.damping))


class BandedTransition(Transition):
    """Four banded n x n blocks (RKN, arXiv 1905.07357), divided by their norm where it exceeds one.

    Args:
        bandwidth: how many diagonals are free on each side of the main one.
    """

    band: Tensor

    def __init__(self, latent_dim: int, rate: float = RATE, *, bandwidth: int = 3) -> None:
        super().__init__(latent_dim, rate)
        size = 2 * latent_dim
        self.weight = nn.Parameter(math.exp(-rate) * torch.eye(size) + torch.randn(size, size) * 0.01)
        self.register_buffer("band", band_mask(latent_dim, bandwidth), persistent=False)

    def forward(self) -> LinearMap:
        weight = self.weight * self.band
        return DenseMap(weight / torch.linalg.matrix_norm(weight, ord=2).clamp_min(1.0))


def band_mask(latent_dim: int, bandwidth: int) -> Tensor:
    """(2n, 2n) bool: True in four n x n blocks where row and column are at most `bandwidth` apart."""
    distance = (torch.arange(latent_dim)[:, None] - torch.arange(latent_dim)).abs()
    return (distance <= bandwidth).repeat(2, 2)


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
        return LocallyLinearMap(dissipative_cayley(self.rotation, self.damping), self.weights)

    def weights(self, mean: Tensor) -> Tensor:
        """The mixture weights of the bases at means (..., 2n)."""
        return torch.softmax(self.gate(mean), dim=-1)


class BandedLocallyLinearTransition(Transition):
    """A convex sum of banded matrices, weighted by the state's mean (RKN, arXiv 1905.07357).

    Number of bases and bandwidth as published. Bases start near the identity, and each is divided by its norm where
    that exceeds one, so that the sum is a contraction.

    Args:
        bases: how many matrices to mix.
        bandwidth: how many diagonals are free on each side of the main one, in each of the four n x n blocks.
        hidden: width of the network that weights them.
    """

    places: Tensor

    def __init__(
        self, latent_dim: int, rate: float = RATE, *, bases: int = 15, bandwidth: int = 3, hidden: int = 60
    ) -> None:
        super().__init__(latent_dim, rate)
        self.bandwidth = min(bandwidth, latent_dim - 1)
        free = band_mask(latent_dim, self.bandwidth).flatten()
        self.register_buffer("places", free.nonzero().squeeze(-1), persistent=False)
        start = math.exp(-rate) * torch.eye(2 * latent_dim).flatten()[self.places]
        self.entries = nn.Parameter(start + torch.randn(bases, len(start)) * 0.01)
        self.gate = MLP(2 * latent_dim, (hidden,), bases)

    def forward(self) -> LinearMap:
        size = 2 * self.latent_dim
        zeros = self.entries.new_zeros(len(self.entries), size * size)
        matrices = zeros.index_copy(1, self.places, self.entries).unflatten(1, (size, size))
        norms = spectral_norm(matrices).clamp_min(1.0)
        return LocallyLinearMap(matrices / norms[:, None, None], self.weights, self.bandwidth)

    def weights(self, mean: Tensor) -> Tensor:
        """The mixture weights of the bases at means (..., 2n)."""
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


TRANSITIONS: dict[str, type[Transition]] = {
    "dense": DenseTransition,
    "banded": BandedTransition,
    "diagonal": DiagonalTransition,
    "locally_linear": LocallyLinearTransition,
    "banded_locally_linear": BandedLocallyLinearTransition,
}


def make_transition(name: str, latent_dim: int, rate: float = RATE) -> Transition:
    """Create a transition by its name in `TRANSITIONS`; ConfigurationError lists the names."""
    if name not in TRANSITIONS:
        raise ConfigurationError(f"unknown transition {name!r}: choose one of {', '.join(TRANSITIONS)}")
    if name != "diagonal":
        require_memory_for((2 * latent_dim) ** 2, f"a transition of latent_dim={latent_dim}")
    return TRANSITIONS[name](latent_dim, rate)
