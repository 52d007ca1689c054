"""Inference with factorised Gaussians: `condition` on observations (Kalman update) and `marginalize` (prediction)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mbrl_mts3.gaussian.belief import FactorisedGaussian
from mbrl_mts3.gaussian.linear_maps import LinearMap
from mbrl_mts3.tensor_record import TensorRecord


def condition(prior: FactorisedGaussian, evidence: Evidence) -> FactorisedGaussian:
    """Kalman update of a factorised belief whose first n dimensions are observed.

    The evidence (p, h) is that of one observation, of a set of observations, or of none where they are masked:

        d = 1 + p s_u        s_u' = s_u / d      s_s' = s_s / d      s_l' = s_l - p s_s^2 / d
        r = h - p mu_u       mu_u' = mu_u + s_u' r                   mu_l' = mu_l + s_s' r

    Equal to the Kalman update with H = [I 0] (RKN, arXiv 1905.07357) and to its batch form over a set (HiP-RSSM,
    arXiv 2206.14697; MTS3, arXiv 2310.18534), written in sums, so that the observations of a set can be added one by
    one. With p = 0 the belief stays exactly as it is; no matrix is inverted.

    Args:
        prior: n latents, any batch shape.
        evidence: (..., n), of a batch shape that broadcasts with the prior's.
    """
    n = prior.latent_dim
    p = evidence.precision
    s_u, s_l, s_s = prior.parts
    inverse = (1 + p * s_u).reciprocal()
    scaled = prior.covariance * torch.cat([inverse, inverse, inverse], dim=-1)
    upper, side = scaled[..., :n], scaled[..., 2 * n :]
    lower = s_l - p * s_s * side
    residual = evidence.information - p * prior.mean[..., :n]
    gain = torch.cat([upper, side], dim=-1)
    mean = prior.mean + gain * torch.cat([residual, residual], dim=-1)
    return FactorisedGaussian(mean, torch.cat([upper, lower, side], dim=-1))


@dataclass(frozen=True, repr=False)
class Evidence(TensorRecord):
    """Evidence of Gaussian observations in information form: sums, which can be added in any order.

    p = sum_i m_i / v_i  and  h = sum_i m_i w_i / v_i  over observations w_i with variances v_i and masks m_i. Without
    any observation p = h = 0.
    """

    precision: Float[Tensor, "*batch n"]
    """(..., n): p."""
    information: Float[Tensor, "*batch n"]
    """(..., n): h."""

    @classmethod
    def from_observation(
        cls, value: Float[Tensor, "*batch n"], variance: Float[Tensor, "*batch n"], mask: Bool[Tensor, "*batch"] | None
    ) -> Evidence:
        """The evidence of one observation per batch element; none where `mask` is False, whatever the value is."""
        precision = variance.reciprocal()
        information = value * precision
        if mask is None:
            return cls(precision, information)
        zero = torch.zeros((), dtype=value.dtype, device=value.device)
        keep = mask.unsqueeze(-1)
        return cls(torch.where(keep, precision, zero), torch.where(keep, information, zero))

    @classmethod
    def none(cls, batch_size: int, size: int, like: Tensor) -> Evidence:
        """The evidence of no observation, with the device and dtype of `like`."""
        return cls(like.new_zeros(batch_size, size), like.new_zeros(batch_size, size))

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(self.precision + other.precision, self.information + other.information)

    def tempered(self, weight: float) -> Evidence:
        """The evidence times `weight`, as if variances were divided by it; 1 changes nothing, 0 leaves no evidence."""
        return self if weight == 1.0 else self.map(lambda tensor: weight * tensor)

    def sum(self, dim: int) -> Evidence:
        """The evidence of a set: the sum over one batch dimension."""
        return self.map(lambda tensor: tensor.sum(dim))

    def cumsum(self, dim: int) -> Evidence:
        """The cumulative sum of the evidence along one batch dimension."""
        return self.map(lambda tensor: tensor.cumsum(dim))


def aggregate(evidence: Evidence) -> FactorisedGaussian:
    """Bayesian aggregation of a set of 2n-dimensional observations under the prior N(0, I).

    S = 1 / (1 + p),  mean = S * h  (Volpp et al., Bayesian Context Aggregation, ICLR 2021); diagonal, so the side
    covariance is zero. The empty set gives the prior.
    """
    variance = (1 + evidence.precision).reciprocal()
    side = torch.zeros_like(variance[..., : variance.shape[-1] // 2])
    return FactorisedGaussian(variance * evidence.information, torch.cat([variance, side], dim=-1))


def marginalize(
    causes: Sequence[tuple[LinearMap, FactorisedGaussian]],
    noise: Float[Tensor, two_n],
    offset: Float[Tensor, "*batch two_n"] | None = None,
) -> FactorisedGaussian:
    """The belief of x' = sum_i F_i x_i + offset + eps, eps ~ N(0, diag noise), for independent causes x_i.

        mean' = sum_i F_i mean_i + offset        Pi[cov'] = sum_i M_{F_i} c_i + [noise; 0]

    (MTS3, arXiv 2310.18534, equations of the predict step; c and M_F as in `LinearMap`.)

    Args:
        causes: at least one map with the belief that it acts on; batch shapes broadcast.
        noise: (2n,) variances of the process noise, positive.
        offset: (..., 2n) known input without variance, for example b(a).
    """
    effects = [linear_map.apply(belief) for linear_map, belief in causes]
    total = reduce(add, effects) + noise_belief(noise)
    return total if offset is None else FactorisedGaussian(total.mean + offset, total.covariance)


def noise_belief(noise: Float[Tensor, two_n]) -> FactorisedGaussian:
    """Process noise as a factorised Gaussian: mean zero, variances `noise` (2n,), no side covariance."""
    return FactorisedGaussian(torch.zeros_like(noise), torch.cat([noise, torch.zeros_like(noise[: len(noise) // 2])]))
