"""What a sequence model knows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class SequenceBelief(TensorRecord):
    """The belief at step t, of batch size B; elements may be at different steps of different episodes."""

    state: TensorRecord
    """Of the core, after the tokens of steps 0..t-1."""
    observation: Tensor
    """(B, obs): o_t where it was observed, else its predicted mean; waits for a_t to make a token with."""
    shown: Tensor
    """(B,) bool: whether it was observed."""
