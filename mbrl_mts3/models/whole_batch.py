"""Decisions about a whole batch, inside of vmap too."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def holds_everywhere(flags: Tensor) -> bool:
    """Whether all of `flags` (bool) are True, for every member where an `Ensemble` runs many at once.

    Inside `torch.func.vmap`, `bool(flags.all())` fails: each member has an answer of its own. A model that may take
    a faster way where everything is shown asks here.
    """
    return bool(_Everywhere.apply(flags))  # type: ignore[no-untyped-call]


class _Everywhere(torch.autograd.Function):
    """A function of tensors is the one place where vmap hands over the tensors of all members."""

    @staticmethod
    def forward(flags: Tensor) -> Tensor:
        return flags.all()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None], flags: Tensor) -> tuple[Tensor, None]:
        return flags.all(), None
