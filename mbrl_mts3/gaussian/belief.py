"""The factorised Gaussian that represents every latent belief, and the Gaussian negative log likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class FactorisedGaussian(TensorRecord):
    """A Gaussian belief as n independent 2x2 blocks: observed upper half, memory lower half, their covariance.

    The dense covariance is [[diag s_u, diag s_s], [diag s_s, diag s_l]] (RKN, arXiv 1905.07357). It is valid
    iff s_u > 0, s_l > 0 and s_u * s_l >= s_s^2. The three vectors are kept packed, because a linear map acts
    on all of them with one matrix product.
    """

    mean: Float[Tensor, "*batch mean"]
    """(..., 2n): [upper; lower]."""
    covariance: Float[Tensor, "*batch covariance"]
    """(..., 3n): [s_u; s_l; s_s]."""

    @classmethod
    def isotropic(cls, batch_size: int, latent_dim: int, variance: float, like: Tensor) -> FactorisedGaussian:
        """A belief of mean zero, equal variances and no side covariance, with the device and dtype of `like`."""
        covariance = like.new_full((batch_size, 3 * latent_dim), variance)
        covariance[:, 2 * latent_dim :] = 0.0
        return cls(like.new_zeros(batch_size, 2 * latent_dim), covariance)

    def __add__(self, other: FactorisedGaussian) -> FactorisedGaussian:
        """The belief of the sum of two independent variables; batch shapes broadcast."""
        return FactorisedGaussian(self.mean + other.mean, self.covariance + other.covariance)

    @property
    def latent_dim(self) -> int:
        """n, the size of one half."""
        return self.mean.shape[-1] // 2

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """The covariance vectors s_u, s_l, s_s, each (..., n)."""
        upper, lower, side = self.covariance.chunk(3, dim=-1)
        return upper, lower, side

    def to_dense(self) -> Float[Tensor, "*batch rows columns"]:
        """The covariance as a (..., 2n, 2n) matrix."""
        upper, lower, side = (torch.diag_embed(part) for part in self.parts)
        return torch.cat([torch.cat([upper, side], dim=-1), torch.cat([side, lower], dim=-1)], dim=-2)

    def cholesky(self) -> tuple[Tensor, Tensor, Tensor]:
        """Cholesky factors of the n 2x2 blocks: r_uu, r_lu, r_ll, each (..., n); variances may be zero."""
        upper, lower, side = self.parts
        root = upper.clamp_min(0).sqrt()
        cross = torch.where(root > 0, side / root.clamp_min(torch.finfo(root.dtype).tiny), torch.zeros_like(side))
        return root, cross, (lower - cross.square()).clamp_min(0).sqrt()

    def sample(self, noise: Float[Tensor, "*batch mean"]) -> FactorisedGaussian:
        """A sample, as a belief of covariance zero: mean + cholesky @ noise.

        Args:
            noise: (..., 2n), standard normal. The same noise gives the same quantile of any belief, so samples of
                one variable stay consistent when its belief becomes more certain over time.
        """
        root, cross, rest = self.cholesky()
        upper, lower = noise.chunk(2, dim=-1)
        deviation = torch.cat([root * upper, cross * upper + rest * lower], dim=-1)
        return FactorisedGaussian(self.mean + deviation, torch.zeros_like(self.covariance))


def negative_log_likelihood(
    mean: Float[Tensor, "*shape"], variance: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Gaussian negative log likelihood of each scalar, in nats: -log N(target; mean, variance), constant included."""
    return 0.5 * ((target - mean).square() / variance + variance.log() + math.log(2 * math.pi))
