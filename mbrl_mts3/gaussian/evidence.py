"""Observations of the upper half in natural parameters, where a set of them is a sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mbrl_mts3.gaussian.factorised import FactorisedGaussian
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class Evidence(TensorRecord):
    """Sums over observations w_i with variances v_i and masks m_i; evidence adds up, in any order.

    p = sum_i m_i / v_i  and  h = sum_i m_i w_i / v_i.  No observation at all is p = h = 0.
    """

    precision: Float[Tensor, "*batch n"]
    """(..., n): p."""
    information: Float[Tensor, "*batch n"]
    """(..., n): h."""

    @classmethod
    def of(
        cls, value: Float[Tensor, "*batch n"], variance: Float[Tensor, "*batch n"], mask: Bool[Tensor, "*batch"] | None
    ) -> Evidence:
        """The evidence of one observation each; where `mask` is False there is none, whatever the value holds."""
        precision = variance.reciprocal()
        information = value * precision
        if mask is None:
            return cls(precision, information)
        zero = torch.zeros((), dtype=value.dtype, device=value.device)
        keep = mask.unsqueeze(-1)
        return cls(torch.where(keep, precision, zero), torch.where(keep, information, zero))

    @classmethod
    def none(cls, batch_size: int, size: int, like: Tensor) -> Evidence:
        """No observation, on the device and of the dtype of `like`."""
        return cls(like.new_zeros(batch_size, size), like.new_zeros(batch_size, size))

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(self.precision + other.precision, self.information + other.information)

    def tempered(self, trust: float) -> Evidence:
        """The same observations with variances divided by `trust`; 1 changes nothing, 0 leaves no observation."""
        return self if trust == 1.0 else self.map(lambda tensor: trust * tensor)

    def sum(self, dim: int) -> Evidence:
        """The evidence of a set: summed over one batch dimension."""
        return self.map(lambda tensor: tensor.sum(dim))

    def cumsum(self, dim: int) -> Evidence:
        """The evidence of everything up to each place of one batch dimension."""
        return self.map(lambda tensor: tensor.cumsum(dim))


def aggregate(evidence: Evidence) -> FactorisedGaussian:
    """Bayesian aggregation of a set of 2n-dimensional observations under the prior N(0, I).

    S = 1 / (1 + p),  mean = S * h  (Volpp et al., Bayesian Context Aggregation, ICLR 2021); diagonal, so the side
    covariance is zero. The empty set gives the prior.
    """
    variance = (1 + evidence.precision).reciprocal()
    side = torch.zeros_like(variance[..., : variance.shape[-1] // 2])
    return FactorisedGaussian(variance * evidence.information, torch.cat([variance, side], dim=-1))
