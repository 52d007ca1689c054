"""Pictures of imagined drives."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from scipy.spatial.transform import Rotation

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.scenes.scene import FloatVector, Scene

POSITION = ("x", "y", "z")
SINES, COSINES = (tuple(f"{part}_{angle}" for angle in ("roll", "pitch", "yaw")) for part in ("sin", "cos"))


class SkidSteerScene(Scene):
    """The robot where it is imagined, in the air above flat ground: no model imagines the hills that it drives on.

    Args:
        environment: SkidSteer, made for rendering.
        selector: must see position and angles.

    Raises:
        UnknownObservationError: it does not.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        columns = selector.require((*POSITION, *SINES, *COSINES), "a picture of SkidSteer")
        self._position, self._sines, self._cosines = (list(columns[i : i + 3]) for i in (0, 3, 6))
        super().__init__(environment)
        simulator: Any = environment.unwrapped
        simulator.lay_flat()

    def begin(self) -> None:
        """Nothing is remembered from step to step."""

    def show(self, observation: FloatVector, goal: FloatVector | None) -> None:
        simulator: Any = self.environment.unwrapped
        roll, pitch, yaw = np.arctan2(observation[self._sines], observation[self._cosines])
        x, y, z, w = Rotation.from_euler("ZYX", (yaw, pitch, roll)).as_quat()
        pose = [*observation[self._position], w, x, y, z]
        simulator.set_state(np.array([*pose, *np.zeros(4)]), np.zeros(simulator.model.nv))
