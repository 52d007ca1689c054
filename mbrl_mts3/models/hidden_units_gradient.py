"""The way back through the nonlinear interaction of the fused recursion."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mbrl_mts3.models.scan_layout import add_product_of, batch_major, outer, product_of


class HiddenUnitsGradient:
    """The way back through `HiddenUnits`."""

    def __init__(self, state_weight: Tensor, out_weight: Tensor, values: Tensor) -> None:
        self.values, self.before = values, torch.empty_like(values)
        self._rows, self._slopes = self.before.unbind(0), (1 - values.square()).unbind(0)
        self._state_back, self._out_back = state_weight.mT, out_weight.mT
        self._product, self._add_product = product_of(state_weight), add_product_of(state_weight)

    @classmethod
    def of(cls, saved: Sequence[Tensor]) -> HiddenUnitsGradient | None:
        """Of V, W and the hidden values (T, h, B), or of nothing."""
        return cls(*saved) if saved else None

    def add(self, t: int, gradient: Tensor, to_state: Tensor) -> None:
        """Add to the gradient of x_t what that of x_{t+1} makes of it."""
        row = self._rows[t]
        self._product(self._out_back, gradient, out=row).mul_(self._slopes[t])
        self._add_product(to_state, self._state_back, row, out=to_state)

    def weights(self, gradients: Tensor, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of V, W and u."""
        return outer(self.before, states), outer(gradients, self.values), batch_major(self.before)
