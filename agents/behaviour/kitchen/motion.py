"""A scripted motion in progress in the Franka kitchen, and the handles it grasps."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np

from mbrl_mts3.agents.behaviour.base import ActionArray
from mbrl_mts3.agents.behaviour.kitchen.arm import KitchenArm, ToolTarget
from mbrl_mts3.agents.behaviour.kitchen.inverse_kinematics import rotation_about, shortened
from mbrl_mts3.agents.behaviour.kitchen.plans import KitchenTask, Waypoint
from mbrl_mts3.array_types import DoubleArray

# The environment pays at 0.3, in the norm of all coordinates of a task.
_SOLVED = 0.25
# Farther from where it should touch a handle, m, the tool has lost it.
_LOST = 0.1
# Steps without progress after which a waypoint is out of reach, and steps back towards the rest posture then.
_STALLED, _HOMING = 8, 12
# Columns: the tool's axes when it points at the back wall with its fingers side by side.
_AHEAD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


class KitchenMotion:
    """Goes through a task's waypoints; where that fails, returns to the arm's rest posture and goes through them again.

    Args:
        arm: to move.
        task: with the waypoints.
        attempts: after which the task is given up.
        shift: of all waypoints, (3,), m.
        haste: factor of their speeds.
    """

    def __init__(self, arm: KitchenArm, task: KitchenTask, attempts: int, shift: DoubleArray, haste: float) -> None:
        self._arm, self._task = arm, task
        self._shift, self._haste = shift, haste
        self._attempts_left = attempts
        self._homing = 0
        self._legs: tuple[Waypoint, ...] = ()
        self._steps = self._stalled = 0
        self._nearest = math.inf
        self._handle = KitchenHandle(arm.model, arm.data, task)

    def act(self, observed: DoubleArray) -> ActionArray | None:
        """The action (9,) of this step; None once the task is solved or given up.

        Args:
            observed: joint positions as the environment returned them, (7,) or more.
        """
        self._proceed()
        if self._homing:
            self._homing -= 1
            return self._arm.action_home(observed)
        if not self._legs:
            return None
        self._steps += 1
        return self._arm.action(observed, self._target(self._legs[0]))

    def _proceed(self) -> None:
        """Choose the leg of this step."""
        if self._homing:
            return
        if self._legs and self._failed():
            self._legs = ()
            self._homing = 0 if self._solved or not self._attempts_left else _HOMING
        elif self._legs and self._leg_over():
            self._enter(self._legs[1:])
        if not self._legs and not self._solved and self._attempts_left:
            self._attempts_left -= 1
            self._handle = KitchenHandle(self._arm.model, self._arm.data, self._task)
            self._enter(self._task.waypoints)

    @property
    def _solved(self) -> bool:
        return self._handle.remaining < _SOLVED

    def _enter(self, legs: tuple[Waypoint, ...]) -> None:
        self._legs = legs
        self._steps = self._stalled = 0
        self._nearest = math.inf

    def _leg_over(self) -> bool:
        leg = self._legs[0]
        if self._steps >= leg.patience:
            return True
        if leg.lead is not None:
            return self._handle.remaining <= leg.tolerance
        return self._distance(self._target(leg).position) <= leg.tolerance

    def _failed(self) -> bool:
        """Whether the handle slipped away, or the tool comes no nearer to where it should go."""
        leg = self._legs[0]
        if leg.lead is not None:
            return self._distance(self._handle.target(self._offset(leg), 0.0)[0]) > _LOST
        if leg.tolerance == 0:
            return False
        distance = self._distance(self._target(leg).position)
        self._stalled = 0 if distance < self._nearest - 0.003 else self._stalled + 1
        self._nearest = min(distance, self._nearest)
        return self._stalled >= _STALLED and distance > leg.tolerance

    def _distance(self, point: DoubleArray) -> float:
        return float(np.linalg.norm(point - self._arm.position))

    def _offset(self, leg: Waypoint) -> DoubleArray:
        return self._shift + leg.offset

    def _target(self, leg: Waypoint) -> ToolTarget:
        position, _ = self._handle.target(self._offset(leg), leg.lead or 0.0)
        return ToolTarget(position, tool_rotation(leg.yaw, leg.pitch), leg.grip, leg.speed * self._haste)


def tool_rotation(yaw: float, pitch: float) -> DoubleArray:
    """Orientation (3, 3) of the tool by the angles of a waypoint, rad."""
    left = rotation_about(np.array([0.0, 0.0, 1.0]), yaw)
    down = rotation_about(np.array([1.0, 0.0, 0.0]), -pitch)
    return np.asarray(left @ down @ _AHEAD)


class KitchenHandle:
    """Where the handle of a task is, and where it would be with its joint further on.

    Args:
        model, data: of MuJoCo; names are looked up, and the joint's present coordinate counts as its beginning.
        task: names the handle's site, its joint and the goal.
    """

    def __init__(self, model: Any, data: Any, task: KitchenTask) -> None:
        self._data = data
        self._site = model.site(task.site).id
        joint = model.joint(task.joint)
        self._joint, self._kind, self._address = joint.id, joint.type[0], joint.qposadr[0]
        self._goal = np.asarray(task.goal)
        self._begun = self._coordinate.copy()

    @property
    def _coordinate(self) -> DoubleArray:
        """Of the joint, (1,), or the position (3,) of what moves freely."""
        return np.asarray(self._data.qpos[self._address : self._address + len(self._goal)])

    @property
    def remaining(self) -> float:
        """How far the joint is from its goal, rad or m."""
        return float(np.linalg.norm(self._goal - self._coordinate))

    def target(self, offset: DoubleArray, lead: float) -> tuple[DoubleArray, DoubleArray]:
        """Point (3,) at an offset from the handle once the joint is `lead` nearer to its goal, and its turn (3, 3)."""
        advance = shortened(self._goal - self._coordinate, lead)
        handle = self._data.site_xpos[self._site]
        if self._kind == mujoco.mjtJoint.mjJNT_FREE:
            return handle + advance + offset, np.eye(3)
        axis = self._data.xaxis[self._joint]
        if self._kind == mujoco.mjtJoint.mjJNT_SLIDE:
            return handle + advance[0] * axis + offset, np.eye(3)
        anchor = self._data.xanchor[self._joint]
        turn = rotation_about(axis, float((self._coordinate + advance - self._begun)[0]))
        return anchor + rotation_about(axis, float(advance[0])) @ (handle - anchor) + turn @ offset, turn
