"""A handle of the kitchen on the joint that moves it."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from mbrl_mts3.agents.behaviour.kitchen.inverse_kinematics import FloatArray, rotation_about, shortened
from mbrl_mts3.agents.behaviour.kitchen.kitchen_task import KitchenTask


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
    def _coordinate(self) -> FloatArray:
        """Of the joint, (1,), or the position (3,) of what moves freely."""
        return np.asarray(self._data.qpos[self._address : self._address + len(self._goal)])

    @property
    def remaining(self) -> float:
        """How far the joint is from its goal, rad or m."""
        return float(np.linalg.norm(self._goal - self._coordinate))

    def target(self, offset: FloatArray, lead: float) -> tuple[FloatArray, FloatArray]:
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
