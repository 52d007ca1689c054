"""Learned parts of latent dynamics: links between latents, process noise, and gates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mbrl_mts3.gaussian import DenseMap
from mbrl_mts3.memory import require_memory_for
from mbrl_mts3.networks.mlp import MLP


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


class Gates(nn.Module):
    """Parameters of the gates [g; n] = [sigmoid; tanh](V z + u(a, x)) of fast latent z, action a and slow latent x.

    Args:
        latent_dim: n; latents have 2n dimensions.
        action_dim: size of an action; 0 for none.
        action_hidden: hidden sizes of the network of the action.
        cause_dim: n of the slow latent x; 0 where there is none.
    """

    def __init__(self, latent_dim: int, action_dim: int, action_hidden: Sequence[int], *, cause_dim: int) -> None:
        super().__init__()
        size = 2 * latent_dim
        require_memory_for(2 * size * size, f"gates of latent_dim={latent_dim}")
        self.weight = nn.Parameter((2 * torch.rand(2 * size, size) - 1) / size**0.5)
        self.bias = nn.Parameter(torch.zeros(2 * size))
        self.action = MLP(action_dim, action_hidden, 2 * size, layer_norm=True) if action_dim else None
        self.cause = nn.Linear(2 * cause_dim, 2 * size, bias=False) if cause_dim else None

    def inputs(self, actions: Tensor, cause: Tensor | None) -> Tensor:
        """The inputs u (..., 4n) for actions (..., act) and means of the slow latent (..., 2 * cause_dim)."""
        total: Tensor = self.bias.expand(*actions.shape[:-1], -1)
        if self.action is not None:
            total = total + self.action(actions)
        return total if self.cause is None or cause is None else total + self.cause(cause)
