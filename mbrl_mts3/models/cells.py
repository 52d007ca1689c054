"""Steps of a sequence grouped into the cells of a slower time scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cells:
    """How `length` steps, the first of them at `offset` inside its cell, fall into cells of `period` steps.

    The first and the last cell may be cut; a cell is complete when its last step is in the sequence.
    """

    period: int
    offset: int
    length: int

    @property
    def count(self) -> int:
        """Number of cells that the sequence touches."""
        return (self.offset + self.length - 1) // self.period + 1

    @property
    def ends(self) -> list[int]:
        """For each cell, the sequence index just past its last step in the sequence."""
        return [min((k + 1) * self.period - self.offset, self.length) for k in range(self.count)]

    @property
    def last_is_complete(self) -> bool:
        """Whether the sequence ends where a cell ends."""
        return (self.offset + self.length) % self.period == 0

    def to_steps(self, per_cell: Tensor) -> Tensor:
        """Repeat (B, cells, ...) to (B, length, ...): every step gets its cell's value."""
        repeated = per_cell.repeat_interleave(self.period, dim=1)
        return repeated[:, self.offset : self.offset + self.length]

    def total(self, per_step: Tensor) -> Tensor:
        """Sums over each cell's steps: (B, length, ...) -> (B, cells, ...)."""
        return self._split(per_step).sum(dim=2)

    def running(self, per_step: Tensor) -> Tensor:
        """Sums over the steps of the own cell up to and including each step; (B, length, ...) both ways."""
        sums = self._split(per_step).cumsum(dim=2).flatten(1, 2)
        return sums[:, self.offset : self.offset + self.length]

    def _split(self, per_step: Tensor) -> Tensor:
        after = self.count * self.period - self.offset - self.length
        # Sequences mostly begin and end with a cell; padding by nothing would still copy them.
        padded = torch.nn.functional.pad(per_step, (0, 0, self.offset, after)) if self.offset or after else per_step
        return padded.reshape(len(padded), self.count, self.period, -1)
