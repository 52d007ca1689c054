"""From features to predicted quantities."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from mbrl_mts3.networks.gaussian_encoder import MINIMUM_VARIANCE
from mbrl_mts3.networks.mlp import MLP


class GaussianHeads(nn.Module):
    """Means and variances as two networks of the same features.

    Args:
        features: size of the input.
        outputs: how many means.
        variances: how many variances, of the first outputs.
        hidden: sizes of the hidden layers of the means' head.
        variance_hidden: of the variances' head; None means `hidden`.
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        variances: int,
        hidden: Sequence[int],
        *,
        variance_hidden: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.mean = MLP(features, hidden, outputs)
        self.variance_network = MLP(features, hidden if variance_hidden is None else variance_hidden, variances)

    def variance(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch variances"]:
        """Variances (..., variances) > 1e-4."""
        return nn.functional.softplus(self.variance_network(features)) + MINIMUM_VARIANCE
