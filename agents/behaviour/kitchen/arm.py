"""The Franka arm of Gymnasium-Robotics' kitchen, and the target of its tool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import mujoco
import numpy as np

from mbrl_mts3.agents.behaviour.base import ActionArray
from mbrl_mts3.agents.behaviour.kitchen.inverse_kinematics import bounded_step, rotation_error, shortened
from mbrl_mts3.array_types import DoubleArray
from mbrl_mts3.errors import ConfigurationError

_JOINTS = 7
# The gripper's site lies 5 cm behind the fingertips; the tool is what they touch.
_TOOL = np.array([0.0, 0.0, 0.035])
# Metres that a radian of turn counts as.
_TURN_WEIGHT = 0.3
_LONGEST_TURN = 0.25
_DAMPING, _NULL_DAMPING = 0.05, 0.02
# Where the redundant joint tends to, rad: the elbow to the right, away from the limits. Its share of the way each step.
_REST = np.array([0.15, -1.4, 1.8, -2.3, 0.3, 1.1, 1.6])
_REST_GAIN = 0.3
# Distance that joints keep from their limits, rad.
_MARGIN = 0.02


class KitchenArm:
    """Moves the tool by small steps. Reads the simulator's state, not observations alone.

    The environment's action a asks for joint velocities: its servos get the position q + 2 a dt, where q is what was
    observed. In the 0.08 s of a step a servo of stiffness k and damping d covers 1 - exp(-k dt / d) of the way, and
    gravity pulls it away by its torque / k; both are made up for here.

    Raises:
        ConfigurationError: the environment is not a FrankaKitchen.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any]) -> None:
        kitchen = environment.unwrapped
        robot = getattr(kitchen, "robot_env", None)
        if robot is None or not hasattr(kitchen, "tasks_to_complete"):
            raise ConfigurationError(
                f"kitchen demonstrations need FrankaKitchen-v1, got {kitchen}: choose environment=franka_kitchen"
            )
        self.model, self.data = robot.model, robot.data
        self._site = self.model.site("end_effector").id
        self._reach = float(robot.act_rng[0]) * robot.dt
        stiffness = self.model.actuator_gainprm[:_JOINTS, 0]
        self._stiffness = stiffness
        self._covered = 1 - np.exp(-stiffness * robot.dt / self.model.dof_damping[:_JOINTS])
        bounds = np.clip(self.model.jnt_range[:_JOINTS].T, *robot.robot_pos_bound[:_JOINTS].T)
        self._low, self._high = bounds[0] + _MARGIN, bounds[1] - _MARGIN

    @property
    def rotation(self) -> DoubleArray:
        """Of the tool, (3, 3): columns are its axes in the world."""
        return np.asarray(self.data.site_xmat[self._site]).reshape(3, 3)

    @property
    def position(self) -> DoubleArray:
        """Of the tool, (3,), m."""
        return np.asarray(self.data.site_xpos[self._site] + self.rotation @ _TOOL)

    @property
    def here(self) -> ToolTarget:
        """To stay at this pose, with closed fingers."""
        return ToolTarget(self.position.copy(), self.rotation.copy(), -1.0, 0.05)

    def action(self, observed: DoubleArray, target: ToolTarget) -> ActionArray:
        """The action (9,) that brings the tool nearer to a target.

        Args:
            observed: joint positions as the environment returned them, (7,) or more.
            target: where to.
        """
        jacobian, joints = self._jacobian(), self.data.qpos[:_JOINTS]
        move = shortened(target.position - self.position, target.speed)
        turn = shortened(rotation_error(self.rotation, target.rotation), _LONGEST_TURN)
        low, high = np.minimum(self._low - joints, 0), np.maximum(self._high - joints, 0)
        wish = _REST_GAIN * (_REST - joints)
        step = bounded_step(
            jacobian, np.concatenate([move, _TURN_WEIGHT * turn]), wish, low, high, _DAMPING, _NULL_DAMPING
        )
        return self._servo(observed[:_JOINTS], joints, step, target.grip)

    def action_home(self, observed: DoubleArray) -> ActionArray:
        """The action (9,) that brings the joints nearer to the rest posture, with open fingers."""
        joints = self.data.qpos[:_JOINTS]
        return self._servo(observed[:_JOINTS], joints, shortened(_REST - joints, _LONGEST_TURN), 1.0)

    def _jacobian(self) -> DoubleArray:
        """(6, 7): of the tool's position and, weighted, of its rotation."""
        moving, turning = np.zeros((3, self.model.nv)), np.zeros((3, self.model.nv))
        body = self.model.site_bodyid[self._site]
        mujoco.mj_jac(self.model, self.data, moving, turning, self.position, body)
        return np.concatenate([moving[:, :_JOINTS], _TURN_WEIGHT * turning[:, :_JOINTS]])

    def _servo(self, observed: DoubleArray, joints: DoubleArray, step: DoubleArray, grip: float) -> ActionArray:
        held = joints - observed + self.data.qfrc_bias[:_JOINTS] / self._stiffness
        moved = step / self._covered
        # A step that is too long is shortened as a whole: cut joint by joint, it would lead elsewhere.
        room = np.maximum(self._reach - np.abs(held), 0.01)
        scale = min(1.0, float(np.min(room / np.maximum(np.abs(moved), 1e-9))))
        arm = np.clip((held + scale * moved) / self._reach, -1, 1)
        return np.array([*arm, grip, grip], np.float32)


@dataclass(frozen=True)
class ToolTarget:
    """A pose to come nearer to within one step of the environment."""

    position: DoubleArray
    """(3,), m, in the world."""
    rotation: DoubleArray
    """(3, 3): columns are the tool's axes in the world."""
    grip: float
    """Action of the fingers, in [-1, 1]."""
    speed: float
    """Longest step, m."""
