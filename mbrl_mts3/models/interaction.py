"""What state, action and slow latent do together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Interaction:
    """W tanh(V z + u): added to the mean of the next fast latent. Bounded, so that a contraction stays stable.

    The covariance does not feel it, as if it were constant around the mean: a locally linear transition is treated in
    the same way.
    """

    state_weight: Tensor
    """V, (h, 2n)."""
    out_weight: Tensor
    """W, (2n, h)."""

    def effect(self, mean: Tensor, inputs: Tensor) -> Tensor:
        """(..., 2n), of means (..., 2n) and u (..., h)."""
        linear = torch.nn.functional.linear
        return linear(torch.tanh(linear(mean, self.state_weight) + inputs), self.out_weight)
