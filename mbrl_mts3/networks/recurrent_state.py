"""What a recurrent network carries from step to step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class RecurrentState(TensorRecord):
    """The state of B sequences, d units each."""

    hidden: Tensor
    """(B, d): what the network shows."""
    cell: Tensor | None = None
    """(B, d): what an LSTM keeps to itself."""
