"""Weights of what state, action and slow latent do together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mbrl_mts3.networks.mlp import MLP


class StateInteraction(nn.Module):
    """V, W and u(a, x) of W tanh(V z + u): a layer of hidden units that sees the fast latent, the action and the cause.

    Args:
        latent_dim: n; latents have 2n dimensions.
        action_dim: size of an action; 0 for none.
        width: h, hidden units.
        action_hidden: hidden sizes of the network that brings the action in.
        cause_dim: n of the slow latent x above; 0 where none stands there.
    """

    def __init__(
        self, latent_dim: int, action_dim: int, width: int, action_hidden: Sequence[int], *, cause_dim: int
    ) -> None:
        super().__init__()
        size = 2 * latent_dim
        self.state_weight = nn.Parameter(torch.randn(width, size) / (3 * size) ** 0.5)
        # Small at the start: the linear recursion is the better half-known place to begin from.
        self.out_weight = nn.Parameter(torch.randn(size, width) * (0.3 / (3 * width) ** 0.5))
        self.bias = nn.Parameter(torch.zeros(width))
        self.action = MLP(action_dim, action_hidden, width, layer_norm=True) if action_dim else None
        self.cause = nn.Linear(2 * cause_dim, width, bias=False) if cause_dim else None

    def inputs(self, actions: Tensor, cause: Tensor | None) -> Tensor:
        """u (..., h), of actions (..., act) and means of the cause (..., 2 * cause_dim)."""
        total: Tensor = self.bias.expand(*actions.shape[:-1], -1)
        if self.action is not None:
            total = total + self.action(actions)
        return total if self.cause is None or cause is None else total + self.cause(cause)
