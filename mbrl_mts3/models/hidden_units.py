"""What a nonlinear interaction adds to the fused recursion."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mbrl_mts3.models.scan_layout import add_product_of, time_major


class HiddenUnits:
    """tanh(V x_t + u_t) of all steps, (T, h, B), and what it adds to the next state."""

    def __init__(self, state_weight: Tensor, out_weight: Tensor, inputs: Tensor) -> None:
        self.state_weight, self.out_weight = state_weight, out_weight
        self.values = time_major(inputs)
        self._rows, self._add_product = self.values.unbind(0), add_product_of(state_weight)

    @classmethod
    def of(cls, interaction: Sequence[Tensor]) -> HiddenUnits | None:
        """Of V, W and u (B, T, h), or of nothing."""
        return cls(*interaction) if interaction else None

    def add(self, t: int, state: Tensor, after: Tensor) -> None:
        """Add W tanh(V x_t + u_t) to `after`."""
        row = self._rows[t]
        self._add_product(row, self.state_weight, state, out=row).tanh_()
        self._add_product(after, self.out_weight, row, out=after)
