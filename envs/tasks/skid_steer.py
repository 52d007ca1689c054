"""The task of the skid-steer robot: forward progress until it tips over."""

from __future__ import annotations

from typing import Any

import gymnasium

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.mobile_robot import STEP_SECONDS, TIPPING_ANGLE
from mbrl_mts3.envs.rendering import SkidSteerRenderer
from mbrl_mts3.envs.rewards import ForwardProgressReward
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.terminations import NeverTerminates, TippedOver


class SkidSteerTask(Task):
    """Drive towards +x fast with small actions; an episode ends when the robot tips over.

    Args:
        forward_weight: reward for each m/s.
        control_weight: cost of a squared action.
        terminate_when_tipped: as the environment was made.
    """

    name = "SkidSteer"
    observation_names = ("x",)

    def __init__(
        self, forward_weight: float = 1.0, control_weight: float = 0.05, terminate_when_tipped: bool = True
    ) -> None:
        self.forward_weight = forward_weight
        self.control_weight = control_weight
        self.terminate_when_tipped = terminate_when_tipped

    def reward_function(self, observation: Any, selector: ObservationSelector) -> ForwardProgressReward:
        return ForwardProgressReward(self.columns(selector)[0], STEP_SECONDS, self.forward_weight, self.control_weight)

    def termination_function(self, observation: Any, selector: ObservationSelector) -> TippedOver | NeverTerminates:
        if not self.terminate_when_tipped:
            return NeverTerminates()
        roll, pitch = selector.require(("cos_roll", "cos_pitch"), f"the end of episodes of {self.name}")
        return TippedOver((roll, pitch), TIPPING_ANGLE)

    def renderer(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> SkidSteerRenderer:
        return SkidSteerRenderer(environment, selector)
