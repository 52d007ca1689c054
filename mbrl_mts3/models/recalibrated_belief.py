"""A belief that knows how long ago its last observation was."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class RecalibratedBelief(TensorRecord):
    """The belief of a `RecalibratedModel` at step t, of batch size B."""

    belief: TensorRecord
    """The model's own."""
    blind: Tensor
    """(B,) int64: steps since the last observation, 0 where o_t itself was taken in; the next prediction has the
    horizon blind + 1. Before any observation it counts from the start."""
