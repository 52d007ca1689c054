"""What a one-step model knows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class ParticleBelief(TensorRecord):
    """The belief at step t, of batch size B; elements may be at different steps of different episodes."""

    states: Tensor
    """(B, P, obs): P equally likely guesses of o_t; all of them o_t itself where it was observed."""
    step: Tensor
    """(B,) int64: t, the number of actions executed since the start."""
