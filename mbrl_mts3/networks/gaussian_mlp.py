"""A feed-forward network that says how sure it is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mbrl_mts3.networks.gaussian_encoder import MINIMUM_VARIANCE


class GaussianMLP(nn.Module):
    """SiLU layers with two linear heads, one of means and one of variances.

    In two parts, `features` and its heads, so that rollouts need no variances where nobody looks at them.

    Args:
        inputs: size of the last dimension of the input.
        outputs: how many means.
        variances: how many variances, of the first outputs.
        hidden: sizes of the hidden layers.
    """

    def __init__(self, inputs: int, outputs: int, variances: int, hidden: Sequence[int]) -> None:
        super().__init__()
        widths = (inputs, *hidden)
        layers: list[nn.Module] = []
        for i, size in enumerate(hidden):
            layers += [nn.Linear(widths[i], size), nn.SiLU()]
        self.trunk = nn.Sequential(*layers)
        self.mean_head = nn.Linear(widths[-1], outputs)
        self.variance_head = nn.Linear(widths[-1], variances)

    def features(self, inputs: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch hidden"]:
        """The last hidden layer."""
        found: Tensor = self.trunk(inputs)
        return found

    def mean(self, features: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch outputs"]:
        """Means, from the features."""
        found: Tensor = self.mean_head(features)
        return found

    def variance(self, features: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch variances"]:
        """Variances > 1e-4, from the features."""
        return torch.nn.functional.softplus(self.variance_head(features)) + MINIMUM_VARIANCE
