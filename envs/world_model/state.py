"""The state of imagined episodes, and the result of imagined steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mbrl_mts3.array_types import BoolArray, DoubleArray
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class ImaginedState(TensorRecord):
    """The state of B imagined episodes at one time step: everything that their next steps depend on."""

    model: TensorRecord
    """State of the world model with its samples, see `WorldModel.start_sampling`."""
    observation: Tensor
    """(B, obs): the selected observation, in physical units."""
    steps: Tensor
    """(B,) int64: steps since the start of the episode."""
    uncertainty: Tensor
    """(B,): uncertainty of the step that led here, see `Uncertainty`; 0 at the start of an episode."""
    total_uncertainty: Tensor
    """(B,): summed over the episode."""
    goal: Tensor | None = None
    """(B, g): goals of the task."""
    predicted_reward: Tensor | None = None
    """(B,): mean of the reward head for the transition that led here."""
    predicted_end: Tensor | None = None
    """(B,) bool: whether the termination head ends the episode here."""


@dataclass(frozen=True)
class ImaginedStepResult:
    """The result of one step of B imagined episodes, besides the observation."""

    rewards: DoubleArray
    terminated: BoolArray
    truncated: BoolArray
    infos: dict[str, np.ndarray]
    """(B,) each: "uncertainty" if it is measured, "success" if the task has a goal, "truncation" (the reason, or None)
    if any episode was truncated."""

    @property
    def done(self) -> BoolArray:
        """(B,): whether an episode has ended."""
        return self.terminated | self.truncated
