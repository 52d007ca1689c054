"""A linear map mixed from several, with weights of each state's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.factorised import FactorisedGaussian
from mbrl_mts3.gaussian.linear_map import LinearMap
from mbrl_mts3.gaussian.mixed_moments import mixed_mean, mixed_moments


class MixedMap(LinearMap):
    """F(m) = sum_k w_k(m) F_k, linearised at the mean m of the belief that it is applied to (RKN, arXiv 1905.07357).

    Args:
        bases: F_1..F_K.
        gate: maps means (B, 2n) to weights (B, K).
        bandwidth: of the bases' four n x n blocks, outside of which they are zero; None for full ones.
    """

    def __init__(
        self, bases: Float[Tensor, "k rows columns"], gate: Callable[[Tensor], Tensor], bandwidth: int | None = None
    ) -> None:
        self.bases = bases
        self.gate = gate
        self.bandwidth = bandwidth
        n = bases.shape[-1] // 2
        halves = bases.unflatten(1, (2, n)).unflatten(-1, (2, n)).permute(3, 0, 1, 4, 2)
        self._halves = (halves if bandwidth is None else _diagonals(halves, bandwidth)).flatten(2)

    def apply(self, belief: FactorisedGaussian) -> FactorisedGaussian:
        dtype, batch = self._halves.dtype, belief.mean.shape[:-1]
        mean, covariance = (part.to(dtype).reshape(-1, part.shape[-1]) for part in (belief.mean, belief.covariance))
        # A recursion over hundreds of steps is no place for half precision.
        with torch.autocast(mean.device.type, enabled=False):
            moved = mixed_moments(self.gate(mean), self._halves, self._columns(mean), self._columns(covariance))
        return FactorisedGaussian(*(part.reshape(*batch, -1) for part in moved))

    def apply_mean(self, mean: Tensor) -> Tensor:
        flat = mean.to(self._halves.dtype).reshape(-1, mean.shape[-1])
        with torch.autocast(mean.device.type, enabled=False):
            weights = self.gate(flat)
            if self.bandwidth is not None:
                return mixed_mean(weights, self._halves, self._columns(flat)).reshape(mean.shape)
            # All bases at once, then mixed: the matrices of the states are never formed.
            each = torch.nn.functional.linear(flat, self.bases.flatten(0, 1)).unflatten(-1, self.bases.shape[:2])
            moved: Tensor = (weights.unsqueeze(-1) * each).sum(dim=-2).reshape(mean.shape)
            return moved

    def to_dense(self) -> Tensor:
        """The plain average of the bases; each state has a matrix of its own."""
        return self.bases.mean(dim=0)

    def _columns(self, packed: Tensor) -> Tensor:
        """(B, parts * n) as (B, parts, columns, rows), what each row is multiplied with; 1 row if all see the same."""
        n = self.bases.shape[-1] // 2
        parts: Tensor = packed.unflatten(-1, (-1, n))
        if self.bandwidth is None:
            return parts.unsqueeze(-1)
        width = self.bandwidth
        return torch.nn.functional.pad(parts, (width, width)).unfold(-1, n, 1)


def _diagonals(blocks: Tensor, width: int) -> Tensor:
    """(..., columns, rows) -> (..., 2 * width + 1, rows): around each row's own column, zero beyond the edges."""
    n = blocks.shape[-1]
    offsets = torch.arange(2 * width + 1, device=blocks.device)[:, None] + torch.arange(n, device=blocks.device)
    padded = torch.nn.functional.pad(blocks, (0, 0, width, width))
    return padded.gather(-2, offsets.expand(*blocks.shape[:-2], -1, -1))
