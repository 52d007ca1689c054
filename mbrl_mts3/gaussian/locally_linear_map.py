"""Locally linear maps: a mixture of shared matrices with weights that depend on the state.

M_F is quadratic in F: built for each state it has (3n)^2 entries where F has (2n)^2, and autograd would keep both at
each step. Here the diagonals of F S F^T come straight from the blocks of F, and the backward pass mixes F again instead
of keeping it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.belief import FactorisedGaussian
from mbrl_mts3.gaussian.linear_maps import LinearMap


class LocallyLinearMap(LinearMap):
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
        # In half precision the errors of a recursion over hundreds of steps would add up.
        with torch.autocast(mean.device.type, enabled=False):
            moved = locally_linear_moments(
                self.gate(mean), self._halves, self._columns(mean), self._columns(covariance)
            )
        return FactorisedGaussian(*(part.reshape(*batch, -1) for part in moved))

    def apply_mean(self, mean: Tensor) -> Tensor:
        flat = mean.to(self._halves.dtype).reshape(-1, mean.shape[-1])
        with torch.autocast(mean.device.type, enabled=False):
            weights = self.gate(flat)
            if self.bandwidth is not None:
                return locally_linear_mean(weights, self._halves, self._columns(flat)).reshape(mean.shape)
            # All bases at once, then mixed: the matrix of each state is never formed.
            each = torch.nn.functional.linear(flat, self.bases.flatten(0, 1)).unflatten(-1, self.bases.shape[:2])
            moved: Tensor = (weights.unsqueeze(-1) * each).sum(dim=-2).reshape(mean.shape)
            return moved

    def to_dense(self) -> Tensor:
        """The mean of the bases; the matrix in use depends on the state."""
        return self.bases.mean(dim=0)

    def _columns(self, packed: Tensor) -> Tensor:
        """(B, parts * n) as (B, parts, columns, rows): the factors of each row; rows is 1 where all are the same."""
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


def locally_linear_moments(weights: Tensor, bases: Tensor, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """F m and Pi[F S F^T] for F = sum_k w_k F_k of each element of the batch.

    Each row of F is multiplied with `columns` entries of either half of the state. Those are all n for full blocks, and
    the neighbours of the row's own latent for banded ones.

    Args:
        weights: (B, K).
        bases: (2, K, 2 * columns * n): for either half of the columns, the entries of F_k as (half, column, row).
        mean: (B, 2, columns, rows): the entries of the halves of m that each row is multiplied with; rows is 1 where
            they are the same for all rows, else n.
        covariance: (B, 3, columns, rows): likewise s_u, s_l and s_s.

    Returns:
        Means (B, 2n) and packed covariances (B, 3n).
    """
    moved: tuple[Tensor, Tensor] = _Moments.apply(weights, bases, mean, covariance)  # type: ignore[no-untyped-call]
    return moved


def locally_linear_mean(weights: Tensor, bases: Tensor, mean: Tensor) -> Tensor:
    """F m alone, (B, 2n)."""
    first, second = _mix(weights, bases, mean)
    return (_rows(first, mean[:, 0]) + _rows(second, mean[:, 1])).flatten(1)


class _Moments(torch.autograd.Function):
    # Ensembles map over their members' parameters.
    generate_vmap_rule = True

    @staticmethod
    def forward(weights: Tensor, bases: Tensor, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
        first, second = _mix(weights, bases, mean)
        upper, lower, side = covariance.unsqueeze(2).unbind(1)
        moved = _rows(first, mean[:, 0]) + _rows(second, mean[:, 1])
        # F S, by columns, then the diagonals of (F S) F^T.
        scaled_first = (first * upper).addcmul(second, side)
        scaled_second = (first * side).addcmul(second, lower)
        cross = (scaled_first[:, 0] * first[:, 1]).addcmul(scaled_second[:, 0], second[:, 1]).sum(dim=-2)
        variances = scaled_first.mul(first).addcmul(scaled_second, second).sum(dim=-2)
        return moved.flatten(1), torch.cat([variances.flatten(1), cross], dim=-1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient_mean: Tensor, gradient_covariance: Tensor) -> tuple[Tensor, ...]:
        """With Gamma = [[g_u, g_s / 2], [g_s / 2, g_l]] for each row: dF = 2 Gamma F S + g m^T, dS = F^T Gamma F."""
        weights, bases, mean, covariance = ctx.saved_tensors
        first, second = _mix(weights, bases, mean)
        n = first.shape[-1]
        g_mean = gradient_mean.unflatten(-1, (2, 1, n))
        g_own, g_side = gradient_covariance.split([2 * n, n], dim=-1)
        g_own, g_side = g_own.unflatten(-1, (2, 1, n)), (g_side / 2).unflatten(-1, (1, 1, n))
        turned_first, turned_second = ((half * g_own).addcmul(half.flip(1), g_side) for half in (first, second))
        upper, lower, side = covariance.unsqueeze(2).unbind(1)
        seen_first, seen_second = mean.unsqueeze(2).unbind(1)
        g_first = (turned_first * upper).addcmul(turned_second, side).mul(2).addcmul(g_mean, seen_first).flatten(1)
        g_second = (turned_first * side).addcmul(turned_second, lower).mul(2).addcmul(g_mean, seen_second).flatten(1)
        rows = mean.shape[-1]
        products = (first * turned_first, second * turned_second, (first * turned_second).mul(2))
        return (
            torch.addmm(g_first @ bases[0].mT, g_second, bases[1].mT),
            torch.stack([weights.mT @ g_first, weights.mT @ g_second]),
            torch.stack([_seen(half * g_mean, rows) for half in (first, second)], dim=1),
            torch.stack([_seen(product, rows) for product in products], dim=1),
        )


def _mix(weights: Tensor, bases: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """F of each element, by halves of its columns: (B, 2, columns, n) each."""
    columns = mean.shape[-2]
    first, second = ((weights @ half).unflatten(-1, (2, columns, -1)) for half in bases)
    return first, second


def _rows(half: Tensor, seen: Tensor) -> Tensor:
    """The product of each row with its entries of the state, (B, 2, n)."""
    if seen.shape[-1] == 1:
        return (seen.mT.unsqueeze(1) @ half).squeeze(-2)
    return (half * seen.unsqueeze(1)).sum(dim=-2)


def _seen(products: Tensor, rows: int) -> Tensor:
    """Sums over both halves, and over the rows where all have the same entries: (B, columns, rows)."""
    return products.sum(dim=(1, 3)).unsqueeze(-1) if rows == 1 else products.sum(dim=1)
