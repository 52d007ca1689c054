"""The contract of what draws imagined observations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import gymnasium
import numpy as np

FloatVector = np.ndarray[Any, np.dtype[np.float32]]
Frame = np.ndarray[Any, np.dtype[np.uint8]]


class Scene(ABC):
    """A real environment, made with render_mode="rgb_array", whose simulator shows what a model imagines.

    Args:
        environment: closed with the scene.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any]) -> None:
        self.environment = environment
        environment.reset(seed=0)

    @abstractmethod
    def begin(self) -> None:
        """An episode begins with the next observation."""

    @abstractmethod
    def show(self, observation: FloatVector, goal: FloatVector | None) -> None:
        """Put the simulator into the state of a selected observation (obs,) with its goal (g,)."""

    def draw(self) -> Frame:
        """The picture (height, width, 3) of what was shown last."""
        return np.array(self.environment.render(), dtype=np.uint8)

    def close(self) -> None:
        """Release the simulator."""
        self.environment.close()
