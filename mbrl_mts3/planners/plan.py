"""The outcome of a search."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.planners.planner_state import PlannerState
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class Plan(TensorRecord):
    """The best action sequence that was found for each of B problems, in physical units."""

    action: Tensor
    """(B, act): the action to execute now, the first of `actions`."""
    actions: Tensor
    """(B, L, act)."""
    value: Tensor
    """(B,): what the objective said of `actions`; -inf where no candidate had a finite return."""
    state: PlannerState
    """Where the next search of the same episodes starts."""
