"""From a latent belief to predicted quantities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mbrl_mts3.gaussian import FactorisedGaussian
from mbrl_mts3.networks.gaussian_encoder import MINIMUM_VARIANCE
from mbrl_mts3.networks.mlp import MLP


class GaussianDecoder(nn.Module):
    """Two heads: means from the belief's mean, variances from its covariance (MTS3, arXiv 2310.18534).

    Covariances hardly depend on where the state is, noise and model errors do: variances may be read from the whole
    belief instead.

    Args:
        latent_dim: n of the belief.
        outputs: how many means.
        variances: how many variances, of the first outputs.
        hidden: sizes of the hidden layers of the means' head.
        variance_hidden: of the variances' head; None means `hidden`.
        heteroscedastic: give the variances' head the belief's mean, too.
    """

    def __init__(
        self,
        latent_dim: int,
        outputs: int,
        variances: int,
        hidden: Sequence[int],
        *,
        variance_hidden: Sequence[int] | None = None,
        heteroscedastic: bool = False,
    ) -> None:
        super().__init__()
        self.heteroscedastic = heteroscedastic
        features = (5 if heteroscedastic else 3) * latent_dim
        self.mean = MLP(2 * latent_dim, hidden, outputs)
        self.variance = MLP(features, hidden if variance_hidden is None else variance_hidden, variances)

    def forward(
        self, belief: FactorisedGaussian
    ) -> tuple[Float[Tensor, "*batch outputs"], Float[Tensor, "*batch variances"]]:
        """Means (..., outputs) and variances (..., variances) > 1e-4."""
        features = covariance_features(belief)
        if self.heteroscedastic:
            features = torch.cat([features, belief.mean], dim=-1)
        raw = self.variance(features)
        return self.mean(belief.mean), torch.nn.functional.softplus(raw) + MINIMUM_VARIANCE


def covariance_features(belief: FactorisedGaussian) -> Float[Tensor, "*batch three_n"]:
    """[log s_u; log s_l; correlation]: variances span decades between a blind and a watched state."""
    # Parts of rows are strided; copied once, all that follows runs several times faster.
    upper, lower, side = (part.contiguous() for part in belief.parts)
    correlation = side * torch.rsqrt(upper * lower)
    return torch.cat([upper.log(), lower.log(), correlation], dim=-1)
