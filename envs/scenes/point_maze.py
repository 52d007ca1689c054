"""Pictures of imagined ways through a maze."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.scenes.scene import FloatVector, Scene


class PointMazeScene(Scene):
    """The ball where it is imagined, and its goal.

    Args:
        environment: PointMaze, made for rendering.
        selector: must see x and y.

    Raises:
        UnknownObservationError: it does not.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        self._columns = list(selector.require(("x", "y"), "a picture of PointMaze"))
        super().__init__(environment)

    def begin(self) -> None:
        """Nothing is remembered from step to step."""

    def show(self, observation: FloatVector, goal: FloatVector | None) -> None:
        simulator: Any = self.environment.unwrapped
        if goal is not None:
            simulator.goal = goal.astype(np.float64)
            simulator.update_target_site_pos()
        simulator.point_env.set_state(observation[self._columns].astype(np.float64), np.zeros(2))
