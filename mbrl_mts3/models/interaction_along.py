"""An interaction along a sequence."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.models.interaction import Interaction


@dataclass(frozen=True)
class InteractionAlong:
    """An interaction along T steps, u of all of them known beforehand."""

    interaction: Interaction
    inputs: Tensor
    """u, (B, T, h)."""

    def effect(self, t: int, mean: Tensor) -> Tensor:
        """(B, 2n), of means (B, 2n) at step t."""
        return self.interaction.effect(mean, self.inputs[:, t])
