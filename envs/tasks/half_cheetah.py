"""The HalfCheetah task: forward velocity less control cost."""

from __future__ import annotations

from typing import Any

import gymnasium

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.rendering import HalfCheetahRenderer
from mbrl_mts3.envs.rewards import HalfCheetahReward
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.terminations import NeverTerminates


class HalfCheetahTask(Task):
    """Run forward fast with small actions; episodes end by their time limit only.

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

    def termination_function(self, observation: Any, selector: ObservationSelector) -> NeverTerminates:
        return NeverTerminates()

    def renderer(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> HalfCheetahRenderer:
        return HalfCheetahRenderer(environment, selector)
