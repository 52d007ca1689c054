"""A distance that is known on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class DistanceField(TensorRecord):
    """Distances to the goals of B environments, bilinear between the nodes of a square grid.

    Beyond the grid the value of its nearest border holds.
    """

    values: Tensor
    """(B, rows, columns): rows run along y, columns along x."""
    origin: Tensor
    """(B, 2): x and y of the node [0, 0]."""
    spacing: Tensor
    """(B,): between neighbouring nodes."""

    def __call__(self, positions: Tensor) -> Tensor:
        """Distances (B, ...) at the positions (B, ..., 2). NaN gives NaN."""
        batch, rows, columns = self.values.shape
        leading = (batch, *(1,) * (positions.ndim - 2))
        scaled = (positions - self.origin.reshape(*leading, 2)) / self.spacing.reshape(*leading, 1)
        column = scaled[..., 0].clamp(0, columns - 1)
        row = scaled[..., 1].clamp(0, rows - 1)
        # The last cell is closed on the right; NaN may stand for any cell, as its weight below is NaN too.
        left = column.nan_to_num().floor().clamp(max=columns - 2)
        low = row.nan_to_num().floor().clamp(max=rows - 2)
        first = torch.arange(batch, device=low.device).reshape(leading) * (rows * columns)
        corner = first + low.long() * columns + left.long()
        flat = self.values.reshape(-1)
        across, up = column - left, row - low
        below = torch.lerp(flat[corner], flat[corner + 1], across)
        above = torch.lerp(flat[corner + columns], flat[corner + columns + 1], across)
        return torch.lerp(below, above, up)
