"""Where futures are that an ensemble draws step by step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.models.ensemble_belief import EnsembleBelief
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class EnsembleSampling(TensorRecord):
    """Of B futures: all members watch each of them, one of them draws it."""

    belief: EnsembleBelief
    """Of all members, what was drawn taken in."""
    member: Tensor
    """(B,) int64: which one draws, from beginning to end."""
