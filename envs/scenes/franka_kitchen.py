"""Pictures of an imagined kitchen."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.data.observation_names import known_names, position_names
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.scenes.scene import FloatVector, Scene
from mbrl_mts3.errors import ConfigurationError

_ENTRIES = 59


class FrankaKitchenScene(Scene):
    """The arm and the objects where they are imagined.

    Args:
        environment: FrankaKitchen, made for rendering.
        selector: must see all positions.

    Raises:
        UnknownObservationError: it does not.
        ConfigurationError: the environment is another one.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        names = known_names("FrankaKitchen-v1", _ENTRIES)
        if names is None or not hasattr(environment.unwrapped, "robot_env"):
            raise ConfigurationError(f"{environment} is no FrankaKitchen, its state cannot be set from observations")
        self._columns = list(selector.require(position_names(names), "a picture of FrankaKitchen"))
        super().__init__(environment)

    def begin(self) -> None:
        """Nothing is remembered from step to step."""

    def show(self, observation: FloatVector, goal: FloatVector | None) -> None:
        simulator: Any = self.environment.unwrapped
        robot = simulator.robot_env
        robot.set_state(observation[self._columns].astype(np.float64), np.zeros(robot.model.nv))
