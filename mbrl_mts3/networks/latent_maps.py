"""Learned parts of latent dynamics: links between latents, process noise, and gates."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mbrl_mts3.gaussian import DenseMap
from mbrl_mts3.memory import require_memory_for


class Link(nn.Module):
    """A learned matrix without constraints from a cause (slow latent, abstract action) to a latent: C and Y of MTS3.

    Args:
        latent_dim: n of the latent that the cause acts on.
        cause_dim: n of the cause; None means latent_dim.
        scale: initial standard deviation of the entries, times 1 / sqrt(2n) of the cause.
    """

    def __init__(self, latent_dim: int, cause_dim: int | None = None, scale: float = 0.3) -> None:
        super().__init__()
        size = 2 * (latent_dim if cause_dim is None else cause_dim)
        self.weight = nn.Parameter(torch.randn(2 * latent_dim, size) * (scale / size**0.5))

    def forward(self) -> DenseMap:
        """The map; call once per forward pass."""
        return DenseMap(self.weight)


class ProcessNoise(nn.Module):
    """Learned process noise: 2n variances q > 0, through softplus.

    Args:
        latent_dim: n.
        initial: initial value of every variance.
    """

    def __init__(self, latent_dim: int, initial: float = 0.05) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.full((2 * latent_dim,), math.log(math.expm1(initial))))

    def forward(self) -> Tensor:
        """The variances (2n,)."""
        return torch.nn.functional.softplus(self.raw) + 1e-6


MEMORY = (1.5, 60.0)
"""Steps that a gated latent remembers at the start, from the shortest to the longest; the others lie between."""


class Gates(nn.Module):
    """Parameters of the gates of the fast transition: V z + W [a; x] + bias of fast latent z, action a, slow latent x.

    The update gates begin near 1 / T, each with a memory T of its own (Tallec and Ollivier, 2018, arXiv 1804.11188):
    with equal ones, far open loops are worse (docs/experiments.md).

    Args:
        latent_dim: n; latents have 2n dimensions.
        action_dim: size of an action; 0 for none.
        cause_dim: n of the slow latent x; 0 where there is none.
    """

    def __init__(self, latent_dim: int, action_dim: int, cause_dim: int) -> None:
        super().__init__()
        self.action_dim = action_dim
        size, entered = 2 * latent_dim, action_dim + 2 * cause_dim
        require_memory_for(3 * size * size, f"gates of latent_dim={latent_dim}")
        self.weight = nn.Parameter((2 * torch.rand(3 * size, size) - 1) / size**0.5)
        memory = torch.logspace(math.log10(MEMORY[0]), math.log10(MEMORY[1]), size)[torch.randperm(size)]
        self.bias = nn.Parameter(torch.cat([torch.zeros(size), -(memory - 1).log(), torch.zeros(size)]))
        self.entry = nn.Linear(entered, 3 * size, bias=False) if entered else None

    def inputs(self, actions: Tensor, cause: Tensor | None) -> Tensor:
        """The inputs u (..., 6n) for actions (..., act) and means of the slow latent (..., 2 * cause_dim)."""
        if self.entry is None:
            return self.bias.expand(*actions.shape[:-1], -1)
        known = actions[..., : self.action_dim]
        entered: Tensor = self.entry(known if cause is None else torch.cat([known, cause], dim=-1))
        return entered + self.bias
