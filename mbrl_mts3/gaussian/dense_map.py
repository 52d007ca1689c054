"""A linear map given by a full matrix."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.factorised import FactorisedGaussian
from mbrl_mts3.gaussian.linear_map import LinearMap


class DenseMap(LinearMap):
    """F as one matrix (2m, 2n), from latents of n to those of m, or one matrix per batch element (B, 2m, 2n)."""

    def __init__(self, weight: Float[Tensor, "*batch rows columns"]) -> None:
        self.weight = weight
        self.covariance_weight = covariance_weight(weight)

    def apply(self, belief: FactorisedGaussian) -> FactorisedGaussian:
        return FactorisedGaussian(matvec(self.weight, belief.mean), matvec(self.covariance_weight, belief.covariance))

    def apply_mean(self, mean: Tensor) -> Tensor:
        return matvec(self.weight, mean)

    def to_dense(self) -> Tensor:
        return self.weight


def covariance_weight(weight: Float[Tensor, "*batch rows columns"]) -> Float[Tensor, "*batch rows3 columns3"]:
    """M_F (..., 3m, 3n) with Pi[F S F^T] = M_F [s_u; s_l; s_s], of F (..., 2m, 2n).

        M_F = [F11^2, F12^2, 2 F11∘F12 ;  F21^2, F22^2, 2 F21∘F22 ;  F11∘F21, F12∘F22, F11∘F22 + F12∘F21]

    Squares and products are elementwise.
    """
    m, n = weight.shape[-2] // 2, weight.shape[-1] // 2
    f11, f12 = weight[..., :m, :n], weight[..., :m, n:]
    f21, f22 = weight[..., m:, :n], weight[..., m:, n:]
    rows = (
        (f11.square(), f12.square(), 2 * f11 * f12),
        (f21.square(), f22.square(), 2 * f21 * f22),
        (f11 * f21, f12 * f22, f11 * f22 + f12 * f21),
    )
    return torch.cat([torch.cat(row, dim=-1) for row in rows], dim=-2)


def matvec(matrix: Tensor, vector: Tensor) -> Tensor:
    """(rows, columns) or (B, rows, columns) times (..., columns), in full precision under autocast too.

    Beliefs are products of hundreds of steps; what half precision saves in networks it would cost in them.
    """
    if torch.is_autocast_enabled(vector.device.type):
        with torch.autocast(vector.device.type, enabled=False):
            return matvec(matrix, vector.to(matrix.dtype))
    if matrix.ndim == 2:
        return torch.nn.functional.linear(vector, matrix)
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)
