"""The contract that every task keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.planners.reward_function import RewardFunction


class Task(ABC):
    """What an agent is to do: the reward it plans with, and when it has succeeded. Tasks are immutable."""

    name: ClassVar[str]
    observation_names: ClassVar[tuple[str, ...]] = ()
    """What the reward needs to see of an observation."""

    def prepare(self, environment: gymnasium.Env[Any, Any]) -> Task:
        """The task with all it must know of the environment, its walls for instance.

        Raises:
            ConfigurationError: the environment is of another kind.
        """
        return self

    def columns(self, selector: ObservationSelector) -> tuple[int, ...]:
        """Where `observation_names` are in a selected observation.

        Raises:
            UnknownObservationError: the model does not see one of them, so it cannot score the task.
        """
        return selector.require(self.observation_names, f"the reward of {self.name}")

    @abstractmethod
    def reward_function(self, observation: Any, selector: ObservationSelector) -> RewardFunction | None:
        """The reward of transitions between selected observations; None leaves it to the model's reward head.

        Args:
            observation: raw observation of a batch of B environments: an array (B, d) or a dict of such. Goals are
                read from it.
            selector: what the model sees.

        Raises:
            UnknownObservationError: the model does not see what the reward needs.
            ConfigurationError: the task was not prepared, or the observation holds no goal.
        """

    def success(self, observation: Any, info: Mapping[str, Any]) -> bool | None:
        """Whether one environment has reached its goal; None where the task has none.

        Args:
            observation: raw observation, not batched.
            info: that came with it.
        """
        reached = info.get("success")
        return None if reached is None else bool(reached)
