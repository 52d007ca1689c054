"""What a Transformer keeps of the steps that it has read."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class AttentionMemory(TensorRecord):
    """Keys and values of the latest steps of B sequences, the last step at the end.

    A sequence may be younger than the memory is long; then the first entries mean nothing.
    """

    keys_values: tuple[Tensor, ...]
    """By layer: (B, S, 2 * width), keys before values; keys are rotated to their positions."""
    step: Tensor
    """(B,) int64: how many tokens each sequence has read."""
