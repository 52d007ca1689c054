"""A linear map that keeps the n latents apart."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.dense_map import covariance_weight
from mbrl_mts3.gaussian.factorised import FactorisedGaussian
from mbrl_mts3.gaussian.linear_map import LinearMap


class DiagonalMap(LinearMap):
    """F as n 2x2 blocks: all four n x n blocks are diagonal, so the projection Pi loses nothing."""

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
