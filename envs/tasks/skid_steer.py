"""The tasks of the skid-steer robot: forward progress until it tips over, and a point to reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import torch
from torch import Tensor

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.observations import observation_leaves
from mbrl_mts3.envs.mobile_robot import REACHED_DISTANCE, STEP_SECONDS, TIPPING_ANGLE
from mbrl_mts3.envs.rendering import SkidSteerRenderer
from mbrl_mts3.envs.rewards import DriveToPointReward, ForwardProgressReward, GoalDistanceReward
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.terminations import AnyTerminates, GoalReached, NeverTerminates, TippedOver
from mbrl_mts3.errors import ConfigurationError


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
        return _tips(selector, self.name) if self.terminate_when_tipped else NeverTerminates()

    def renderer(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> SkidSteerRenderer:
        return SkidSteerRenderer(environment, selector)


class SkidSteerGoalTask(Task):
    """Reach the point of an environment with `goal_distance`, which pays minus the distance to it.

    An episode ends there, or when the robot tips over.

    Args:
        kind: of the reward. "shaped" counts the turn that driving needs (see `DriveToPointReward`); "straight" is the
            environment's own, minus the distance.
        goal: x and y of the point, in metres; `prepare` reads it from the environment.
        terminate_when_tipped: as the environment was made.
    """

    name = "SkidSteerGoal"
    observation_names = ("x", "y")

    def __init__(
        self, kind: str = "shaped", goal: Sequence[float] | None = None, terminate_when_tipped: bool = True
    ) -> None:
        if kind not in ("shaped", "straight"):
            raise ConfigurationError(f"unknown reward {kind!r} of {self.name}: expected shaped or straight")
        self.kind = kind
        self.goal = None if goal is None else tuple(goal)
        self.terminate_when_tipped = terminate_when_tipped

    def prepare(self, environment: gymnasium.Env[Any, Any]) -> SkidSteerGoalTask:
        distance = getattr(environment.unwrapped, "goal_distance", None)
        if self.goal is not None:
            return self
        if distance is None:
            raise ConfigurationError(
                f"{self.name} needs a point to reach and the environment has none: choose "
                "environment=skid_steer_goal, or name one in task.goal=[x,y]"
            )
        return SkidSteerGoalTask(self.kind, (distance / 2, 0.0), self.terminate_when_tipped)

    def reward_function(
        self, observation: Any, selector: ObservationSelector
    ) -> GoalDistanceReward | DriveToPointReward:
        x, y = self.columns(selector)
        if self.kind == "shaped":
            sine, cosine = selector.require(("sin_yaw", "cos_yaw"), f"the shaped reward of {self.name}")
            return DriveToPointReward(self._goals(observation), (x, y, sine, cosine), radius=REACHED_DISTANCE)
        return GoalDistanceReward(self._goals(observation), (x, y))

    def success_function(self, observation: Any, selector: ObservationSelector) -> GoalReached:
        x, y = self.columns(selector)
        return GoalReached(self._goals(observation), (x, y), REACHED_DISTANCE)

    def termination_function(self, observation: Any, selector: ObservationSelector) -> GoalReached | AnyTerminates:
        reached = self.success_function(observation, selector)
        return AnyTerminates((reached, _tips(selector, self.name))) if self.terminate_when_tipped else reached

    def renderer(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> SkidSteerRenderer:
        return SkidSteerRenderer(environment, selector)

    def _goals(self, observation: Any) -> Tensor:
        """(B, 2), the same for all environments."""
        if self.goal is None:
            raise ConfigurationError(f"the goal of {self.name} is not known: call task.prepare(environment) first")
        rows = next(iter(observation_leaves(observation)))[1]
        return torch.tensor(self.goal, dtype=torch.float32).expand(len(rows), 2)


def _tips(selector: ObservationSelector, name: str) -> TippedOver:
    roll, pitch = selector.require(("cos_roll", "cos_pitch"), f"the end of episodes of {name}")
    return TippedOver((roll, pitch), TIPPING_ANGLE)
