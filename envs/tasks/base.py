"""The contract of all tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import torch
from torch import Tensor

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.rendering import SceneRenderer
from mbrl_mts3.envs.terminations import TerminationFunction
from mbrl_mts3.planners.objective import RewardFunction


class Task(ABC):
    """What an agent is to do: what is rewarded, when an episode ends and when it has succeeded. Tasks are immutable.

    All that a custom environment needs for planning and for learning in imagination; every method but
    `reward_function` has a default. Observations are *selected* where they are tensors (the entries that the model
    sees) and *raw* where they are of the environment's own layout. A goal is whatever a task must keep in mind in the
    course of an episode, g numbers for each environment.
    """

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
            observation: raw observation of a batch of B environments: an array or tensor (B, d) or a dict of such.
                Goals are read from it.
            selector: what the model sees.

        Raises:
            UnknownObservationError: the model does not see what the reward needs.
            ConfigurationError: the task was not prepared, or the observation holds no goal.
        """

    def termination_function(self, observation: Any, selector: ObservationSelector) -> TerminationFunction | None:
        """Which selected observations end an episode; None leaves it to the model's termination head, if it has one.

        Args and errors are those of `reward_function`.
        """
        return None

    def success(self, observation: Any, info: Mapping[str, Any]) -> bool | None:
        """Whether one environment has reached its goal; None where the task has none.

        Args:
            observation: raw observation, not batched.
            info: that came with it.
        """
        reached = info.get("success")
        return None if reached is None else bool(reached)

    def success_function(self, observation: Any, selector: ObservationSelector) -> TerminationFunction | None:
        """Which selected observations reach the goal; None where the task has none. As `reward_function` otherwise."""
        return None

    def sample_goals(
        self, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor | None:
        """Goals (B, g) of episodes that begin at selected observations (B, obs), distributed as the environment's.

        Raises:
            ConfigurationError: the task was not prepared.
        """
        return None

    def next_goals(
        self, goal: Tensor, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor:
        """The goals (B, g) from here on: those so far, unless selected observations (B, obs) have reached them."""
        return goal

    def raw_entries(self, observation: Tensor, goal: Tensor | None, selector: ObservationSelector) -> dict[str, Tensor]:
        """Entries (B, d) of raw dict observations that the model need not predict, by key; keys of nested dicts are
        joined by "/". Goals are among them, and what follows from selected observations (B, obs). Under a key that the
        space does not have a task tells its own functions what nobody observes.
        """
        return {}

    def renderer(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> SceneRenderer | None:
        """Draws selected observations with the simulator of `environment`; None where nobody has said how.

        Raises:
            UnknownObservationError: the model does not see what has to be drawn.
        """
        return None
