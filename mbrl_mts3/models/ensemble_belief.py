"""What an ensemble knows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class EnsembleBelief(TensorRecord):
    """The beliefs of E members, of batch size B."""

    members: TensorRecord
    """A member's belief with a dimension more: floating point tensors are (B, E, ...). Integers and flags stay
    (B, ...): they count steps and mark what was shown, which is the same for all members."""
