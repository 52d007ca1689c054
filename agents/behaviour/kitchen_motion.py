"""A scripted motion under way in the Franka kitchen."""

from __future__ import annotations

import numpy as np

from mbrl_mts3.agents.behaviour.inverse_kinematics import FloatArray, rotation_about
from mbrl_mts3.agents.behaviour.kitchen_arm import KitchenArm
from mbrl_mts3.agents.behaviour.kitchen_handle import KitchenHandle
from mbrl_mts3.agents.behaviour.kitchen_task import KitchenTask
from mbrl_mts3.agents.behaviour.kitchen_waypoint import Waypoint
from mbrl_mts3.agents.behaviour.tool_target import ToolTarget

# The environment pays at 0.3, in the norm of all coordinates of a task.
_SOLVED = 0.25
# Farther from where it should touch a handle, m, the tool has lost it.
_LOST = 0.1
# Columns: the tool's axes when it points at the back wall with its fingers side by side.
_AHEAD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


class KitchenMotion:
    """Goes through a task's waypoints; where they did not solve it, or the handle slipped away, through all of them again.

    Args:
        arm: to move.
        task: with the waypoints.
        attempts: after which the task is given up.
        shift: of all waypoints, (3,), m.
        haste: factor of their speeds.
    """

    def __init__(self, arm: KitchenArm, task: KitchenTask, attempts: int, shift: FloatArray, haste: float) -> None:
        self._arm, self._task = arm, task
        self._shift, self._haste = shift, haste
        self._attempts_left = attempts
        self._legs: list[Waypoint] = []
        self._steps = 0
        self._handle = KitchenHandle(arm.model, arm.data, task)

    @property
    def solved(self) -> bool:
        """Whether the joint is near enough to its goal."""
        return self._handle.remaining < _SOLVED

    def next(self) -> ToolTarget | None:
        """The target of this step; None once the motion is over."""
        if self._lost():
            self._legs = []
        elif self._legs and self._leg_over():
            self._next_leg()
        if not self._legs:
            if self.solved or self._attempts_left == 0:
                return None
            self._begin()
        self._steps += 1
        return self._target(self._legs[0])

    def _begin(self) -> None:
        self._attempts_left -= 1
        self._handle = KitchenHandle(self._arm.model, self._arm.data, self._task)
        self._legs, self._steps = list(self._task.waypoints), 0

    def _next_leg(self) -> None:
        del self._legs[0]
        self._steps = 0

    def _leg_over(self) -> bool:
        leg = self._legs[0]
        if self._steps >= leg.patience:
            return True
        if leg.lead is not None:
            return self._handle.remaining <= leg.tolerance
        return self._distance(self._target(leg).position) <= leg.tolerance

    def _lost(self) -> bool:
        if not self._legs or self._legs[0].lead is None:
            return False
        touching, _ = self._handle.target(self._offset(self._legs[0]), 0.0)
        return self._distance(touching) > _LOST

    def _distance(self, point: FloatArray) -> float:
        return float(np.linalg.norm(point - self._arm.position))

    def _offset(self, leg: Waypoint) -> FloatArray:
        return np.asarray(leg.offset) + self._shift

    def _target(self, leg: Waypoint) -> ToolTarget:
        position, _ = self._handle.target(self._offset(leg), leg.lead or 0.0)
        return ToolTarget(position, tool_rotation(leg.yaw, leg.pitch), leg.grip, leg.speed * self._haste)


def tool_rotation(yaw: float, pitch: float) -> FloatArray:
    """Orientation (3, 3) of the tool by the angles of a waypoint, rad."""
    left = rotation_about(np.array([0.0, 0.0, 1.0]), yaw)
    down = rotation_about(np.array([1.0, 0.0, 0.0]), -pitch)
    return left @ down @ _AHEAD
