"""What one decision leaves to the next."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class PlannerState(TensorRecord):
    """Warm start of a search, already shifted by the one action that is executed in between."""

    mean: Tensor
    """(B, L, act): where the search starts."""
    elites: Tensor
    """(B, K, L, act): good sequences to try again; K may be 0."""
