"""How the fused recursion keeps sequences: (T, features, B), one contiguous block for each step.

Everything knows an optional dimension of E members before the features.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def add_product_of(weight: Tensor) -> Callable[..., Tensor]:
    """c + A B for weights A of one model, or of many members."""
    return torch.addmm if weight.ndim == 2 else torch.baddbmm


def product_of(weight: Tensor) -> Callable[..., Tensor]:
    """A B for weights A of one model, or of many members."""
    return torch.mm if weight.ndim == 2 else torch.bmm


def time_major(sequence: Tensor) -> Tensor:
    """(B, T, F) -> (T, F, B), a copy; as the transpose of one matrix it is many times faster than as a permutation.

    With members: (E, B, T, F) -> (T, E, F, B).
    """
    if sequence.ndim == 4:
        return torch.stack([time_major(member) for member in sequence], dim=1)
    batch, steps, features = sequence.shape
    return (
        sequence.reshape(batch, steps * features)
        .T.clone(memory_format=torch.contiguous_format)
        .view(steps, features, batch)
    )


def batch_major(sequence: Tensor) -> Tensor:
    """(T, F, B) -> (B, T, F), a copy. With members: (T, E, F, B) -> (E, B, T, F)."""
    if sequence.ndim == 4:
        return torch.stack([batch_major(member) for member in sequence.unbind(1)])
    steps, features, batch = sequence.shape
    return (
        sequence.reshape(steps * features, batch)
        .T.clone(memory_format=torch.contiguous_format)
        .view(batch, steps, features)
    )


def blocks(packed: Tensor, n: int) -> list[tuple[Tensor, ...]]:
    """(T, ..., k * n, B) as k lists of T blocks (..., n, B)."""
    return [part.unbind(0) for part in packed.split(n, dim=-2)]


def outer(gradient: Tensor, state: Tensor) -> Tensor:
    """sum_t gradient_t state_t^T, for (T, F, B) and (T, G, B), of each member for itself."""
    if gradient.ndim == 4:
        return torch.einsum("tefb,tegb->efg", gradient, state)
    product: Tensor = torch.tensordot(gradient, state, dims=([0, 2], [0, 2]))
    return product
