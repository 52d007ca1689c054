"""Watches every operation for results of another floating point type."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class OneFloatDtype(TorchDispatchMode):
    """Collects the operations inside a `with` block whose floating point results are not of `dtype`.

    Single numbers are let through: they take the type of what they meet.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.strangers: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.ndim and leaf.is_floating_point() and leaf.dtype != self.dtype:
                self.strangers.append(f"{func} made {leaf.dtype}{list(leaf.shape)}")
        return result
