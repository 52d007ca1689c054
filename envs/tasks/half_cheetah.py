"""Running."""

from __future__ import annotations

from typing import Any

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.rewards.half_cheetah import HalfCheetahReward
from mbrl_mts3.envs.tasks.task import Task


class HalfCheetahTask(Task):
    """Run forward fast with little effort.

    Args:
        forward_weight: reward per unit of velocity.
        control_weight: cost per squared action.
    """

    name = "HalfCheetah"
    observation_names = ("v_rootx",)

    def __init__(self, forward_weight: float = 1.0, control_weight: float = 0.1) -> None:
        self.forward_weight = forward_weight
        self.control_weight = control_weight

    def reward_function(self, observation: Any, selector: ObservationSelector) -> HalfCheetahReward:
        return HalfCheetahReward(self.columns(selector)[0], self.forward_weight, self.control_weight)
