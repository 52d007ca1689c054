"""From inputs to latent observations with a variance of their own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mbrl_mts3.gaussian import Evidence
from mbrl_mts3.networks.mlp import MLP

MINIMUM_VARIANCE = 1e-4


class GaussianEncoder(nn.Module):
    """An MLP that says what it saw and how sure it is: latent observation w and variance v > 1e-4.

    Args:
        inputs: size of the input.
        outputs: size of the latent observation.
        hidden: sizes of the hidden layers.
    """

    def __init__(self, inputs: int, outputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.network = MLP(inputs, hidden, 2 * outputs)

    def forward(self, inputs: Float[Tensor, "*batch inputs"], mask: Bool[Tensor, "*batch"] | None = None) -> Evidence:
        """The evidence of each input; masked inputs may hold anything and give none."""
        if mask is not None:
            # Zero times NaN is NaN in the backward pass too, so masked inputs never reach the network.
            inputs = torch.where(mask.unsqueeze(-1), inputs, torch.zeros((), dtype=inputs.dtype, device=inputs.device))
        # Halves of rows are strided; copied once, all that follows runs several times faster.
        value, raw = (half.contiguous() for half in self.network(inputs).chunk(2, dim=-1))
        return Evidence.of(value, torch.nn.functional.softplus(raw) + MINIMUM_VARIANCE, mask)
