"""The contract of behaviour policies, which collect data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.errors import ConfigurationError

ActionArray: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


class Behaviour(ABC):
    """Chooses actions in one environment, from raw observations.

    A behaviour is made for an environment, `SomeBehaviour(environment, **options)`, and may remember what it did since
    `reset`; equal seeds and equal observations give equal actions.

    Raises:
        ConfigurationError: the behaviour cannot act in that environment.
    """

    @abstractmethod
    def reset(self, seed: int) -> None:
        """Begin an episode."""

    @abstractmethod
    def __call__(self, observation: Any) -> ActionArray:
        """The action (act,) in response to a raw observation, inside the environment's action space."""


BehaviourFactory: TypeAlias = Callable[[gymnasium.Env[Any, Any]], Behaviour]


def action_box(environment: gymnasium.Env[Any, Any]) -> tuple[ActionArray, ActionArray]:
    """Lowest and highest action, (act,) each.

    Raises:
        ConfigurationError: actions are not a bounded Box of one dimension.
    """
    space = environment.action_space
    if not isinstance(space, spaces.Box) or len(space.shape) != 1 or not space.is_bounded():
        raise ConfigurationError(f"this behaviour needs a bounded Box of one dimension for actions, not {space}")
    return space.low.astype(np.float32), space.high.astype(np.float32)
