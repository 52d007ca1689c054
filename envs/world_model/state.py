"""The state of imagined episodes, and the result of imagined steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mbrl_mts3.array_types import BoolArray, DoubleArray
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class ImaginedState(TensorRecord):
    """The state of B imagined episodes at one time step: all that their future depends on."""

    model: TensorRecord
    """What the world model knows and has drawn, see `WorldModel.start_sampling`."""
    observation: Tensor
    """(B, obs): the selected observation, in physical units."""
    steps: Tensor
    """(B,) int64: since the episode began."""
    uncertainty: Tensor
    """(B,): of the step that led here, see `Uncertainty`; 0 where an episode begins."""
    total_uncertainty: Tensor
    """(B,): summed over the episode."""
    goal: Tensor | None = None
    """(B, g): what the task keeps in mind."""
    predicted_reward: Tensor | None = None
    """(B,): what the reward head expects of the transition that led here."""
    predicted_end: Tensor | None = None
    """(B,) bool: whether the termination head ends the episode here."""


@dataclass(frozen=True)
class ImaginedStepResult:
    """The result of one step of B imagined episodes, besides the observation."""

    rewards: DoubleArray
    terminated: BoolArray
    truncated: BoolArray
    infos: dict[str, np.ndarray]
    """(B,) each: "uncertainty" where it is measured, "success" where the task has a goal, "truncation" (why, or None)
    where any episode was truncated."""

    @property
    def done(self) -> BoolArray:
        """(B,)."""
        return self.terminated | self.truncated
