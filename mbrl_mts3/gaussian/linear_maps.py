"""Linear maps between latents, dense and diagonal, with the map that they induce on factorised covariances."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.belief import FactorisedGaussian


class LinearMap(ABC):
    """Linear map x -> F x of factorised beliefs: maps the mean by F and projects F S F^T onto 2x2 blocks.

    Built once per forward pass; the covariance recursion is linear, so its matrix is built once too.
    """

    @abstractmethod
    def apply(self, belief: FactorisedGaussian) -> FactorisedGaussian:
        """The belief of F x: mean F m, covariance Pi[F S F^T], where Pi keeps the diagonals of the four blocks."""

    @abstractmethod
    def apply_mean(self, mean: Float[Tensor, "*batch columns"]) -> Float[Tensor, "*batch rows"]:
        """F m alone, for states that are known exactly."""

    @abstractmethod
    def to_dense(self) -> Float[Tensor, "*batch rows columns"]:
        """F as a (..., 2n, 2n) matrix."""


class DenseMap(LinearMap):
    """A map F of one matrix (2m, 2n), from latents of n to those of m, or one per batch element (B, 2m, 2n)."""

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
    """The matrix M_F (..., 3m, 3n) with Pi[F S F^T] = M_F [s_u; s_l; s_s], of F (..., 2m, 2n).

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
    """Product of a matrix (rows, columns) or (B, rows, columns) and vectors (..., columns), never in half precision.

    Beliefs are products over hundreds of steps, in which the errors of half precision would add up.
    """
    if torch.is_autocast_enabled(vector.device.type):
        with torch.autocast(vector.device.type, enabled=False):
            return matvec(matrix, vector.to(matrix.dtype))
    if matrix.ndim == 2:
        return torch.nn.functional.linear(vector, matrix)
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


class DiagonalMap(LinearMap):
    """A map F of n 2x2 blocks: all four n x n blocks are diagonal, so the projection Pi is exact."""

    def __init__(self, blocks: Float[Tensor, "n 2 2"]) -> None:
        self.blocks = blocks
        self.covariance_blocks = covariance_weight(blocks)

    def apply(self, belief: FactorisedGaussian) -> FactorisedGaussian:
        return FactorisedGaussian(
            _blockwise(self.blocks, belief.mean), _blockwise(self.covariance_blocks, belief.covariance)
        )

    def apply_mean(self, mean: Tensor) -> Tensor:
        return _blockwise(self.blocks, mean)

    def to_dense(self) -> Tensor:
        rows = [torch.cat([torch.diag(self.blocks[:, i, j]) for j in range(2)], dim=-1) for i in range(2)]
        return torch.cat(rows, dim=-2)


def _blockwise(blocks: Tensor, packed: Tensor) -> Tensor:
    size = blocks.shape[-1]
    parts = packed.unflatten(-1, (size, -1))
    return torch.einsum("nij,...jn->...in", blocks, parts).flatten(-2)
