"""Pictures of imagined runs."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.scenes.scene import FloatVector, Scene

JOINTS = ("rootz", "rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
VELOCITY = "v_rootx"


class HalfCheetahScene(Scene):
    """The cheetah with the imagined joints; its place is not observed, so its velocity is integrated from x = 0.

    Args:
        environment: HalfCheetah, made for rendering.
        selector: must see all joints and the forward velocity.

    Raises:
        UnknownObservationError: it does not.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        *joints, velocity = selector.require((*JOINTS, VELOCITY), "a picture of HalfCheetah")
        self._joints, self._velocity = list(joints), velocity
        super().__init__(environment)
        self.begin()

    def begin(self) -> None:
        self._x, self._began = 0.0, False

    def show(self, observation: FloatVector, goal: FloatVector | None) -> None:
        simulator: Any = self.environment.unwrapped
        # The first observation is where the episode begins; each later one comes a step after the one before.
        self._x += float(observation[self._velocity]) * simulator.dt if self._began else 0.0
        self._began = True
        simulator.set_state(np.array([self._x, *observation[self._joints]]), np.zeros(simulator.model.nv))
