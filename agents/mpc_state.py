"""What an MPC agent knows between two decisions."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.planners.planner_state import PlannerState
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class MPCState(TensorRecord):
    """Of B environments."""

    belief: TensorRecord
    """What the model knows, the last observation taken in, the last action not yet."""
    planner: PlannerState
    """Where the next search starts."""
    action: Tensor
    """(B, act): the last action, in physical units."""
    decisions: Tensor
    """(B,) int64: calls of predict since the state was None."""
